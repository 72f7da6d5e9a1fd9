//! The box on the login form: how long the browser keeps what it gets.

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Response, world, world_with};

const DAY: u64 = 86_400;

/// How long the browser is to keep each cookie, in seconds.
#[track_caller]
fn kept(login: &Response) -> Vec<(String, u64)> {
    let age = |cookie: &crate::support::response::SetCookie| {
        cookie.attribute("Max-Age").and_then(|age| age.parse().ok())
    };
    let cookies = login.cookies();
    // That the browser is known does not hang on the box.
    let kept: Vec<_> = cookies
        .iter()
        .filter(|cookie| cookie.name != "__Host-doorward-known")
        .map(|cookie| (cookie.name.clone(), age(cookie).unwrap_or_default()))
        .collect();
    assert_eq!(kept.len(), 2, "an access and a refresh cookie: {login}");
    kept
}

/// Both cookies, the same time.
fn both(seconds: u64) -> Vec<(String, u64)> {
    let name = |name: &str| (name.to_owned(), seconds);
    vec![name("__Host-doorward"), name("__Host-doorward-refresh")]
}

fn form(yaml: &str, more: &str) -> Response {
    let (gateway, _app) = world_with(yaml);
    gateway
        .request("POST", "/login")
        .own_origin()
        .form(&format!("username=alice&password={ALICE_PASSWORD}{more}"))
        .send()
}

#[test]
fn a_ticked_box_keeps_both_cookies_for_that_long() {
    assert_eq!(kept(&form("", "&remember_me=true")), both(30 * DAY));
    assert_eq!(
        kept(&form("", "")),
        both(DAY / 2),
        "the soonest of idle and absolute end"
    );
    let short = "session: { remember_me: 3d, idle_timeout: 2h, absolute_timeout: 1d }";
    assert_eq!(kept(&form(short, "&remember_me=true")), both(3 * DAY));
    assert_eq!(kept(&form(short, "")), both(2 * 3600));
    let abrupt = "session: { idle_timeout: 2h, absolute_timeout: 1h }";
    assert_eq!(kept(&form(abrupt, "")), both(3600));
}

#[test]
fn a_program_may_ask_for_it_too() {
    let (gateway, _app) = world();
    let login = |remember: serde_json::Value| {
        let mut body = json!({ "username": "alice", "password": ALICE_PASSWORD });
        if !remember.is_null() {
            body["remember_me"] = remember;
        }
        kept(
            &gateway
                .request("POST", "/login")
                .own_origin()
                .json(&body)
                .send(),
        )
    };
    assert_eq!(login(json!(true)), both(30 * DAY));
    assert_eq!(login(json!(false)), both(DAY / 2));
    assert_eq!(login(json!(null)), both(DAY / 2));
}

#[test]
fn without_the_setting_there_is_no_box_and_no_longer_session() {
    let (gateway, _app) = world_with("session: { remember_me: null }");
    let page = gateway.request("GET", "/login").navigate("none").send();
    assert_eq!(page.status, 200, "{page}");
    assert!(!page.text().contains("remember_me"), "{page}");
    let ticked = form("session: { remember_me: null }", "&remember_me=true");
    assert_eq!(kept(&ticked), both(DAY / 2), "a made-up box counts");
}

#[test]
fn a_wrong_password_leaves_the_box_as_it_was_ticked() {
    let (gateway, _app) = world();
    let attempt = |name: &str, more: &str| {
        gateway
            .request("POST", "/login")
            .own_origin()
            .form(&format!("username={name}&password=wrong{more}"))
            .send()
            .text()
            // What was typed stays in the form.
            .replace(&format!("value=\"{name}\""), "")
    };
    let ticked = attempt("alice", "&remember_me=true");
    let unticked = attempt("alice", "");
    let checked = "name=\"remember_me\" type=\"checkbox\" value=\"true\" checked>";
    assert!(ticked.contains(checked), "the box forgot: {ticked}");
    assert!(!unticked.contains(checked), "nobody ticked it: {unticked}");
    assert!(unticked.contains("type=\"checkbox\""), "{unticked}");
    assert_eq!(
        ticked,
        attempt("nobody", "&remember_me=true"),
        "tells who exists"
    );
    assert_eq!(unticked, attempt("nobody", ""), "tells who exists");
}
