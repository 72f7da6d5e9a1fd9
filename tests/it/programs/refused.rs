//! A token that is no good is refused with its code, whoever shows it, and no more often than an
//! address may.

use std::process::Command;

use crate::programs::{basic, bearer, gateway_with, made, section};
use crate::support::process::run;
use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::{Conn, Gateway, Jar, assert_problem, optional, until};

#[track_caller]
fn assert_refused(gateway: &Gateway, token: &str, code: &str) {
    let (name, value) = bearer(token);
    for path in ["/", "/public/x"] {
        let answer = gateway.request("GET", path).header(name, &value).send();
        assert_problem(&answer, 401, code, path);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let jar = Jar::alice(gateway);
    let beside = jar.request(gateway, "GET", "/").header(name, &value).send();
    assert_problem(&beside, 401, code, "beside a cookie");
    let page = gateway
        .request("GET", "/")
        .navigate("none")
        .header(name, &value);
    let page = page.send();
    assert_eq!(
        (page.status, page.header("location")),
        (401, None),
        "{page}"
    );
    assert!(page.text().contains(code), "{page}");
}

#[test]
fn each_reason_has_its_code_also_for_a_browser_and_beside_a_cookie() {
    let (wrong_network, from) = made("network", "alice", &[]);
    let (expired, past) = made("past", "alice", &["--expires", "2020-01-01"]);
    let (of_nobody, nobody) = made("nobody", "carol", &[]);
    let (of_disabled, disabled) = made("disabled", "bob", &[]);
    let (taken_out, _entry) = made("out", "alice", &[]);
    let from = format!("{from}\n  from: [10.0.0.0/8]");
    let rules = "rules: [{ path: /public/**, access: public }]\n";
    let entries = [from.as_str(), &past, &nobody, &disabled];
    let (mut gateway, app) = gateway_with(&entries, rules);
    gateway.rewrite_users(&[User::alice(), User::bob().with("disabled: true")]);
    gateway.reload();
    let mistyped = wrong_network.replace("dw_", "dw_0");
    for (token, code) in [
        (wrong_network.as_str(), "token_invalid"),
        (&taken_out, "token_invalid"),
        (&mistyped, "token_invalid"),
        ("dw_", "token_invalid"),
        (&expired, "token_expired"),
        (&of_nobody, "token_revoked"),
        (&of_disabled, "token_revoked"),
    ] {
        assert_refused(&gateway, token, code);
    }
    assert_eq!(app.count(), 0, "the app was asked");
    // Whoever is enabled again has the tokens again; a new password does not touch them.
    let bob = User::bob()
        .password("another password of Bob")
        .with("token_version: 7");
    gateway.rewrite_users(&[User::alice(), bob]);
    gateway.reload();
    let (name, value) = bearer(&of_disabled);
    let again = gateway.request("GET", "/").header(name, value).send();
    assert_eq!(again.status, 200, "{again}");
}

#[test]
fn a_token_comes_from_its_networks_alone() {
    let (token, entry) = made("ci", "alice", &[]);
    let entry = format!("{entry}\n  from: [127.0.0.8/30]");
    let (gateway, _app) = gateway_with(&[&entry], "");
    let (name, value) = bearer(&token);
    let request = gateway.request("GET", "/").header(name, value);
    for (address, status) in [([127, 0, 0, 1], 401), ([127, 0, 0, 9], 200)] {
        let mut connection = Conn::open_from(address, gateway.port()).unwrap();
        let answer = request.send_on(&mut connection);
        assert_eq!(answer.status, status, "{address:?}: {answer}");
    }
}

#[test]
fn the_password_of_a_login_is_taken_nowhere_else() {
    let (_token, entry) = made("ci", "alice", &[]);
    let (gateway, _app) = gateway_with(&[&entry], "api: { accept: [bearer, basic] }\n");
    let (name, value) = basic("alice", ALICE_PASSWORD);
    let answer = gateway.request("GET", "/").header(name, value).send();
    assert_problem(&answer, 401, "session_required", "a password by Basic");
    assert_eq!(
        gateway.labelled("doorward_logins_total", "bad_credentials"),
        0.0
    );
}

#[test]
fn an_address_has_a_limit_of_refused_tokens_that_touches_nothing_else() {
    let (token, entry) = made("ci", "alice", &[]);
    let (gateway, _app) = gateway_with(&[&entry], "");
    let mut connection = gateway.connect();
    let mut ask = |token: &str| {
        let (name, value) = bearer(token);
        let request = gateway.request("GET", "/").header(name, value);
        request.send_on(&mut connection)
    };
    for number in 1..=200 {
        assert_eq!(ask("dw_wrong").status, 401, "refused token {number}");
        if number == 100 {
            assert_eq!(ask(&token).status, 200);
        }
    }
    let over = ask("dw_wrong");
    assert_problem(&over, 429, "too_many_attempts", "the 201st");
    let after: u64 = over.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=120).contains(&after), "{after}");
    assert_eq!(ask(&token).status, 200, "a good token meets the limit");
    assert_eq!(
        gateway.try_login("alice", ALICE_PASSWORD).status,
        303,
        "a login meets it"
    );
    let mut other = Conn::open_from([127, 0, 0, 2], gateway.port()).unwrap();
    let (name, value) = bearer("dw_wrong");
    let elsewhere = gateway
        .request("GET", "/")
        .header(name, value)
        .send_on(&mut other);
    assert_eq!(
        elsewhere.status, 401,
        "another address meets it: {elsewhere}"
    );
    until("the lines of the audit log", || {
        gateway.log().matches("event=token_failed").count() == 201
    });
}

