//! CSRF tokens with real clients: pages in Chromium, another origin's page, and those
//! that follow flask-jwt-extended.

use std::process::Command;

use crate::support::browser::Browser;
use crate::support::process::run;
use crate::support::{Gateway, assert_problem, optional, until, world_with};

#[test]
fn a_page_of_an_allowed_origin_may_send_the_header() {
    for (csrf, listed, header, allowed) in [
        ("mode: token", "", "x-csrf-token", true),
        ("mode: both, header: X-XSRF-TOKEN", "", "x-xsrf-token", true),
        (
            "mode: token",
            ", allowed_headers: [x-own]",
            "x-csrf-token",
            true,
        ),
        (
            "mode: origin",
            ", allowed_headers: [x-own]",
            "x-csrf-token",
            false,
        ),
    ] {
        let (gateway, _app) = world_with(&format!(
            "csrf: {{ {csrf} }}\ncors: {{ allowed_origins: [https://app.example.com]{listed} }}\n"
        ));
        let answer = gateway
            .request("OPTIONS", "/data")
            .header("Origin", "https://app.example.com")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", header)
            .send();
        assert_eq!(answer.status, 204, "{answer}");
        let lists = answer.lists("access-control-allow-headers", header);
        assert_eq!(lists, allowed, "{csrf}{listed}: {answer}");
        let all = answer.header("access-control-allow-headers").unwrap();
        let times = all.split(',').filter(|name| name.trim() == header).count();
        assert_eq!(times, usize::from(allowed), "{all}");
    }
}

/// What a script of another origin does: it cannot read our cookie, and asks.
#[test]
fn a_page_of_an_allowed_origin_asks_for_the_token_and_uses_it() {
    let origin = ("Origin", "https://app.example.com");
    let (gateway, _app) =
        world_with("csrf: { mode: both }\ncors: { allowed_origins: [https://app.example.com] }\n");
    let cookie = gateway.alice();
    let who = gateway.request("GET", "/_doorward/session");
    let who = who.header(origin.0, origin.1).cookie(&cookie).send();
    assert_eq!(
        who.header("access-control-allow-origin").as_deref(),
        Some(origin.1)
    );
    let token = who.json()["csrf_token"].as_str().unwrap().to_owned();
    let post = |token: &str| {
        let request = gateway.request("POST", "/transfer").cookie(&cookie);
        let request = request.header(origin.0, origin.1);
        request.header("X-CSRF-Token", token).body("x").send()
    };
    assert_eq!(post(&token).status, 200);
    assert_problem(
        &post("x"),
        403,
        "csrf_failed",
        "an allowed origin without it",
    );
}

/// Signs in, reads the token from the cookie, and posts with and without it: what
/// <https://flask-jwt-extended.readthedocs.io/en/stable/token_locations.html#cookies> shows,
/// with Python's own library.
const FLASK_CLIENT: &str = r#"
import http.cookiejar, json, sys, urllib.error, urllib.parse, urllib.request
base = sys.argv[1]
jar = http.cookiejar.CookieJar()
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

def ask(path, data, headers={}):
    request = urllib.request.Request(base + path, data=data, headers=headers, method="POST")
    try:
        with opener.open(request) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]

def get_cookie(name):
    return next(cookie for cookie in jar if cookie.name == name)

login = json.dumps({"username": "alice", "password": "wonderland"}).encode()
out = {"login": ask("/login", login, {"Content-Type": "application/json"})[0]}
cookie = get_cookie("csrf_access_token")
out["readable"] = not cookie.has_nonstandard_attr("HttpOnly")
out["names"] = sorted(cookie.name for cookie in jar)
out["without"] = ask("/protected", b"x")
out["with"] = ask("/protected", b"x", {"X-CSRF-TOKEN": cookie.value})
out["refresh"] = ask("/refresh", b"", {"X-CSRF-TOKEN": cookie.value})[0]
out["after"] = ask("/protected", b"x", {"X-CSRF-TOKEN": get_cookie("csrf_access_token").value})[0]
out["logout"] = ask("/logout", b"{}", {"X-CSRF-TOKEN": cookie.value, "Content-Type": "application/json", "Accept": "application/json"})[0]
out["left"] = [cookie.name for cookie in jar]
print(json.dumps(out))
"#;

