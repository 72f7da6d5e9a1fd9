//! The session cookie: what opens the gate, and what each refusal is called.

use serde_json::json;

use crate::support::{Builder, Upstream, assert_problem, token, until, world, world_with};

#[test]
fn a_session_opens_the_app_and_nothing_else_does() {
    let (gateway, app) = world();
    let closed = gateway.get("/data?x=1", "");
    assert_problem(
        &closed,
        401,
        "session_required",
        "the app is open to everybody",
    );
    assert_eq!(
        closed.header("www-authenticate").as_deref(),
        Some("Bearer realm=\"doorward\""),
        "RFC 6750 section 3.1: no error without a token: {closed}"
    );
    assert_eq!(app.count(), 0, "the app was asked without a session");

    let cookie = gateway.alice();
    let open = gateway.get("/data?x=1", &cookie);
    assert_eq!(open.status, 200, "{open}");
    assert_eq!(
        app.last().target(),
        "/data?x=1",
        "the app sees another request than was sent"
    );
    assert!(
        open.cookies().is_empty(),
        "an ordinary answer sets cookies: {open}"
    );
}

#[test]
fn a_token_that_is_not_ours_is_invalid() {
    let (gateway, app) = world();
    for value in [
        "x",
        "a.b.c",
        "..",
        "eyJhbGciOiJub25lIn0.e30.",
        &"a".repeat(3000),
        "\"quoted\"",
        "%00",
    ] {
        let response = gateway.get("/", &token::cookie(value));
        assert_problem(
            &response,
            401,
            "session_invalid",
            &format!("{value:?} opens the door"),
        );
        assert!(
            response
                .header("www-authenticate")
                .unwrap()
                .contains("error=\"invalid_token\""),
            "RFC 6750 section 3: {response}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked with a false token");
}

#[test]
fn an_empty_cookie_is_none() {
    let (gateway, _app) = world();
    let response = gateway.get("/", "__Host-doorward=");
    assert_problem(
        &response,
        401,
        "session_required",
        "an emptied cookie is called a forgery",
    );
}

#[test]
fn time_runs_out() {
    let (gateway, app) = world_with("session: { access_ttl: 2s }");
    let cookie = gateway.alice();
    let (_, claims) = token::parts(token::of(&cookie));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        2,
        "the token lives longer than it should: {claims}"
    );
    assert_eq!(gateway.get("/", &cookie).status, 200);
    until("the token to expire", || {
        gateway.get("/", &cookie).status == 401
    });
    let before = app.count();
    let response = gateway.get("/", &cookie);
    assert_problem(&response, 401, "session_expired", "time does not run out");
    assert!(
        response
            .header("www-authenticate")
            .unwrap()
            .contains("error=\"invalid_token\""),
        "{response}"
    );
    assert_eq!(
        app.count(),
        before,
        "the app was asked with an expired token"
    );
}

#[test]
fn the_token_says_what_the_contract_says() {
    let (gateway, _app) = world();
    let (header, claims) = token::parts(token::of(&gateway.alice()));
    assert_eq!(header["alg"], "HS256", "{header}");
    assert_eq!(header["typ"], "JWT", "{header}");
    assert!(
        header["kid"].as_str().is_some_and(|kid| !kid.is_empty()),
        "{header}"
    );
    for (claim, value) in [
        ("iss", json!("doorward")),
        ("aud", json!("doorward")),
        ("sub", json!("1001")),
        ("name", json!("Alice Example")),
        ("roles", json!(["admin"])),
        ("gen", json!(0)),
    ] {
        assert_eq!(claims[claim], value, "{claim} is wrong: {claims}");
    }
    for claim in ["iat", "nbf", "exp"] {
        assert!(claims[claim].is_u64(), "{claim} is no date: {claims}");
    }
    for claim in ["jti", "sid", "ver"] {
        assert!(claims[claim].is_string(), "{claim} is missing: {claims}");
    }
    assert_eq!(
        claims.as_object().unwrap().len(),
        12,
        "a claim nobody asked for: {claims}"
    );
    let text = claims.to_string() + &header.to_string();
    assert!(
        !text.contains("argon2"),
        "the token carries the password hash: {text}"
    );
}

