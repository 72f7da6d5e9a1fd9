//! The place that a request is for: one, well formed, and the same wherever it is named.

use crate::support::h2_request::H2Request;
use crate::support::{Builder, Gateway, Response, Upstream, assert_problem, optional, world_with};

fn raw(gateway: &Gateway, line: &str, fields: &[&str]) -> Response {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    gateway.raw(format!("{line}\r\n{fields}\r\n"))
}

#[test]
fn a_host_is_there_once_and_is_one() {
    let (gateway, app) = world_with("default_access: public");
    for fields in [
        &[][..],
        &["Host:"],
        &["Host: "],
        &["Host: a@127.0.0.1"],
        &["Host: alice:wonderland@127.0.0.1"],
        &["Host: 127.0.0.1", "Host: 127.0.0.1"],
        &["Host: 127.0.0.1", "host: evil.example"],
        &["Host: 127.0.0.1, evil.example"],
        &["Host: 127.0.0.1 evil.example"],
        &["Host: evil.example/x"],
        &["Host: evil.example?x"],
        &["Host: evil.example#x"],
        &["Host: evil.example\\x"],
        &["Host: evil.example%2fx"],
        &["Host: http://127.0.0.1"],
        &["Host: x:"],
        &["Host: x:y"],
        &["Host: x:99999"],
        &["Host: x:-1"],
        &["Host: x:80:80"],
        &["Host: [::1"],
        &["Host: ::1"],
        &["Host: [evil.example]"],
        &["Host: caf\u{e9}.example"],
        &["Host: 127.0.0.1\0"],
        &["Host : 127.0.0.1"],
        &["Host:\r\n 127.0.0.1"],
        &["Host: 127.0.0.1\r\n .evil.example"],
        &[" Host: 127.0.0.1"],
        &["X: y\nHost: 127.0.0.1"],
        &["H\u{f6}st: 127.0.0.1"],
        &["X-Forwarded-Host: 127.0.0.1"],
        &[":authority: 127.0.0.1"],
    ] {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let answer = raw(&gateway, &format!("GET /x {version}"), fields);
            assert_eq!(answer.status, 400, "{fields:?} {version}: {answer}");
        }
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
    for host in [
        "127.0.0.1",
        "LOCALHOST:80",
        "[::1]:8080",
        "a_b.example",
        "x.example.",
    ] {
        let field = format!("hOsT: \t{host}\t");
        let answer = raw(&gateway, "GET /x HTTP/1.1", &[&field]);
        assert_eq!(answer.status, 200, "{host}: {answer}");
        assert_eq!(
            app.last().all("host"),
            [host],
            "Host goes through unchanged"
        );
    }
}

