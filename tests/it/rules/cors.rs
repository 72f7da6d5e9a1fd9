//! CORS: who may call from another origin, and what they are told.

use crate::support::{Gateway, Response, assert_problem, world, world_with};

const APP: &str = "https://app.example.com";
const CORS: &str = "cors: { allowed_origins: [https://app.example.com, \"http://localhost:5173\"], exposed_headers: [X-Total] }";

fn preflight(gateway: &Gateway, origin: &str, path: &str) -> Response {
    gateway
        .request("OPTIONS", path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "PUT")
        .header(
            "Access-Control-Request-Headers",
            "content-type,x-csrf-token",
        )
        .send()
}

#[track_caller]
fn assert_no_cors(response: &Response) {
    let found: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"))
        .collect();
    assert!(
        found.is_empty(),
        "a foreign origin is told {found:?}: {response}"
    );
}

#[track_caller]
fn assert_allowed(response: &Response, origin: &str) {
    assert_eq!(
        response.header("access-control-allow-origin").as_deref(),
        Some(origin),
        "{response}"
    );
    assert_eq!(
        response
            .header("access-control-allow-credentials")
            .as_deref(),
        Some("true"),
        "{response}"
    );
    assert!(
        response.lists("vary", "Origin"),
        "a cache could give this answer to another origin: {response}"
    );
}

#[test]
fn a_preflight_is_answered_here_without_a_session() {
    let (gateway, app) = world_with(CORS);
    for path in ["/data", "/login", "/_doorward/session"] {
        let response = preflight(&gateway, APP, path);
        assert_eq!(response.status, 204, "{path}: {response}");
        assert_allowed(&response, APP);
        let methods = response
            .header("access-control-allow-methods")
            .unwrap_or_default();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(
                methods.split(',').any(|listed| listed.trim() == method),
                "{method} is not listed, and a * would be literal: {response}"
            );
        }
        for header in ["content-type", "x-csrf-token"] {
            assert!(
                response.lists("access-control-allow-headers", header),
                "{header}: {response}"
            );
        }
        assert_eq!(
            response.header("access-control-max-age").as_deref(),
            Some("600"),
            "{response}"
        );
    }
    assert_eq!(app.count(), 0, "the app saw a preflight");
}

#[test]
fn a_preflight_from_elsewhere_is_refused_without_cors_headers() {
    let (gateway, app) = world_with(CORS);
    for origin in foreign() {
        let response = preflight(&gateway, origin, "/data");
        assert_problem(&response, 403, "origin_not_allowed", origin);
        assert_no_cors(&response);
        assert!(response.lists("vary", "Origin"), "{response}");
    }
    assert_eq!(app.count(), 0, "the app saw a preflight");
}

fn foreign() -> [&'static str; 18] {
    [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://app.example.com/",
        "https://APP.example.com",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://sub.app.example.com",
        "https://app.example.com@evil.example",
        "https://app.example.com, https://evil.example",
        "http://localhost",
        "http://localhost:51730",
        "file://",
        "*",
        "https://app.example.com:443",
        "nonsense",
    ]
}

#[test]
fn a_foreign_origin_never_reaches_the_app() {
    let (gateway, app) = world_with(&format!(
        "{CORS}\nrules: [{{ path: /public/**, access: public }}]"
    ));
    let cookie = gateway.alice();
    for origin in foreign() {
        for (method, path) in [("GET", "/data"), ("POST", "/data"), ("GET", "/public/x")] {
            let response = gateway
                .request(method, path)
                .header("Origin", origin)
                .cookie(&cookie)
                .send();
            assert_problem(
                &response,
                403,
                "origin_not_allowed",
                &format!("{origin} {method} {path}"),
            );
            assert_no_cors(&response);
        }
    }
    let bytes = gateway
        .request("GET", "/data")
        .header("Origin", b"https://app.example.com\xff")
        .cookie(&cookie)
        .send();
    assert_problem(
        &bytes,
        403,
        "origin_not_allowed",
        "an Origin beyond ASCII counts as none",
    );
    let twice = gateway
        .request("GET", "/data")
        .header("Origin", APP)
        .header("Origin", "https://evil.example")
        .cookie(&cookie)
        .send();
    assert!(matches!(twice.status, 400 | 403), "two Origins: {twice}");
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn an_allowed_origin_gets_exactly_its_own_name() {
    let (gateway, app) = world_with(CORS);
    let cookie = gateway.alice();
    for origin in [APP, "http://localhost:5173"] {
        for method in ["GET", "POST", "DELETE"] {
            let response = gateway
                .request(method, "/data")
                .header("Origin", origin)
                .cookie(&cookie)
                .send();
            assert_eq!(response.status, 200, "{response}");
            assert_allowed(&response, origin);
            assert_eq!(
                response.header("access-control-expose-headers").as_deref(),
                Some("X-Total"),
                "{response}"
            );
        }
    }
    assert_eq!(app.count(), 6);
}

#[test]
fn the_apps_own_cors_headers_are_ours_to_say() {
    let (gateway, _app) = world_with(CORS);
    let cookie = gateway.alice();
    let allowed = gateway
        .request("GET", "/cors")
        .header("Origin", APP)
        .cookie(&cookie)
        .send();
    assert_eq!(allowed.status, 200, "{allowed}");
    assert_allowed(&allowed, APP);
    assert!(
        !allowed.text().contains("BREW") && allowed.all("access-control-allow-methods").is_empty(),
        "{allowed}"
    );
    assert_eq!(
        allowed.header("access-control-expose-headers").as_deref(),
        Some("X-Total"),
        "the app exposes X-Secret: {allowed}"
    );
    assert!(
        allowed.lists("vary", "Accept-Encoding"),
        "the app's own Vary is lost: {allowed}"
    );
    let plain = gateway.get("/cors", &cookie);
    assert_no_cors(&plain);
    assert!(
        plain.lists("vary", "Origin") && plain.lists("vary", "Accept-Encoding"),
        "Vary must not depend on the request: {plain}"
    );
}

#[test]
fn vary_is_on_every_answer() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    for response in [
        gateway.get("/", &cookie),
        gateway.get("/", ""),
        gateway.get("/login", ""),
        gateway.request("GET", "/").navigate("none").send(),
        gateway.get("/_doorward/session", &cookie),
        gateway.get("/a//b", ""),
    ] {
        assert!(
            response.lists("vary", "Origin"),
            "a cache could mix origins: {response}"
        );
    }
}

