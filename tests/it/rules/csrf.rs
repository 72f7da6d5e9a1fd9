//! CSRF in `origin` mode: an unsafe request with our cookie must have been meant.

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Gateway, Response, assert_page, assert_problem, world, world_with};

fn post(gateway: &Gateway, cookie: &str, method: &str, fields: &[(&str, &str)]) -> Response {
    let request = gateway.request(method, "/transfer").cookie(cookie);
    request.fields(fields).form("amount=1000").send()
}

#[test]
fn what_our_own_pages_send_passes() {
    let (gateway, _app) = world_with("cors: { allowed_origins: [https://app.example.com] }");
    let cookie = gateway.alice();
    let own = gateway.origin();
    for fields in [
        vec![("Sec-Fetch-Site", "same-origin")],
        vec![("Sec-Fetch-Site", "none")],
        vec![("Origin", own.as_str())],
        vec![("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")],
        vec![("Origin", "https://app.example.com")],
        vec![
            ("Origin", "https://app.example.com"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        vec![("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        vec![],
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let response = post(&gateway, &cookie, method, &fields);
            assert_eq!(
                response.status, 200,
                "{method} {fields:?} is honest: {response}"
            );
        }
    }
}

#[test]
fn what_another_site_sends_is_refused() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    for (fields, code) in [
        (vec![("Sec-Fetch-Site", "cross-site")], "csrf_failed"),
        (vec![("Sec-Fetch-Site", "same-site")], "csrf_failed"),
        (vec![("Sec-Fetch-Site", "nonsense")], "csrf_failed"),
        (
            vec![("Origin", "https://evil.example")],
            "origin_not_allowed",
        ),
        (
            vec![
                ("Origin", "https://evil.example"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
            "origin_not_allowed",
        ),
        (
            vec![("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
            "origin_not_allowed",
        ),
        (vec![("Origin", "null")], "origin_not_allowed"),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "LOCK"] {
            let response = post(&gateway, &cookie, method, &fields);
            assert_problem(
                &response,
                403,
                code,
                &format!("{method} {fields:?} moves money"),
            );
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
    let safe = gateway
        .request("GET", "/")
        .header("Sec-Fetch-Site", "cross-site")
        .cookie(&cookie)
        .send();
    assert_eq!(safe.status, 200, "a safe method needs no proof: {safe}");
}

#[test]
fn a_method_override_is_not_a_way_around() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
    ] {
        let response = gateway
            .request("GET", "/")
            .header("Sec-Fetch-Site", "cross-site")
            .header(name, "DELETE")
            .cookie(&cookie)
            .send();
        assert_eq!(response.status, 200, "{response}");
        assert!(
            !app.last().text().contains("DELETE"),
            "{name} reached the app"
        );
    }
}

#[test]
fn without_any_header_lax_cookies_or_a_domain_are_not_enough() {
    for yaml in [
        "cookies: { same_site: lax }",
        "cookies: { domain: example.com }",
    ] {
        let (gateway, _app) = world_with(yaml);
        let name = if yaml.contains("domain") {
            "__Secure-doorward"
        } else {
            "__Host-doorward"
        };
        let login = gateway.try_login("alice", "wonderland");
        let cookie = format!("{name}={}", login.cookie(name).unwrap().value);
        let response = post(&gateway, &cookie, "POST", &[]);
        assert_problem(
            &response,
            403,
            "csrf_failed",
            &format!("with {yaml} an old browser can be used"),
        );
        assert_eq!(gateway.get("/", &cookie).status, 200);
    }
}

/// Programs send neither `Origin` nor `Sec-Fetch-Site`, and a form cannot be JSON.
#[test]
fn a_program_with_lax_cookies_signs_in_and_works_by_json() {
    for yaml in [
        "cookies: { same_site: lax }",
        "cookies: { domain: example.com }",
    ] {
        let (gateway, app) = world_with(yaml);
        let login = || {
            let body = json!({ "username": "alice", "password": ALICE_PASSWORD });
            gateway.request("POST", "/login").json(&body)
        };
        let answer = login().send();
        assert_eq!(answer.status, 200, "{yaml}: {answer}");
        let prefix = if yaml.contains("domain") {
            "__Secure"
        } else {
            "__Host"
        };
        let access = answer.cookie(&format!("{prefix}-doorward")).unwrap();
        let cookie = format!("{}={}", access.name, access.value);
        let from = |method| gateway.request(method, "/api").cookie(&cookie);
        let call = || from("POST").json(&json!({ "a": 1 }));
        assert_eq!(call().send().status, 200, "{yaml}");
        assert_eq!(app.last().target(), "/api");
        for (what, request) in [
            ("a page", login().header("Referer", "https://evil.example/")),
            ("a browser", login().header("Sec-Fetch-Mode", "no-cors")),
            ("a browser", login().header("Sec-CH-UA", "\"Chromium\"")),
            ("a page", call().header("Referer", "https://evil.example/")),
            (
                "another site",
                call().header("Sec-Fetch-Site", "cross-site"),
            ),
            ("a form", from("POST").form("a=1")),
            (
                "a form of text",
                from("POST").header("Content-Type", "text/plain").body("{}"),
            ),
            ("no body", from("DELETE")),
        ] {
            let refused = request.send();
            assert_problem(&refused, 403, "csrf_failed", &format!("{what}, {yaml}"));
        }
        let form = gateway.request("POST", "/login");
        let refused = form.form("username=alice&password=wonderland").send();
        assert_problem(&refused, 403, "csrf_failed", "a form that says nothing");
        assert!(
            refused.text().contains("application/json"),
            "what it missed is not said: {refused}"
        );
        let refused = call().header("Sec-Fetch-Site", "cross-site").send();
        assert!(
            refused
                .text()
                .contains("did not come from a page of this site"),
            "{refused}"
        );
    }
}

#[test]
fn our_own_endpoints_are_checked_too() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    for path in ["/logout", "/revoke"] {
        let response = gateway
            .request("POST", path)
            .header("Sec-Fetch-Site", "cross-site")
            .cookie(&cookie)
            .form("all=true")
            .send();
        assert_problem(
            &response,
            403,
            "csrf_failed",
            &format!("another site posts to {path}"),
        );
        let foreign = gateway
            .request("POST", path)
            .header("Origin", "https://evil.example")
            .cookie(&cookie)
            .form("all=true")
            .send();
        assert_problem(
            &foreign,
            403,
            "origin_not_allowed",
            &format!("another site posts to {path}"),
        );
    }
    assert_eq!(
        gateway.get("/", &cookie).status,
        200,
        "another site signed Alice out"
    );
}

#[test]
fn a_person_sees_a_page() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let response = gateway
        .request("POST", "/transfer")
        .navigate("cross-site")
        .cookie(&cookie)
        .form("a=1")
        .send();
    assert_page(&response, 403, "csrf_failed", "a cross-site form post");
}

#[test]
fn off_is_off_but_foreign_origins_stay_out() {
    let (gateway, _app) = world_with("csrf: { mode: off }");
    let cookie = gateway.alice();
    let response = post(
        &gateway,
        &cookie,
        "POST",
        &[("Sec-Fetch-Site", "cross-site")],
    );
    assert_eq!(response.status, 200, "{response}");
    let foreign = post(
        &gateway,
        &cookie,
        "POST",
        &[("Origin", "https://evil.example")],
    );
    assert_problem(
        &foreign,
        403,
        "origin_not_allowed",
        "switching CSRF off opened CORS",
    );
}

#[test]
fn nothing_is_asked_where_there_is_no_cookie() {
    let (gateway, _app) = world_with("rules: [{ path: /hook, access: public }]");
    let response = gateway
        .request("POST", "/hook")
        .header("Sec-Fetch-Site", "cross-site")
        .body("x")
        .send();
    assert_eq!(response.status, 200, "a webhook is refused: {response}");
    let with_session = gateway
        .request("POST", "/hook")
        .header("Sec-Fetch-Site", "cross-site")
        .cookie(&gateway.alice())
        .body("x")
        .send();
    assert_problem(
        &with_session,
        403,
        "csrf_failed",
        "a public path would act in Alice's name",
    );
}