#[test]
fn an_absolute_target_names_the_same_host() {
    let (gateway, app) = world_with("default_access: public");
    let here = format!("127.0.0.1:{}", gateway.port());
    let host = format!("Host: {here}");
    for authority in [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        &format!("{here}@evil.example"),
        &format!("alice@{here}"),
        &format!("alice:wonderland@{here}"),
        &format!("{here}.evil.example"),
        &format!("{here}:80"),
        &format!("[{here}]"),
        "",
        ":80",
    ] {
        for scheme in ["http", "https", "HTTP"] {
            let line = format!("GET {scheme}://{authority}/x HTTP/1.1");
            let answer = raw(&gateway, &line, &[&host]);
            assert_eq!(answer.status, 400, "{line}: {answer}");
        }
    }
    let line = format!("GET http://{here}/x HTTP/1.1");
    for fields in [
        &[][..],
        &["Host: evil.example"],
        &["Host:"],
        &[&host, &host],
    ] {
        let answer = raw(&gateway, &line, fields);
        assert_eq!(answer.status, 400, "{fields:?}: {answer}");
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
    assert_eq!(raw(&gateway, &line, &[&host]).status, 200);
    assert_eq!(app.last().all("host"), [here]);
}

#[test]
fn with_public_url_no_other_name_is_served_however_it_is_said() {
    let (gateway, app) =
        world_with("public_url: https://app.example.com\ndefault_access: public\n");
    for (line, fields, status) in [
        ("GET /x HTTP/1.1", &["Host: app.example.com"][..], 200),
        ("GET /x HTTP/1.1", &["Host: APP.Example.COM:443"], 200),
        (
            "GET https://app.example.com/x HTTP/1.1",
            &["Host: app.example.com"],
            200,
        ),
        ("GET /x HTTP/1.1", &["Host: evil.example"], 421),
        ("GET /x HTTP/1.1", &["Host: app.example.com."], 421),
        ("GET /x HTTP/1.1", &["Host: app.example.com:80"], 421),
        (
            "GET /x HTTP/1.1",
            &["Host: app.example.com.evil.example"],
            421,
        ),
        ("GET /x HTTP/1.1", &["Host: xapp.example.com"], 421),
        ("GET /x HTTP/1.1", &["Host: localhost"], 421),
        (
            "GET http://evil.example/x HTTP/1.1",
            &["Host: evil.example"],
            421,
        ),
        (
            "GET https://app.example.com/x HTTP/1.1",
            &["Host: evil.example"],
            400,
        ),
        (
            "GET http://evil.example/x HTTP/1.1",
            &["Host: app.example.com"],
            400,
        ),
        ("GET /login HTTP/1.1", &["Host: evil.example"], 421),
        (
            "GET /.well-known/jwks.json HTTP/1.1",
            &["Host: evil.example"],
            421,
        ),
        (
            "GET /x HTTP/1.1",
            &["Host: evil.example", "X-Forwarded-Host: app.example.com"],
            421,
        ),
        (
            "GET /x HTTP/1.1",
            &["Host: evil.example", "Forwarded: host=app.example.com"],
            421,
        ),
        (
            "OPTIONS /x HTTP/1.1",
            &[
                "Host: evil.example",
                "Origin: https://app.example.com",
                "Access-Control-Request-Method: PUT",
            ],
            421,
        ),
    ] {
        let before = app.count();
        let answer = raw(&gateway, line, fields);
        assert_eq!(answer.status, status, "{line} {fields:?}: {answer}");
        if status == 421 {
            assert_problem(&answer, 421, "wrong_host", line);
        }
        let reached = usize::from(status == 200);
        assert_eq!(app.count() - before, reached, "{line} {fields:?}");
    }
}

#[test]
fn no_answer_of_ours_repeats_the_host() {
    let (gateway, _app) = world_with("");
    for target in [
        "/x",
        "/login",
        "/login?rd=/x",
        "/logout",
        "/a//b",
        "/_doorward/session",
    ] {
        for site in ["none", "cross-site"] {
            let request = gateway.request("GET", target).navigate(site);
            let answer = request
                .header("Host", "evil.example")
                .header("X-Forwarded-Host", "evil2.example")
                .header("Forwarded", "host=evil3.example")
                .send();
            let text = format!("{answer}");
            assert!(!text.contains("evil"), "{target} leads elsewhere: {answer}");
        }
    }
}

#[test]
fn over_http_2_no_other_name_is_served_either() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .tls()
        .yaml("public_url: https://app.example.com\ndefault_access: public\n")
        .start();
    for (authority, status) in [
        ("app.example.com", 200),
        ("APP.example.com:443", 200),
        ("localhost", 421),
        ("app.example.com:8443", 421),
        ("app.example.com.", 421),
        ("evil.example", 421),
    ] {
        let request = H2Request::new("GET", authority, "/x");
        let request = request.field("x-forwarded-host", "app.example.com");
        let outcome = request.send(gateway.port()).unwrap();
        assert_eq!(outcome.status(), status, "{authority}: {outcome:?}");
    }
    assert_eq!(app.count(), 2, "the app was asked for another name");
}
