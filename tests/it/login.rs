//! Logging in: the form, the cookie, what is refused, and where one lands.

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Response, assert_problem, token, world, world_with};

#[test]
fn a_form_login_leads_back_and_sets_the_session_cookie() {
    let (gateway, app) = world();
    let response = gateway
        .request("POST", "/login?rd=/reports%3Fyear%3D2026")
        .own_origin()
        .form("username=alice&password=wonderland")
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
    assert_eq!(cookies.len(), 1, "other cookies were set too: {response}");
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
fn the_hidden_field_of_the_form_leads_back_too() {
    let (gateway, _app) = world();
    for field in ["rd", "next"] {
        let response = gateway
            .request("POST", "/login")
            .own_origin()
            .form(&format!(
                "{field}=/inbox&username=alice&password=wonderland"
            ))
            .send();
        assert_eq!(
            response.header("location").as_deref(),
            Some("/inbox"),
            "{field} in the form is lost: {response}"
        );
        let response = gateway
            .request("POST", &format!("/login?{field}=/inbox"))
            .own_origin()
            .form("username=alice&password=wonderland")
            .send();
        assert_eq!(
            response.header("location").as_deref(),
            Some("/inbox"),
            "{field} in the query is lost: {response}"
        );
    }
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
fn a_new_login_ends_the_earlier_session_of_that_browser() {
    let (gateway, _app) = world();
    let first = gateway.alice();
    let response = gateway
        .login_request("bob", "builder")
        .cookie(&first)
        .send();
    assert_eq!(response.status, 303, "{response}");
    assert_problem(
        &gateway.get("/", &first),
        401,
        "session_revoked",
        "a stolen cookie outlives the next login",
    );
    let other = gateway.alice();
    let wrong = gateway.login_request("bob", "wrong").cookie(&other).send();
    assert_eq!(wrong.status, 401, "{wrong}");
    assert_eq!(
        gateway.get("/", &other).status,
        200,
        "a failed login signed somebody out"
    );
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
fn the_way_back_never_leaves_the_origin() {
    let (gateway, _app) = world();
    let bad = [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "http:evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "@evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/%09/evil.example",
        "/%5cevil.example",
        "/%2f/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/x\0",
        "/./\\evil.example",
        "/.//evil.example",
        "/../\\/evil.example",
        "",
    ];
    for way in bad {
        let response = gateway
            .request(
                "POST",
                &format!("/login?rd={}", crate::support::gateway::encode(way)),
            )
            .own_origin()
            .form("username=alice&password=wonderland")
            .send();
        assert_eq!(response.status, 303, "{way:?}: {response}");
        assert_eq!(
            response.header("location").as_deref(),
            Some("/"),
            "{way:?} leads away: {response}"
        );
    }
    for way in [
        "/",
        "/a/b?c=d&e=%2F",
        "/a?u=https://other.example/",
        "/%C3%A9",
    ] {
        let response = gateway
            .request(
                "POST",
                &format!("/login?rd={}", crate::support::gateway::encode(way)),
            )
            .own_origin()
            .form("username=alice&password=wonderland")
            .send();
        assert_eq!(
            response.header("location").as_deref(),
            Some(way),
            "an honest way back is lost: {response}"
        );
    }
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
fn only_forms_and_json_are_read() {
    let (gateway, _app) = world();
    for media_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
    ] {
        let response = gateway
            .request("POST", "/login")
            .own_origin()
            .header("Content-Type", media_type)
            .body("{\"username\":\"alice\",\"password\":\"wonderland\"}")
            .send();
        assert_problem(
            &response,
            415,
            "unsupported_media_type",
            "a cross-site form could post JSON",
        );
    }
    let without = gateway
        .request("POST", "/login")
        .own_origin()
        .body("username=alice")
        .send();
    assert_problem(
        &without,
        415,
        "unsupported_media_type",
        "a body of unknown kind is read",
    );
    for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        let response = gateway
            .request("POST", "/login")
            .own_origin()
            .header("Content-Type", media_type)
            .body("{\"username\":\"alice\",\"password\":\"wonderland\"}")
            .send();
        assert_eq!(response.status, 200, "{media_type} is JSON: {response}");
    }
}

#[test]
fn what_is_not_a_login_is_a_bad_request() {
    let (gateway, _app) = world();
    for body in [
        "{",
        "[]",
        "{\"username\":\"alice\"}",
        "{\"username\":1,\"password\":\"x\"}",
        "null",
    ] {
        let response = gateway
            .request("POST", "/login")
            .own_origin()
            .header("Content-Type", "application/json")
            .body(body)
            .send();
        assert_problem(
            &response,
            400,
            "bad_request",
            &format!("{body} is no login"),
        );
    }
    let deep = format!("{}1{}", "[".repeat(4000), "]".repeat(4000));
    let response = gateway
        .request("POST", "/login")
        .own_origin()
        .header("Content-Type", "application/json")
        .body(deep)
        .send();
    assert_problem(&response, 400, "bad_request", "deep nesting is followed");
}

#[test]
fn a_login_body_has_a_limit() {
    let (gateway, _app) = world();
    let big = format!("username=alice&password={}", "x".repeat(16 * 1024));
    let announced = gateway
        .request("POST", "/login")
        .own_origin()
        .form(&big)
        .send();
    assert_problem(
        &announced,
        413,
        "payload_too_large",
        "a login can be any size",
    );
    let chunked = gateway
        .request("POST", "/login")
        .own_origin()
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Transfer-Encoding", "chunked")
        .body(format!("{:x}\r\n{big}\r\n0\r\n\r\n", big.len()))
        .send();
    assert_problem(
        &chunked,
        413,
        "payload_too_large",
        "a chunked login can be any size",
    );
    let room = 16 * 1024 - "username=alice&password=".len();
    let fits = format!("username=alice&password={}", "x".repeat(room));
    let response = gateway
        .request("POST", "/login")
        .own_origin()
        .form(&fits)
        .send();
    assert!(
        matches!(response.status, 400 | 401),
        "exactly the limit is too much: {response}"
    );
}

#[test]
fn other_methods_are_told_which_there_are() {
    let (gateway, app) = world();
    for (method, path) in [
        ("PUT", "/login"),
        ("DELETE", "/login"),
        ("PUT", "/logout"),
        ("GET", "/revoke"),
    ] {
        let response = gateway
            .request(method, path)
            .own_origin()
            .cookie(&gateway.alice())
            .send();
        assert_problem(
            &response,
            405,
            "method_not_allowed",
            &format!("{method} {path} does something"),
        );
        let allow = response.header("allow").unwrap_or_default();
        assert!(
            allow.contains("POST"),
            "RFC 9110 section 15.5.6 asks for Allow: {response}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked about our own paths");
}

#[test]
fn a_login_that_waits_for_100_continue_gets_it() {
    let (gateway, _app) = world();
    let body = "username=alice&password=wonderland";
    let mut connection = gateway.connect();
    connection
        .send(format!(
            "POST /login HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nOrigin: http://127.0.0.1:{0}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n\
             Expect: 100-continue\r\n\r\n",
            gateway.port(),
            body.len()
        ))
        .unwrap();
    let interim = connection
        .head()
        .expect("curl would wait for a second, others for ever");
    assert_eq!(interim.status, 100, "{interim}");
    connection.send(body).unwrap();
    let response = connection.answer("POST").unwrap();
    assert_eq!(response.status, 303, "{response}");
    let again = gateway.request("GET", "/login").send_on(&mut connection);
    assert_eq!(again.status, 200, "the 100 cost the connection: {again}");
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
