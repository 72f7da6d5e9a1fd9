//! An app that breaks HTTP: the client gets an answer that it can trust or a connection
//! that is visibly cut, the log says it once, nothing of the app's words or place leaks,
//! and when the app is well again so is everything.

use std::io::ErrorKind;

use crate::support::wild::{Then, Wild};
use crate::support::{Builder, Gateway, Jar, Response, assert_problem, until};

/// An origin that may read our answers.
const PARTNER: &str = "https://partner.example";
/// What an app may say and we must not repeat.
const SECRET: &str = "appsecret";

/// What the client sees.
#[derive(Clone, Debug)]
enum Seen {
    /// A problem of this status and code.
    Problem(u16, &'static str),
    /// An answer of this status and body.
    Whole(u16, &'static str),
    /// The head of an answer, and a body whose end never comes.
    Cut,
}

const BAD: Seen = Seen::Problem(502, "upstream_unreachable");
const LATE: Seen = Seen::Problem(504, "upstream_timeout");

fn world() -> (Gateway, Wild, Jar) {
    let app = Wild::start();
    let gateway = Builder::before(&app.url())
        .yaml(&format!("cors: {{ allowed_origins: [{PARTNER:?}] }}"))
        .yaml("limits: { upstream_read: 1s }")
        .start();
    let jar = Jar::alice(&gateway);
    (gateway, app, jar)
}

/// Asks over a fresh connection, as a page of the partner.
fn ask(gateway: &Gateway, jar: &Jar, path: &str) -> (Response, Option<ErrorKind>) {
    let mut connection = gateway.connect();
    let request = gateway.request("GET", path).cookie(&jar.cookies());
    let request = request.header("Origin", PARTNER);
    connection.send(request.bytes()).unwrap();
    let mut head = connection.head().unwrap();
    let mut interim = Vec::new();
    while (100..200).contains(&head.status) && head.status != 101 {
        interim.push(head.status);
        head = connection.head().unwrap();
    }
    match connection.body_of(&head) {
        Ok(body) => (
            Response {
                body,
                interim,
                ..head
            },
            None,
        ),
        Err(error) => (head, Some(error.kind())),
    }
}

#[track_caller]
fn assert_seen(gateway: &Gateway, jar: &Jar, what: &str, path: &str, expected: &Seen) {
    let (answer, cut) = ask(gateway, jar, path);
    match (expected, cut) {
        (Seen::Problem(status, code), None) => {
            assert_problem(&answer, *status, code, what);
            assert!(
                answer.lists("connection", "close"),
                "{what}: the connection ends, and nothing says so: {answer}"
            );
            let text = format!("{}{}", String::from_utf8_lossy(&answer.head), answer.text());
            for leak in [SECRET, "127.0.0.1", "cause", "Upstream", "pingora", "rror:"] {
                assert!(!text.contains(leak), "{what}: {leak} leaks: {answer}");
            }
        }
        (Seen::Whole(status, body), None) => {
            assert_eq!((answer.status, &*answer.text()), (*status, *body), "{what}");
            assert_eq!(
                answer.header("cache-control").as_deref(),
                Some("private"),
                "{what}"
            );
        }
        (Seen::Cut, Some(_)) => {}
        _ => panic!("{what}: {expected:?} was expected, {cut:?} with {answer}"),
    }
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(
        allowed.as_deref(),
        Some(PARTNER),
        "{what}: unreadable: {answer}"
    );
    assert!(answer.lists("vary", "Origin"), "{what}: {answer}");
    let line = format!("path={path} ");
    let lines = || gateway.log().lines().filter(|l| l.contains(&line)).count();
    until("the line in the log", || lines() > 0);
    assert_eq!(lines(), 1, "{what}: told more than once");
    assert!(
        !gateway.log().contains(SECRET),
        "{what}: the log repeats it"
    );
}

/// The app says these bytes for each request; what the client sees.
fn tell_all(cases: &[(&str, Vec<u8>, Then, Seen)]) {
    let (gateway, app, jar) = world();
    for (number, (what, bytes, then, seen)) in cases.iter().enumerate() {
        app.say(bytes, *then);
        let before = app.asked();
        assert_seen(&gateway, &jar, what, &format!("/case-{number}"), seen);
        // Once more at most, over a fresh connection instead of a kept one.
        assert!(app.asked() <= before + 2, "{what}: asked again and again");

        // And a POST, which is never tried again and otherwise sees the same.
        let before = app.asked();
        let post = jar.request(&gateway, "POST", "/").body("pay");
        match (seen, post.try_send()) {
            (Seen::Problem(status, code), Ok(answer)) => {
                assert_problem(&answer, *status, code, what);
            }
            (Seen::Whole(status, _), Ok(answer)) => assert_eq!(answer.status, *status, "{what}"),
            (Seen::Cut, Err(_)) => {}
            (_, answer) => panic!("{what}: {seen:?} was expected of a POST, not {answer:?}"),
        }
        assert_eq!(app.asked(), before + 1, "{what}: paid twice");

        // Well again, at once and for everybody: nothing of it is left in a connection.
        app.behave_well();
        for _ in 0..3 {
            let answer = jar.get(&gateway, "/");
            assert_eq!(
                (answer.status, &*answer.text()),
                (200, "well"),
                "after: {what}"
            );
        }
    }
    assert_eq!(gateway.operators("/readyz").status, 200);
}

fn with(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}").into_bytes()
}

#[test]
fn no_head_is_bad_gateway() {
    let huge = with(&format!("X-Big: {}\r\n", "x".repeat(2 << 20)), "");
    let many = with(&"X-Field: x\r\n".repeat(300), "");
    tell_all(&[
        ("closes without a word", vec![], Then::Closes, BAD),
        ("never answers", vec![], Then::Waits, LATE),
        (
            "half a head",
            b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "half a head, and waits",
            b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
            Then::Waits,
            LATE,
        ),
        (
            "a head without its end",
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "garbage",
            format!("\x16\x03{SECRET}\r\n\r\n").into_bytes(),
            Then::Closes,
            BAD,
        ),
        (
            "HTTP/0.9",
            format!("<p>{SECRET}</p>").into_bytes(),
            Then::Closes,
            BAD,
        ),
        (
            "HTTP/0.9 with lines",
            b"<p>\r\n\r\nhello\r\n\r\n</p>".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "HTTP/2",
            b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff".to_vec(),
            Then::Waits,
            BAD,
        ),
        (
            "another protocol",
            b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
            Then::Waits,
            BAD,
        ),
        ("a head of two megabytes", huge, Then::Closes, BAD),
        ("three hundred fields", many, Then::Closes, BAD),
        (
            "no status",
            b"HTTP/1.1 \r\n\r\n".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "a status of two digits",
            b"HTTP/1.1 20 OK\r\n\r\n".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "a status of four digits",
            b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(),
            Then::Closes,
            BAD,
        ),
        (
            "NUL in a value",
            with("X: a\0b\r\nContent-Length: 0\r\n", ""),
            Then::Closes,
            BAD,
        ),
        (
            "a space in a name",
            with("X Y: z\r\nContent-Length: 0\r\n", ""),
            Then::Closes,
            BAD,
        ),
        (
            "a line without colon",
            with("appsecret\r\nContent-Length: 0\r\n", ""),
            Then::Closes,
            BAD,
        ),
    ]);
}

#[test]
fn an_answer_whose_length_is_in_doubt_is_not_passed_on_as_whole() {
    let length = |text: &str| with(&format!("Content-Length: {text}\r\n"), "hello");
    let chunked = |body: &str| with("Transfer-Encoding: chunked\r\n", body);
    tell_all(&[
        ("a length in words", length("five"), Then::Closes, BAD),
        ("a negative length", length("-5"), Then::Closes, BAD),
        ("a signed length", length("+5"), Then::Closes, BAD),
        (
            "a length beyond all",
            length("99999999999999999999999"),
            Then::Closes,
            BAD,
        ),
        ("an empty length", length(""), Then::Closes, BAD),
        (
            "two lengths",
            length("5\r\nContent-Length: 6"),
            Then::Closes,
            BAD,
        ),
        (
            "two lengths in one field",
            length("5, 6"),
            Then::Closes,
            BAD,
        ),
        (
            "a length that is not reached",
            length("10"),
            Then::Closes,
            Seen::Cut,
        ),
        (
            "no last chunk",
            chunked("5\r\nhello\r\n"),
            Then::Closes,
            Seen::Cut,
        ),
        ("half a chunk", chunked("5\r\nhel"), Then::Closes, Seen::Cut),
        (
            "a chunk size in words",
            chunked("5\r\nhello\r\nzz\r\n"),
            Then::Closes,
            Seen::Cut,
        ),
        (
            "a negative chunk",
            chunked("-5\r\nhello\r\n0\r\n\r\n"),
            Then::Closes,
            Seen::Cut,
        ),
        (
            "a chunk size beyond all",
            chunked("fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            Then::Closes,
            Seen::Cut,
        ),
        (
            "a chunk that is too long",
            chunked("5\r\nhelloXX\r\n0\r\n\r\n"),
            Then::Closes,
            Seen::Cut,
        ),
    ]);
}

#[test]
fn what_comes_after_an_answer_answers_nobody() {
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let after = |head: &str| format!("{head}{poison}").into_bytes();
    let five = Seen::Whole(200, "hello");
    tell_all(&[
        (
            "after its length",
            after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            Then::GoesOn,
            five.clone(),
        ),
        (
            "after its last chunk",
            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            Then::GoesOn,
            five.clone(),
        ),
        (
            "after no content",
            after("HTTP/1.1 204 No Content\r\n\r\n"),
            Then::GoesOn,
            Seen::Whole(204, ""),
        ),
        (
            "after not modified",
            after("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
            Then::GoesOn,
            Seen::Whole(304, ""),
        ),
        (
            "chunked with a length",
            after(
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n",
            ),
            Then::GoesOn,
            five,
        ),
    ]);
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_refused() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\n\r\nappsecret";
    tell_all(&[("101", switch.as_bytes().to_vec(), Then::Waits, BAD)]);
}
