//! CSRF in `origin` mode: an unsafe request with our cookie must have been meant.

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
