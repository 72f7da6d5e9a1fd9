//! Clients that take their time before there is a request: heads, handshakes, prefaces.
//! Each test has the limit at one second where it acts and at a minute where it must not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::curl::certificate;
use crate::support::temp::free_port;
use crate::support::tls::{self, Tls};
use crate::support::{
    Builder, Conn, Gateway, Upstream, assert_problem, optional, until, world_with,
};

/// One second, as a machine under load may take it.
fn assert_about_a_second(began: Instant, what: &str) {
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(800) && took < Duration::from_secs(9),
        "{what}: one second took {took:?}"
    );
}

/// Sends a byte five times a second until that fails or somebody closes; what was answered.
fn dribble(connection: &mut TcpStream, bytes: &[u8], pause: Duration) -> Vec<u8> {
    connection.set_read_timeout(Some(pause)).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    for byte in bytes.iter().cycle().take(100) {
        // After the answer the gateway still reads for a moment.
        let _ = connection.write_all(&[*byte]);
        match connection.read(&mut chunk) {
            Ok(0) => return answer,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return answer,
        }
    }
    panic!("the connection lives on after a hundred bytes, one at a time");
}

const PAUSE: Duration = Duration::from_millis(200);

#[test]
fn a_slow_head_is_answered_with_408_and_the_connection_ends() {
    let (gateway, app) = world_with("limits: { request_head: 1s }");
    let began = Instant::now();
    let mut connection = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nX-").unwrap();
    let answer = dribble(&mut connection, b"a", PAUSE);
    assert_about_a_second(began, "request_head");
    let answer = crate::support::Response::whole(&answer);
    assert_problem(&answer, 408, "request_timeout", "a byte now and then");
    assert_eq!(
        answer.header("connection").as_deref(),
        Some("close"),
        "{answer}"
    );
    assert_eq!(app.count(), 0);
    let turned = gateway.labelled("doorward_connections_turned_away_total", "request_head");
    assert_eq!(turned, 1.0);
}

#[test]
fn a_kept_connection_has_the_time_anew_for_each_head_and_idles_apart() {
    let (gateway, _app) = world_with("limits: { request_head: 3s, keepalive_idle: 60s }");
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    let request = gateway.request("GET", "/").cookie(&cookie);
    for _ in 0..3 {
        let bytes = request.bytes();
        let (first, rest) = bytes.split_at(20);
        connection.send(first).unwrap();
        std::thread::sleep(Duration::from_millis(700));
        connection.send(rest).unwrap();
        let answer = connection
            .answer("GET")
            .expect("each head has three seconds");
        assert_eq!(answer.status, 200, "{answer}");
    }
    // Idle for longer than a head may take.
    std::thread::sleep(Duration::from_millis(3600));
    assert_eq!(request.send_on(&mut connection).status, 200);
    connection.send("GET / HTTP/1.1\r\n").unwrap();
    let answer = connection.answer("GET").expect("no answer to half a head");
    assert_problem(&answer, 408, "request_timeout", "the fifth head");
    assert!(connection.rest().unwrap().is_empty(), "it goes on");
}

#[test]
fn a_head_may_pause_for_longer_than_a_connection_may_idle() {
    let (gateway, _app) = world_with("limits: { request_head: 60s, keepalive_idle: 1s }");
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    let bytes = gateway.request("GET", "/").cookie(&cookie).bytes();
    let (first, rest) = bytes.split_at(20);
    connection.send(first).unwrap();
    std::thread::sleep(Duration::from_millis(1800));
    connection.send(rest).unwrap();
    let answer = connection
        .answer("GET")
        .expect("keepalive_idle ends a head");
    assert_eq!(answer.status, 200, "{answer}");
}

#[test]
fn a_request_that_has_begun_is_not_timed_as_a_head() {
    let (gateway, app) = world_with("limits: { request_head: 1s }");
    let cookie = gateway.alice();
    let mut held = gateway.connect();
    held.send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
        .unwrap();
    let mut upload = gateway.connect();
    let head = gateway
        .request("POST", "/x")
        .own_origin()
        .cookie(&cookie)
        .header("Content-Length", "4");
    upload.send(head.bytes()).unwrap();
    for byte in ["a", "b", "c", "d"] {
        std::thread::sleep(Duration::from_millis(600));
        upload.send(byte).unwrap();
    }
    assert_eq!(upload.answer("POST").expect("a slow body").status, 200);
    app.release();
    assert_eq!(held.answer("GET").expect("a slow app").status, 200);
}

