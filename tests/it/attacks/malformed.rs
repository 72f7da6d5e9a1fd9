//! What is refused before it is a request has a line and a count of its own.

use std::time::Duration;

use crate::support::curl::curl;
use crate::support::h2::{self, CONTINUATION, END_HEADERS, END_STREAM, H2, HEADERS};
use crate::support::{Builder, Gateway, Upstream, optional, tls, until, world};

fn malformed(gateway: &Gateway) -> f64 {
    gateway.labelled("doorward_requests_total", "verdict=\"malformed\"")
}

#[test]
fn what_pingora_refuses_by_itself_is_seen() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let host = "Host: secret.example\r\n";
    let many: String = (0..300).map(|n| format!("X-{n}: secret\r\n")).collect();
    let large = format!("X: {}\r\n", "secret".repeat(200_000));
    let cases = [
        ("garbage", "secret\r\n\r\n".to_owned(), 400),
        (
            "two lengths",
            format!(
                "POST /secret HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
            400,
        ),
        (
            "no length",
            format!("POST /secret HTTP/1.1\r\n{host}Content-Length: secret\r\n\r\n"),
            400,
        ),
        (
            "CONNECT",
            format!("CONNECT secret.example:443 HTTP/1.1\r\n{host}\r\n"),
            405,
        ),
        (
            "too many fields",
            format!("GET /secret HTTP/1.1\r\n{host}{many}\r\n"),
            400,
        ),
        (
            "too large",
            format!("GET /secret HTTP/1.1\r\n{host}{large}\r\n"),
            400,
        ),
    ];
    for (at, (what, bytes, status)) in (1_u32..).zip(&cases) {
        let mut connection = gateway.connect();
        // It may answer and close before all is sent.
        let _ = connection.send(bytes);
        if let Ok(answer) = connection.answer("GET") {
            assert_eq!(answer.status, *status, "{what}: {answer}");
        }
        until(&format!("{what} to be counted"), || {
            malformed(&gateway) >= f64::from(at)
        });
        assert_eq!(
            malformed(&gateway),
            f64::from(at),
            "{what} was counted twice"
        );
    }
    // Behind a good request on the same connection too.
    let mut connection = gateway.connect();
    let good = gateway.request("GET", "/good").cookie(&cookie);
    assert_eq!(good.send_on(&mut connection).status, 200);
    connection.send("nonsense\r\n\r\n").unwrap();
    assert_eq!(connection.answer("GET").unwrap().status, 400);
    until("it to be counted", || malformed(&gateway) == 7.0);
    let lines = || {
        let log = gateway.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("verdict=malformed"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    until("a line for each", || lines().len() == 7);
    for line in lines() {
        assert!(line.contains("client=127.0.0.1"), "{line}");
        assert!(
            line.contains("status=400") || line.contains("status=405"),
            "{line}"
        );
    }
    assert!(
        !gateway.log().contains("secret"),
        "the log holds what was sent"
    );
    assert_eq!(app.count(), 1, "the app was asked");
    // What our hooks refuse, and who leaves, is no such thing.
    assert_eq!(gateway.request("GET", "//a/..").send().status, 400);
    drop(gateway.connect());
    let mut half = gateway.connect();
    half.send("GET / HT").unwrap();
    drop(half);
    gateway.get("/end", &cookie);
    gateway.wait_for_log(&["/end"]);
    assert_eq!(malformed(&gateway), 7.0, "{:?}", lines());
}

#[test]
fn streams_that_break_http2_are_seen() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().start();
    let mut connection = H2::open(gateway.port()).unwrap();
    // No :path.
    let block = [
        h2::field(":method", "GET"),
        h2::field(":scheme", "https"),
        h2::field(":authority", "secret.example"),
    ];
    connection.headers(1, 5, &block.concat()).unwrap();
    until("the stream to be counted", || malformed(&gateway) == 1.0);
    let block = [
        h2::field(":method", "CONNECT"),
        h2::field(":authority", "secret.example:443"),
    ];
    connection.headers(3, 5, &block.concat()).unwrap();
    until("CONNECT to be counted", || malformed(&gateway) == 2.0);
    gateway.wait_for_log(&["verdict=malformed", "status=405"]);
    // A frame that ends the connection: DATA on no stream.
    let _ = connection.frame(0, 0, 0, b"x");
    until("the connection to be counted", || {
        malformed(&gateway) == 3.0
    });
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_fragment_over_http2_is_refused_and_not_cut_off() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().start();
    let cookie = tls::alice(&gateway);
    let asked = app.count();
    let open = || H2::open(gateway.port()).unwrap();
    let mut bystander = open();
    assert!(bystander.is_served(1, "/before", &cookie));
    let target = "/files/report#1.txt";
    let block = open().request("DELETE", target, &cookie);
    let (front, back) = block.split_at(block.len() / 2);
    let ways = [
        (
            "at once",
            h2::frame(HEADERS, END_HEADERS | END_STREAM, 3, &block),
        ),
        (
            "in two frames",
            [
                h2::frame(HEADERS, END_STREAM, 3, front),
                h2::frame(CONTINUATION, END_HEADERS, 3, back),
            ]
            .concat(),
        ),
        (
            "padded, with a priority",
            h2::frame(
                HEADERS,
                END_HEADERS | END_STREAM | 0x28,
                3,
                &[&[2, 0, 0, 0, 1, 15][..], &block, &[0; 2]].concat(),
            ),
        ),
    ];
    for (at, (how, bytes)) in (1_u32..).zip(&ways) {
        // On a connection that is known and has been served.
        let mut client = open();
        assert!(client.is_served(1, "/good", &cookie), "{how}");
        // It may end before all of it is sent.
        let _ = client.send(bytes);
        assert!(client.is_over(Duration::from_secs(5)), "{how}");
        until(&format!("{how}: a count"), || {
            malformed(&gateway) == f64::from(at)
        });
    }
    // And byte by byte.
    let mut client = open();
    for byte in &ways[1].1 {
        if client.send(&[*byte]).is_err() {
            break;
        }
    }
    assert!(client.is_over(Duration::from_secs(5)), "byte by byte");
    until("a count", || malformed(&gateway) == 4.0);
    gateway.wait_for_log(&["verdict=malformed", "status=400"]);
    assert_eq!(app.count() - asked, 4, "{:?}", app.requests());
    assert!(
        bystander.is_served(3, "/after", &cookie),
        "another connection ended with it"
    );
}

#[test]
fn a_fragment_of_a_real_client_is_refused_and_its_neighbour_is_served() {
    if !optional::has("openssl") || !optional::has("curl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().start();
    let cookie = format!("Cookie: {}", tls::alice(&gateway));
    let asked = app.count();
    let base = format!("https://127.0.0.1:{}", gateway.port());
    let origin = format!("Origin: {base}");
    // As curl and its library code it, with Huffman.
    let delete = |target: &str| {
        curl(&[
            "--http2",
            "--insecure",
            "--request",
            "DELETE",
            "--header",
            &cookie,
            "--header",
            &origin,
            "--request-target",
            target,
            &format!("{base}/"),
        ])
    };
    let refused = delete("/files/report#1.txt");
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(app.count(), asked, "{:?}", app.requests());
    until("a count", || malformed(&gateway) == 1.0);
    assert_eq!(delete("/files/report%231.txt").unwrap().status, 200);
    assert_eq!(app.last().target(), "/files/report%231.txt");
}
