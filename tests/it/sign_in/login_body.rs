//! What may be posted to the login, and how large.

use crate::support::{assert_problem, world, world_with};

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
fn the_limit_of_a_login_body_is_that_of_the_file() {
    let (gateway, _app) = world_with("limits: { login_body: 100 }");
    let post = |length: usize| {
        let form = "username=alice&password=";
        let rest = "x".repeat(length - form.len());
        let request = gateway.request("POST", "/login").own_origin();
        request.form(&format!("{form}{rest}")).send()
    };
    assert_eq!(post(100).status, 401, "exactly the limit");
    assert_problem(&post(101), 413, "payload_too_large", "a byte more");
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
