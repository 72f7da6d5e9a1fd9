//! Apps with a login of their own, at the path where ours is.

use serde_json::json;

use crate::operations::doctor::assert_found;
use crate::support::browser::Browser;
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Response, Upstream, assert_page, assert_problem, until, world_with};

/// The app has its login there, too.
const SAME: &str = "paths: { login: /own/login }";
const UNDER_PREFIX: &str = "paths: { all_under_prefix: true }";

fn session_of(login: &Response) -> String {
    let access = login.cookie("__Host-doorward").unwrap();
    format!("{}={}", access.name, access.value)
}

#[test]
fn all_of_ours_is_below_the_prefix() {
    let (gateway, app) = world_with(UNDER_PREFIX);
    let login = gateway
        .request("POST", "/_doorward/login")
        .own_origin()
        .json(&json!({ "username": "alice", "password": ALICE_PASSWORD }))
        .send();
    assert_eq!(login.status, 200, "{login}");
    let cookie = session_of(&login);
    for path in ["/login", "/logout", "/refresh", "/revoke"] {
        let ours = gateway.get(&format!("/_doorward{path}"), "");
        assert!(matches!(ours.status, 200 | 405), "{path}: {ours}");
        assert_problem(&gateway.get(path, ""), 401, "session_required", path);
        assert_eq!(gateway.get(path, &cookie).status, 200, "{path}");
        assert_eq!(app.last().target(), path, "the app has it");
    }
    // Nothing that is posted to the app's login is a login here.
    for _ in 0..20 {
        let post = gateway.request("POST", "/login").own_origin();
        let post = post.cookie(&cookie).form("username=alice&password=wrong");
        assert_eq!(post.send().status, 200);
    }
    assert_eq!(
        gateway.labelled("doorward_logins_total", "bad_credentials"),
        0.0
    );
    let page = gateway.request("GET", "/x").navigate("none").send();
    assert_eq!(
        page.header("location").as_deref(),
        Some("/_doorward/login?rd=/x")
    );
    let logout = gateway.request("POST", "/_doorward/logout").own_origin();
    assert_eq!(logout.cookie(&cookie).form("").send().status, 303);
    assert_problem(&gateway.get("/", &cookie), 401, "session_revoked", "logout");
}

#[test]
fn one_path_can_still_stand_elsewhere() {
    let (gateway, _app) =
        world_with("paths: { all_under_prefix: true, prefix: /auth, logout: /bye }");
    for (path, status) in [
        ("/auth/login", 200),
        ("/bye", 200),
        ("/auth/refresh", 405),
        ("/auth/revoke", 405),
        ("/auth/logout", 404),
        ("/_doorward/login", 401),
    ] {
        assert_eq!(gateway.get(path, "").status, status, "{path}");
    }
}

#[test]
fn an_app_that_sends_a_signed_in_person_to_our_login_is_no_loop() {
    let (gateway, _app) = world_with(SAME);
    let login = gateway.request("POST", "/own/login").own_origin();
    let login = login.json(&json!({ "username": "alice", "password": ALICE_PASSWORD }));
    let cookie = session_of(&login.send());
    let sent = gateway.request("GET", "/own").navigate("none");
    let sent = sent.cookie(&cookie).send();
    assert_eq!(sent.status, 303, "{sent}");
    assert_eq!(
        sent.header("location").as_deref(),
        Some("/own/login?from=app")
    );
    let page = gateway
        .request("GET", "/own/login?from=app")
        .navigate("none");
    let page = page.cookie(&cookie).send();
    assert_page(&page, 409, "login_path_taken", "round and round");
    assert!(page.text().contains("paths.all_under_prefix"), "{page}");
    gateway.wait_for_log(&[
        "WARN",
        "/login",
        "paths.all_under_prefix: true",
        "/_doorward/login",
    ]);
    // Who is not signed in sees a login, whoever sent them.
    let stranger = gateway
        .request("GET", "/own/login?from=app")
        .navigate("none");
    let stranger = stranger.send();
    assert_eq!(stranger.status, 200, "{stranger}");
    assert!(stranger.text().contains("password"));
    // Ours is where no app's is.
    let (gateway, _app) = world_with(UNDER_PREFIX);
    let login = gateway
        .request("POST", "/_doorward/login")
        .own_origin()
        .json(&json!({ "username": "alice", "password": ALICE_PASSWORD }));
    let cookie = session_of(&login.send());
    let sent = gateway.get("/own", &cookie);
    assert_eq!(
        sent.header("location").as_deref(),
        Some("/own/login?next=%2Fown"),
        "{sent}"
    );
}

#[test]
fn a_public_page_may_send_people_to_our_login() {
    let (gateway, _app) = world_with(&format!(
        "{SAME}\nrules: [{{ path: /own, access: public }}]"
    ));
    let sent = gateway.request("GET", "/own").navigate("none").send();
    assert_eq!(
        sent.header("location").as_deref(),
        Some("/own/login?next=%2Fown"),
        "{sent}"
    );
}

#[test]
fn a_browser_shows_the_page_and_signs_in_to_both_after_the_mend() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let app = Upstream::start();
    let sign_in = |login: &str| {
        browser.type_into("input[name=username]", "alice");
        browser.type_into("input[name=password]", ALICE_PASSWORD);
        browser.click("button[type=submit]");
        until("the login to be over", || !browser.url().contains(login));
    };
    let gateway = Builder::new(&app)
        .yaml("insecure: { cookies_over_http: true }")
        .yaml(SAME)
        .start();
    browser.goto(&format!("{}/own", gateway.origin()));
    sign_in("rd=");
    until("the page that says why", || {
        browser.source().contains("paths.all_under_prefix")
    });
    drop(gateway);
    let gateway = Builder::new(&app)
        .yaml("insecure: { cookies_over_http: true }")
        .yaml(UNDER_PREFIX)
        .start();
    browser.goto(&format!("{}/own", gateway.origin()));
    sign_in("_doorward/login");
    assert_eq!(browser.title(), "The app's login");
    browser.type_into("input[name=password]", "x");
    browser.click("button");
    until("the app's own page", || browser.url().ends_with("/own"));
}

#[test]
fn doctor_finds_it() {
    let app = Upstream::start();
    assert_found(
        &Builder::new(&app).yaml(SAME).write(),
        "problem",
        "network.own_login",
    );
    let mended = Builder::new(&app).yaml(UNDER_PREFIX).write();
    let (findings, _) = crate::operations::doctor::doctor(&mended);
    assert!(!crate::operations::doctor::ids(&findings).contains(&"network.own_login".into()));
}
