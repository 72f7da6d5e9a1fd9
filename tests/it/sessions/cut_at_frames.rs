//! A WebSocket is cut where a frame has ended, with a word; or within one, without.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::curl::certificate;
use crate::support::websocket::{self, FLOOD};
use crate::support::{
    Builder, Conn, Gateway, Process, TempDir, Upstream, optional, until, until_some, world,
};

/// Close with 1008, unmasked.
const GOODBYE: &[u8] = b"\x88\x02\x03\xf0";

fn open(gateway: &Gateway, path: &str, cookie: &str) -> Conn {
    let request = websocket::request(gateway.port(), path)
        .own_origin()
        .cookie(cookie);
    let mut connection = gateway.connect();
    connection.send(request.bytes()).unwrap();
    let head = connection.head().unwrap();
    assert_eq!(head.status, 101, "{head}");
    connection
}

/// Reads until the connection is closed or reset.
fn drain(connection: &mut Conn) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(byte) = connection.take(1) {
        all.extend(byte);
    }
    all
}

#[test]
fn within_a_frame_nothing_is_said() {
    let (gateway, app) = world();
    let bob = gateway.bob();
    let mut connection = open(&gateway, "/ws-half", &bob);
    assert_eq!(connection.take(4).unwrap(), b"\x82\x05ab");
    let since = Instant::now();
    gateway.logout(&bob);
    let rest = drain(&mut connection);
    let took = since.elapsed();
    eprintln!("half a frame: ended after {took:?}");
    assert_eq!(
        rest, b"",
        "our close frame became a part of the app's message"
    );
    assert!(took < Duration::from_secs(3), "it goes on for {took:?}");
    until("the app's side to be closed", || app.ended() >= 1);
}

#[test]
fn frames_without_an_end_stay_whole_up_to_the_cut() {
    let (gateway, _app) = world();
    for round in 0..10 {
        let bob = gateway.bob();
        let mut connection = open(&gateway, "/ws-flood", &bob);
        connection.take(FLOOD.len() * 5).unwrap();
        gateway.logout(&bob);
        let mut all = Vec::new();
        while let Ok(bytes) = connection.take(1000) {
            all.extend(bytes);
        }
        all.extend(drain(&mut connection));
        let whole = all.strip_suffix(GOODBYE).unwrap_or(&all);
        for frame in whole.chunks(FLOOD.len()) {
            assert!(
                frame == &FLOOD[..frame.len()],
                "round {round}: something stands within a frame"
            );
        }
        if whole.len() < all.len() {
            let over = whole.len() % FLOOD.len();
            assert_eq!(over, 0, "round {round}: a goodbye within a frame");
        }
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_off_too() {
    let (gateway, app) = world();
    let bob = gateway.bob();
    let connection = open(&gateway, "/ws-flood", &bob);
    let in_flight = || gateway.metric("doorward_requests_in_flight");
    until("the flood to be counted", || in_flight() == 1.0);
    let since = Instant::now();
    gateway.logout(&bob);
    until("the client's place to be free", || {
        in_flight() == 0.0 && app.ended() >= 1
    });
    // Beside ours, that of the operators' request does not count.
    until("the connection to be closed", || {
        gateway.metric("doorward_connections") == 0.0
    });
    let took = since.elapsed();
    eprintln!("a client that does not read: ended after {took:?}");
    assert!(took < Duration::from_secs(3), "it goes on for {took:?}");
    drop(connection);
}

#[test]
fn a_client_that_keeps_sending_hears_the_goodbye() {
    let (gateway, _app) = world();
    let mut in_time = 0;
    for _ in 0..10 {
        let bob = gateway.bob();
        let mut connection = open(&gateway, "/ws", &bob);
        let message = [&b"\x82\xfe\x04\x00\0\0\0\0"[..], &[b'x'; 1024]].concat();
        let echoed = [&b"\x82\x7e\x04\x00"[..], &[b'x'; 1024]].concat();
        for _ in 0..20 {
            connection.send(&message).unwrap();
        }
        let since = Instant::now();
        gateway.logout(&bob);
        let all_sent = (0..20).try_for_each(|_| connection.send(&message));
        // It listens for half a second only.
        if since.elapsed() < Duration::from_millis(300) {
            all_sent.expect("a reset, which takes the goodbye away on some systems");
            in_time += 1;
        }
        let all = connection.rest().expect("the connection was reset");
        let whole = all.strip_suffix(GOODBYE).expect("the goodbye was lost");
        for frame in whole.chunks(echoed.len()) {
            assert!(frame == echoed, "something stands within a frame");
        }
    }
    assert!(in_time > 0, "the machine is too slow to show anything");
}

#[test]
fn a_websocket_over_tls_hears_it_too() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let ours = certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .start();
    let address = format!("localhost:{}", gateway.port());
    let talk = |bytes: &[u8], then: &dyn Fn()| -> Vec<u8> {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &address, "-CAfile"])
            .arg(&ours.cert)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
        then();
        let output = client.wait_with_output().unwrap();
        drop(input);
        output.stdout
    };
    let field = |name: &str, value: &str| format!("{name}: {value}\r\n");
    let form = "username=bob&password=builder";
    let login = [
        "POST /login HTTP/1.1\r\n".to_owned(),
        field("Host", &address),
        field("Origin", &format!("https://{address}")),
        field("Content-Type", "application/x-www-form-urlencoded"),
        field("Content-Length", &form.len().to_string()),
        field("Connection", "close"),
        format!("\r\n{form}"),
    ];
    let answer = talk(login.concat().as_bytes(), &|| ());
    let answer = crate::support::Response::from_head(&answer);
    let cookie = answer.cookie("__Host-doorward").expect("a session").value;
    let cookie = format!("__Host-doorward={cookie}");
    let upgrade = [
        "GET /ws HTTP/1.1\r\n".to_owned(),
        field("Host", &address),
        field("Origin", &format!("https://{address}")),
        field("Connection", "Upgrade"),
        field("Upgrade", "websocket"),
        field("Sec-WebSocket-Version", "13"),
        field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        field("Cookie", &cookie),
        "\r\n".to_owned(),
    ];
    let logout = [
        "POST /logout HTTP/1.1\r\n".to_owned(),
        field("Host", &address),
        field("Origin", &format!("https://{address}")),
        field("Content-Length", "0"),
        field("Content-Type", "application/x-www-form-urlencoded"),
        field("Connection", "close"),
        field("Cookie", &cookie),
        "\r\n".to_owned(),
    ];
    let since = std::cell::Cell::new(Instant::now());
    let seen = talk(upgrade.concat().as_bytes(), &|| {
        until("the WebSocket to be open", || {
            gateway.metric("doorward_session_connections") == 1.0
        });
        since.set(Instant::now());
        talk(logout.concat().as_bytes(), &|| ());
    });
    let took = since.get().elapsed();
    eprintln!("over TLS: ended after {took:?}");
    assert!(took < Duration::from_secs(3), "it goes on for {took:?}");
    assert!(seen.ends_with(GOODBYE), "no goodbye over TLS");
}

