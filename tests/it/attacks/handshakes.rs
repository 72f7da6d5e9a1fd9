//! A WebSocket handshake is one GET of HTTP/1.1 without a body, and `Connection` names it
//! (RFC 6455 section 4.1). Nothing else opens a tunnel.

use std::process::Command;

use crate::support::process::run;
use crate::support::{Builder, Upstream, optional, websocket, world_with};

#[test]
fn nothing_else_opens_a_tunnel() {
    let (gateway, app) = world_with("default_access: public");
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    let upgrade = "Upgrade: websocket\r\n";
    let connection = "Connection: Upgrade\r\n";
    for (what, line, fields, body) in [
        ("not named", "GET /ws HTTP/1.1", upgrade.to_owned(), ""),
        (
            "named otherwise",
            "GET /ws HTTP/1.1",
            format!("{upgrade}Connection: keep-alive\r\n"),
            "",
        ),
        (
            "by POST",
            "POST /ws HTTP/1.1",
            format!("{upgrade}{connection}"),
            "",
        ),
        (
            "by an invented method",
            "BREW /ws HTTP/1.1",
            format!("{upgrade}{connection}"),
            "",
        ),
        (
            "with a body",
            "GET /ws HTTP/1.1",
            format!("{upgrade}{connection}Content-Length: 5\r\n"),
            "hello",
        ),
        (
            "with a length of none",
            "GET /ws HTTP/1.1",
            format!("{upgrade}{connection}Content-Length: 0\r\n"),
            "",
        ),
        (
            "with chunks",
            "GET /ws HTTP/1.1",
            format!("{upgrade}{connection}Transfer-Encoding: chunked\r\n"),
            "0\r\n\r\n",
        ),
        (
            "twice",
            "GET /ws HTTP/1.1",
            format!("{upgrade}{upgrade}{connection}"),
            "",
        ),
        (
            "in a list",
            "GET /ws HTTP/1.1",
            format!("Upgrade: h2c, websocket\r\n{connection}"),
            "",
        ),
    ] {
        let answer = gateway.raw(format!("{line}\r\n{host}{fields}\r\n{body}"));
        assert_eq!(answer.status, 400, "{what}: {answer}");
        assert_eq!(answer.code(), "bad_request", "{what}: {answer}");
    }
    assert_eq!(app.count(), 0, "one of them reached the app");
    // HTTP/1.0 knows no upgrades: it is an ordinary request.
    let answer = gateway.raw(format!(
        "GET /ws HTTP/1.0\r\n{host}{upgrade}{connection}\r\n"
    ));
    assert_eq!(answer.status, 200, "{answer}");
    assert!(
        app.last().all("upgrade").is_empty(),
        "{}",
        app.last().text()
    );
    let request = websocket::request(gateway.port(), "/ws").header("Connection", "keep-alive");
    let mut socket = websocket::open(&request, gateway.port()).expect("an honest handshake");
    socket.send("hello".into()).unwrap();
    assert_eq!(websocket::text(&mut socket), "hello");
}

#[test]
fn other_upgrades_are_void() {
    let (gateway, app) = world_with("default_access: public");
    for protocol in ["h2c", "TLS/1.0", "HTTP/2.0, h2c", "foo", ""] {
        let mut connection = gateway.connect();
        let request = gateway
            .request("POST", "/x")
            .header("Connection", "Upgrade, HTTP2-Settings")
            .header("Upgrade", protocol)
            .header("HTTP2-Settings", "AAMAAABkAAQAAP__")
            .body("hello");
        let answer = request.send_on(&mut connection);
        assert_eq!(answer.status, 200, "{protocol}: {answer}");
        let seen = app.last();
        assert_eq!(seen.body, b"hello");
        for name in ["upgrade", "connection", "http2-settings"] {
            assert!(seen.all(name).is_empty(), "{protocol}:\n{}", seen.text());
        }
        // Nothing was switched, so the connection goes on.
        let next = gateway.request("GET", "/next").send_on(&mut connection);
        assert_eq!(next.status, 200, "{protocol}: {next}");
    }
}

#[test]
fn curl_asks_for_http_2_and_gets_http_1() {
    if !optional::has("curl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml("default_access: public").start();
    for data in [None, Some("hello")] {
        let url = format!("http://127.0.0.1:{}/x", gateway.port());
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--http2",
            "--max-time",
            "15",
            "--proxy",
            "",
            "-i",
        ]);
        command.args(data.into_iter().flat_map(|data| ["-d", data]));
        let output = run(command.arg(&url), "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        assert_eq!(app.last().body, data.unwrap_or_default().as_bytes());
    }
}

#[test]
fn an_app_of_http_1_0_switches_nothing() {
    use crate::support::wild::{Then, Wild};
    let app = Wild::start();
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    app.say(
        b"HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        Then::Closes,
    );
    let refused = websocket::open(&websocket::request(gateway.port(), "/ws"), gateway.port());
    assert_eq!(refused.expect_err("a tunnel").status, 502);
}
