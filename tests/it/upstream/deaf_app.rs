//! An app that reads nothing more of a request: what waits for it ends in time, also when
//! nobody waits for an answer any longer, and its place is free again.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::support::curl::{certificate, curl};
use crate::support::{Builder, Gateway, TempDir, assert_problem, optional, until, websocket};

/// More than all buffers on the way hold.
const UPLOAD: usize = 64 * 1024 * 1024;

/// Takes connections, says this at once and reads nothing. Its address.
fn deaf(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(says).unwrap();
            kept.push(stream);
        }
    });
    format!("http://{address}")
}

fn in_flight(gateway: &Gateway) -> f64 {
    gateway.metric("doorward_requests_in_flight")
}

#[test]
fn a_stream_whose_client_has_left_does_not_wait_for_the_app() {
    if !optional::has("openssl") || !optional::has("curl") {
        return;
    }
    let builder = Builder::before(&deaf(b""));
    certificate(builder.dir(), "gateway");
    let upload = builder.dir().write("upload", vec![b'x'; UPLOAD]);
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { upstream_read: 1h }")
        .start();
    let upload = format!("@{}", upload.display());
    let url = format!("https://127.0.0.1:{}/", gateway.port());
    let left = curl(&[
        "--insecure",
        "--http2",
        "--max-time",
        "2",
        "--header",
        "Expect:",
        "--data-binary",
        &upload,
        &url,
    ]);
    assert_eq!(left.unwrap_err(), 28, "curl leaves when its time is over");
    // A stream that can notice that its client is gone ends at once.
    std::thread::sleep(Duration::from_millis(300));
    assert!(in_flight(&gateway) > 0.0, "the app was not deaf enough");
    until("the request to end", || in_flight(&gateway) == 0.0);
    until("the connection's place to be free", || {
        gateway.metric("doorward_connections") == 0.0
    });
}

#[test]
fn an_upload_that_was_answered_early_does_not_last_for_ever() {
    let early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let gateway = Builder::before(&deaf(early))
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { idle_stream: 1s, upstream_read: 1s }")
        .start();
    let mut client = gateway.connect();
    let head = gateway
        .request("POST", "/")
        .header("Content-Length", UPLOAD.to_string());
    client.send(head.bytes()).unwrap();
    let sends = std::thread::spawn(move || {
        let piece = [b'x'; 64 * 1024];
        // Until nobody takes more.
        while client.send(piece).is_ok() {}
        client
    });
    until("the request to arrive", || in_flight(&gateway) > 0.0);
    until("the request to end", || in_flight(&gateway) == 0.0);
    drop(gateway);
    drop(sends.join().unwrap());
}

#[test]
fn a_handshake_that_is_not_answered_is_a_timeout() {
    let dir = TempDir::new();
    let socket = dir.join("app");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok(stream) = listener.accept() {
            kept.push(stream);
        }
    });
    for app in [deaf(b""), format!("unix:{}", socket.display())] {
        let gateway = Builder::before(&app)
            .yaml("rules: [{ path: /**, access: public }]")
            .yaml("limits: { upstream_read: 1s }")
            .start();
        let handshake = websocket::request(gateway.port(), "/").own_origin();
        assert_problem(&handshake.send(), 504, "upstream_timeout", &app);
    }
}