#[test]
fn a_client_that_does_not_close_loses_its_place() {
    let (gateway, _app) = world();
    let bob = gateway.bob();
    let mut connection = open(&gateway, "/ws", &bob);
    gateway.logout(&bob);
    let since = Instant::now();
    assert_eq!(connection.rest().unwrap(), GOODBYE);
    let heard = since.elapsed();
    until("the connection to be closed", || {
        gateway.metric("doorward_connections") == 0.0
    });
    let took = since.elapsed();
    eprintln!("a client that does not close: heard after {heard:?}, gone after {took:?}");
    assert!(
        took < Duration::from_secs(3),
        "its place is taken for {took:?}"
    );
}

/// Accepts an upgrade, says "hi", and waits.
const TLS_APP: &str = r#"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = socket.create_server(("127.0.0.1", 0))
print("port", server.getsockname()[1], flush=True)
app = context.wrap_socket(server, server_side=True)
client, _ = app.accept()
head = b""
while not head.endswith(b"\r\n\r\n"):
    head += client.recv(1)
client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi")
try:
    while client.recv(100): pass
except OSError: pass
print("closed", flush=True)
"#;

#[test]
fn an_app_behind_tls_changes_nothing() {
    if !optional::has("openssl") || !optional::has("python3") {
        return;
    }
    let dir = TempDir::new();
    let theirs = certificate(&dir, "app");
    let mut command = Command::new("python3");
    command
        .args(["-c", TLS_APP])
        .arg(&theirs.cert)
        .arg(&theirs.key);
    let app = Process::spawn(command);
    let port = until_some("the TLS app", || {
        let output = app.output();
        let line = output.lines().find_map(|line| line.strip_prefix("port "));
        line.map(String::from)
    });
    let gateway = Builder::before(&format!("https://localhost:{port}"))
        .yaml(&format!("upstream_tls: {{ ca: {:?} }}", theirs.cert))
        .start();
    let bob = gateway.bob();
    let mut connection = open(&gateway, "/", &bob);
    assert_eq!(connection.take(4).unwrap(), b"\x81\x02hi");
    let since = Instant::now();
    gateway.logout(&bob);
    assert_eq!(connection.rest().unwrap(), GOODBYE);
    eprintln!("an app behind TLS: ended after {:?}", since.elapsed());
    until("the app's side to be closed", || {
        app.output().contains("closed")
    });
}
