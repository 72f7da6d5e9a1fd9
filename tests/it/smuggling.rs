//! Request smuggling over HTTP/1: whatever the framing says, the app sees no request that
//! the gate did not judge, and what it sees is framed in one way only.
//!
//! Behind every attack stands a request for a closed path without a session. Where it is
//! taken for a request, it is refused; the app sees it only where it was smuggled.

use std::io;
use std::time::Duration;

use crate::support::{Conn, Gateway, Recorded, Upstream, websocket, world_with};

const OPEN: &str = "default_access: public
rules: [{ path: /closed/**, access: authenticated }]
";

/// An attack: its name, the bytes before the smuggled request, and the status that the
/// client gets.
type Attack = (&'static str, Vec<u8>, u16);

fn smuggled(gateway: &Gateway) -> String {
    let port = gateway.port();
    format!("GET /closed/smuggled HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-User-Id: 1001\r\n\r\n")
}

/// A head with these lines, and what follows it.
fn request(gateway: &Gateway, line: &str, lines: &str, body: &str) -> Vec<u8> {
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    format!("{line}\r\n{host}{lines}\r\n{body}").into_bytes()
}

fn post(gateway: &Gateway, lines: &str, body: &str) -> Vec<u8> {
    request(gateway, "POST /a HTTP/1.1", lines, body)
}

/// Sends every attack in one piece, and again with the smuggled request after the answer.
#[track_caller]
fn assert_harmless(gateway: &Gateway, app: &Upstream, attacks: &[Attack]) {
    for attack in attacks {
        assert_harmless_once(gateway, app, attack, true);
        assert_harmless_once(gateway, app, attack, false);
    }
    // The next client on the connection to the app gets the answer to its own request.
    for number in 0..3 {
        let marker = format!("/marker-{number}");
        let answer = gateway.get(&marker, "");
        assert!(
            answer.text().starts_with(&format!("GET {marker} ")),
            "another request's answer: {answer}"
        );
    }
}

#[track_caller]
fn assert_harmless_once(gateway: &Gateway, app: &Upstream, attack: &Attack, in_one_piece: bool) {
    let (what, bytes, expected) = attack;
    let smuggled = smuggled(gateway);
    let mut connection = gateway.connect();
    let mut all = bytes.clone();
    if in_one_piece {
        all.extend(smuggled.bytes());
    }
    connection.send(&all).unwrap();
    let method = if bytes.starts_with(b"HEAD") {
        "HEAD"
    } else {
        "GET"
    };
    let first = connection
        .answer(method)
        .unwrap_or_else(|error| panic!("{what:?}: no answer: {error}"));
    assert_eq!(first.status, *expected, "{what:?}: {first}");
    assert_second_is_judged(&mut connection, in_one_piece, &smuggled, what);
    assert_well_framed(&app.requests(), what);
}

/// What may come behind the first answer: the end of the connection, or a refusal.
#[track_caller]
fn assert_second_is_judged(connection: &mut Conn, sent: bool, smuggled: &str, what: &str) {
    if !sent && connection.send(smuggled).is_err() {
        return;
    }
    // Bytes that belong to the first request are not answered at all.
    connection.patience(Duration::from_millis(if sent { 300 } else { 10_000 }));
    match connection.answer("GET") {
        Ok(second) => assert!(
            matches!(second.status, 400 | 401),
            "{what}: the bytes behind it opened a closed path: {second}"
        ),
        Err(error) => assert!(
            sent || error.kind() != io::ErrorKind::WouldBlock,
            "{what}: the next request is never answered"
        ),
    }
}

/// Everything the app received is one that the gate let through, read alike by everybody.
#[track_caller]
fn assert_well_framed(requests: &[Recorded], what: &str) {
    for seen in requests {
        let text = seen.text();
        assert!(!text.contains("/closed"), "{what}: smuggled:\n{text}");
        for line in seen.head.split_inclusive(|&byte| byte == b'\n') {
            let content = line.strip_suffix(b"\r\n").unwrap_or(line);
            assert!(
                line.ends_with(b"\r\n") && !content.iter().any(|byte| b"\r\n\0".contains(byte)),
                "{what}: a line that may be read as two:\n{text:?}"
            );
        }
        let (lengths, codings) = (seen.all("content-length"), seen.all("transfer-encoding"));
        assert!(
            lengths.len() + codings.len() <= 1,
            "{what}: framed in two ways:\n{text}"
        );
        for length in lengths {
            assert!(
                length.bytes().all(|byte| byte.is_ascii_digit()),
                "{what}: a length of {length:?}"
            );
        }
        for coding in codings {
            assert_eq!(coding, "chunked", "{what}");
        }
        for (name, _) in seen.fields() {
            assert!(
                !name.contains([' ', '\t']),
                "{what}: a name with a space:\n{text}"
            );
        }
    }
}

#[test]
fn cl_te_and_te_cl_are_refused() {
    let (gateway, app) = world_with(OPEN);
    let inner = smuggled(&gateway);
    let with = |lines: &str, body: &str| post(&gateway, lines, body);
    let clte = format!(
        "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
        inner.len() + 5
    );
    let tecl = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let attacks = [
        ("CL.TE", with(&clte, "0\r\n\r\n"), 400),
        (
            "CL.0",
            with(
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "TE.CL",
            with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &tecl),
            400,
        ),
        (
            "TE.CL of a GET",
            request(
                &gateway,
                "GET /a HTTP/1.1",
                "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                &tecl,
            ),
            400,
        ),
        (
            "a nominated length beside chunks",
            with(
                "Connection: Content-Length\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                &tecl,
            ),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    assert!(app.count() <= 3, "one of them reached the app");
}

#[test]
fn te_te_is_refused_however_the_coding_is_disguised() {
    let (gateway, app) = world_with(OPEN);
    let mut attacks = Vec::new();
    for field in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked;x=y",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: cow",
        "Transfer-Encoding:",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\0",
        "Transfer-Encoding: chu\nked",
        "Transfer-Encoding: chunked\r\n X: y",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\0: chunked",
        "Transfer-Encod\u{ef}ng: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        for length in ["", "Content-Length: 5\r\n"] {
            let lines = format!("{field}\r\n{length}");
            attacks.push((field, post(&gateway, &lines, "0\r\n\r\n"), 400));
        }
    }
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
    // What is spelled in another way and means the same is no attack. A name with an
    // underscore is another name, and the length counts.
    let attacks = [
        (
            "case",
            post(&gateway, "tRANSFER-eNCODING: cHUNKED\r\n", "0\r\n\r\n"),
            200,
        ),
        (
            "white space",
            post(
                &gateway,
                "Transfer-Encoding: \t chunked \t\r\n",
                "0\r\n\r\n",
            ),
            200,
        ),
        (
            "underscore",
            post(
                &gateway,
                "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n",
                "0\r\n\r\n",
            ),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}

#[test]
fn cve_2025_4366_a_length_is_one_number_or_a_refusal() {
    let (gateway, app) = world_with(OPEN);
    let mut attacks = Vec::new();
    for value in [
        "+5",
        "-5",
        "5 5",
        "5,5",
        "5, 5",
        "5, 6",
        ",5",
        "5;",
        "5.0",
        "0x5",
        "1e1",
        "5_0",
        "",
        "NaN",
        "5\x0b",
        "5\0",
        "\u{665}",
        "18446744073709551621",
        "99999999999999999999",
    ] {
        let lines = format!("Content-Length: {value}\r\n");
        attacks.push((value, post(&gateway, &lines, "abcde"), 400));
    }
    for lines in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\ncontent-length: 5\r\n",
        "Content-Length : 5\r\n",
        "Content-Length:\r\n 5\r\n",
        "X: y\rContent-Length: 5\r\n",
        "X: y\nContent-Length: 5\r\n",
    ] {
        attacks.push((lines, post(&gateway, lines, "abcde"), 400));
    }
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
    // A body is read to its end, also one that nobody expects or that nobody wants.
    let inner = smuggled(&gateway);
    let length = format!("Content-Length: {}\r\n", inner.len());
    let nominated = format!("Connection: Content-Length\r\n{length}");
    let attacks = [
        (
            "of a GET",
            request(&gateway, "GET /a HTTP/1.1", &length, &inner),
            200,
        ),
        ("nominated", post(&gateway, &nominated, &inner), 200),
        (
            "leading zeros",
            post(&gateway, "Content-Length: 005\r\n", "abcde"),
            200,
        ),
        (
            "white space",
            post(&gateway, "Content-Length: \t5 \r\n", "abcde"),
            200,
        ),
        (
            "refused",
            request(&gateway, "POST /closed/a HTTP/1.1", &length, &inner),
            401,
        ),
        (
            "of a login",
            request(&gateway, "POST /login HTTP/1.1", &length, &inner),
            415,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}

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
    ] {
        attacks.push((body, chunked(body), 400));
    }
    assert_harmless(&gateway, &app, &attacks);
    for seen in app.requests() {
        assert!(
            seen.body.is_empty() || seen.body == b"abcde",
            "{}",
            seen.text()
        );
    }
    // To us a bare LF is a part of the extension, and the next five bytes are the chunk.
    let extension = chunked("5;a\nabcde\r\n0\r\n\r\n");
    assert_harmless_once(
        &gateway,
        &app,
        &("an extension with LF", extension, 400),
        true,
    );
    // Extensions and trailers are read and never passed on.
    let extension = format!("5;{}{end}", "a".repeat(5000));
    let inner = smuggled(&gateway);
    let chunked = |body: &str| {
        let coding = "Transfer-Encoding: chunked\r\n";
        request(&gateway, "POST /whole HTTP/1.1", coding, body)
    };
    let attacks = [
        ("an extension", chunked(&format!("5;a=b{end}")), 200),
        ("a quoted extension", chunked(&format!("5;a=\"{end}")), 200),
        ("a long extension", chunked(&extension), 200),
        ("two zeros", chunked("5\r\nabcde\r\n00\r\n\r\n"), 200),
        ("a space behind the size", chunked(&format!("5 {end}")), 200),
        (
            "trailers",
            chunked("5\r\nabcde\r\n0\r\nX-User-Id: evil\r\nContent-Length: 0\r\n\r\n"),
            200,
        ),
        (
            "a request as trailers",
            chunked(&format!("5\r\nabcde\r\n0\r\n{inner}")),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    for seen in app.requests() {
        if seen.target() == "/whole" {
            assert_eq!(seen.body, b"abcde", "{}", seen.text());
        }
        assert!(!seen.text().contains("evil"), "{}", seen.text());
    }
}

#[test]
fn cve_2026_2835_http_1_0_knows_no_chunks() {
    let (gateway, app) = world_with(OPEN);
    let inner = smuggled(&gateway);
    let te = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let old = |lines: &str, body: &str| request(&gateway, "POST /a HTTP/1.0", lines, body);
    let attacks = [
        ("TE", old("Transfer-Encoding: chunked\r\n", &te), 400),
        (
            "TE that stays open",
            old(
                "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "CL.TE",
            old(
                "Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "several codings",
            old("Transfer-Encoding: gzip, chunked\r\n", &te),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
    let attacks = [
        ("no body", request(&gateway, "GET /a HTTP/1.0", "", ""), 200),
        (
            "a body without a length",
            old("Connection: keep-alive\r\n", ""),
            200,
        ),
        (
            "a length",
            old("Connection: keep-alive\r\nContent-Length: 5\r\n", "abcde"),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}

#[test]
fn cve_2026_2833_bytes_behind_an_upgrade_are_no_request() {
    let (gateway, app) = world_with(OPEN);
    let inner = smuggled(&gateway);
    let length = format!("Content-Length: {}\r\n", inner.len());
    let mut attacks: Vec<Attack> = Vec::new();
    for protocol in ["foo", "h2c", "TLS/1.0", "WebSocket", "websocket, foo"] {
        let lines = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        );
        for target in ["/a", "/no-upgrade/200"] {
            let get = format!("GET {target} HTTP/1.1");
            if protocol != "WebSocket" || target != "/a" {
                attacks.push((protocol, request(&gateway, &get, &lines, ""), 200));
                let lines = format!("{lines}{length}");
                attacks.push((protocol, request(&gateway, &get, &lines, &inner), 200));
            }
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
            200,
        ),
        (
            "of a HEAD",
            request(&gateway, "HEAD /a HTTP/1.1", lines, "abcde"),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}
