//! What operators see: health, metrics, log lines; and what nobody may see.

use serde_json::{Value, json};

use crate::support::users::ALICE_PASSWORD;
use crate::support::{
    Builder, Gateway, Request, Upstream, assert_problem, token, until, world, world_with,
};

#[test]
fn health_and_metrics_are_for_operators_alone() {
    let (gateway, app) = world();
    for path in ["/healthz", "/readyz", "/metrics"] {
        let response = gateway.operators(path);
        assert_eq!(response.status, 200, "{path}: {response}");
        assert_eq!(
            gateway.get(path, "").status,
            401,
            "{path} is open to the public"
        );
    }
    let unknown = gateway.operators("/nothing");
    assert_eq!(unknown.status, 404, "{unknown}");
    let post = Request::new(gateway.admin(), "POST", "/api/reload").send();
    assert_eq!(
        post.status, 404,
        "the admin API is on TCP without a token: {post}"
    );
    assert_eq!(app.count(), 0, "the app was asked");
    let head = Request::new(gateway.admin(), "HEAD", "/healthz").send();
    assert_eq!((head.status, head.body.len()), (200, 0), "{head}");
}

#[test]
fn a_name_that_a_page_of_the_web_has_reads_no_metrics() {
    let (mut gateway, _app) = world();
    let ask = |gateway: &Gateway, host: &str| {
        let request = Request::new(gateway.admin(), "GET", "/metrics");
        request.header("Host", host).send()
    };
    let answer = ask(&gateway, "evil.example:9180");
    assert_problem(&answer, 421, "wrong_host", "a rebound name reads metrics");
    assert!(answer.text().contains("admin.hosts"), "no mend: {answer}");
    for host in ["localhost", "[::1]:9180", "10.0.0.7:9180", "doorward:9180"] {
        assert_eq!(ask(&gateway, host).status, 200, "{host}");
    }
    // Who needs a name lists it, and a reload is enough.
    let admin = gateway.admin();
    gateway.rewrite(&format!(
        "admin: {{ listen: \"127.0.0.1:{admin}\", hosts: [Metrics.Example.com] }}"
    ));
    gateway.reload();
    assert_eq!(ask(&gateway, "metrics.example.com:9180").status, 200);
    assert_eq!(ask(&gateway, "evil.example").status, 421);
}

#[test]
fn metrics_count_what_happened() {
    let (gateway, _app) = world();
    for name in [
        "doorward_requests_total",
        "doorward_logins_total",
        "doorward_reloads_total",
        "doorward_revocations",
    ] {
        assert!(
            gateway
                .operators("/metrics")
                .text()
                .contains(&format!("# TYPE {name} ")),
            "{name} is missing"
        );
    }
    let histograms = gateway.operators("/metrics").text();
    assert!(histograms.contains("_seconds_bucket{"), "no durations");
    let cookie = gateway.alice();
    gateway.try_login("alice", "wrong");
    gateway.get("/", &cookie);
    gateway.get("/", "");
    gateway.get("/", "__Host-doorward=x");
    gateway.logout(&cookie);
    for (name, label, least) in [
        ("doorward_requests_total", "verdict=\"forwarded\"", 1.0),
        ("doorward_requests_total", "verdict=\"served\"", 2.0),
        (
            "doorward_requests_total",
            "verdict=\"session_required\"",
            1.0,
        ),
        (
            "doorward_requests_total",
            "verdict=\"session_invalid\"",
            1.0,
        ),
        ("doorward_logins_total", "result=\"success\"", 1.0),
        ("doorward_logins_total", "result=\"bad_credentials\"", 1.0),
        ("doorward_revocations", "", 1.0),
    ] {
        until(&format!("{name} {label} to be {least}"), || {
            gateway.labelled(name, label) >= least
        });
    }
    let text = gateway.operators("/metrics").text();
    assert!(
        !text.contains("alice") && !text.contains("path="),
        "a label comes from a client: {text}"
    );
}

#[test]
fn each_request_is_one_line_without_its_query() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.get("/found-me?q=secret-of-the-query", &cookie);
    let line = gateway.wait_for_log(&["/found-me"]);
    for word in ["GET", "200", "127.0.0.1", "1001"] {
        assert!(
            line.contains(word),
            "{word} is not in the access log: {line}"
        );
    }
    gateway.get("/not-found-me", "");
    gateway.wait_for_log(&["/not-found-me", "401", "session_required"]);
    let log = gateway.log();
    assert_eq!(
        log.lines()
            .filter(|line| line.contains("/found-me"))
            .count(),
        1,
        "one request, several lines:\n{log}"
    );
    assert!(
        !log.contains("secret-of-the-query"),
        "the query is in the log:\n{log}"
    );
    let (gateway, _app) = world_with("log: { query: true }");
    gateway.get("/found-me?q=wanted", "");
    gateway.wait_for_log(&["/found-me", "q=wanted"]);
}

