//! What a proxy in front says, in the words that proxies use; and what the log says of words
//! and comparisons that fail.

use crate::support::{Gateway, Request, websocket, world, world_with};

const TRUSTED: &str = "trusted_proxies: [127.0.0.1]\n";

fn upgrade(gateway: &Gateway, origin: &str, proto: &str) -> Request {
    websocket::request(gateway.port(), "/ws")
        .cookie(&gateway.alice())
        .header("Host", "app.example.com")
        .header("Origin", origin)
        .header("X-Forwarded-Proto", proto)
}

#[test]
fn traefik_says_wss_for_a_websocket() {
    let (gateway, app) = world_with(TRUSTED);
    for (proto, scheme, told) in [
        ("wss", "https", "https"),
        ("WSS", "https", "https"),
        ("https", "https", "https"),
        ("HTTPS", "https", "https"),
        ("on", "https", "https"),
        ("http, wss", "https", "https"),
        ("ws", "http", "http"),
    ] {
        let request = upgrade(&gateway, &format!("{scheme}://app.example.com"), proto);
        let socket = websocket::open(&request, gateway.port());
        assert!(socket.is_ok(), "{proto}: {}", socket.unwrap_err());
        assert_eq!(app.last().all("x-forwarded-proto"), [told], "{proto}");
    }
    // The other scheme is another origin, whatever the word.
    let request = upgrade(&gateway, "http://app.example.com", "wss");
    let refused = websocket::open(&request, gateway.port()).unwrap_err();
    assert_eq!(refused.status, 403, "{refused}");
}

#[test]
fn an_origin_that_fails_is_told_with_both_sides_and_the_mend() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let post = || {
        let request = gateway.request("POST", "/x").cookie(&cookie);
        let request = request.header("Host", "app.example.com");
        let request = request.header("X-Forwarded-Proto", "https");
        request.header("Origin", "https://app.example.com").send()
    };
    assert_eq!(post().status, 403);
    let line = gateway.wait_for_log(&["WARN", "Origin"]);
    for part in [
        "\"https://app.example.com\"",
        "ours, http://app.example.com",
        "public_url",
        "list 127.0.0.1 in trusted_proxies",
    ] {
        assert!(line.contains(part), "no {part}: {line}");
    }
    gateway.wait_for_log(&["WARN", "X-Forwarded-Proto", "is not in trusted_proxies"]);
    for _ in 0..5 {
        assert_eq!(post().status, 403);
    }
    gateway.get("/last", &cookie);
    gateway.wait_for_log(&["/last"]);
    let count = |word: &str| {
        let log = gateway.log();
        let lines = log.lines();
        lines
            .filter(|line| line.contains("WARN") && line.contains(word))
            .count()
    };
    assert_eq!(
        count("Origin"),
        1,
        "a client fills the log:\n{}",
        gateway.log()
    );
    assert_eq!(count("trusted_proxies; it is ignored"), 1);
}

#[test]
fn a_host_that_is_not_served_is_told_with_both_sides_and_the_mend() {
    let (gateway, _app) = world_with("public_url: https://app.example.com:8443\n");
    let request = gateway.request("GET", "/");
    let answer = request.header("Host", "app.example.com").send();
    assert_eq!(answer.status, 421, "{answer}");
    gateway.wait_for_log(&[
        "WARN",
        "Host \"app.example.com\"",
        "https://app.example.com:8443",
        "extra_hosts",
        "port",
    ]);
}

#[test]
fn words_that_are_not_read_are_told_of() {
    let (gateway, app) = world_with(TRUSTED);
    let cookie = gateway.alice();
    for (fields, words) in [
        (
            &[("X-Forwarded-Proto", "HTTP/2.0\t")][..],
            &["\"HTTP/2.0\"", "none of"][..],
        ),
        (
            &[("X-Forwarded-Proto", "https, http")],
            &["http and https", "public_url"],
        ),
        (
            &[("X-Forwarded-Ssl", "on")],
            &["x-forwarded-ssl", "no X-Forwarded-Proto"],
        ),
        (
            &[("X-Forwarded-Host", "a b")],
            &["X-Forwarded-Host", "\"a b\"", "no host"],
        ),
        (
            &[("X-Forwarded-For", "1.2.3.4, unknown")],
            &["\"unknown\"", "no address"],
        ),
    ] {
        let request = gateway.request("GET", "/x").cookie(&cookie).fields(fields);
        assert_eq!(request.send().status, 200, "{fields:?}");
        let words = [&["WARN", "127.0.0.1"], words].concat();
        gateway.wait_for_log(&words);
    }
    let request = gateway.request("GET", "/x").cookie(&cookie);
    let request = request.header("X-Forwarded-For", "\"[2001:db8::7]:4711\"");
    assert_eq!(request.send().status, 200);
    assert_eq!(
        app.last().all("x-forwarded-for"),
        ["2001:db8::7, 127.0.0.1"]
    );
}

#[test]
fn the_page_names_both_origins_where_a_proxy_is_not_believed() {
    let page = |gateway: &Gateway, host: &str, proto: Option<&str>| {
        let request = gateway.request("GET", "/login").header("Host", host);
        let request = match proto {
            Some(proto) => request.header("X-Forwarded-Proto", proto),
            None => request,
        };
        request.navigate("none").send().text()
    };
    let (gateway, _app) = world();
    let told = page(&gateway, "app.example.com", Some("https"));
    for part in [
        "Your browser is at https://app.example.com,",
        "takes that for http://app.example.com,",
        "public_url: https://app.example.com",
        "trusted_proxies",
    ] {
        assert!(told.contains(part), "no {part}: {told}");
    }
    assert!(!told.contains("Signing in cannot work"), "it can: {told}");
    let signed_in = gateway
        .login_request("alice", "wonderland")
        .header("X-Forwarded-Proto", "https");
    assert_eq!(signed_in.send().status, 303);
    let plain = page(&gateway, "app.example.com", None);
    assert!(plain.contains("Signing in cannot work here."), "{plain}");
    let plain = page(&gateway, "app.example.com", Some("http"));
    assert!(plain.contains("Signing in cannot work here."), "{plain}");
    for yaml in [TRUSTED, "public_url: https://app.example.com"] {
        let (gateway, _app) = world_with(yaml);
        let page = page(&gateway, "app.example.com", Some("https"));
        assert!(!page.contains("role=\"alert\""), "{yaml}: {page}");
    }
}
