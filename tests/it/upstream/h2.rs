//! HTTP/2 from the browser, HTTP/1.1 to the app: the same promises.

use std::time::Duration;

use crate::support::curl::{Certificate, certificate, curl};
use crate::support::{
    Builder, Gateway, Process, Response, TempDir, Upstream, assert_problem, optional, until,
};

/// A gateway that speaks HTTP/2, and curl as its browser.
pub struct World {
    /// Before the app.
    pub gateway: Gateway,
    /// Speaks HTTP/1.1.
    pub app: Upstream,
    ours: Certificate,
}

impl World {
    /// `None` where the programs for it are missing.
    pub fn new(yaml: &str) -> Option<Self> {
        if !optional::has("curl") || !optional::has("openssl") {
            return None;
        }
        let app = Upstream::start();
        let builder = Builder::new(&app);
        let ours = certificate(builder.dir(), "gateway");
        let gateway = builder
            .yaml("tls: { cert: gateway.crt, key: gateway.key }")
            .yaml(yaml)
            .start();
        Some(Self { gateway, app, ours })
    }

    /// The certificate that a client is to believe.
    pub fn ca(&self) -> &std::path::Path {
        &self.ours.cert
    }

    /// Asks over HTTP/2.
    #[track_caller]
    pub fn ask(&self, path: &str, arguments: &[&str]) -> Response {
        let ca = self.ours.cert.display().to_string();
        let url = format!("https://localhost:{}{path}", self.gateway.port());
        let mut all = vec!["--http2", "--path-as-is", "--cacert", &ca];
        all.extend(arguments);
        all.push(&url);
        let response = curl(&all).unwrap();
        assert!(
            response.head.starts_with(b"HTTP/2 "),
            "HTTP/2 was not spoken: {response}"
        );
        response
    }

    /// Alice's cookie.
    #[track_caller]
    pub fn login(&self) -> String {
        self.login_as("alice", "wonderland")
    }

    /// Somebody's cookie.
    #[track_caller]
    pub fn login_as(&self, username: &str, password: &str) -> String {
        let origin = format!("Origin: https://localhost:{}", self.gateway.port());
        let form = format!("username={username}&password={password}");
        let response = self.ask("/login", &["-H", &origin, "-d", &form]);
        assert_eq!(response.status, 303, "{response}");
        format!(
            "__Host-doorward={}",
            response.cookie("__Host-doorward").unwrap().value
        )
    }
}

#[test]
fn a_session_opens_the_app_over_http_2() {
    let Some(world) = World::new("") else {
        return;
    };
    assert_problem(
        &world.ask("/x", &[]),
        401,
        "session_required",
        "HTTP/2 is open",
    );
    let cookie = format!("Cookie: {}", world.login());
    let response = world.ask(
        "/x?y=%2F",
        &[
            "-H",
            &cookie,
            "-H",
            "X-User-Id: evil",
            "-H",
            "X_User_Id: evil",
        ],
    );
    assert_eq!(response.status, 200, "{response}");
    let seen = world.app.last();
    assert_eq!(seen.line(), "GET /x?y=%2F HTTP/1.1");
    assert_eq!(
        seen.all("host"),
        [format!("localhost:{}", world.gateway.port())],
        "{}",
        seen.text()
    );
    assert_eq!(seen.all("x-user-id"), ["1001"], "{}", seen.text());
    assert!(!seen.text().contains("evil"), "{}", seen.text());
    assert!(seen.raw("cookie").is_empty(), "{}", seen.text());
}

#[test]
fn cookies_that_were_split_are_put_together() {
    let Some(world) = World::new("") else {
        return;
    };
    let ours = world.login();
    let fields = [
        "Cookie: a=1".to_owned(),
        format!("Cookie: {ours}"),
        "Cookie: b=2".to_owned(),
    ];
    let response = world.ask(
        "/x",
        &["-H", &fields[0], "-H", &fields[1], "-H", &fields[2]],
    );
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        world.app.last().all("cookie"),
        ["a=1; b=2"],
        "RFC 9113 section 8.2.3:\n{}",
        world.app.last().text()
    );
    let twice = format!("Cookie: {ours}");
    let response = world.ask("/x", &["-H", &twice, "-H", &twice]);
    assert_problem(
        &response,
        401,
        "session_required",
        "two session cookies count",
    );
}

