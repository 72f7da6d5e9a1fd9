//! Answers before the last one (1xx) over HTTP/2: clients get them as over HTTP/1.1.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::h2::{DATA, END_STREAM, H2, HEADERS, field};
use crate::support::verbatim::Verbatim;
use crate::support::wait::PATIENCE;
use crate::support::{Builder, Gateway, optional};

/// A flag of HEADERS (RFC 9113 section 6.2).
const PADDED: u8 = 8;
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nKeep-Alive: timeout=5\r\n\
                     Content-Length: 0\r\nX-Request-Id: of-the-app\r\n\
                     Set-Cookie: __Host-doorward=x\r\n\r\n";
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

fn app() -> Verbatim {
    Verbatim::start(|_| ([HINTS, DONE].concat().into_bytes(), true))
}

fn world() -> Option<(Gateway, Verbatim)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = app();
    let gateway = Builder::before(&app.url())
        .tls()
        .yaml("default_access: public\nlimits: { login_body: 1KiB }")
        .start();
    Some((gateway, app))
}

/// The block of the answer that comes before the last one.
fn hints() -> Vec<u8> {
    [&b"\x08\x03103"[..], &field("link", "</a.css>")].concat()
}

#[test]
fn each_stream_gets_its_own_before_its_last() {
    let Some((gateway, app)) = world() else {
        return;
    };
    let mut client = H2::open(gateway.port()).unwrap();
    let streams: Vec<u32> = (0..40).map(|stream| stream * 2 + 1).collect();
    let block = client.get("/x", "");
    // What a client says of its stream is not believed.
    let block = [block, field("doorward-stream", "0000000001")].concat();
    for stream in &streams {
        client.headers(*stream, END_STREAM, &block).unwrap();
    }
    let (mut hinted, mut answered, mut whole) = (Vec::new(), Vec::new(), 0);
    while whole < streams.len() {
        let frame = client
            .until(|frame| [HEADERS, DATA].contains(&frame.kind))
            .unwrap();
        if frame.kind == DATA {
            whole += usize::from(frame.flags & END_STREAM != 0);
        } else if frame.payload == hints() {
            assert!(!answered.contains(&frame.stream), "behind its answer");
            hinted.push(frame.stream);
        } else {
            answered.push(frame.stream);
        }
    }
    hinted.sort_unstable();
    answered.sort_unstable();
    assert_eq!(hinted, streams, "a hint each");
    assert_eq!(answered, streams, "an answer each");
    let seen = app.last();
    assert!(seen.all("doorward-stream").is_empty(), "{}", seen.head);
}

/// As over HTTP/2, where each of these tests sees it.
#[test]
fn an_app_that_names_the_request_in_one_is_not_heard() {
    let app = app();
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    let request = gateway.request("GET", "/x").header("Connection", "close");
    let mut wire = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    wire.write_all(&request.bytes()).unwrap();
    let mut came = String::new();
    wire.read_to_string(&mut came).unwrap();
    let (hints, answer) = came.split_once("\r\n\r\n").unwrap();
    assert_eq!(hints, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>");
    let ids = answer
        .to_ascii_lowercase()
        .matches("x-request-id: ")
        .count();
    assert!(ids == 1 && !answer.contains("of-the-app"), "{answer}");
}

/// A table of fields that shrinks has to be announced in the next block, which is not ours.
#[test]
fn who_asks_for_a_small_table_does_without() {
    let Some((gateway, _app)) = world() else {
        return;
    };
    for (size, expected) in [(4095, false), (4096, true), (65_536, true)] {
        let mut client = H2::with_settings(gateway.port(), &[(1, size)]).unwrap();
        let block = client.get("/x", "");
        client.headers(1, END_STREAM, &block).unwrap();
        let head = client.until(|frame| frame.kind == HEADERS).unwrap();
        assert_eq!(head.payload == hints(), expected, "a table of {size}");
    }
}

/// There is no place for its mark, and its own word for it does not count.
#[test]
fn a_padded_head_claims_no_stream() {
    let Some((gateway, _app)) = world() else {
        return;
    };
    let mut client = H2::open(gateway.port()).unwrap();
    let block = [client.get("/x", ""), field("doorward-stream", "0000000001")].concat();
    let padded = [&[3], &block[..], &[0; 3]].concat();
    client.headers(1, END_STREAM | PADDED, &padded).unwrap();
    let head = client.until(|frame| frame.kind == HEADERS).unwrap();
    assert_ne!(head.payload, hints(), "the word of a client");
    // The next one is marked.
    let block = client.get("/x", "");
    client.headers(3, END_STREAM, &block).unwrap();
    let head = client.until(|frame| frame.kind == HEADERS).unwrap();
    assert_eq!((head.stream, head.payload), (3, hints()));
}

/// The mark must not become the rest of what the client did not send.
#[test]
fn a_head_that_ends_within_a_field_is_given_to_nobody() {
    let Some((gateway, app)) = world() else {
        return;
    };
    // The mark is 44 bytes long.
    for value in [44, 0x80 | 44, 1, 45, 127] {
        let mut client = H2::open(gateway.port()).unwrap();
        let block = [client.get("/x", ""), vec![0, 1, b'x', value]].concat();
        client.headers(1, END_STREAM, &block).unwrap();
        assert!(client.is_over(PATIENCE), "after a length of {value}");
    }
    assert!(app.taken().is_empty(), "{:?}", app.taken());
}

/// Read by another's decoder, many on one connection after the other.
#[test]
fn curl_reads_them() {
    let Some((gateway, _app)) = world() else {
        return;
    };
    if !optional::has("curl") {
        return;
    }
    let url = format!("https://127.0.0.1:{}/x", gateway.port());
    let all = ["--insecure", "--http2", "-s", "-i"].into_iter();
    let all: Vec<&str> = all.chain(std::iter::repeat_n(url.as_str(), 20)).collect();
    let output = std::process::Command::new("curl")
        .args(all)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.matches("HTTP/2 103 \r\nlink: </a.css>\r\n\r\n")
            .count(),
        20,
        "{text}"
    );
    assert_eq!(text.matches("HTTP/2 200 ").count(), 20, "{text}");
    assert_eq!(text.matches("done").count(), 20, "{text}");
}

#[test]
fn a_login_is_told_to_go_on() {
    let Some((gateway, _app)) = world() else {
        return;
    };
    let mut client = H2::open(gateway.port()).unwrap();
    let body = "username=alice&password=wonderland";
    let block = [
        client.request("POST", "/login", ""),
        field("content-type", "application/x-www-form-urlencoded"),
        field("content-length", body.len().to_string()),
        field("expect", "100-continue"),
    ];
    client.headers(1, 0, &block.concat()).unwrap();
    let head = client.until(|frame| frame.kind == HEADERS).unwrap();
    assert_eq!(head.payload, b"\x08\x03100");
    client.frame(DATA, END_STREAM, 1, body.as_bytes()).unwrap();
    let head = client.until(|frame| frame.kind == HEADERS).unwrap();
    assert!(head.payload.windows(3).any(|three| three == b"303") || head.payload.len() > 40);
}
