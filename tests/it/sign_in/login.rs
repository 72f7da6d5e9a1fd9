//! Logging in: the form, the cookie, what is refused, and where one lands.

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Response, assert_problem, token, world};

#[test]
fn a_form_login_leads_back_and_sets_the_session_cookie() {
    let (gateway, app) = world();
    let response = gateway
        .request("POST", "/login")
        .own_origin()
        .form("rd=/reports%3Fyear%3D2026&username=alice&password=wonderland")
        .send();
    assert_eq!(
        response.status, 303,
        "a form login must redirect: {response}"
    );
    assert_eq!(
        response.header("location").as_deref(),
        Some("/reports?year=2026"),
        "the user lands elsewhere than they wanted: {response}"
    );
    let cookies = response.cookies();
    let names: Vec<&str> = cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "__Host-doorward",
            "__Host-doorward-refresh",
            "__Host-doorward-known"
        ],
        "other cookies were set too: {response}"
    );
    assert_session_cookie(&response);
    assert_private(&response);
    assert_eq!(app.count(), 0, "the app saw a password");

    let cookie = format!("__Host-doorward={}", cookies[0].value);
    let answer = gateway.get("/reports", &cookie);
    assert_eq!(
        answer.status, 200,
        "the fresh cookie opens nothing: {answer}"
    );
}

#[test]
fn a_json_login_answers_who_it_is() {
    let (gateway, _app) = world();
    let response = gateway
        .request("POST", "/login")
        .own_origin()
        .json(&json!({ "username": "alice", "password": ALICE_PASSWORD }))
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert!(response.is("application/json"), "{response}");
    assert_eq!(
        response.json(),
        json!({
            "user": { "id": "1001", "username": "alice", "name": "Alice Example", "roles": ["admin"] },
            "expires_in": 900,
        }),
        "a script would not know who is signed in"
    );
    assert_session_cookie(&response);
    assert_private(&response);
}

#[test]
fn a_login_without_origin_is_a_program_and_may() {
    let (gateway, _app) = world();
    let response = gateway
        .request("POST", "/login")
        .json(&json!({ "username": "alice", "password": ALICE_PASSWORD }))
        .send();
    assert_eq!(response.status, 200, "curl could not log in: {response}");
}

#[test]
fn a_login_from_a_foreign_page_is_refused() {
    let (gateway, _app) = world();
    let foreign = gateway
        .request("POST", "/login")
        .header("Origin", "https://evil.example")
        .form("username=alice&password=wonderland")
        .send();
    assert_problem(
        &foreign,
        403,
        "origin_not_allowed",
        "another site could log its visitors in",
    );
    assert!(foreign.cookies().is_empty(), "{foreign}");
    let by_site = gateway
        .request("POST", "/login")
        .header("Sec-Fetch-Site", "cross-site")
        .form("username=alice&password=wonderland")
        .send();
    assert_eq!(
        by_site.status, 403,
        "another site could log its visitors in without an Origin: {by_site}"
    );
}

#[test]
fn wrong_password_and_unknown_user_look_the_same() {
    let (gateway, _app) = world();
    let wrong = gateway.try_login("alice", "looking-glass");
    let unknown = gateway.try_login("nobody-of-that-name", "looking-glass");
    assert_eq!(wrong.status, 401, "{wrong}");
    assert_eq!(unknown.status, 401, "{unknown}");
    assert_eq!(
        wrong.text().replace("alice", ""),
        unknown.text().replace("nobody-of-that-name", ""),
        "the answer tells which users exist"
    );
    for response in [&wrong, &unknown] {
        assert!(
            response
                .cookies()
                .iter()
                .all(|cookie| cookie.value.is_empty()),
            "a wrong password set a cookie: {response}"
        );
        assert!(
            response
                .all("www-authenticate")
                .iter()
                .all(|challenge| !challenge.to_ascii_lowercase().contains("basic")),
            "the browser would show its own password dialog: {response}"
        );
    }
    let login = |name: &str| {
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&json!({ "username": name, "password": "looking-glass" }))
            .send()
    };
    let (wrong, unknown) = (login("bob"), login("nobody"));
    assert_problem(
        &wrong,
        401,
        "bad_credentials",
        "a program cannot tell a wrong password",
    );
    assert_eq!(
        wrong.body, unknown.body,
        "the answer tells which users exist"
    );
    assert_eq!(
        wrong
            .headers
            .iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>(),
        unknown
            .headers
            .iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>(),
        "the headers tell which users exist"
    );
}