#[test]
fn paths_bodies_and_hosts_are_checked_as_over_http_1() {
    let Some(world) =
        World::new("limits: { request_body: 1KiB }\nrules: [{ path: /public/**, access: public }]")
    else {
        return;
    };
    let cookie = format!("Cookie: {}", world.login());
    for path in ["/public/../x", "/public/%2e%2e/x", "/x/..%2fb"] {
        let response = world.ask(path, &["-H", &cookie]);
        assert_problem(&response, 400, "path_ambiguous", path);
    }
    let origin = format!("Origin: https://localhost:{}", world.gateway.port());
    let body = "x".repeat(2000);
    let response = world.ask("/x", &["-H", &cookie, "-H", &origin, "-d", &body]);
    assert_problem(
        &response,
        413,
        "payload_too_large",
        "2000 bytes over HTTP/2",
    );
    assert_eq!(world.app.count(), 0, "the app was asked");
    let response = world.ask("/x", &["-H", &cookie, "-H", &origin, "-d", "small"]);
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(world.app.last().body, b"small");
    let foreign = world.ask(
        "/x",
        &[
            "-H",
            &cookie,
            "-H",
            "Origin: https://evil.example",
            "-d",
            "small",
        ],
    );
    assert_problem(
        &foreign,
        403,
        "origin_not_allowed",
        "another origin over HTTP/2",
    );
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let Some(world) = World::new("limits: { client_read: 1s }") else {
        return;
    };
    let ca = world.ours.cert.display().to_string();
    let url = format!("https://localhost:{}/login", world.gateway.port());
    let mut curl = std::process::Command::new("curl")
        .args(["--http2", "-s", "-i", "--max-time", "8", "--cacert", &ca])
        .args([
            "-H",
            "Content-Type: application/json",
            "-X",
            "POST",
            "-T",
            "-",
        ])
        .arg(&url)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The pipe stays open, so that the body has no end.
    world
        .gateway
        .wait_for_log(&["access", "path=/login", "status=408"]);
    curl.kill().unwrap();
    curl.wait().unwrap();
}

#[test]
fn an_idle_connection_is_closed() {
    let Some(world) = World::new("limits: { keepalive_idle: 1s }") else {
        return;
    };
    let address = format!("localhost:{}", world.gateway.port());
    let ca = world.ours.cert.display().to_string();
    let mut client = std::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-alpn", "h2", "-CAfile", &ca])
        .args(["-connect", &address])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    std::io::Write::write_all(&mut input, preface).unwrap();
    std::io::Write::flush(&mut input).unwrap();
    let open = || world.gateway.metric("doorward_connections");
    until("the connection to be counted", || open() >= 1.0);
    until("the idle connection to be closed", || open() < 1.0);
    drop(input);
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn a_refusal_of_a_request_with_a_body_arrives() {
    let Some(world) = World::new("") else {
        return;
    };
    // Whether the body comes before the answer is luck.
    for _ in 0..20 {
        let response = world.ask("/x", &["-d", "small"]);
        assert_problem(&response, 401, "session_required", "no cookie");
    }
}

#[test]
fn a_stream_ends_with_its_session_and_its_connection_goes_on() {
    let Some(world) = World::new("") else {
        return;
    };
    let (alice, bob) = (world.login(), world.login_as("bob", "builder"));
    let dir = TempDir::new();
    let ca = world.ours.cert.display().to_string();
    let events = |path: &str| format!("https://localhost:{}{path}", world.gateway.port());
    let out = |name: &str| dir.join(name).display().to_string();
    let mut client = std::process::Command::new("curl");
    client.args(["--parallel", "--silent", "--no-buffer"]);
    // What goes to its standard output curl would keep until its end. Over one connection:
    // it waits for the first to know that it speaks HTTP/2.
    for (number, (path, cookie)) in [
        ("/sse", &alice),
        ("/quiet-events", &bob),
        ("/sse", &bob),
        ("/quiet-events", &alice),
    ]
    .into_iter()
    .enumerate()
    {
        if number > 0 {
            client.arg("--next").args(["--silent", "--no-buffer"]);
        }
        client
            .args(["--http2", "--max-time", "20", "--cacert", &ca])
            .args(["-H", &format!("Cookie: {cookie}")])
            .args([
                "-w",
                &format!("%{{stderr}}{number} ended with %{{exitcode}}\n"),
            ])
            .args(["-o", &out(&number.to_string()), &events(path)]);
    }
    let client = Process::spawn(client);
    let open = || world.gateway.metric("doorward_session_connections");
    until("four streams", || open() == 4.0);
    until("them to be alone on one connection", || {
        world.gateway.metric("doorward_connections") == 1.0
    });
    let since = std::time::Instant::now();
    let cookie = format!("Cookie: {bob}");
    let origin = format!("Origin: https://localhost:{}", world.gateway.port());
    let answer = world.ask("/logout", &["-H", &cookie, "-H", &origin, "-d", ""]);
    assert_eq!(answer.status, 303, "{answer}");
    until("Bob's streams to be reset", || {
        let said = client.output();
        // RST_STREAM: CURLE_HTTP2_STREAM.
        said.contains("1 ended with 92") && said.contains("2 ended with 92")
    });
    let took = since.elapsed();
    eprintln!("HTTP/2: ended after {took:?}");
    assert!(took < Duration::from_secs(3), "they go on for {took:?}");
    until("Bob's streams, and no other, to be forgotten", || {
        open() == 2.0
    });
    let size = || std::fs::metadata(dir.join("0")).map_or(0, |file| file.len());
    let before = size();
    until("Alice's next event", || size() > before);
    assert_eq!(client.output().matches("ended").count(), 2);
}
