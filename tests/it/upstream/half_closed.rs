//! A client that says that it has nothing more to say (RFC 9112 section 9.6) gets its answer.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, Response, until, world};

/// Sends this, says no more, and hears until the end.
fn last_words(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

#[test]
fn it_hears_the_whole_answer() {
    let app = Verbatim::start(|taken| {
        // So that the end is seen before the answer.
        std::thread::sleep(Duration::from_millis(200));
        let answer: &[u8] = match taken.target() {
            "/length" => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone",
            "/chunks" => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n"
            }
            _ => b"HTTP/1.1 200 OK\r\n\r\ndone",
        };
        (answer.to_vec(), taken.target() != "/close")
    });
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    for target in ["/length", "/chunks", "/close"] {
        for version in ["1.0", "1.1"] {
            for (method, rest) in [
                ("GET", "\r\n"),
                ("POST", "Content-Length: 5\r\n\r\nhello"),
                (
                    "POST",
                    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                ),
            ] {
                if version == "1.0" && rest.contains("chunked") {
                    continue;
                }
                let request = format!("{method} {target} HTTP/{version}\r\n{host}{rest}");
                let heard = last_words(&gateway, request.as_bytes());
                let what = format!("{request:?}: {heard:?}");
                assert!(heard.starts_with("HTTP/1.1 200 OK\r\n"), "{what}");
                let end = if version == "1.1" && target != "/length" {
                    "4\r\ndone\r\n0\r\n\r\n"
                } else {
                    "\r\n\r\ndone"
                };
                assert!(heard.ends_with(end), "{what}");
            }
        }
    }
}

#[test]
fn it_hears_what_is_ours_to_say() {
    let (gateway, _app) = world();
    let wrong = gateway.login_request("alice", "wrong").bytes();
    let heard = last_words(&gateway, &wrong);
    assert_eq!(Response::whole(heard.as_bytes()).status, 401, "{heard}");
    let heard = last_words(&gateway, &gateway.request("GET", "/x").bytes());
    assert_eq!(Response::whole(heard.as_bytes()).status, 401, "{heard}");
}

#[test]
fn half_a_request_is_none() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    let request = |lines: &str| {
        let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
        format!("POST /half HTTP/1.1\r\n{host}{lines}")
    };
    for lines in [
        "Content-Length: 5\r\n",
        "Content-Length: 5\r\n\r\nhell",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n",
    ] {
        let heard = last_words(&gateway, request(lines).as_bytes());
        assert!(!heard.contains(" 200 "), "{lines:?}: {heard}");
    }
    assert!(app.taken().is_empty(), "{:?}", app.taken());
    app.assert_sound("half a request");
}

#[test]
fn a_stream_of_events_ends_with_its_client() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let open = || gateway.metric("doorward_session_connections");
    let events = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
        let request = gateway.request("GET", path).cookie(&cookie);
        stream.write_all(&request.bytes()).unwrap();
        stream
    };
    // The end comes after the head of the answer, and before it.
    let stream = events("/quiet-events");
    until("the stream to be open", || open() == 1.0);
    stream.shutdown(Shutdown::Write).unwrap();
    until("the app to hear that nobody listens", || {
        app.ended() == 1 && open() == 0.0
    });
    let stream = events("/late-events");
    until("the app to be asked", || app.count() == 2);
    stream.shutdown(Shutdown::Write).unwrap();
    app.release();
    until("the app to hear that nobody listens", || {
        app.ended() == 2 && open() == 0.0
    });
}
