//! What we know of pingora and rely on, each seen from outside, so that an upgrade that
//! changes it is noticed. `docs/advisories.md` names the other tests that do the same.

use std::io;
use std::time::Duration;

use crate::support::{Builder, Gateway, Response, Upstream, world, world_with};

/// Whether the connection goes on after this answer.
#[track_caller]
fn goes_on(gateway: &Gateway, head: &[u8], expected: u16) -> bool {
    let mut connection = gateway.connect();
    connection.send(head).unwrap();
    let first = connection.answer("POST").unwrap();
    assert_eq!(first.status, expected, "{first}");
    let next = gateway.request("GET", "/next").try_send_on(&mut connection);
    match next {
        Ok(next) => {
            assert_eq!(next.status, 401, "{next}");
            true
        }
        Err(error) => {
            assert_ne!(
                error.kind(),
                io::ErrorKind::WouldBlock,
                "the next is never answered"
            );
            false
        }
    }
}

#[test]
fn an_answer_before_the_body_ends_the_connection_and_one_after_it_does_not() {
    let (gateway, app) = world();
    let unread = gateway.request("POST", "/x").body("unread").bytes();
    let head = unread.strip_suffix(b"unread").unwrap();
    assert!(
        !goes_on(&gateway, head, 401),
        "the rest of a refused body would be taken for a request"
    );
    assert!(!goes_on(&gateway, &unread, 401));
    let read = gateway.try_login("alice", "wrong").status;
    assert_eq!(read, 401);
    let login = gateway.login_request("alice", "wrong").bytes();
    assert!(
        goes_on(&gateway, &login, 401),
        "a body that was read is gone"
    );
    let empty = gateway.request("POST", "/x").bytes();
    assert!(
        goes_on(&gateway, &empty, 401),
        "there is no body to wait for"
    );
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_request_without_a_body_is_not_waited_for() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let host = format!("Host: 127.0.0.1:{}\r\nCookie: {cookie}\r\n", gateway.port());
    for (head, status) in [
        (format!("POST /x HTTP/1.1\r\n{host}\r\n"), 200),
        (format!("DELETE /x HTTP/1.1\r\n{host}\r\n"), 200),
        (
            format!("POST /x HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"),
            200,
        ),
        (format!("POST /refresh HTTP/1.1\r\n{host}\r\n"), 401),
        (format!("POST /login HTTP/1.1\r\n{host}\r\n"), 415),
        (
            format!("POST /login HTTP/1.1\r\n{host}Content-Type: application/json\r\n\r\n"),
            400,
        ),
    ] {
        let answer = gateway.raw(&head);
        assert_eq!(answer.status, status, "{answer}");
    }
    for seen in app.requests() {
        let (lengths, codings) = (seen.all("content-length"), seen.all("transfer-encoding"));
        assert!(
            codings.is_empty(),
            "a body where there is none: {}",
            seen.text()
        );
        assert!(lengths.is_empty() || lengths == ["0"], "{}", seen.text());
    }
}

#[test]
fn an_expectation_of_a_forwarded_request_is_met() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let request = gateway.request("POST", "/x").own_origin().cookie(&cookie);
    let bytes = request.header("Expect", "100-continue").body("abc").bytes();
    let (head, body) = bytes.split_at(bytes.len() - 3);
    let mut connection = gateway.connect();
    connection.send(head).unwrap();
    // A client waits a second or so, and then sends all the same (RFC 9110 section 10.1.1).
    connection.patience(Duration::from_millis(500));
    let told = connection.head().map(|interim| interim.status);
    connection.patience(Duration::from_secs(10));
    connection.send(body).unwrap();
    let answer = connection.answer("POST").unwrap();
    assert_eq!(answer.status, 200, "told {told:?} before: {answer}");
    assert_eq!(app.last().body, b"abc");
    // Without the right to send it is refused at once, the body still unsent.
    let refused = gateway
        .request("POST", "/x")
        .header("Expect", "100-continue");
    let refused = refused.body("abc").bytes();
    let mut connection = gateway.connect();
    connection.send(&refused[..refused.len() - 3]).unwrap();
    assert_eq!(connection.answer("POST").unwrap().status, 401);
}

/// What pingora itself answers: no problem, nothing of ours, no line in the log.
#[track_caller]
fn assert_pingoras(answer: &Response, what: &str) {
    assert!(matches!(answer.status, 400 | 405), "{what}: {answer}");
    assert_eq!(answer.body, b"", "{what}: {answer}");
    assert!(answer.all("vary").is_empty(), "{what}: {answer}");
    assert!(
        answer.all("access-control-allow-origin").is_empty(),
        "{what}: {answer}"
    );
}

