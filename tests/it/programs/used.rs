//! What operators see of tokens: their use, and what is wrong with them.

use serde_json::Value;

use crate::operations::cli::{assert_code, said};
use crate::programs::{bearer, gateway_with, made, section};
use crate::support::{Builder, Gateway, Upstream};

fn shown(gateway: &Gateway) -> Value {
    let output = gateway.command(&["token", "list", "--json"], "");
    assert_code(&output, 0, "token list");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_first_use_in_an_hour_is_in_the_audit_log_and_the_last_in_the_list() {
    let (token, entry) = made("ci", "alice", &[]);
    let (_, past) = made("past", "alice", &["--expires", "2020-01-01"]);
    let (mut gateway, _app) = gateway_with(&[&entry, &past], "");
    let none = &shown(&gateway)["tokens"];
    assert_eq!(none[0]["last_used"], Value::Null, "{none}");
    let (name, value) = bearer(&token);
    let ask = |gateway: &Gateway| {
        gateway
            .request("GET", "/")
            .header(name, &value)
            .send()
            .status
    };
    for _ in 0..3 {
        assert_eq!(ask(&gateway), 200);
    }
    let line = gateway.wait_for_log(&["event=token_used"]);
    for word in ["user=1001", "client=127.0.0.1", "token=ci"] {
        assert!(line.contains(word), "no {word}: {line}");
    }
    let used = shown(&gateway)["tokens"].clone();
    assert!(used[0]["last_used"].is_string(), "{used}");
    assert_eq!(used[0]["user"], "1001");
    assert_eq!(
        (&used[0]["state"], &used[1]["state"]),
        (&"good".into(), &"expired".into())
    );
    gateway.rewrite("log: { level: debug }\n");
    gateway.reload();
    assert_eq!(shown(&gateway)["tokens"], used, "a reload forgets the use");
    assert_eq!(ask(&gateway), 200);
    assert_eq!(gateway.log().matches("event=token_used").count(), 1);
    let table = gateway.command(&["token", "list"], "");
    for word in [
        "TOKEN",
        "ci",
        "past",
        "expired",
        "LAST USED",
        "2020-01-02T00:00:00Z",
    ] {
        assert!(said(&table).contains(word), "no {word}:\n{}", said(&table));
    }
}

#[test]
fn explain_tells_what_becomes_of_a_token() {
    let narrow = ["--paths", "/api/**,/admin/**", "--methods", "GET"];
    let (_, entry) = made("ci", "bob", &narrow);
    for accept in ["[bearer]", "[basic]", "[header], header: X-API-Key"] {
        let (gateway, _app) = gateway_with(
            &[&format!("{entry}\n  from: [10.0.0.0/8]")],
            &format!(
                "api: {{ accept: {accept} }}\nrules: [{{ path: /admin/**, access: {{ roles: [admin] }} }}]\n"
            ),
        );
        for (method, path, told) in [
            (
                "GET",
                "/api/x",
                "ci (acts as bob; paths: /api/**, /admin/**; methods: GET): forwarded as 1002",
            ),
            ("POST", "/api/x", "403 forbidden"),
            ("GET", "/admin/x", "403 forbidden"),
            ("GET", "/other", "403 forbidden"),
        ] {
            let output = gateway.command(&["explain", method, path, "--token-name", "ci"], "");
            assert_code(&output, 0, "explain");
            let text = said(&output);
            let line = text.lines().find(|line| line.starts_with("  token"));
            assert!(
                line.is_some_and(|line| line.contains(told)),
                "{path}: {text}"
            );
        }
        let unknown = gateway.command(&["explain", "GET", "/", "--token-name", "x"], "");
        assert!(
            said(&unknown).contains("there is no such token"),
            "{unknown:?}"
        );
    }
}

#[test]
fn check_names_tokens_that_open_nothing() {
    let app = Upstream::start();
    let lints = |entry: &str, yaml: &str| {
        let setup = Builder::new(&app).yaml(&section(&[entry])).yaml(yaml);
        let output = setup.write().command(&["check"], "");
        assert_code(&output, 0, entry);
        said(&output)
    };
    let (_, good) = made("ci", "alice", &["--paths", "/api/**"]);
    let (_, past) = made("ci", "alice", &["--expires", "2020-01-01"]);
    let rules = "rules: [{ path: /api/**, access: deny }]\n";
    let roles = "rules: [{ path: /api/**, access: { roles: [nobodys] } }]\n";
    let basic = "rules: [{ path: /dav/**, access: authenticated, challenge: basic }]\n";
    let everywhere = "listen: [\"0.0.0.0:0\"]\n";
    for (entry, yaml, lint) in [
        (good.replace("alice", "carol"), "", Some("tokens.user")),
        (past, "", Some("tokens.expired")),
        (good.clone(), rules, Some("tokens.reach")),
        (good.clone(), roles, Some("tokens.reach")),
        (good.clone(), basic, Some("tokens.no_basic")),
        (good.clone(), everywhere, Some("tokens.in_the_clear")),
        (good, "", None),
    ] {
        let told = lints(&entry, yaml);
        match lint {
            Some(lint) => assert!(told.contains(lint), "no {lint}: {told}"),
            None => assert!(!told.contains("tokens."), "{told}"),
        }
    }
}

#[test]
fn what_cannot_be_a_token_is_refused_with_its_place() {
    let app = Upstream::start();
    let (_, entry) = made("ci", "alice", &[]);
    let line = |key: &str| entry.lines().find(|line| line.contains(key)).unwrap();
    let twin = format!("{entry}\n{entry}");
    let without = |key: &str| entry.replace(&format!("{}\n", line(key)), "");
    let machine = |more: &str| entry.replace("user: \"alice\"", more);
    for (tokens, path) in [
        (twin.clone(), "tokens[1].name"),
        (twin, "tokens[1].hash"),
        (without("user"), "tokens[0].user"),
        (without("hash"), "tokens[0].hash"),
        (entry.replace(line("expires"), ""), "tokens[0].expires"),
        (entry.replace("sha256:", "sha1:"), "tokens[0].hash"),
        (
            entry.replace(line("expires"), "  expires: soon"),
            "tokens[0].expires",
        ),
        (machine("id: \"1001\""), "tokens[0].id"),
        (machine("id: x\n  user: alice"), "tokens[0].id"),
        (machine("user: alice\n  roles: [x]"), "tokens[0].roles"),
        (format!("{entry}\n  paths: []"), "tokens[0].paths"),
        (format!("{entry}\n  paths: [api]"), "tokens[0].paths[0]"),
        (format!("{entry}\n  from: [somewhere]"), "tokens[0].from[0]"),
        (
            format!("{entry}\napi: {{ accept: [header] }}"),
            "api.header",
        ),
        (format!("{entry}\napi: {{ header: X-Key }}"), "api.accept"),
        (
            format!("{entry}\napi: {{ accept: [header], header: Cookie }}"),
            "api.header",
        ),
        (
            format!("{entry}\nrules: [{{ path: /x, access: public, challenge: basic }}]"),
            "rules[0].challenge",
        ),
    ] {
        let setup = Builder::new(&app).yaml(&section(&[&tokens]));
        let output = setup.write().command(&["check"], "");
        assert_code(&output, 78, &tokens);
        assert!(
            said(&output).contains(path),
            "no {path}:\n{tokens}\n{}",
            said(&output)
        );
    }
}
