//! A request body comes at a least rate, over HTTP/1.1 and HTTP/2, to the app and to our own
//! endpoints; who waits for a slow app is not to blame.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::curl::curl;
use crate::support::h2::{DATA, H2, HEADERS};
use crate::support::{Builder, Conn, Gateway, Upstream, assert_problem, optional, tls, world_with};

/// As long as a body may take before its rate counts.
const GRACE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);

#[track_caller]
fn assert_about_the_grace(began: Instant, what: &str) {
    let took = began.elapsed();
    assert!(
        took > GRACE - Duration::from_secs(1) && took < GRACE * 2,
        "{what}: cut after {took:?}"
    );
}

/// Sends a byte now and then until there is an answer.
fn dribble(gateway: &Gateway, path: &str, cookie: &str) -> Conn {
    let request = gateway.request("POST", path).own_origin().cookie(cookie);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let request = request.header("Content-Length", "10000");
    let mut connection = gateway.connect();
    connection.send(request.bytes()).unwrap();
    let stream = connection.into_stream();
    stream.set_read_timeout(Some(PAUSE)).unwrap();
    let began = Instant::now();
    while began.elapsed() < GRACE * 3 {
        let _ = std::io::Write::write_all(&mut &stream, b"a");
        match stream.peek(&mut [0]) {
            Ok(_) => break,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(e) => panic!("{path}: {e}"),
        }
    }
    Conn::of(stream)
}

#[test]
fn a_byte_now_and_then_is_a_request_timeout() {
    let (gateway, _app) = world_with("limits: { client_read: 60s }");
    let cookie = gateway.alice();
    std::thread::scope(|scope| {
        for path in ["/sink", "/login", "/logout"] {
            let (gateway, cookie) = (&gateway, &cookie);
            scope.spawn(move || {
                let began = Instant::now();
                let answer = dribble(gateway, path, cookie).answer("POST").unwrap();
                assert_about_the_grace(began, path);
                assert_problem(&answer, 408, "request_timeout", path);
            });
        }
    });
}

#[test]
fn it_is_one_over_http_2_too() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().start();
    let cookie = tls::alice(&gateway);
    let mut client = H2::with_settings(gateway.port(), &[(1, 0)]).unwrap();
    let block = client.request("POST", "/sink", &cookie);
    client.headers(1, 0, &block).unwrap();
    client.patience(PAUSE);
    let began = Instant::now();
    let answer = loop {
        assert!(began.elapsed() < GRACE * 3, "a slow body goes on");
        let _ = client.frame(DATA, 0, 1, b"a");
        match client.read() {
            Ok(frame) if frame.kind == HEADERS => break frame,
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(e) => panic!("the connection broke: {e}"),
        }
    };
    assert_about_the_grace(began, "HTTP/2");
    // `:status` without a table: its name by number, three digits or their code.
    let status = &answer.payload[..answer.payload.len().min(8)];
    assert!(!status.contains(&0x88), "answered with 200");
}

#[test]
fn without_a_rate_a_slow_body_is_read_to_its_end() {
    let (gateway, app) = world_with("limits: { body_min_rate: null }");
    let cookie = gateway.alice();
    let request = gateway
        .request("POST", "/sink")
        .own_origin()
        .cookie(&cookie);
    let mut connection = gateway.connect();
    let request = request.header("Content-Length", "40");
    connection.send(request.bytes()).unwrap();
    let began = Instant::now();
    for _ in 0..40 {
        connection.send("a").unwrap();
        std::thread::sleep(PAUSE);
    }
    assert!(began.elapsed() > GRACE, "too fast to show anything");
    assert_eq!(connection.answer("POST").unwrap().status, 200);
    assert_eq!(app.last().body.len(), 40);
}

/// More than the kernel takes between client, gateway and app.
const MUCH: usize = 48 * 1024 * 1024;

/// An app that reads the body of one request only after longer than a client may be silent.
fn slow_app() -> (String, std::thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::thread::sleep(GRACE + Duration::from_secs(4));
        let mut connection = Conn::of(stream.try_clone().unwrap());
        connection.until("\r\n\r\n").unwrap();
        let body = connection.take(MUCH).unwrap().len();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        body
    });
    (url, app)
}

#[test]
fn a_slow_app_is_not_the_clients_fault() {
    let (url, app) = slow_app();
    let gateway = Builder::before(&url).start();
    let cookie = gateway.alice();
    let request = gateway
        .request("POST", "/x")
        .own_origin()
        .cookie(&cookie)
        .header("Content-Length", MUCH.to_string());
    let mut connection = gateway.connect();
    connection.send(request.bytes()).unwrap();
    let mut stream = connection.into_stream();
    stream.set_write_timeout(None).unwrap();
    stream.set_read_timeout(Some(GRACE * 6)).unwrap();
    let began = Instant::now();
    let sent = stream.write_all(&vec![b'x'; MUCH]);
    assert!(began.elapsed() > GRACE, "the client never had to wait");
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&head),
        "HTTP/1.1 200",
        "{sent:?}: a client is blamed for a slow app"
    );
    assert_eq!(app.join().unwrap(), MUCH, "the app got less");
}

#[test]
fn nor_is_it_over_http_2() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let (url, app) = slow_app();
    let gateway = Builder::before(&url).tls().start();
    let cookie = format!("Cookie: {}", tls::alice(&gateway));
    let body = gateway.dir().join("body");
    std::fs::write(&body, vec![b'x'; MUCH]).unwrap();
    let origin = format!("https://127.0.0.1:{}", gateway.port());
    let data = format!("@{}", body.display());
    let answer = curl(&[
        "--insecure",
        "--http2",
        "--max-time",
        "60",
        "--header",
        &cookie,
        "--header",
        &format!("Origin: {origin}"),
        "--data-binary",
        &data,
        &format!("{origin}/x"),
    ]);
    assert_eq!(
        answer.expect("an answer").status,
        200,
        "a client is blamed for a slow app"
    );
    assert_eq!(app.join().unwrap(), MUCH, "the app got less");
}