#[test]
fn programs_are_asked_for_basic_where_the_operator_wants_it_and_browsers_never() {
    let (token, entry) = made("dav", "alice", &[]);
    let yaml = "api: { accept: [bearer, basic] }\nrules: [{ path: /dav/**, access: authenticated, challenge: basic }]\n";
    let (gateway, _app) = gateway_with(&[&entry], yaml);
    let ask = |method: &str, path: &str, fields: &[(&str, &str)]| {
        gateway.request(method, path).fields(fields).send()
    };
    let (_, wrong) = basic("alice", "dw_wrong");
    for (method, fields) in [
        ("GET", vec![]),
        ("PROPFIND", vec![]),
        ("GET", vec![("Authorization", wrong.as_str())]),
        ("OPTIONS", vec![]),
    ] {
        let answer = ask(method, "/dav/x", &fields);
        assert_eq!(answer.status, 401, "{answer}");
        let asked = answer.all("www-authenticate");
        assert_eq!(
            asked,
            ["Basic realm=\"doorward\", charset=\"UTF-8\""],
            "{answer}"
        );
    }
    for (path, fields) in [
        ("/other", vec![]),
        (
            "/dav/x",
            vec![
                ("Sec-Fetch-Site", "same-origin"),
                ("Sec-Fetch-Mode", "cors"),
            ],
        ),
        ("/dav/x", vec![("Sec-Fetch-Mode", "no-cors")]),
    ] {
        let answer = ask("GET", path, &fields);
        let asked = answer.all("www-authenticate");
        assert_eq!(
            asked,
            ["Bearer realm=\"doorward\""],
            "{path} {fields:?}: {answer}"
        );
    }
    let page = gateway.request("GET", "/dav/x").navigate("none").send();
    assert_eq!(page.status, 303, "a page load gets no login: {page}");
    let (name, value) = basic("alice", &token);
    let good = gateway
        .request("PROPFIND", "/dav/x")
        .header(name, value)
        .send();
    assert_eq!(good.status, 200, "{good}");
}

#[test]
fn no_token_stands_in_a_log_a_metric_or_an_error() {
    if !optional::has("curl") {
        return;
    }
    let (token, entry) = made("ci", "alice", &["--paths", "/api/**"]);
    let (other, _) = made("unknown", "alice", &[]);
    let yaml = "log: { level: trace, query: true }\napi: { accept: [bearer, basic, header], header: X-API-Key }\n";
    let (gateway, _app) = gateway_with(&[&entry], yaml);
    let url = format!("http://127.0.0.1:{}/api/x", gateway.port());
    let mut said = String::new();
    for token in [&token, &other] {
        for shown in [
            bearer(token),
            basic("x", token),
            ("X-API-Key", token.clone()),
        ] {
            let field = format!("{}: {}", shown.0, shown.1);
            let output = run(
                Command::new("curl").args(["-si", "--http2-prior-knowledge", "-H", &field, &url]),
                "",
            );
            let plain = run(Command::new("curl").args(["-si", "-H", &field, &url]), "");
            if *token == other {
                said.push_str(&String::from_utf8_lossy(&output.stdout));
                said.push_str(&String::from_utf8_lossy(&plain.stdout));
            }
        }
        let revoked = gateway.command(&["revoke", "--token", "-"], &format!("{token}\n"));
        said.push_str(&format!("{revoked:?}"));
    }
    let wrong = format!("- name: x\n  user: alice\n  hash: {token}\n  expires: never");
    let mut broken = gateway;
    until("the lines of the log", || {
        broken.log().contains("token_used")
    });
    broken.rewrite(&section(&[&wrong]));
    said.push_str(&format!("{:?}", broken.command(&["check"], "")));
    said.push_str(&broken.try_reload().to_string());
    said.push_str(&broken.operators("/metrics").text());
    said.push_str(&broken.log());
    assert!(said.contains("token_invalid"), "nothing was refused");
    for token in [&token, &other] {
        let pair = basic("x", token).1.replace("Basic ", "");
        for secret in [token.as_str(), &token[3..33], &pair] {
            assert!(!said.contains(secret), "a token is told");
        }
    }
}
