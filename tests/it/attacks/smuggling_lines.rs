//! Request smuggling over HTTP/1 by line ends, chunks, upgrades and expectations.

use crate::support::smuggle::{
    Attack, OPEN, assert_harmless, assert_well_framed, inside, post, request,
};
use crate::support::{websocket, world_with};

#[test]
fn lines_end_with_crlf_and_are_never_folded() {
    let (gateway, app) = world_with(OPEN);
    let host = format!("127.0.0.1:{}", gateway.port());
    let raw = |text: String| text.into_bytes();
    let attacks = [
        ("obs-fold", post(&gateway, "X: a\r\n b\r\n", ""), 400),
        (
            "obs-fold with a tab",
            post(&gateway, "X: a\r\n\tb\r\n", ""),
            400,
        ),
        (
            "obs-fold of the first field",
            raw(format!("GET /a HTTP/1.1\r\n Host: {host}\r\n\r\n")),
            400,
        ),
        (
            "obs-fold of Host",
            raw(format!("GET /a HTTP/1.1\r\nHost:\r\n {host}\r\n\r\n")),
            400,
        ),
        (
            "bare LF",
            raw(format!("GET /a HTTP/1.1\nHost: {host}\n\n")),
            400,
        ),
        (
            "a bare LF behind the request line",
            raw(format!("GET /a HTTP/1.1\nHost: {host}\r\n\r\n")),
            400,
        ),
        (
            "a bare LF in the fields",
            post(&gateway, "X: a\nY: b\r\n", ""),
            400,
        ),
        (
            "a bare LF at the end",
            raw(format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\n")),
            400,
        ),
        ("a bare CR", post(&gateway, "X: a\rY: b\r\n", ""), 400),
        ("NUL in a value", post(&gateway, "X: a\0b\r\n", ""), 400),
        (
            "a control in a value",
            post(&gateway, "X: a\x01b\r\n", ""),
            400,
        ),
        ("a vertical tab", post(&gateway, "X: a\x0bb\r\n", ""), 400),
        ("DEL", post(&gateway, "X: a\x7fb\r\n", ""), 400),
        ("NUL in a name", post(&gateway, "X\0: a\r\n", ""), 400),
        (
            "a space before the colon",
            post(&gateway, "X : a\r\n", ""),
            400,
        ),
        ("no colon", post(&gateway, "XXX\r\n", ""), 400),
        ("no name", post(&gateway, ": a\r\n", ""), 400),
        ("HTTP/0.9", raw("GET /a\r\n".into()), 400),
        (
            "HTTP/1.2",
            request(&gateway, "GET /a HTTP/1.2", "", ""),
            400,
        ),
        (
            "HTTP/2.0",
            request(&gateway, "GET /a HTTP/2.0", "", ""),
            400,
        ),
        (
            "two versions",
            request(&gateway, "GET /a HTTP/1.1 x", "", ""),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
}

#[test]
fn chunks_are_measured_once_and_anew() {
    let (gateway, app) = world_with(OPEN);
    let chunked = |body: &str| post(&gateway, "Transfer-Encoding: chunked\r\n", body);
    let end = "\r\nabcde\r\n0\r\n\r\n";
    let long = format!("5;{}{end}", "a".repeat(5000));
    let mut attacks = Vec::new();
    for size in [
        "10000000000000005",
        "ffffffffffffffff",
        "-5",
        "+5",
        "0x5",
        " 5",
        "zz",
        "5\rx",
    ] {
        attacks.push((size, chunked(&format!("{size}{end}")), 400));
    }
    for body in [
        "5\nabcde\n0\n\n",
        "5\r\nabcdeXX0\r\n\r\n",
        "5\r\nabcde\n0\r\n\r\n",
        "5\rabcde\r\n0\r\n\r\n",
        "5\r\nabcde\r\n0\nX: y\r\n\r\n",
        "5;a\nabcde\r\n0\r\n\r\n",
        "5;a=\"\r\nabcde\r\n0\r\n\r\n",
        "5 \r\nabcde\r\n0\r\n\r\n",
    ] {
        attacks.push((body, chunked(body), 400));
    }
    attacks.push(("a long extension", chunked(&long), 400));
    assert_harmless(&gateway, &app, &attacks);
    for seen in app.requests() {
        assert!(
            seen.body.is_empty() || seen.body == b"abcde",
            "{}",
            seen.text()
        );
    }
    // Extensions and trailers are read and never passed on.
    let inner = inside(&gateway);
    let chunked = |body: &str| {
        let coding = "Transfer-Encoding: chunked\r\n";
        request(&gateway, "POST /whole HTTP/1.1", coding, body)
    };
    let attacks = [
        ("an extension", chunked(&format!("5;a=b{end}")), 200),
        (
            "a quoted extension",
            chunked(&format!("5;a=\"b;\"{end}")),
            200,
        ),
        ("two zeros", chunked("5\r\nabcde\r\n00\r\n\r\n"), 200),
        (
            "trailers",
            chunked("5\r\nabcde\r\n0\r\nX-User-Id: evil\r\nContent-Length: 0\r\n\r\n"),
            200,
        ),
        (
            "a request as trailers",
            chunked(&format!("5\r\nabcde\r\n0\r\n{inner}")),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    for seen in app.requests() {
        if seen.target() == "/whole" && !seen.body.is_empty() {
            assert_eq!(seen.body, b"abcde", "{}", seen.text());
        }
        assert!(!seen.text().contains("evil"), "{}", seen.text());
    }
}

#[test]
fn cve_2026_2833_bytes_behind_an_upgrade_are_no_request() {
    let (gateway, app) = world_with(OPEN);
    let inner = inside(&gateway);
    let length = format!("Content-Length: {}\r\n", inner.len());
    let mut attacks: Vec<Attack> = Vec::new();
    for protocol in ["foo", "h2c", "TLS/1.0", "WebSocket", "websocket, foo"] {
        let lines = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        );
        for target in ["/a", "/no-upgrade/200"] {
            let get = format!("GET {target} HTTP/1.1");
            let asks = protocol.to_ascii_lowercase().contains("websocket");
            let is_well_asked = protocol == "WebSocket" && target != "/a";
            let status = if asks && !is_well_asked { 400 } else { 200 };
            if protocol != "WebSocket" || target != "/a" {
                attacks.push((protocol, request(&gateway, &get, &lines, ""), status));
            }
            let status = if asks { 400 } else { 200 };
            let lines = format!("{lines}{length}");
            attacks.push((protocol, request(&gateway, &get, &lines, &inner), status));
        }
    }
    for (target, status) in [
        ("/no-upgrade/400", 400),
        ("/no-upgrade/404", 404),
        ("/no-upgrade/200", 200),
    ] {
        let handshake = websocket::request(gateway.port(), target).bytes();
        attacks.push((target, handshake, status));
    }
    assert_harmless(&gateway, &app, &attacks);
    // A handshake that the app takes makes a tunnel: what lies behind it is its business,
    // and no request.
    let mut handshake = websocket::request(gateway.port(), "/ws").bytes();
    handshake.extend(inner.bytes());
    let mut connection = gateway.connect();
    connection.send(&handshake).unwrap();
    assert_eq!(connection.answer("GET").unwrap().status, 101);
    let _ = connection.answer("GET");
    assert_well_framed(&app.requests(), "behind a 101");
    // Nor does one that was refused open anything.
    let refused = websocket::request(gateway.port(), "/closed/ws").bytes();
    assert_harmless(&gateway, &app, &[("a refused handshake", refused, 401)]);
}

#[test]
fn an_expectation_changes_no_length() {
    let (gateway, app) = world_with(OPEN);
    let lines = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let attacks = [
        ("forwarded", post(&gateway, lines, "abcde"), 200),
        (
            "refused",
            request(&gateway, "POST /closed/a HTTP/1.1", lines, "abcde"),
            401,
        ),
        (
            "obfuscated",
            post(
                &gateway,
                "Expect: y 100-continue\r\nContent-Length: 5\r\n",
                "abcde",
            ),
            400,
        ),
        (
            "of a HEAD",
            request(&gateway, "HEAD /a HTTP/1.1", lines, "abcde"),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}
