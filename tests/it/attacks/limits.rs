//! `limits.*`: each one acts, and where it acts nothing else breaks.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::curl::certificate;
use crate::support::{
    Builder, Conn, Gateway, Upstream, assert_problem, optional, until, websocket, world_with,
};

/// One second, as a machine under load may take it.
fn assert_about_a_second(began: Instant, what: &str) {
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(800) && took < Duration::from_secs(8),
        "{what}: one second took {took:?}"
    );
}

/// Whether the gateway serves this connection.
fn is_served(gateway: &Gateway, connection: &mut Conn) -> bool {
    let request = gateway.request("GET", "/");
    let answer = request.try_send_on(connection);
    answer.is_ok_and(|answer| answer.status == 401)
}

#[test]
fn connections_are_counted_and_places_become_free() {
    let (gateway, _app) = world_with("limits: { connections: 2, connections_per_address: null }");
    let (mut first, mut second) = (gateway.connect(), gateway.connect());
    assert!(is_served(&gateway, &mut first) && is_served(&gateway, &mut second));
    assert!(
        !is_served(&gateway, &mut gateway.connect()),
        "a third connection over limits.connections is served"
    );
    assert!(
        is_served(&gateway, &mut first),
        "those inside the limit pay for it"
    );
    drop(second);
    until("the place of a closed connection to be free", || {
        is_served(&gateway, &mut gateway.connect())
    });
}

#[test]
fn connections_of_one_address_are_counted_apart() {
    let (gateway, _app) = world_with("limits: { connections_per_address: 2 }");
    let (mut first, mut second) = (gateway.connect(), gateway.connect());
    assert!(is_served(&gateway, &mut first) && is_served(&gateway, &mut second));
    assert!(
        !is_served(&gateway, &mut gateway.connect()),
        "a third connection of one address is served"
    );
    let mut neighbour = Conn::open_from([127, 0, 0, 2], gateway.port()).unwrap();
    assert!(
        is_served(&gateway, &mut neighbour),
        "one address takes the places of another"
    );
    drop(second);
    until("the place of a closed connection to be free", || {
        is_served(&gateway, &mut gateway.connect())
    });
}