#[test]
fn two_cookies_of_one_name_count_as_none() {
    let (gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for cookie in [
        format!("{alice}; {bob}"),
        format!("{alice}; {alice}"),
        format!("{alice}; a=1; __Host-doorward=x"),
        format!("__Host-doorward=; {alice}"),
    ] {
        let response = gateway.get("/", &cookie);
        assert_problem(
            &response,
            401,
            "session_required",
            "a planted second cookie chooses the session",
        );
    }
    let split = gateway
        .request("GET", "/")
        .header("Cookie", &alice)
        .header("Cookie", &bob)
        .send();
    assert_problem(
        &split,
        401,
        "session_required",
        "a second Cookie field chooses the session",
    );
    assert_eq!(app.count(), 0, "the app was asked");
    for cookie in [
        format!("a=1; {alice}"),
        format!("{alice};b=2"),
        format!("{alice}; __host-doorward=x"),
    ] {
        let response = gateway.get("/", &cookie);
        assert_eq!(
            response.status, 200,
            "a cookie of another name got in the way ({cookie}): {response}"
        );
    }
    let split = gateway
        .request("GET", "/")
        .header("Cookie", "a=1")
        .header("cookie", &alice)
        .send();
    assert_eq!(
        split.status, 200,
        "RFC 9113 section 8.2.3 lets proxies split Cookie: {split}"
    );
}

#[test]
fn a_cookie_beside_foreign_bytes_still_counts() {
    let (gateway, _app) = world();
    let mut cookie = b"lang=\xc3\xa9\xff; ".to_vec();
    cookie.extend(gateway.alice().bytes());
    let response = gateway.request("GET", "/").header("Cookie", &cookie).send();
    assert_eq!(
        response.status, 200,
        "a foreign cookie with bytes above 127 logs people out: {response}"
    );
}

#[test]
fn an_oversized_cookie_counts_as_none() {
    let (gateway, _app) = world();
    let response = gateway.get("/", &token::cookie(&"a".repeat(5000)));
    assert_problem(
        &response,
        401,
        "session_required",
        "an oversized cookie is worked on",
    );
}

#[test]
fn the_session_endpoint_says_who_i_am() {
    let (gateway, app) = world();
    let nobody = gateway.get("/_doorward/session", "");
    assert_problem(
        &nobody,
        401,
        "session_required",
        "who am I without a session",
    );
    let response = gateway.get("/_doorward/session", &gateway.alice());
    assert_eq!(response.status, 200, "{response}");
    assert!(response.is("application/json"), "{response}");
    assert!(response.lists("cache-control", "no-store"), "{response}");
    let body = response.json();
    for (key, value) in [
        ("id", json!("1001")),
        ("username", json!("alice")),
        ("name", json!("Alice Example")),
        ("roles", json!(["admin"])),
    ] {
        assert_eq!(body[key], value, "{key}: {body}");
    }
    let seconds = |key: &str| {
        body[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}: {body}"))
    };
    assert!((1..=900).contains(&seconds("expires_in")), "{body}");
    // Of a browser that lost its refresh token the session ends with the access token.
    let whole = seconds("session_expires_in");
    assert!((seconds("expires_in")..=43_200).contains(&whole), "{body}");
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 6, "a field that nobody promised: {body}");
    assert_eq!(app.count(), 0, "the app was asked about our own path");
}

#[test]
fn sessions_survive_a_restart() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let cookie = gateway.alice();
    gateway.restart();
    let response = gateway.get("/", &cookie);
    assert_eq!(
        response.status, 200,
        "every restart logs everybody out: {response}"
    );
    gateway.kill();
    gateway.start_again();
    let response = gateway.get("/", &cookie);
    assert_eq!(
        response.status, 200,
        "a crash logs everybody out: {response}"
    );
}

#[test]
fn a_token_of_another_gateway_opens_nothing_here() {
    let (one, _app) = world();
    let (other, app) = world();
    let response = other.get("/", &one.alice());
    assert_problem(
        &response,
        401,
        "session_invalid",
        "two gateways share a key",
    );
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn cookies_may_have_another_name_a_domain_or_be_lax() {
    let (gateway, _app) =
        world_with("cookies: { name: door, domain: example.com, same_site: lax }");
    let response = gateway.try_login("alice", "wonderland");
    let cookie = response
        .cookie("__Secure-door")
        .unwrap_or_else(|| panic!("{response}"));
    assert_eq!(
        cookie.attribute("Domain"),
        Some("example.com"),
        "{response}"
    );
    assert_eq!(cookie.attribute("SameSite"), Some("Lax"), "{response}");
    assert_eq!(cookie.attribute("Secure"), Some(""), "{response}");
    let cookie = format!("__Secure-door={}", cookie.value);
    assert_eq!(gateway.get("/", &cookie).status, 200);
}

#[test]
fn the_insecure_switch_takes_prefix_and_secure_away_and_warns() {
    let (gateway, _app) = world_with("insecure: { cookies_over_http: true }");
    let response = gateway.try_login("alice", "wonderland");
    let cookie = response
        .cookie("doorward")
        .unwrap_or_else(|| panic!("{response}"));
    assert_eq!(cookie.attribute("Secure"), None, "{response}");
    assert_eq!(cookie.attribute("HttpOnly"), Some(""), "{response}");
    gateway.wait_for_log(&["WARN", "cookies_over_http"]);
}
