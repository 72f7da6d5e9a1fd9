//! `X-Forwarded-*` and its relatives: ours, or a trusted proxy's, never a client's.

use crate::support::{Gateway, Recorded, Upstream, world, world_with};

const LIES: [(&str, &str); 22] = [
    ("X-Forwarded-For", "192.0.2.66"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "666"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Uri", "/evil"),
    ("X-Forwarded-Method", "EVIL"),
    ("X-Forwarded-Server", "evil"),
    ("X-Forwarded-Scheme", "evil"),
    ("X_Forwarded_Host", "evil.example"),
    ("Forwarded", "for=192.0.2.66;host=evil.example"),
    ("X-Real-IP", "192.0.2.66"),
    ("X_Real_IP", "192.0.2.66"),
    ("X-Original-URL", "/evil"),
    ("X_Original_URL", "/evil"),
    ("X-Original-Method", "EVIL"),
    ("X-Original-URI", "/evil"),
    ("X-Rewrite-URL", "/evil"),
    ("X.Rewrite.URL", "/evil"),
    ("X-HTTP-Method-Override", "EVIL"),
    ("X-HTTP-Method", "EVIL"),
    ("X-Method-Override", "EVIL"),
];

fn send(gateway: &Gateway, app: &Upstream, fields: &[(&str, &str)]) -> Recorded {
    let request = gateway.request("GET", "/").cookie(&gateway.alice());
    let response = fields
        .iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .send();
    assert_eq!(response.status, 200, "{response}");
    app.last()
}

#[test]
fn a_stranger_is_not_believed() {
    let (gateway, app) = world();
    let seen = send(&gateway, &app, &LIES);
    assert_eq!(
        seen.all("x-forwarded-for"),
        ["127.0.0.1"],
        "{}",
        seen.text()
    );
    assert_eq!(seen.all("x-forwarded-proto"), ["http"], "{}", seen.text());
    let host = format!("127.0.0.1:{}", gateway.port());
    assert_eq!(seen.all("x-forwarded-host"), [host], "{}", seen.text());
    let text = seen.text().to_ascii_lowercase();
    assert!(
        !text.contains("evil") && !text.contains("192.0.2.66") && !text.contains("666"),
        "a stranger was believed:\n{text}"
    );
    gateway.wait_for_log(&["WARN", "X-Forwarded-For"]);
    send(&gateway, &app, &LIES);
    let warnings = gateway
        .log()
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("X-Forwarded-For"))
        .count();
    assert_eq!(warnings, 1, "every request of a stranger fills the log");
}

#[test]
fn each_lie_alone_goes_too() {
    let (gateway, app) = world();
    for lie in LIES {
        let seen = send(&gateway, &app, &[lie]);
        let text = seen.text();
        let (_, value) = lie;
        assert!(
            value == "https"
                || !text
                    .to_ascii_lowercase()
                    .contains(&value.to_ascii_lowercase()),
            "{lie:?} got through:\n{text}"
        );
        assert_eq!(seen.all("x-forwarded-proto"), ["http"], "{lie:?}:\n{text}");
    }
}

#[test]
fn nominated_forwarded_headers_do_no_harm() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    for nominated in [
        "X-Forwarded-For",
        "X-Forwarded-Proto, X-Forwarded-Host",
        "Host",
    ] {
        let before = app.count();
        let response = gateway
            .request("GET", "/")
            .cookie(&cookie)
            .header("Connection", nominated)
            .send();
        if response.status == 200 {
            let seen = app.last();
            assert_eq!(
                seen.all("x-forwarded-for"),
                ["127.0.0.1"],
                "{nominated}:\n{}",
                seen.text()
            );
            assert_eq!(
                seen.all("x-forwarded-proto"),
                ["http"],
                "{nominated}:\n{}",
                seen.text()
            );
            assert_eq!(seen.all("host").len(), 1, "{nominated}:\n{}", seen.text());
        } else {
            assert_eq!(
                response.status, 400,
                "a client's mistake is called the app's: {response}"
            );
            assert_eq!(app.count(), before, "refused, and forwarded all the same");
        }
    }
}

#[test]
fn a_trusted_proxy_is_believed_and_continued() {
    let (gateway, app) = world_with("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]");
    let request = gateway
        .login_request("alice", "wonderland")
        .header("X-Forwarded-Proto", "https");
    assert_eq!(
        request.send().status,
        403,
        "http and https are different origins"
    );
    let seen = send(
        &gateway,
        &app,
        &[
            ("X-Forwarded-For", "192.0.2.1, 203.0.113.7, 10.1.2.3"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "app.example.com"),
            ("X-Original-URL", "/evil"),
            ("X-HTTP-Method-Override", "EVIL"),
            // What a client smuggled past the proxy, which replaces its own spelling alone.
            ("X_Forwarded_For", "evil"),
            ("X.Forwarded-Proto", "evil"),
            ("x_forwarded_host", "evil"),
            ("X_Real_IP", "EVIL"),
            ("X_Forwarded_Prefix", "EVIL"),
        ],
    );
    assert!(
        !seen.text().contains("EVIL"),
        "a twin that the proxy passed on: {}",
        seen.text()
    );
    assert_eq!(
        seen.all("x-forwarded-for"),
        ["203.0.113.7, 10.1.2.3, 127.0.0.1"],
        "what the client wrote itself is no part of its way: {}",
        seen.text()
    );
    assert_eq!(seen.all("x-forwarded-proto"), ["https"], "{}", seen.text());
    assert_eq!(
        seen.all("x-forwarded-host"),
        ["app.example.com"],
        "{}",
        seen.text()
    );
    assert!(
        !seen.text().to_ascii_lowercase().contains("evil"),
        "nobody may override URL or method:\n{}",
        seen.text()
    );
    // The rightmost address that is not trusted is the client.
    gateway.wait_for_log(&["203.0.113.7"]);
}

#[test]
fn public_url_decides_what_the_app_sees() {
    let (gateway, app) = world_with("public_url: https://app.example.com");
    let response = gateway
        .request("POST", "/login")
        .header("Host", "app.example.com")
        .header("Origin", "https://app.example.com")
        .form("username=alice&password=wonderland")
        .send();
    assert_eq!(response.status, 303, "{response}");
    let cookie = format!(
        "__Host-doorward={}",
        response.cookie("__Host-doorward").unwrap().value
    );
    let response = gateway
        .request("GET", "/")
        .header("Host", "app.example.com")
        .header("X-Forwarded-Host", "evil.example")
        .cookie(&cookie)
        .send();
    assert_eq!(response.status, 200, "{response}");
    let seen = app.last();
    assert_eq!(seen.all("host"), ["app.example.com"], "{}", seen.text());
    assert_eq!(seen.all("x-forwarded-proto"), ["https"], "{}", seen.text());
    assert_eq!(
        seen.all("x-forwarded-host"),
        ["app.example.com"],
        "{}",
        seen.text()
    );
}