#[test]
fn json_lines_are_json() {
    let (gateway, _app) = world_with("log: { format: json }");
    let cookie = gateway.alice();
    gateway.try_login("alice", "wrong");
    gateway.get("/a\u{22}b", &cookie);
    gateway.get("/ok", &cookie);
    gateway.logout(&cookie);
    gateway.wait_for_log(&["\"logout\""]);
    let log = gateway.log();
    for line in log.lines().filter(|line| !line.is_empty()) {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "{line}");
    }
    for event in ["login", "login_failed", "logout"] {
        let found = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["event"] == event);
        let line = found.unwrap_or_else(|| panic!("no event {event}:\n{log}"));
        assert!(line.to_string().contains("127.0.0.1"), "from where? {line}");
    }
}

#[test]
fn audit_lines_name_who_and_which_session() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let sid = token::parts(token::of(&cookie)).1["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let login = gateway.wait_for_log(&["login", "1001", "127.0.0.1"]);
    assert!(login.contains(&sid), "which session? {login}");
    gateway.try_login("alice", "wrong");
    gateway.wait_for_log(&["login_failed", "1001", "127.0.0.1"]);
    gateway.logout(&cookie);
    gateway.wait_for_log(&["logout", "1001", &sid]);
}

#[test]
fn a_refusal_names_who_was_refused() {
    let (gateway, _app) = world_with("rules: [{ path: /admin/**, access: { roles: [admin] } }]");
    let cookie = gateway.bob();
    assert_eq!(gateway.get("/admin", &cookie).status, 403);
    let line = gateway.wait_for_log(&["denied", "forbidden", "127.0.0.1"]);
    assert!(line.contains("1002"), "who tried? {line}");
}

#[test]
fn nothing_secret_is_logged_at_any_level() {
    for format in ["text", "json"] {
        let (mut gateway, _app) = world_with(&format!(
            "log: {{ level: trace, format: {format}, query: true }}\n{}",
            token::signing()
        ));
        let secrets = scenario(&mut gateway);
        let log = gateway.log();
        assert!(log.len() > 500, "nothing was logged at all");
        for secret in secrets {
            assert!(
                !log.contains(&secret),
                "{secret:?} is in the log ({format}):\n{}",
                around(&log, &secret)
            );
        }
    }
}

/// A day in the life of a gateway; everything in it that is secret.
fn scenario(gateway: &mut Gateway) -> Vec<String> {
    let cookie = gateway.alice();
    let typed = "my-password-typed-as-name";
    gateway.try_login(typed, "wrong-password-1");
    gateway
        .request("POST", "/login?rd=/secret-way-back")
        .own_origin()
        .json(&json!({ "username": "alice", "password": "wrong-password-2" }))
        .send();
    gateway
        .request("GET", "/login?password=password-in-query")
        .navigate("none")
        .send();
    gateway
        .request("POST", "/login")
        .own_origin()
        .json(&json!({ "password": ["wrong-password-3"] }))
        .send();
    gateway.get("/x", &format!("{cookie}; app=value-of-the-app"));
    gateway.get("/x", "__Host-doorward=forged-token-value");
    gateway
        .request("GET", "/x")
        .cookie(&cookie)
        .header("Authorization", "Bearer bearer-of-the-app")
        .send();
    gateway.request("GET", "/close").cookie(&cookie).send();
    gateway.get("/set-cookie", &cookie);
    gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(&cookie)
        .form("token=token-in-a-form")
        .send();
    gateway.hangup();
    gateway.wait_for_log(&["reload"]);
    gateway.logout(&cookie);
    gateway.get("/x", &cookie);
    gateway.signal("TERM");
    gateway.process().wait();
    let token = token::of(&cookie);
    let signature = token.rsplit('.').next().unwrap();
    let mut secrets: Vec<String> = [
        token,
        signature,
        ALICE_PASSWORD,
        typed,
        "wrong-password-1",
        "wrong-password-2",
        "wrong-password-3",
        "password-in-query",
        "secret-way-back",
        "value-of-the-app",
        "forged-token-value",
        "bearer-of-the-app",
        "token-in-a-form",
        token::KEY,
        "argon2id$",
        "evil",
    ]
    .map(String::from)
    .into();
    secrets.push(crate::support::users::hash(ALICE_PASSWORD));
    secrets
}

fn around(log: &str, secret: &str) -> String {
    log.lines()
        .filter(|line| line.contains(secret))
        .take(3)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn its_page_names_the_metrics_that_there_are() {
    let app = Upstream::start();
    // Some are shown where there is a certificate.
    let gateway = Builder::new(&app).tls().start();
    let page = include_str!("../../../docs/watching.md");
    let metrics = gateway.operators("/metrics").text();
    let named: Vec<&str> = page
        .split('`')
        .filter(|word| word.starts_with("doorward_"))
        .map(|word| word.split('{').next().unwrap_or(word))
        .collect();
    assert!(named.len() >= 4, "{named:?}");
    for name in named {
        assert!(
            metrics.contains(&format!("# TYPE {name} ")),
            "docs/watching.md promises {name}"
        );
    }
}
