//! What public means: who a visitor is there, who may keep an answer, and whose pages may read.

use crate::support::world_with;

const RULES: &str = "cors: { allowed_origins: [https://spa.example] }
rules:
  - { path: /pages/**, access: public }
  - { path: /assets/**, access: public, identity: off }
  - { path: /fonts/**, methods: [GET, HEAD], access: public, identity: off, cross_origin: anyone }
  - { path: /fonts/**, access: { roles: [admin] } }
";

#[test]
fn an_identity_that_was_sent_makes_the_answer_private() {
    let (gateway, app) = world_with(RULES);
    let alice = gateway.alice();
    for (path, cookie, identity, public) in [
        ("/pages/public-cache", "", false, true),
        ("/pages/public-cache", alice.as_str(), true, false),
        ("/assets/public-cache", "", false, true),
        ("/assets/public-cache", &alice, false, true),
        ("/fonts/public-cache", &alice, false, true),
        ("/closed/public-cache", &alice, true, false),
    ] {
        let answer = gateway.get(path, cookie);
        assert_eq!(answer.status, 200, "{answer}");
        let seen = app.last();
        assert_eq!(
            !seen.all("x-user-id").is_empty(),
            identity,
            "{path}:\n{}",
            seen.text()
        );
        assert_eq!(seen.cookies(), b"", "our cookie reached the app");
        assert_eq!(
            answer.lists("cache-control", "public"),
            public,
            "{path}: {answer}"
        );
        assert_eq!(
            answer.lists("cache-control", "private"),
            !public,
            "{path}: {answer}"
        );
        // What shared caches heed before that.
        for name in [
            "surrogate-control",
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "vercel-cdn-cache-control",
            "edge-control",
            "fastly-surrogate-control",
            "x-varnish-ttl",
        ] {
            assert_eq!(
                answer.all(name).is_empty(),
                !public,
                "{path} {name}: {answer}"
            );
        }
    }
}

/// Hints are of the same exchange as the answer.
#[test]
fn hints_to_somebody_are_as_private_as_the_answer() {
    let (gateway, _app) = world_with("rules: [{ path: /early, access: public }]");
    let alice = gateway.alice();
    for (cookie, public) in [("", true), (alice.as_str(), false)] {
        let mut connection = gateway.connect();
        let request = gateway.request("GET", "/early").cookie(cookie);
        connection.send(request.bytes()).unwrap();
        let hints = connection.head().unwrap();
        assert_eq!(hints.status, 103, "{hints}");
        assert!(hints.header("link").is_some(), "{hints}");
        for name in ["cache-control", "surrogate-control"] {
            assert_eq!(hints.header(name).is_some(), public, "{name}: {hints}");
        }
    }
}

#[test]
fn without_identity_no_cookie_of_ours_means_anything() {
    let (gateway, app) = world_with(RULES);
    for cookie in [
        "__Host-doorward=x",
        "__Host-doorward-refresh=x",
        &gateway.alice(),
    ] {
        // Also one that another site makes the browser send: there is no session to abuse.
        let answer = gateway
            .request("POST", "/assets/x")
            .header("Sec-Fetch-Site", "cross-site")
            .cookie(cookie)
            .send();
        assert_eq!(answer.status, 200, "{cookie}: {answer}");
        assert!(answer.cookies().is_empty(), "{answer}");
        assert_eq!(app.last().all("x-user-id"), [""; 0]);
    }
}

#[test]
fn pages_of_every_site_may_read_what_is_for_anyone() {
    let (gateway, app) = world_with(RULES);
    let alice = gateway.alice();
    for origin in [
        "https://other.example",
        "https://spa.example",
        "null",
        "http://x.example:81",
    ] {
        for cookie in ["", &alice] {
            let request = gateway
                .request("GET", "/fonts/a.woff2")
                .header("Origin", origin);
            let answer = request.cookie(cookie).send();
            assert_eq!(answer.status, 200, "{origin}: {answer}");
            assert_eq!(answer.all("access-control-allow-origin"), ["*"], "{answer}");
            assert_eq!(
                answer.all("access-control-allow-credentials"),
                [""; 0],
                "{answer}"
            );
            assert_eq!(app.last().all("x-user-id"), [""; 0], "{origin}");
        }
        let preflight = gateway
            .request("OPTIONS", "/fonts/a.woff2")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET");
        let answer = preflight.send();
        assert_eq!(answer.status, 204, "{origin}: {answer}");
        assert_eq!(answer.all("access-control-allow-origin"), ["*"], "{answer}");
        assert_eq!(
            answer.all("access-control-allow-credentials"),
            [""; 0],
            "{answer}"
        );
    }
}

#[test]
fn other_paths_and_other_methods_stay_closed_to_other_sites() {
    let (gateway, app) = world_with(RULES);
    let alice = gateway.alice();
    for (method, path) in [
        ("GET", "/pages/x"),
        ("GET", "/assets/x"),
        ("GET", "/closed"),
        ("POST", "/fonts/x"),
        ("PUT", "/fonts/x"),
        // One reading is not enough.
        ("GET", "/fonts%2fx"),
        ("GET", "//fonts/x"),
        ("GET", "/FONTS/x"),
    ] {
        for cookie in ["", &alice] {
            let request = gateway
                .request(method, path)
                .header("Origin", "https://other.example");
            let answer = request.cookie(cookie).send();
            assert_eq!(answer.status, 403, "{method} {path}: {answer}");
            assert_eq!(
                answer.all("access-control-allow-origin"),
                [""; 0],
                "{answer}"
            );
        }
    }
    let preflight = gateway
        .request("OPTIONS", "/fonts/x")
        .header("Origin", "https://other.example")
        .header("Access-Control-Request-Method", "POST");
    assert_eq!(preflight.send().status, 403);
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
}