/// A gateway that speaks TLS, or `None` without openssl.
fn over_tls(tls: &str, yaml: &str) -> Option<(Gateway, Upstream)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml(&format!(
            "tls: {{ cert: gateway.crt, key: gateway.key{tls} }}"
        ))
        .yaml(yaml)
        .start();
    Some((gateway, app))
}

/// How long it takes until this connection is closed.
fn closes(connection: &mut TcpStream) -> Duration {
    let began = Instant::now();
    connection
        .set_read_timeout(Some(Duration::from_secs(9)))
        .unwrap();
    // A reset is an end too; a timeout is none.
    if let Err(e) = connection.read_to_end(&mut Vec::new()) {
        let timed_out = e.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!timed_out, "it is still open after {:?}", began.elapsed());
    }
    began.elapsed()
}

#[test]
fn a_tls_handshake_that_stops_is_ended() {
    let Some((gateway, _app)) = over_tls("", "limits: { request_head: 1s }") else {
        return;
    };
    let hello = tls::client_hello();
    for (what, begun) in [
        ("nothing", 0),
        ("half", hello.len() / 2),
        ("all but one", hello.len() - 1),
    ] {
        let began = Instant::now();
        let mut connection = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
        connection.write_all(&hello[..begun]).unwrap();
        closes(&mut connection);
        assert_about_a_second(began, what);
    }
    let counted = || gateway.labelled("doorward_connections_turned_away_total", "handshake");
    // It is counted a moment after it was closed.
    until("all to be counted", || counted() >= 3.0);
    assert_eq!(counted(), 3.0);
}

#[test]
fn handshakes_that_never_finish_take_places_and_are_not_without_number() {
    let limits = "limits: { connections: 5, connections_per_address: null, request_head: 5s }";
    let Some((gateway, _app)) = over_tls("", limits) else {
        return;
    };
    let hung: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(("127.0.0.1", gateway.port())).unwrap())
        .collect();
    let turned = || gateway.labelled("doorward_connections_turned_away_total", "\"connections\"");
    until("fifteen of twenty to be turned away", || turned() >= 15.0);
    assert_eq!(gateway.metric("doorward_connections"), 5.0);
    until("a place for somebody who can speak TLS", || {
        Tls::http1(gateway.port())
            .and_then(|mut tls| tls.ask(&gateway.request("GET", "/")))
            .is_ok_and(|answer| answer.status == 401)
    });
    drop(hung);
}

#[test]
fn handshakes_of_one_address_are_counted_too() {
    let limits = "limits: { connections_per_address: 3, request_head: 60s }";
    let Some((gateway, _app)) = over_tls("", limits) else {
        return;
    };
    let hung: Vec<TcpStream> = (0..10)
        .map(|_| TcpStream::connect(("127.0.0.1", gateway.port())).unwrap())
        .collect();
    let label = "connections_per_address";
    let turned = || gateway.labelled("doorward_connections_turned_away_total", label);
    until("seven of ten to be turned away", || turned() >= 7.0);
    let neighbour = Conn::open_from([127, 0, 0, 2], gateway.port()).unwrap();
    let mut tls = Tls::over(neighbour.into_stream(), &[]).expect("another address pays for it");
    assert_eq!(tls.ask(&gateway.request("GET", "/")).unwrap().status, 401);
    drop(hung);
}

#[test]
fn a_slow_head_over_tls_is_answered_with_408() {
    let Some((gateway, _app)) = over_tls("", "limits: { request_head: 1s }") else {
        return;
    };
    let mut tls = Tls::http1(gateway.port()).unwrap();
    let began = Instant::now();
    tls.send(b"GET / HTTP/1.1\r\nHost: a").unwrap();
    let answer = crate::support::Response::whole(&tls.rest().unwrap());
    assert_about_a_second(began, "request_head over TLS");
    assert_problem(&answer, 408, "request_timeout", "over TLS");
}

#[test]
fn a_preface_and_a_head_of_http_2_have_the_same_time() {
    let limits = "limits: { request_head: 1s, keepalive_idle: 60s }";
    let Some((gateway, app)) = over_tls("", limits) else {
        return;
    };
    let cookie = tls::alice(&gateway);
    let mut half = Tls::http2(gateway.port()).unwrap();
    let began = Instant::now();
    half.send(b"PRI * HTTP/2.0\r\n").unwrap();
    half.rest().expect("half a preface");
    assert_about_a_second(began, "the preface");

    let mut endless = crate::support::h2::H2::open(gateway.port()).unwrap();
    // A stream that is open all the while, so that the connection is not idle.
    let headers = endless.get("/hold", &cookie);
    endless
        .headers(1, crate::support::h2::END_STREAM, &headers)
        .unwrap();
    until("the app to be asked", || app.count() == 1);
    std::thread::sleep(Duration::from_millis(1500));
    endless.frame(1, 0, 3, &headers).unwrap();
    let began = Instant::now();
    let mut ended = false;
    for _ in 0..100 {
        ended = ended || endless.frame(9, 0, 3, &[0]).is_err() || endless.is_over(PAUSE);
        if ended {
            break;
        }
    }
    assert!(ended, "a CONTINUATION now and then keeps it for ever");
    assert_about_a_second(began, "a head over HTTP/2");
    app.release();
}

