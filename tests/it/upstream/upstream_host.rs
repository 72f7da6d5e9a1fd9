//! `upstream_host`: which `Host` the app sees, while `X-Forwarded-Host` says what the browser
//! asked for.

use crate::support::h2_request::H2Request;
use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, Upstream, websocket};

/// What the app was told: its `Host`, and the one that was asked for.
fn told(app: &Upstream) -> (Vec<String>, Vec<String>) {
    let last = app.last();
    (last.all("host"), last.all("x-forwarded-host"))
}

fn hosts_of(gateway: &Gateway, app: &Upstream) -> Vec<(Vec<String>, Vec<String>)> {
    let cookie = gateway.alice();
    let request = gateway.request("GET", "/a").cookie(&cookie);
    assert_eq!(request.header("Host", "app.example.com").send().status, 200);
    let mut seen = vec![told(app)];
    let request = websocket::request(gateway.port(), "/ws")
        .cookie(&cookie)
        .header("Host", "app.example.com")
        .header("Origin", "http://app.example.com");
    assert!(websocket::open(&request, gateway.port()).is_ok());
    seen.push(told(app));
    seen
}

#[test]
fn the_app_sees_the_host_that_the_operator_chose() {
    let app = Upstream::start();
    let own = app.url().trim_start_matches("http://").to_owned();
    for (yaml, host) in [
        ("", "app.example.com"),
        ("upstream_host: client", "app.example.com"),
        ("upstream_host: upstream", own.as_str()),
        ("upstream_host: Inner.example:8443", "inner.example:8443"),
        ("upstream_host: '[::1]:81'", "[::1]:81"),
    ] {
        let gateway = Builder::new(&app).yaml(yaml).start();
        for (seen, forwarded) in hosts_of(&gateway, &app) {
            assert_eq!(seen, [host], "{yaml}");
            assert_eq!(forwarded, ["app.example.com"], "{yaml}");
        }
        let open = "rules: [{ path: /**, access: public }]";
        let gateway = Builder::new(&app).yaml(yaml).yaml(open).tls().start();
        let request = H2Request::new("GET", "app.example.com", "/b");
        assert_eq!(request.send(gateway.port()).unwrap().status(), 200);
        let expected = (vec![host.to_owned()], vec!["app.example.com".to_owned()]);
        assert_eq!(told(&app), expected, "over HTTP/2, {yaml}");
    }
}

#[test]
fn a_reload_changes_it() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let cookie = gateway.alice();
    gateway.rewrite("upstream_host: inner.example");
    gateway.reload();
    assert_eq!(gateway.get("/", &cookie).status, 200);
    assert_eq!(app.last().all("host"), ["inner.example"]);
}

/// An app that builds addresses of the host that it sees sends nobody there.
#[test]
fn a_redirect_to_the_inner_host_leads_to_the_outer() {
    let app = Verbatim::start(|taken| {
        let at = match taken.target() {
            "/in" => "http://inner.example:81/next?a=b#c",
            "/slashes" => "http://inner.example:81//evil.example/",
            "/login" => "http://inner.example:81/login?next=/",
            _ => "https://elsewhere.example/next",
        };
        let said = format!("HTTP/1.1 302 Found\r\nLocation: {at}\r\nContent-Length: 0\r\n\r\n");
        (said.into_bytes(), true)
    });
    let yaml = "upstream_host: inner.example:81\nrules: [{ path: /anon/**, access: public }]";
    let gateway = Builder::before(&app.url()).yaml(yaml).start();
    let cookie = gateway.alice();
    let origin = gateway.origin();
    for (path, expected) in [
        ("/in", format!("{origin}/next?a=b#c")),
        ("/slashes", format!("{origin}//evil.example/")),
        ("/else", "https://elsewhere.example/next".to_owned()),
    ] {
        let answer = gateway.get(path, &cookie);
        assert_eq!(
            answer.header("location"),
            Some(expected),
            "{path}: {answer}"
        );
    }
}
