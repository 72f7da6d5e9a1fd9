//! An app that reads nothing more of a request: what waits for it ends in time, also when
//! nobody waits for an answer any longer, and its place is free again.

use std::io::Write;
use std::net::TcpListener;

use crate::support::curl::{certificate, curl};
use crate::support::{Builder, Gateway, optional, until};

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
fn a_stream_whose_client_has_left_waits_no_longer_than_others() {
    if !optional::has("openssl") || !optional::has("curl") {
        return;
    }
    let builder = Builder::before(&deaf(b""));
    certificate(builder.dir(), "gateway");
    let upload = builder.dir().write("upload", vec![b'x'; UPLOAD]);
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { upstream_read: 4s }")
        .start();
    let upload = format!("@{}", upload.display());
    let url = format!("https://127.0.0.1:{}/", gateway.port());
    let left = curl(&[
        "--insecure",
        "--http2",
        "--max-time",
        "1",
        "--header",
        "Expect:",
        "--data-binary",
        &upload,
        &url,
    ]);
    assert_eq!(left.unwrap_err(), 28, "curl leaves when its time is over");
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
        .yaml("limits: { idle_stream: 1s }")
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
