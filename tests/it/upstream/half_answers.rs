//! An app that falls silent in the middle of an answer, and what its connections are good
//! for afterwards: half an answer never looks like a whole one.

use std::time::Duration;

use crate::support::curl::certificate;
use crate::support::h2::{DATA, END_STREAM, Frame, H2, HEADERS, RST_STREAM};
use crate::support::wild::{Then, Wild};
use crate::support::{Builder, Jar, optional, until};

/// Half of a body that is as long as its connection, or chunked.
const HALVES: [(&str, &str); 3] = [
    ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhalf"),
    ("no length", "HTTP/1.1 200 OK\r\n\r\nhalf"),
    (
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ),
];

#[test]
fn silence_is_not_the_end_of_a_body() {
    let app = Wild::start();
    let gateway = Builder::before(&app.url())
        .yaml("limits: { idle_stream: 1s }")
        .start();
    let jar = Jar::alice(&gateway);
    for (what, half) in HALVES {
        for then in [Then::Waits, Then::Closes] {
            app.say(half.as_bytes(), then);
            let mut connection = gateway.connect();
            let request = jar.request(&gateway, "GET", "/");
            let request = request.header("Connection", "close");
            connection.send(request.bytes()).unwrap();
            let head = connection.head().unwrap();
            assert_eq!(head.status, 200, "{what}: {head}");
            // Else the end of the connection would be the end of the body.
            assert!(head.lists("transfer-encoding", "chunked"), "{what}: {head}");
            // A reset is one way to say that it was cut.
            let mut rest = connection.until("half").unwrap();
            rest.extend(connection.rest().unwrap_or_default());
            let is_whole = then == Then::Closes && what != "chunks";
            assert_eq!(
                rest.ends_with(b"0\r\n\r\n"),
                is_whole,
                "{what}, then it {then:?}: {}",
                String::from_utf8_lossy(&rest)
            );
        }
    }
}

#[test]
fn silence_is_not_the_end_of_a_stream_of_http_2() {
    if !optional::has("openssl") {
        return;
    }
    let app = Wild::start();
    let builder = Builder::before(&app.url());
    certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { idle_stream: 1s }")
        .start();
    let mut client = H2::open(gateway.port()).unwrap();
    for (stream, (what, half)) in (1..).step_by(4).zip(HALVES) {
        app.say(half.as_bytes(), Then::Waits);
        let block = client.get("/", "");
        client.headers(stream, END_STREAM, &block).unwrap();
        let ends = |frame: &Frame| {
            let is_last = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
            frame.stream == stream && (is_last || frame.kind == RST_STREAM)
        };
        let end = client.until(ends).unwrap();
        assert_eq!(end.kind, RST_STREAM, "{what} looks whole: {end:?}");
        app.behave_well();
        assert!(client.is_served(stream + 2, "/", ""), "after {what}");
    }
}

#[test]
fn half_an_answer_is_none_for_http_1_0_either() {
    let app = Wild::start();
    let gateway = Builder::before(&app.url())
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { idle_stream: 1s }")
        .start();
    for (what, half) in HALVES {
        for then in [Then::Waits, Then::Closes] {
            app.say(half.as_bytes(), then);
            let mut connection = gateway.connect();
            let host = format!("Host: 127.0.0.1:{}", gateway.port());
            let request = format!("GET / HTTP/1.0\r\n{host}\r\n\r\n");
            connection.send(request).unwrap();
            connection.until("half").unwrap();
            // The end of the connection is the end of the body, but for a reset.
            let end = connection.rest().map_err(|error| error.kind());
            let is_whole = then == Then::Closes && what != "chunks";
            let expected = match is_whole {
                true => Ok(Vec::new()),
                false => Err(std::io::ErrorKind::ConnectionReset),
            };
            assert_eq!(end, expected, "{what}, then it {then:?}");
        }
    }
}

#[test]
fn the_wait_of_a_request_ends_with_it() {
    const BODY: &str = "slowly";
    let app = Wild::start();
    let gateway = Builder::before(&app.url())
        .yaml("limits: { upstream_read: 1s, idle_stream: 1s }")
        .start();
    let jar = Jar::alice(&gateway);
    // Stays open, so that a wait of its request would go on.
    let mut first = gateway.connect();
    let mut second = gateway.connect();
    until("both requests to go over one connection to the app", || {
        let answer = jar.request(&gateway, "GET", "/").send_on(&mut first);
        assert_eq!(answer.status, 200);
        // It is in the pool a moment later.
        std::thread::sleep(Duration::from_millis(50));
        let (connections, asked) = (app.connections(), app.asked());
        let head = jar
            .request(&gateway, "POST", "/")
            .header("Content-Length", BODY.len().to_string());
        second.send(head.bytes()).unwrap();
        for piece in BODY.chars() {
            std::thread::sleep(Duration::from_millis(400));
            second.send(piece.to_string()).unwrap();
        }
        let answer = second.answer("POST").unwrap();
        assert_eq!(answer.status, 200, "cut by the other's wait: {answer}");
        assert_eq!(app.asked(), asked + 1);
        app.connections() == connections
    });
}
