//! The login form, and the way back from it.

use crate::support::{world, world_with};

#[test]
fn the_hidden_field_of_the_form_leads_back_too() {
    let (gateway, _app) = world();
    for (query, hidden) in [
        ("", "rd=/inbox&"),
        ("", "next=/inbox&"),
        ("?rd=/inbox", ""),
        ("?next=/inbox", ""),
        ("?rd=/other", "rd=/inbox&"),
    ] {
        let response = gateway
            .request("POST", format!("/login{query}"))
            .own_origin()
            .form(&format!("{hidden}username=alice&password=wonderland"))
            .send();
        let location = response.header("location");
        assert_eq!(
            location.as_deref(),
            Some("/inbox"),
            "{query} {hidden} is lost: {response}"
        );
    }
}

#[test]
fn the_form_is_a_page_without_script_that_nobody_keeps() {
    let (gateway, app) = world();
    let page = gateway
        .request("GET", "/login?rd=/a%22%3E%3Cscript%3E")
        .navigate("none")
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(page.is("text/html"), "{page}");
    assert!(page.lists("cache-control", "no-store"), "{page}");
    assert_eq!(
        page.header("referrer-policy").as_deref(),
        Some("same-origin"),
        "the address of the app leaks: {page}"
    );
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("default-src 'none'"),
        "the form could load anything: {page}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "the form could be framed: {page}"
    );
    assert!(!policy.contains("script-src 'unsafe-inline'"), "{page}");
    let html = page.text().to_ascii_lowercase();
    assert!(
        !html.contains("<script"),
        "the form carries a script, or rd was not escaped: {page}"
    );
    for part in ["name=\"username\"", "name=\"password\"", "method=\"post\""] {
        assert!(html.contains(part), "the form has no {part}: {page}");
    }
    let head = gateway.request("HEAD", "/login").send();
    assert_eq!((head.status, head.body.len()), (200, 0), "{head}");
    assert_eq!(app.count(), 0, "the app was asked for our form");
}

#[test]
fn who_is_signed_in_needs_no_form() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let response = gateway
        .request("GET", "/login?rd=/inbox")
        .navigate("same-origin")
        .cookie(&cookie)
        .send();
    assert_eq!(response.status, 303, "{response}");
    assert_eq!(
        response.header("location").as_deref(),
        Some("/inbox"),
        "{response}"
    );
    gateway.logout(&cookie);
    let ended = gateway
        .request("GET", "/login?rd=/inbox")
        .navigate("same-origin")
        .cookie(&cookie)
        .send();
    assert_eq!(
        ended.status, 200,
        "an ended session gets a redirect loop instead of the form: {ended}"
    );
}

#[test]
fn a_way_back_to_the_login_page_is_no_loop() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let mut target = "/login?rd=/login%3Frd=/login".to_owned();
    for _ in 0..5 {
        let response = gateway.get(&target, &cookie);
        assert_eq!(response.status, 303, "{target}: {response}");
        target = response.header("location").unwrap();
        if target == "/" {
            return;
        }
    }
    panic!("the browser is sent round and round; at last to {target}");
}

#[test]
fn our_paths_may_be_elsewhere_and_the_apps_login_is_its_own() {
    let (gateway, app) =
        world_with("paths: { login: /gate/in, logout: /gate/out, prefix: /gate/self }");
    let response = gateway
        .request("POST", "/gate/in")
        .own_origin()
        .form("username=alice&password=wonderland")
        .send();
    assert_eq!(response.status, 303, "{response}");
    let cookie = format!(
        "__Host-doorward={}",
        response.cookie("__Host-doorward").unwrap().value
    );
    assert_eq!(gateway.get("/login", &cookie).status, 200);
    assert_eq!(
        app.last().target(),
        "/login",
        "the app's own /login is hidden"
    );
    let who = gateway.get("/gate/self/session", &cookie);
    assert_eq!(who.json()["id"], "1001", "{who}");
    let out = gateway.request("GET", "/").navigate("none").send();
    assert_eq!(
        out.header("location").as_deref(),
        Some("/gate/in?rd=/"),
        "{out}"
    );
}
