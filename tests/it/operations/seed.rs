//! The twelve features of the program that this one grew from; each has a test that names it.

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{assert_problem, token, until, world, world_with};

/// 1. A login answers with an HS256 token that carries name, id and expiry.
#[test]
fn feature_01_jwt_authentication() {
    let (gateway, _app) = world_with(&token::signing());
    let cookie = gateway.alice();
    let (header, claims) = token::parts(token::of(&cookie));
    assert_eq!(header["alg"], "HS256", "{header}");
    assert_eq!(claims["sub"], "1001", "{claims}");
    assert_eq!(claims["name"], "Alice Example", "{claims}");
    assert!(claims["exp"].is_u64(), "{claims}");
    let (input, _) = token::of(&cookie).rsplit_once('.').unwrap();
    assert_eq!(
        token::seal(input, token::KEY.as_bytes()),
        token::of(&cookie),
        "it is not HMAC-SHA-256 under the configured key"
    );
}

/// 2. A token lives fifteen minutes, and then one logs in again.
#[test]
fn feature_02_token_expiry_and_session_management() {
    let (gateway, _app) = world();
    let (_, claims) = token::parts(token::of(&gateway.alice()));
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 15 * 60, "{claims}");
    let (gateway, _app) = world_with("session: { access_ttl: 1s }");
    let cookie = gateway.alice();
    until("the token to expire", || {
        gateway.get("/", &cookie).code() == "session_expired"
    });
    let page = gateway
        .request("GET", "/")
        .navigate("none")
        .cookie(&cookie)
        .send();
    assert_eq!(
        page.header("location").as_deref(),
        Some("/login?rd=/"),
        "nobody is asked to log in again: {page}"
    );
    assert_eq!(
        gateway.get("/", &gateway.alice()).status,
        200,
        "a fresh login opens nothing"
    );
}

/// 3. The cookie is HttpOnly, Secure and SameSite=Strict.
#[test]
fn feature_03_secure_cookie_handling() {
    let (gateway, _app) = world();
    let response = gateway.try_login("alice", ALICE_PASSWORD);
    let cookie = response
        .cookie("__Host-doorward")
        .unwrap_or_else(|| panic!("{response}"));
    assert_eq!(
        cookie.attribute("HttpOnly"),
        Some(""),
        "a script can read it: {response}"
    );
    assert_eq!(
        cookie.attribute("Secure"),
        Some(""),
        "it travels in the clear: {response}"
    );
    assert_eq!(
        cookie.attribute("SameSite"),
        Some("Strict"),
        "other sites make the browser send it: {response}"
    );
}

/// 4. One allowed origin may call; others may not, and their forms do nothing.
#[test]
fn feature_04_cors_and_csrf_protection() {
    let (gateway, app) = world_with("cors: { allowed_origins: [https://app.example.com] }");
    let cookie = gateway.alice();
    let ask = |origin: &str| {
        gateway
            .request("POST", "/x")
            .header("Origin", origin)
            .cookie(&cookie)
            .send()
    };
    let allowed = ask("https://app.example.com");
    assert_eq!(allowed.status, 200, "{allowed}");
    assert_eq!(
        allowed.header("access-control-allow-origin").as_deref(),
        Some("https://app.example.com"),
        "{allowed}"
    );
    let before = app.count();
    assert_problem(
        &ask("https://evil.example"),
        403,
        "origin_not_allowed",
        "any site may call",
    );
    let forged = gateway
        .request("POST", "/x")
        .header("Sec-Fetch-Site", "cross-site")
        .cookie(&cookie)
        .send();
    assert_problem(&forged, 403, "csrf_failed", "any site may post a form");
    assert_eq!(app.count(), before, "the app was asked");
}

/// 5. Several users, each with an id and a name of their own.
#[test]
fn feature_05_support_for_multiple_users() {
    let (gateway, app) = world();
    for (name, password, id, display) in [
        ("alice", "wonderland", "1001", "Alice Example"),
        ("bob", "builder", "1002", "Bob Builder"),
    ] {
        let cookie = gateway.login(name, password);
        assert_eq!(gateway.get("/", &cookie).status, 200);
        assert_eq!(app.last().all("x-user-id"), [id], "{}", app.last().text());
        assert_eq!(
            app.last().all("x-user-name"),
            [display],
            "{}",
            app.last().text()
        );
    }
    assert_eq!(
        gateway.try_login("alice", "builder").status,
        401,
        "Bob's password opens Alice's account"
    );
}

