//! Requests that a client sends without waiting for answers (RFC 9112 section 9.3.2): each is
//! answered, in order, and nothing becomes a request that is none.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::support::tls::Tls;
use crate::support::verbatim::{OK, Verbatim};
use crate::support::{Builder, Conn, Gateway, websocket};

const OPEN: &str = "default_access: public
rules: [{ path: /closed/**, access: authenticated }]
";

fn world(yaml: &str) -> (Gateway, Verbatim) {
    // Says the target, so that an answer of another request is noticed.
    let app = Verbatim::start(|taken| {
        let body = taken.target();
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        (answer.into_bytes(), true)
    });
    let gateway = Builder::before(&app.url()).yaml(OPEN).yaml(yaml).start();
    (gateway, app)
}

fn targets(app: &Verbatim) -> Vec<String> {
    let taken = app.taken();
    taken.iter().map(|one| one.target().to_owned()).collect()
}

#[test]
fn each_is_answered_in_order() {
    let (gateway, app) = world("");
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    let requests = [
        format!("GET /1 HTTP/1.1\r\n{host}\r\n"),
        format!("POST /2 HTTP/1.1\r\n{host}Content-Length: 9\r\n\r\nGET /no H"),
        format!("GET /closed/3 HTTP/1.1\r\n{host}\r\n"),
        format!(
            "POST /4 HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
        ),
        format!("\r\nGET /login HTTP/1.1\r\n{host}\r\n"),
        format!("POST /6 HTTP/1.1\r\n{host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
        format!("GET /7 HTTP/1.1\r\n{host}\r\n"),
    ];
    let all = requests.concat();
    for piece in [all.len(), 1, 7, 100] {
        let mut connection = gateway.connect();
        for piece in all.as_bytes().chunks(piece) {
            connection.send(piece).unwrap();
        }
        for (number, status) in [
            (1, 200),
            (2, 200),
            (3, 401),
            (4, 200),
            (5, 200),
            (6, 200),
            (7, 200),
        ] {
            let answer = connection.answer("GET").unwrap();
            assert_eq!(answer.status, status, "request {number}: {answer}");
            if status == 200 && number != 5 {
                assert_eq!(answer.text(), format!("/{number}"), "in pieces of {piece}");
            }
            assert!(answer.lists("connection", "keep-alive"), "{answer}");
        }
    }
    app.assert_sound("pipelined");
    assert_eq!(targets(&app).concat(), "/1/2/4/6/7".repeat(4));
}

#[test]
fn also_where_the_client_then_says_no_more() {
    let (gateway, app) = world("");
    let one = |number: u32| gateway.request("GET", format!("/{number}")).bytes();
    let connection = std::net::TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    std::io::Write::write_all(&mut &connection, &[one(1), one(2), one(3)].concat()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut all = String::new();
    std::io::Read::read_to_string(&mut &connection, &mut all).unwrap();
    let ends: Vec<_> = all
        .match_indices("HTTP/1.1 200 OK")
        .map(|(at, _)| at)
        .collect();
    assert_eq!(ends.len(), 3, "{all}");
    assert_eq!(targets(&app), ["/1", "/2", "/3"]);
}

#[test]
fn over_tls_too() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).tls().yaml(OPEN).start();
    let one = gateway.request("GET", "/x");
    let last = one.clone().header("Connection", "close").bytes();
    let all = [one.bytes(), one.bytes(), last].concat();
    let mut client = Tls::http1(gateway.port()).unwrap();
    client.send(&all).unwrap();
    let answers = String::from_utf8_lossy(&client.rest().unwrap()).into_owned();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
}

/// The answers until the connection ends.
fn answers(mut connection: Conn) -> Vec<u16> {
    let mut all = Vec::new();
    while let Ok(answer) = connection.answer("GET") {
        all.push(answer.status);
    }
    all
}

#[test]
fn nothing_behind_the_end_of_a_connection_is_a_request() {
    let (gateway, app) = world("");
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    let behind = format!("GET /behind HTTP/1.1\r\n{host}\r\n");
    let handshake = |target: &str| {
        let bytes = websocket::request(gateway.port(), target).bytes();
        String::from_utf8(bytes).unwrap()
    };
    for (what, first, expected) in [
        (
            "said by the client",
            format!("GET /a HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
            200,
        ),
        ("HTTP/1.0", format!("GET /a HTTP/1.0\r\n{host}\r\n"), 200),
        ("a handshake that the app refuses", handshake("/a"), 200),
        ("a handshake that we refuse", handshake("/closed/a"), 401),
        (
            "a malformed handshake",
            format!("GET /a HTTP/1.1\r\n{host}Upgrade: websocket\r\n\r\n"),
            400,
        ),
        ("LF", format!("GET /a HTTP/1.1\r\n{host}X: y\n\r\n"), 400),
        (
            "only LF",
            format!("GET /a HTTP/1.1\nHost: 127.0.0.1:{}\n\n", gateway.port()),
            400,
        ),
        (
            "two framings",
            format!(
                "POST /a HTTP/1.1\r\n{host}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            400,
        ),
        (
            "a list of lengths",
            format!("POST /a HTTP/1.1\r\n{host}Content-Length: 0, 0\r\n\r\n"),
            400,
        ),
        (
            "two codings",
            format!("POST /a HTTP/1.1\r\n{host}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (
            "an expectation",
            format!("GET /a HTTP/1.1\r\n{host}Expect: x\r\n\r\n"),
            400,
        ),
        (
            "malformed chunks",
            format!(
                "POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n45\r\n0\r\n\r\n"
            ),
            400,
        ),
        (
            "a body that nobody reads",
            format!("POST /closed/a HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
            401,
        ),
        ("no request", "garbage\r\n\r\n".into(), 400),
    ] {
        for pause in [false, true] {
            let mut connection = gateway.connect();
            connection.send(&first).unwrap();
            let mut statuses = Vec::new();
            if pause {
                statuses.push(connection.answer("GET").unwrap().status);
            }
            let _ = connection.send(&behind);
            statuses.extend(answers(connection));
            assert_eq!(statuses, [expected], "{what}, pause: {pause}");
        }
    }
    app.assert_sound("behind an end");
    assert!(
        !targets(&app).contains(&"/behind".into()),
        "{:?}",
        targets(&app)
    );
}

#[test]
fn what_lies_behind_a_body_that_is_read_is_a_request() {
    let (gateway, app) = world("");
    let wrong = gateway.login_request("alice", "wrong").bytes();
    let next = gateway.request("GET", "/next").bytes();
    let mut connection = gateway.connect();
    connection.send([&wrong[..], &next].concat()).unwrap();
    assert_eq!(connection.answer("POST").unwrap().status, 401);
    assert_eq!(connection.answer("GET").unwrap().text(), "/next");
    assert_eq!(targets(&app), ["/next"]);
}

#[test]
fn the_limits_hold_for_each() {
    let (gateway, app) =
        world("limits: { keepalive_requests: 3, request_head: 1s, header_bytes: 1KiB }");
    let one = |number: u32| gateway.request("GET", format!("/{number}")).bytes();
    let mut connection = gateway.connect();
    connection
        .send([one(1), one(2), one(3), one(4)].concat())
        .unwrap();
    assert_eq!(answers(connection), [200, 200, 200], "keepalive_requests");
    // The rest of a head that came behind another request.
    let mut connection = gateway.connect();
    let half = &one(6)[..20];
    connection.send([&one(5)[..], half].concat()).unwrap();
    assert_eq!(connection.answer("GET").unwrap().text(), "/5");
    let since = Instant::now();
    assert_eq!(answers(connection), [408], "request_head");
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    let big = gateway
        .request("GET", "/7")
        .header("X", "x".repeat(2000))
        .bytes();
    let mut connection = gateway.connect();
    connection.send([&one(6)[..], &big].concat()).unwrap();
    assert_eq!(connection.answer("GET").unwrap().status, 200);
    assert_eq!(
        connection.answer("GET").unwrap().status,
        431,
        "header_bytes"
    );
    assert_eq!(targets(&app).concat(), "/1/2/3/5/6");
}

#[test]
fn a_flood_of_them_is_held_back() {
    let app = Verbatim::start(|taken| {
        if taken.target() == "/slow" {
            std::thread::sleep(Duration::from_secs(2));
        }
        (OK.to_vec(), true)
    });
    let gateway = Builder::before(&app.url()).yaml(OPEN).start();
    let mut flood = std::net::TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    flood.set_nonblocking(true).unwrap();
    let slow = gateway.request("GET", "/slow").bytes();
    std::io::Write::write_all(&mut flood, &slow).unwrap();
    let more = gateway.request("GET", "/x").bytes().repeat(1000);
    let (mut sent, since) = (0, Instant::now());
    while since.elapsed() < Duration::from_millis(1500) {
        match std::io::Write::write(&mut flood, &more) {
            Ok(count) => sent += count,
            Err(_) => std::thread::yield_now(),
        }
    }
    // What two sockets hold, and no more.
    assert!(sent < 16 << 20, "{sent} bytes were read ahead");
}