#[test]
fn a_trusted_proxy_may_have_any_number_of_connections() {
    let (gateway, _app) =
        world_with("limits: { connections_per_address: 1 }\ntrusted_proxies: [127.0.0.1]");
    let mut all: Vec<Conn> = (0..5).map(|_| gateway.connect()).collect();
    for connection in &mut all {
        assert!(
            is_served(&gateway, connection),
            "everybody behind one proxy shares one connection"
        );
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let (gateway, _app) = world_with("limits: { keepalive_idle: 1s }");
    let mut connection = gateway.connect();
    for _ in 0..2 {
        assert!(is_served(&gateway, &mut connection), "no keep-alive at all");
    }
    let began = Instant::now();
    let rest = connection
        .rest()
        .expect("an idle connection stays for longer than limits.keepalive_idle");
    assert!(rest.is_empty(), "{rest:?}");
    assert_about_a_second(began, "keepalive_idle");
}

#[test]
fn a_connection_serves_so_many_requests_and_no_more() {
    let (gateway, _app) = world_with("limits: { keepalive_requests: 3 }");
    let cookie = gateway.alice();
    for target in ["/", "/_doorward/session"] {
        let mut connection = gateway.connect();
        let request = gateway.request("GET", target).cookie(&cookie);
        let served = (0..10)
            .take_while(|_| {
                let answer = request.try_send_on(&mut connection);
                answer.is_ok_and(|answer| answer.status == 200)
            })
            .count();
        assert_eq!(served, 3, "requests of one connection to {target}");
    }
}

#[test]
fn http_2_announces_how_many_streams() {
    if !optional::has("openssl") {
        return;
    }
    for (yaml, streams) in [("", 64), ("limits: { h2_streams: 7 }", 7)] {
        let app = Upstream::start();
        let builder = Builder::new(&app);
        certificate(builder.dir(), "gateway");
        let gateway = builder
            .yaml("tls: { cert: gateway.crt, key: gateway.key }")
            .yaml(yaml)
            .start();
        let settings = h2_settings(gateway.port());
        // RFC 9113 section 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS is 3.
        assert!(
            settings.contains(&(3, streams)),
            "{yaml:?}: the gateway says {settings:?}"
        );
    }
}

/// The first frame of a server, which must be SETTINGS (RFC 9113 section 3.4).
fn h2_settings(port: u16) -> Vec<(u16, u32)> {
    let mut openssl = Command::new("openssl")
        .args(["s_client", "-quiet", "-alpn", "h2", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = openssl.stdin.take().unwrap();
    input
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut output = openssl.stdout.take().unwrap();
    let mut head = [0; 9];
    output.read_exact(&mut head).unwrap();
    let length = usize::from(head[1]) * 256 + usize::from(head[2]);
    let mut settings = vec![0; length];
    output.read_exact(&mut settings).unwrap();
    let _ = openssl.kill();
    let _ = openssl.wait();
    assert_eq!(head[3], 4, "the first frame is no SETTINGS: {head:?}");
    settings
        .chunks_exact(6)
        .map(|s| {
            (
                u16::from_be_bytes([s[0], s[1]]),
                u32::from_be_bytes([s[2], s[3], s[4], s[5]]),
            )
        })
        .collect()
}

#[test]
fn a_body_that_stops_coming_is_a_request_timeout() {
    let (gateway, _app) = world_with("limits: { client_read: 1s }");
    let cookie = gateway.alice();
    for target in ["/sink", "/login", "/logout"] {
        let mut connection = gateway.connect();
        let request = gateway
            .request("POST", target)
            .own_origin()
            .cookie(&cookie)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Content-Length", "1000000");
        let request = if target == "/sink" {
            request
        } else {
            gateway
                .request("POST", target)
                .own_origin()
                .cookie(&cookie)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Content-Length", "100")
        };
        let began = Instant::now();
        connection.send(request.bytes()).unwrap();
        connection.send("username=a").unwrap();
        let answer = connection
            .answer("POST")
            .unwrap_or_else(|error| panic!("{target}: a slow client gets no answer: {error}"));
        assert_problem(&answer, 408, "request_timeout", target);
        assert_about_a_second(began, target);
    }
    assert_eq!(gateway.get("/", &cookie).status, 200, "it hurt others");
}

#[test]
fn a_stream_without_a_byte_is_ended() {
    let (gateway, _app) = world_with("limits: { idle_stream: 1s }");
    let cookie = gateway.alice();
    let mut stream = gateway.connect();
    stream
        .send(gateway.request("GET", "/half").cookie(&cookie).bytes())
        .unwrap();
    stream.until("half").unwrap();
    let began = Instant::now();
    stream.rest().expect("a dead stream is kept");
    assert_about_a_second(began, "idle_stream of an answer");

    let request = websocket::request(gateway.port(), "/ws")
        .own_origin()
        .cookie(&cookie);
    let mut socket = websocket::open(&request, gateway.port()).unwrap();
    socket.send("hello".into()).unwrap();
    assert_eq!(websocket::text(&mut socket), "hello");
    let began = Instant::now();
    let closed = socket.get_mut().read_to_end(&mut Vec::new());
    closed.expect("a dead WebSocket is kept");
    assert_about_a_second(began, "idle_stream of a WebSocket");
}

/// `client_read` is for request bodies: who only listens is not slow.
#[test]
fn a_client_that_only_listens_is_not_cut() {
    let (gateway, _app) =
        world_with("limits: { client_read: 1s, upstream_read: 1s, keepalive_idle: 1s }");
    let cookie = gateway.alice();
    let mut events = gateway.connect();
    events
        .send(gateway.request("GET", "/sse").cookie(&cookie).bytes())
        .unwrap();
    let request = websocket::request(gateway.port(), "/ws")
        .own_origin()
        .cookie(&cookie);
    let mut socket = websocket::open(&request, gateway.port()).unwrap();
    // An event every tenth of a second: two and a half seconds go by.
    events
        .until("data: 25\n")
        .expect("an event stream ends with limits.client_read");
    socket.send("still here".into()).unwrap();
    assert_eq!(
        websocket::text(&mut socket),
        "still here",
        "a silent WebSocket ends with limits.client_read"
    );
}

#[test]
fn an_app_that_does_not_accept_is_gateway_timeout() {
    let (address, _full) = full_backlog();
    let gateway = Builder::before(&format!("http://{address}"))
        .yaml("limits: { upstream_connect: 1s }")
        .start();
    let cookie = gateway.alice();
    let began = Instant::now();
    let answer = gateway.get("/", &cookie);
    assert_problem(&answer, 504, "upstream_timeout", "an app that is stuck");
    assert_about_a_second(began, "upstream_connect");
    let began = Instant::now();
    let handshake = websocket::request(gateway.port(), "/ws")
        .own_origin()
        .cookie(&cookie);
    let refused = websocket::open(&handshake, gateway.port()).unwrap_err();
    assert_problem(&refused, 504, "upstream_timeout", "an app that is stuck");
    assert_about_a_second(began, "upstream_connect of a WebSocket");
}

/// A listener whose queue is full, so that the system answers no SYN any more.
fn full_backlog() -> (SocketAddr, (tokio::runtime::Runtime, Vec<TcpStream>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    until("the queue to be full", || {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => return true,
        }
        false
    });
    // Dropping the listener would refuse; the runtime keeps it open until the test ends.
    runtime.spawn(async move {
        let _open = listener;
        std::future::pending::<()>().await;
    });
    (address, (runtime, waiting))
}

#[test]
fn limits_of_a_head_are_those_of_the_file() {
    let (gateway, app) =
        world_with("limits: { header_bytes: 4KiB, header_count: 10, cookie_bytes: 2KiB }");
    let cookie = gateway.alice();
    let with = |name: &str, bytes: usize| {
        gateway
            .request("GET", "/")
            .cookie(&cookie)
            .header(name, "x".repeat(bytes))
            .send()
    };
    assert_eq!(with("X-Big", 2000).status, 200);
    assert_problem(&with("X-Big", 4100), 431, "header_too_large", "bytes");
    let fields = |count: usize| {
        // Host and Cookie are fields too.
        (2..count)
            .fold(gateway.request("GET", "/").cookie(&cookie), |request, n| {
                request.header(&format!("X-{n}"), "1")
            })
            .send()
    };
    assert_eq!(fields(10).status, 200, "exactly the limit is too much");
    assert_problem(&fields(11), 431, "header_too_large", "fields");
    let big = format!("{cookie}; a={}", "x".repeat(2048));
    let answer = gateway.get("/", &big);
    assert_problem(&answer, 431, "header_too_large", "cookies");
    assert_eq!(app.count(), 2, "the app was asked");
}
