//! `Expect` (RFC 9110 section 10.1.1): a 100 for who may have one, and no guess at the rest.

use std::time::Duration;

use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, assert_problem};

fn world() -> (Gateway, Verbatim) {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .yaml("rules: [{ path: /public/**, access: public }]")
        .start();
    (gateway, app)
}

/// The head of a login, and its body apart.
fn login(gateway: &Gateway, version: &str, lines: &str) -> (String, &'static str) {
    let body = "username=alice&password=wonderland";
    let (port, length) = (gateway.port(), body.len());
    let head = format!(
        "POST /login HTTP/{version}\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{lines}\r\n"
    );
    (head, body)
}

#[test]
fn a_login_is_told_to_go_on() {
    let (gateway, _app) = world();
    for expected in ["100-continue", "100-Continue", "100-CONTINUE"] {
        let mut connection = gateway.connect();
        let (head, body) = login(&gateway, "1.1", &format!("Expect: {expected}\r\n"));
        connection.send(head).unwrap();
        assert_eq!(connection.head().unwrap().status, 100, "{expected}");
        connection.send(body).unwrap();
        assert_eq!(connection.answer("POST").unwrap().status, 303, "{expected}");
    }
}

#[test]
fn who_expects_nothing_of_it_is_told_nothing() {
    let (gateway, app) = world();
    // HTTP/1.0 knows no 1xx.
    let mut connection = gateway.connect();
    let (head, body) = login(&gateway, "1.0", "Expect: 100-continue\r\n");
    connection.send(head + body).unwrap();
    let answer = connection.answer("POST").unwrap();
    assert_eq!(
        (answer.status, &answer.interim[..]),
        (303, &[][..]),
        "{answer}"
    );
    // Nor is there anything to go on with where there is no body.
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    for (line, lines) in [
        ("POST /refresh HTTP/1.1", "Content-Length: 0\r\n"),
        ("POST /login HTTP/1.1", ""),
        ("GET /public/x HTTP/1.1", ""),
        ("POST /public/x HTTP/1.1", "Content-Length: 0\r\n"),
    ] {
        let request = format!("{line}\r\n{host}{lines}Expect: 100-continue\r\n\r\n");
        let answer = gateway.raw(request);
        assert!(answer.interim.is_empty(), "{line}: {answer}");
        if line.contains("/public") {
            let seen = app.last();
            assert!(seen.all("expect").is_empty(), "{line}:\n{}", seen.head);
        }
    }
}

#[test]
fn an_app_hears_of_it_from_who_may_expect_it() {
    let (gateway, app) = world();
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    for (version, expected) in [("1.1", &["100-continue"][..]), ("1.0", &[])] {
        let line = format!("POST /public/x HTTP/{version}");
        let lines = "Expect: 100-continue\r\nContent-Length: 5\r\n";
        let answer = gateway.raw(format!("{line}\r\n{host}{lines}\r\nhello"));
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(app.last().all("expect"), expected, "{}", app.last().head);
    }
}

#[test]
fn other_expectations_are_refused() {
    let (gateway, app) = world();
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    for expected in [
        "Expect: something\r\n",
        "Expect: 100-continue, something\r\n",
        "Expect: 100-continue;q=1\r\n",
        "Expect: y 100-continue\r\n",
        "Expect:\r\n",
        "Expect: 100-continue\r\nExpect: something\r\n",
        "Expect: 100-continue\r\nExpect: 100-continue\r\n",
    ] {
        for (target, method) in [
            ("/login", "POST"),
            ("/public/x", "POST"),
            ("/public/x", "GET"),
        ] {
            let mut connection = gateway.connect();
            let head =
                format!("{method} {target} HTTP/1.1\r\n{host}{expected}Content-Length: 5\r\n\r\n");
            connection.send(head).unwrap();
            connection.patience(Duration::from_secs(5));
            let answer = connection.answer(method).unwrap();
            assert!(answer.interim.is_empty(), "{expected}: {answer}");
            assert_problem(&answer, 400, "bad_request", expected);
        }
    }
    assert!(app.taken().is_empty(), "{:?}", app.taken());
}