#[test]
fn names_are_canonical_and_passwords_are_not() {
    let (gateway, _app) = world();
    for name in ["ALICE", " alice ", "Alice"] {
        let response = gateway.try_login(name, ALICE_PASSWORD);
        assert_eq!(response.status, 303, "{name:?} is Alice: {response}");
    }
    for password in ["Wonderland", "wonderland ", "wonderland\0", ""] {
        let response = gateway.try_login("alice", password);
        assert!(
            matches!(response.status, 400 | 401),
            "{password:?} is not Alice's password: {response}"
        );
    }
}

#[test]
fn two_logins_are_two_sessions() {
    let (gateway, _app) = world();
    let (first, second) = (gateway.alice(), gateway.alice());
    let sid = |cookie: &str| token::parts(token::of(cookie)).1["sid"].clone();
    assert_ne!(sid(&first), sid(&second), "two browsers share a session");
    gateway.logout(&first);
    assert_eq!(
        gateway.get("/", &second).status,
        200,
        "one logout ended another browser's session"
    );
}

#[test]
fn authorization_is_the_apps_and_opens_nothing() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let basic = "Basic YWxpY2U6d29uZGVybGFuZA==";
    let bearer = format!("Bearer {}", token::of(&cookie));
    for value in [basic, &bearer] {
        let closed = gateway
            .request("GET", "/")
            .header("Authorization", value)
            .send();
        assert_problem(
            &closed,
            401,
            "session_required",
            "an Authorization header opens the door",
        );
        assert_eq!(app.count(), 0, "the app was asked without a session");
    }
    for value in [basic, "Bearer of-the-app", "Digest username=\"x\""] {
        let response = gateway
            .request("GET", "/")
            .cookie(&cookie)
            .header("Authorization", value)
            .send();
        assert_eq!(response.status, 200, "{response}");
        assert_eq!(
            app.last().all("authorization"),
            [value],
            "the app's own Authorization is changed"
        );
    }
}

#[track_caller]
fn assert_session_cookie(response: &Response) {
    let cookie = response
        .cookie("__Host-doorward")
        .unwrap_or_else(|| panic!("no session cookie: {response}"));
    let mut attributes: Vec<_> = cookie
        .attributes
        .iter()
        .map(|a| a.to_ascii_lowercase())
        .collect();
    attributes.sort();
    assert_eq!(
        attributes,
        [
            "httponly",
            "max-age=43200",
            "path=/",
            "samesite=strict",
            "secure"
        ],
        "the cookie is readable by scripts, sent in the clear, sent cross-site or dies early: {response}"
    );
    assert_eq!(
        cookie.value.split('.').count(),
        3,
        "not a compact JWS: {response}"
    );
}

#[track_caller]
fn assert_private(response: &Response) {
    assert!(
        response.lists("cache-control", "no-store")
            || (response.lists("cache-control", "private")
                && response.lists("cache-control", "no-cache")),
        "a cache could hand a session to somebody else: {response}"
    );
}

#[test]
fn a_name_that_nobody_has_costs_the_same_hash_as_one_that_somebody_has() {
    let (gateway, _app) = world();
    let hashes = || gateway.metric("doorward_password_hash_duration_seconds_count");
    for (name, spent) in [("alice", 1.0), ("nobody", 2.0), ("nobody else", 3.0)] {
        assert_eq!(gateway.try_login(name, "wrong").status, 401);
        assert_eq!(
            hashes(),
            spent,
            "the time of a failed login tells whether {name} exists"
        );
    }
    for _ in 0..10 {
        gateway.try_login("nobody", "wrong");
    }
    let before = hashes();
    assert_eq!(gateway.try_login("nobody", "wrong").status, 429);
    assert_eq!(hashes(), before, "a locked name still costs a hash");
}