#[test]
fn what_does_not_parse_is_answered_before_any_hook() {
    let (gateway, app) = world_with("cors: { allowed_origins: [https://app.example.com] }");
    let host = format!(
        "Host: 127.0.0.1:{}\r\nOrigin: https://app.example.com\r\n",
        gateway.port()
    );
    let before = gateway.metric("doorward_requests_total");
    for (what, head) in [
        (
            "a bad length",
            format!("POST /bad HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n"),
        ),
        (
            "two lengths",
            format!("POST /bad HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        ),
        (
            "two Hosts",
            format!("GET /bad HTTP/1.1\r\n{host}Host: evil.example\r\n\r\n"),
        ),
        (
            "user info",
            "GET /bad HTTP/1.1\r\nHost: a@127.0.0.1\r\n\r\n".into(),
        ),
        ("garbage", "garbage /bad\r\n\r\n".into()),
        (
            "a bad name",
            format!("GET /bad HTTP/1.1\r\n{host}X y: z\r\n\r\n"),
        ),
        ("CONNECT", format!("CONNECT /bad HTTP/1.1\r\n{host}\r\n")),
        (
            "chunks of HTTP/1.0",
            format!("POST /bad HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
        ),
        (
            "another target than Host",
            format!("GET http://evil.example/bad HTTP/1.1\r\n{host}\r\n"),
        ),
    ] {
        assert_pingoras(&gateway.raw(&head), what);
    }
    let _ = gateway.get("/good", "");
    gateway.wait_for_log(&["access", "/good"]);
    assert!(
        !gateway.log().contains("/bad"),
        "it reached a hook:\n{}",
        gateway.log()
    );
    let counted = gateway.metric("doorward_requests_total") - before;
    let malformed = gateway.labelled("doorward_requests_total", "verdict=\"malformed\"");
    assert!(
        (counted - malformed - 1.0).abs() < 0.5,
        "{counted} requests were counted"
    );
    assert!((malformed - 9.0).abs() < 0.5, "{malformed} were seen");
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn pingoras_own_limits_stand_behind_ours() {
    let (gateway, app) = world_with(
        "default_access: public\nlimits: { header_bytes: 1048575B, header_count: 256 }\n",
    );
    let many = |count: usize| {
        (0..count).fold(gateway.request("GET", "/x"), |request, number| {
            request.header(&format!("X-{number}"), "1")
        })
    };
    assert_eq!(many(200).send().status, 200);
    let refused = many(300).try_send();
    assert!(
        refused.as_ref().map_or(true, |answer| answer.status == 400),
        "more than 256 fields: {refused:?}"
    );
    let big = |size: usize| {
        let request = gateway.request("GET", "/x").header("X", "x".repeat(size));
        request.try_send()
    };
    assert_eq!(big(500_000).unwrap().status, 200);
    let refused = big(2_000_000);
    assert!(
        refused
            .as_ref()
            .map_or(true, |answer| matches!(answer.status, 400 | 431)),
        "more than a megabyte of head: {refused:?}"
    );
    assert_eq!(app.count(), 2, "the app was asked");
}

#[test]
fn a_breakdown_of_the_app_is_told_to_an_allowed_origin() {
    let (gateway, _app) = world_with("cors: { allowed_origins: [https://app.example.com] }");
    let cookie = gateway.alice();
    for (target, status) in [
        ("/close", 502),
        ("/garbage", 502),
        ("/x", 200),
        ("/early", 200),
    ] {
        let request = gateway.request("GET", target).cookie(&cookie);
        let answer = request.header("Origin", "https://app.example.com").send();
        assert_eq!(answer.status, status, "{target}: {answer}");
        assert_eq!(
            answer.header("access-control-allow-origin").as_deref(),
            Some("https://app.example.com"),
            "no hook of pingora's runs for its own answers: {target}: {answer}"
        );
        assert!(answer.lists("vary", "Origin"), "{target}: {answer}");
        assert_eq!(
            answer.all("vary").len(),
            1,
            "a hook ran for a 1xx too: {target}: {answer}"
        );
        assert!(
            !answer
                .all("server")
                .concat()
                .to_lowercase()
                .contains("pingora"),
            "{target}: {answer}"
        );
    }
}

#[test]
fn connections_to_the_app_are_shared_and_know_nobody() {
    let (gateway, app) = world();
    let people = [(gateway.alice(), "1001"), (gateway.bob(), "1002")];
    for round in 0..20 {
        for (cookie, id) in &people {
            let target = format!("/round-{round}-{id}");
            let answer = gateway.get(&target, cookie);
            assert_eq!(answer.status, 200, "{answer}");
            assert!(
                answer.text().starts_with(&format!("GET {target} ")),
                "somebody else's answer: {answer}"
            );
            assert_eq!(app.last().all("x-user-id"), [*id]);
        }
    }
    // Now and then the next request is there before the connection is back in the pool.
    let shared = app.connections() <= 20;
    assert!(shared, "{} connections", app.connections());
}

#[test]
fn a_connection_that_the_app_closed_is_not_fatal_to_a_get() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).start();
    let cookie = gateway.alice();
    for round in 0..5 {
        // The app hangs up instead of answering; the connection is gone.
        assert_eq!(gateway.get("/close", &cookie).status, 502, "round {round}");
        let before = app.count();
        assert_eq!(gateway.get("/x", &cookie).status, 200, "round {round}");
        assert_eq!(app.count(), before + 1, "round {round}: asked twice");
    }
}

#[test]
fn names_are_spelled_as_we_spell_them() {
    let (gateway, app) = world();
    let request = gateway.request("GET", "/x").cookie(&gateway.alice());
    let answer = request
        .header("x-uSER-iD", "evil")
        .header("x-oDD", "1")
        .send();
    assert_eq!(answer.status, 200, "{answer}");
    let text = app.last().text();
    for name in [
        "X-User-Id: 1001\r\n",
        "X-User-Name: Alice Example\r\n",
        "x-oDD: 1\r\n",
    ] {
        assert!(text.contains(name), "{name:?}:\n{text}");
    }
}