#[test]
fn the_convention_of_flask_jwt_extended_works() {
    if !optional::has("python3") {
        return;
    }
    let (gateway, app) = world_with(
        "csrf: { mode: token, header: X-CSRF-TOKEN, cookie: csrf_access_token }\n\
         insecure: { cookies_over_http: true }\n",
    );
    let mut python = Command::new("python3");
    python.args(["-c", FLASK_CLIENT, &gateway.origin()]);
    let output = run(&mut python, "");
    let said = String::from_utf8_lossy(&output.stdout);
    let out: serde_json::Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(out["login"], 200, "{out}");
    assert_eq!(out["readable"], true, "{out}");
    let names = [
        "csrf_access_token",
        "doorward",
        "doorward-known",
        "doorward-refresh",
    ];
    assert_eq!(out["names"], serde_json::json!(names), "{out}");
    assert_eq!(out["without"][0], 403, "{out}");
    assert!(out["without"][1].as_str().unwrap().contains("csrf_failed"));
    assert_eq!(out["with"][0], 200, "{out}");
    assert_eq!(out["refresh"], 200, "{out}");
    assert_eq!(out["after"], 200, "{out}");
    assert_eq!(out["logout"], 204, "{out}");
    // The known browser survives; that of a bounce is gone a second later.
    let left = out["left"].as_array().unwrap().iter();
    let left: Vec<_> = left.filter(|name| *name != "doorward-bounce").collect();
    assert_eq!(left, ["doorward-known"], "{out}");
    assert_eq!(app.count(), 2);
    for request in app.requests() {
        assert!(request.cookies().is_empty(), "the app sees our cookies");
    }
}

/// As any page does it: the cookie read, its value sent back.
const PAGE_SCRIPT: &str = "
    const cookie = document.cookie.split('; ').find(pair => pair.startsWith('__Host-doorward-csrf='));
    const token = cookie.split('=')[1];
    const post = async headers =>
        (await fetch('/transfer', { method: 'POST', headers, body: 'x' })).status;
    return [await post({}), await post({ 'X-CSRF-Token': 'x' }), await post({ 'X-CSRF-Token': token })];
";

#[test]
fn a_page_in_chromium_reads_the_cookie_and_sends_the_header() {
    let (gateway, app) = world_with("csrf: { mode: both }\n");
    let Some(browser) = Browser::start() else {
        return;
    };
    sign_in(&browser, &gateway);
    let statuses = browser.script(&format!("return (async () => {{ {PAGE_SCRIPT} }})()"));
    assert_eq!(statuses, serde_json::json!([403, 403, 200]));
    let posts = app.requests();
    let posts = posts.iter().filter(|one| one.target() == "/transfer");
    assert_eq!(posts.count(), 1);
    // Our own pages need no script of the app's.
    browser.goto(&format!("{}/logout", home(&gateway)));
    browser.click("button[type=submit]");
    until("the form after the logout", || {
        browser.has("input[name=password]")
    });
    let left = browser.cookies();
    let known = |cookie: &serde_json::Value| cookie["name"] == "__Host-doorward-known";
    assert!(left.len() == 1 && left.iter().all(known), "{left:?}");
}

fn home(gateway: &Gateway) -> String {
    format!("http://localhost:{}", gateway.port())
}

#[track_caller]
fn sign_in(browser: &Browser, gateway: &Gateway) {
    browser.goto(&format!("{}/page", home(gateway)));
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wonderland");
    browser.click("button[type=submit]");
    assert_eq!(browser.text("#name"), "Alice Example");
}
