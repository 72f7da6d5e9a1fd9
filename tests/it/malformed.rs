//! What is refused before it is a request has a line and a count of its own.

use crate::support::h2::{self, H2};
use crate::support::{Builder, Gateway, Upstream, until, world};

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