#[test]
fn our_own_origin_is_ours() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let port = gateway.port();
    let own = gateway
        .request("GET", "/")
        .own_origin()
        .cookie(&cookie)
        .send();
    assert_eq!(own.status, 200, "{own}");
    assert_no_cors(&own);
    // Behind a proxy that ends TLS the scheme differs; the browser vouches.
    let vouched = gateway
        .request("GET", "/")
        .header("Origin", format!("https://127.0.0.1:{port}"))
        .header("Sec-Fetch-Site", "same-origin")
        .cookie(&cookie)
        .send();
    assert_eq!(vouched.status, 200, "{vouched}");
    let null = gateway
        .request("POST", "/")
        .header("Origin", "null")
        .header("Sec-Fetch-Site", "same-origin")
        .cookie(&cookie)
        .send();
    assert_eq!(
        null.status, 200,
        "a form with Referrer-Policy: no-referrer is refused: {null}"
    );
    for (origin, site) in [
        (format!("https://127.0.0.1:{port}"), ""),
        (format!("http://127.0.0.1:{}", port - 1), ""),
        (format!("http://localhost:{port}"), ""),
        ("null".into(), "cross-site"),
        ("null".into(), "same-site"),
    ] {
        let mut request = gateway
            .request("GET", "/")
            .header("Origin", &origin)
            .cookie(&cookie);
        if !site.is_empty() {
            request = request.header("Sec-Fetch-Site", site);
        }
        assert_problem(
            &request.send(),
            403,
            "origin_not_allowed",
            &format!("{origin} {site}"),
        );
    }
}

#[test]
fn with_public_url_only_that_is_ours() {
    let (gateway, _app) = world_with("public_url: https://app.example.com");
    let ask = |origin: &str| {
        gateway
            .request("GET", "/")
            .header("Host", "app.example.com")
            .header("Origin", origin)
            .send()
    };
    assert_problem(
        &ask("https://app.example.com"),
        401,
        "session_required",
        "our own pages are foreign",
    );
    for origin in [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://other.example",
    ] {
        assert_problem(&ask(origin), 403, "origin_not_allowed", origin);
    }
}

#[test]
fn an_options_request_that_is_no_preflight_is_ordinary() {
    let (gateway, app) = world_with(CORS);
    let cookie = gateway.alice();
    let closed = gateway.request("OPTIONS", "/data").send();
    assert_problem(&closed, 401, "session_required", "OPTIONS opens the door");
    let half = gateway
        .request("OPTIONS", "/data")
        .header("Access-Control-Request-Method", "PUT")
        .send();
    assert_problem(
        &half,
        401,
        "session_required",
        "half a preflight opens the door",
    );
    let no_method = gateway
        .request("OPTIONS", "/data")
        .header("Origin", APP)
        .send();
    assert_problem(
        &no_method,
        401,
        "session_required",
        "half a preflight opens the door",
    );
    let open = gateway.request("OPTIONS", "/data").cookie(&cookie).send();
    assert_eq!(open.status, 200, "{open}");
    assert_eq!(app.last().line(), "OPTIONS /data HTTP/1.1");
}

#[test]
fn apps_and_extensions_are_allowed_as_they_write_themselves() {
    let origins = "capacitor://localhost, app://obsidian.md, chrome-extension://gighmmpiobkl";
    let (gateway, _app) = world_with(&format!("cors: {{ allowed_origins: [{origins}] }}"));
    let cookie = gateway.alice();
    let post = |origin: &str| {
        let request = gateway.request("POST", "/x").cookie(&cookie);
        request.header("Origin", origin).form("").send()
    };
    for origin in origins.split(", ") {
        let answer = post(origin);
        assert_eq!(answer.status, 200, "{answer}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed.as_deref(), Some(origin), "{answer}");
    }
    for origin in [
        "capacitor://localhost/",
        "capacitor://localhost:1",
        "Capacitor://localhost",
        "capacitor://evil",
        "app://obsidian.md.evil",
        "chrome-extension://evil",
        "http://localhost",
    ] {
        assert_eq!(post(origin).status, 403, "{origin}");
    }
}