#[test]
fn a_client_that_says_nothing_idles_no_longer_than_others() {
    let limits = "limits: { request_head: 60s, keepalive_idle: 1s }";
    let Some((gateway, _app)) = over_tls("", limits) else {
        return;
    };
    type Open = fn(u16) -> std::io::Result<Tls>;
    let kinds: [(&str, Open); 2] = [
        ("HTTP/1", Tls::http1),
        ("HTTP/2 without a preface", Tls::http2),
    ];
    for (what, open) in kinds {
        let began = Instant::now();
        open(gateway.port()).unwrap().rest().expect(what);
        assert_about_a_second(began, what);
    }
    let mut client = crate::support::h2::H2::open(gateway.port()).unwrap();
    assert!(client.is_served(1, "/login", ""), "HTTP/2");
    let began = Instant::now();
    assert!(client.is_over(Duration::from_secs(10)), "HTTP/2 idles on");
    assert_about_a_second(began, "HTTP/2 after a request");
}

#[test]
fn the_listeners_beside_the_public_one_have_the_same_times() {
    let plain = free_port();
    let Some((gateway, _app)) = over_tls(
        &format!(", redirect_from: \"127.0.0.1:{plain}\""),
        "public_url: https://app.example.com\nlimits: { request_head: 1s, keepalive_idle: 2s }",
    ) else {
        return;
    };
    for (port, path, status) in [(plain, "/", 308), (gateway.admin(), "/healthz", 200)] {
        let began = Instant::now();
        let mut slow = TcpStream::connect(("127.0.0.1", port)).unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nX-").unwrap();
        let answer = crate::support::Response::whole(&dribble(&mut slow, b"a", PAUSE));
        assert_problem(&answer, 408, "request_timeout", path);
        assert_about_a_second(began, path);

        let mut kept = Conn::open(port).unwrap();
        let request = crate::support::Request::new(port, "GET", path);
        for _ in 0..2 {
            assert_eq!(request.send_on(&mut kept).status, status, "{path}");
        }
        let began = Instant::now();
        assert!(kept.rest().expect("it idles for ever").is_empty());
        let took = began.elapsed();
        assert!(took > Duration::from_millis(1700), "{path}: {took:?}");
    }
}

#[test]
fn connections_to_the_listeners_beside_the_public_one_are_counted() {
    let plain = free_port();
    let Some((gateway, _app)) = over_tls(
        &format!(", redirect_from: \"127.0.0.1:{plain}\""),
        "public_url: https://app.example.com\nlimits: { connections: 3, connections_per_address: null }",
    ) else {
        return;
    };
    let redirected = |connection: &mut Conn| {
        let request = crate::support::Request::new(plain, "GET", "/");
        let answer = request.try_send_on(connection);
        answer.is_ok_and(|answer| answer.status == 308)
    };
    let mut open: Vec<Conn> = (0..3).map(|_| Conn::open(plain).unwrap()).collect();
    assert!(open.iter_mut().all(redirected));
    assert!(!redirected(&mut Conn::open(plain).unwrap()), "a fourth");
    let request = gateway
        .request("GET", "/")
        .header("Host", "app.example.com");
    let public = Tls::http1(gateway.port()).and_then(|mut tls| tls.ask(&request));
    assert_eq!(public.unwrap().status, 401, "it takes the public places");
    drop(open);

    let healthy = |connection: &mut Conn| {
        let request = crate::support::Request::new(gateway.admin(), "GET", "/healthz");
        let answer = request.try_send_on(connection);
        answer.is_ok_and(|answer| answer.status == 200)
    };
    let mut open: Vec<Conn> = (0..300)
        .map(|_| Conn::open(gateway.admin()).unwrap())
        .collect();
    let served = open
        .iter_mut()
        .filter_map(|c| healthy(c).then_some(()))
        .count();
    assert!(
        // One that leaves for another takes a moment.
        (200..=264).contains(&served),
        "{served} of 300 operators are served at once"
    );
    drop(open);
    until("places for operators to be free", || {
        healthy(&mut Conn::open(gateway.admin()).unwrap())
    });
}
