//! Attacks on the framing of requests: a second request behind each of them, for a closed
//! path and without a session. Where it is taken for a request, it is refused; the app sees
//! it only where it was smuggled.

use std::io;
use std::time::Duration;

use super::{Conn, Gateway, Recorded, Upstream};

/// Everything is open but one folder.
pub const OPEN: &str = "default_access: public
rules: [{ path: /closed/**, access: authenticated }]
";

/// An attack: its name, the bytes before the smuggled request, and the status that the
/// client gets.
pub type Attack = (&'static str, Vec<u8>, u16);

/// The request that stands behind every attack.
pub fn smuggled(gateway: &Gateway) -> String {
    let port = gateway.port();
    format!("GET /closed/smuggled HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-User-Id: 1001\r\n\r\n")
}

/// A request for an open path that stands inside of a body: the app sees it only where the
/// body was taken for the next request.
pub fn inside(gateway: &Gateway) -> String {
    let port = gateway.port();
    format!("GET /inside HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
}

/// A head with these lines, and what follows it.
pub fn request(gateway: &Gateway, line: &str, lines: &str, body: &str) -> Vec<u8> {
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    format!("{line}\r\n{host}{lines}\r\n{body}").into_bytes()
}

/// A POST with these lines, and what follows it.
pub fn post(gateway: &Gateway, lines: &str, body: &str) -> Vec<u8> {
    request(gateway, "POST /a HTTP/1.1", lines, body)
}

/// Sends every attack in one piece, and again with the smuggled request after the answer.
#[track_caller]
pub fn assert_harmless(gateway: &Gateway, app: &Upstream, attacks: &[Attack]) {
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
pub fn assert_harmless_once(
    gateway: &Gateway,
    app: &Upstream,
    attack: &Attack,
    in_one_piece: bool,
) {
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
pub fn assert_well_framed(requests: &[Recorded], what: &str) {
    for seen in requests {
        let text = seen.text();
        assert!(!text.contains("/closed"), "{what}: smuggled:\n{text}");
        assert_ne!(seen.target(), "/inside", "{what}: a body became a request");
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