/// 6. The payload is signed, so it cannot be tampered with.
#[test]
fn feature_06_token_signing() {
    let (gateway, app) = world();
    let bob = gateway.bob();
    let parts: Vec<_> = token::of(&bob).split('.').collect();
    let (_, mut claims) = token::parts(token::of(&bob));
    claims["sub"] = json!("1001");
    let tampered = format!("{}.{}.{}", parts[0], token::encode(&claims), parts[2]);
    assert_problem(
        &gateway.get("/", &token::cookie(&tampered)),
        401,
        "session_invalid",
        "Bob can become Alice",
    );
    assert_eq!(app.count(), 0, "the app was asked");
}

/// 7. A revoked token is denied although it has not expired.
#[test]
fn feature_07_token_revocation_mechanism() {
    let (gateway, _app) = world();
    let (cookie, other) = (gateway.bob(), gateway.bob());
    let form = format!("token={}", token::of(&cookie));
    let response = gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(&other)
        .form(&form)
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert_problem(
        &gateway.get("/", &cookie),
        401,
        "session_revoked",
        "a revoked token goes on",
    );
    assert_eq!(
        gateway.get("/", &other).status,
        200,
        "another token was revoked too"
    );
}

/// 8. Requests are handled at the same time: a slow one holds nobody up.
#[test]
fn feature_08_concurrent_requests() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let mut slow: Vec<_> = (0..16)
        .map(|_| {
            let mut connection = gateway.connect();
            connection
                .send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
                .unwrap();
            connection
        })
        .collect();
    until("all slow requests to reach the app", || app.count() == 16);
    assert_eq!(
        gateway.get("/quick", &cookie).status,
        200,
        "slow requests hold up a quick one"
    );
    app.release();
    for connection in &mut slow {
        assert_eq!(connection.answer("GET").unwrap().text(), "released");
    }
}

/// 9. Users are checked against a set, with a proper verification of the password.
#[test]
fn feature_09_basic_user_authentication() {
    let (gateway, _app) = world();
    assert_eq!(gateway.try_login("alice", ALICE_PASSWORD).status, 303);
    for (name, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("mallory", ALICE_PASSWORD),
        ("", ""),
    ] {
        let response = gateway.try_login(name, password);
        assert!(
            matches!(response.status, 400 | 401),
            "{name:?} with {password:?}: {response}"
        );
        assert!(
            response
                .cookie("__Host-doorward")
                .is_none_or(|cookie| cookie.clears()),
            "{response}"
        );
    }
    assert!(
        !gateway.text().contains(ALICE_PASSWORD),
        "the configuration of these tests has clear passwords"
    );
}

/// 10. GET checks the token in the cookie, POST logs in and sets it.
#[test]
fn feature_10_basic_http_interface() {
    let (gateway, app) = world();
    assert_eq!(gateway.get("/", "").status, 401, "GET does not check");
    let post = gateway.try_login("alice", ALICE_PASSWORD);
    let set = post
        .cookie("__Host-doorward")
        .unwrap_or_else(|| panic!("POST sets no cookie: {post}"));
    let get = gateway.get("/", &format!("{}={}", set.name, set.value));
    assert_eq!(get.status, 200, "{get}");
    assert_eq!(app.count(), 1, "the app saw more than the admitted request");
}

/// 11. Logins and answers are logged.
#[test]
fn feature_11_logging() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.wait_for_log(&["login", "1001"]);
    gateway.get("/something", &cookie);
    gateway.wait_for_log(&["GET", "/something", "200"]);
    gateway.try_login("alice", "wrong");
    gateway.wait_for_log(&["login_failed"]);
    assert!(
        !gateway.log().contains(token::of(&cookie)),
        "the token is in the log"
    );
}

/// 12. Without a valid token a person gets a simple HTML login form.
#[test]
fn feature_12_custom_html_response() {
    let (gateway, _app) = world();
    for cookie in ["", "__Host-doorward=expired-or-forged"] {
        let away = gateway
            .request("GET", "/x")
            .navigate("none")
            .cookie(cookie)
            .send();
        assert_eq!(away.status, 303, "{away}");
        let form = gateway
            .request("GET", away.header("location").unwrap())
            .navigate("none")
            .cookie(cookie)
            .send();
        assert_eq!(form.status, 200, "{form}");
        let html = form.text();
        assert!(
            form.is("text/html") && html.contains("<form") && html.contains("name=\"password\""),
            "no form: {form}"
        );
        assert!(
            html.contains("value=\"/x\""),
            "the form forgets where the person wanted to go: {form}"
        );
    }
}
