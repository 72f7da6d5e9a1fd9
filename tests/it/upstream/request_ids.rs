//! One id for each request: towards the app, on the answer and in every line about it.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::operations::cli::{assert_code, said, written};
use crate::support::answers::answers;
use crate::support::wait::PATIENCE;
use crate::support::{Response, Upstream, until, websocket, world, world_with};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The one id of an answer.
#[track_caller]
fn id_of(answer: &Response) -> String {
    let ids = answer.all("x-request-id");
    assert_eq!(ids.len(), 1, "{answer}");
    ids[0].clone()
}

fn is_ours(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[track_caller]
fn assert_app_got(app: &Upstream, id: &str) {
    let request = app.last();
    assert_eq!(request.all("x-request-id"), [id]);
    for (name, _) in request.fields() {
        let folded = name.to_ascii_lowercase().replace(['_', '.'], "-");
        assert!(folded != "x-request-id" || name == "X-Request-Id", "{name}");
    }
}

#[test]
fn every_answer_has_one_of_its_own() {
    let mut seen = HashSet::new();
    for answer in answers() {
        if answer.name.starts_with('/') {
            continue; // of the operators' listener
        }
        let id = id_of(&answer.head());
        assert!(is_ours(&id), "{}: {id}", answer.name);
        assert!(seen.insert(id), "{}: somebody else's", answer.name);
    }
    assert!(seen.len() > 30, "most answers are missing");
}

#[test]
fn app_answer_and_log_know_a_request_by_one_id() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    // What a stranger says, and what the app says, is replaced.
    let answer = gateway
        .request("GET", "/own-request-id")
        .cookie(&cookie)
        .header("X-Request-Id", "forged-by-a-stranger")
        .header("X.Request.Id", "forged-by-a-stranger")
        .send();
    assert_eq!(answer.status, 200, "{answer}");
    let id = id_of(&answer);
    assert!(is_ours(&id), "{answer}");
    assert_app_got(&app, &id);
    gateway.wait_for_log(&[
        " access ",
        "path=/own-request-id",
        &format!("request_id={id}"),
    ]);

    let mut socket = gateway.connect();
    let upgrade = websocket::request(gateway.port(), "/ws").cookie(&cookie);
    let opened = upgrade.own_origin().send_on(&mut socket);
    assert_eq!(opened.status, 101, "{opened}");
    assert_app_got(&app, &id_of(&opened));
    assert!(!gateway.log().contains("forged"), "{}", gateway.log());
}

#[test]
fn a_trusted_proxy_names_a_request_if_that_is_a_name() {
    let (gateway, app) = world_with("trusted_proxies: [127.0.0.1]");
    let cookie = gateway.alice();
    let long = "a".repeat(129);
    for (told, kept) in [
        ("0af7651916cd43dd", true),
        ("Root=1-67891233-abcdef012345678912345678", true),
        ("short", false),
        ("in \"quotes\" or not", false),
        ("one12345,two12345", false),
        (&*long, false),
        ("", false),
    ] {
        let request = gateway.request("GET", "/named").cookie(&cookie);
        let answer = request.header("X-Request-Id", told).send();
        let id = id_of(&answer);
        assert_eq!(id == told, kept, "{told:?}: {answer}");
        assert!(kept || is_ours(&id), "{told:?}: {answer}");
        assert_app_got(&app, &id);
    }
    let twice = gateway.request("GET", "/named").cookie(&cookie);
    let twice = twice
        .header("X-Request-Id", "one-12345")
        .header("X-Request-Id", "two-12345");
    assert!(is_ours(&id_of(&twice.send())), "one of two was chosen");
}

#[test]
fn refusals_and_audit_lines_say_the_id() {
    let (gateway, _app) = world();
    let problem = gateway.get("/", "");
    assert_eq!(problem.json()["request_id"], id_of(&problem), "{problem}");
    let page = gateway.request("GET", "//x/..").navigate("none").send();
    assert_eq!(page.status, 400, "{page}");
    assert!(page.text().contains(&id_of(&page)), "{page}");

    let wrong = gateway.try_login("alice", "wrong");
    let id = id_of(&wrong);
    gateway.wait_for_log(&[" audit ", "event=login_failed", &format!("request_id={id}")]);
    assert!(
        !wrong.text().contains(&id),
        "the answers of two names differ"
    );
    let json = gateway
        .request("POST", "/login")
        .own_origin()
        .json(&serde_json::json!({ "username": "alice", "password": "wrong" }))
        .send();
    assert!(json.json().get("request_id").is_none(), "{json}");
}

#[test]
fn an_exchange_that_is_cut_is_answered_with_its_id() {
    let (gateway, app) = world();
    let bob = gateway.bob();
    let mut wire = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    let held = gateway.request("GET", "/hold").cookie(&bob);
    wire.write_all(&held.bytes()).unwrap();
    until("the exchange to last", || {
        gateway.metric("doorward_session_connections") == 1.0
    });
    let id = app.last().all("x-request-id").concat();
    gateway.logout(&bob);
    let mut came = Vec::new();
    wire.read_to_end(&mut came).unwrap();
    let answer = Response::from_head(&came);
    assert_eq!(
        (answer.status, id_of(&answer)),
        (401, id.clone()),
        "{answer}"
    );
    gateway.wait_for_log(&[" access ", "path=/hold", &format!("request_id={id}")]);
}

#[test]
fn a_trace_passes_as_it_came_and_is_logged_if_it_is_one() {
    let (gateway, app) = world_with("log: { level: info, format: json }");
    let cookie = gateway.alice();
    for (sent, logged) in [(TRACE, true), ("00-nonsense user=admin", false)] {
        let request = gateway.request("GET", "/traced").cookie(&cookie);
        let answer = request
            .header("traceparent", sent)
            .header("tracestate", "vendor=opaque")
            .send();
        assert_eq!(app.last().all("traceparent"), [sent]);
        assert_eq!(app.last().all("tracestate"), ["vendor=opaque"]);
        let line = gateway.wait_for_log(&["\"access\"", &id_of(&answer)]);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = logged.then_some(sent);
        assert_eq!(line.get("traceparent").and_then(|t| t.as_str()), expected);

        let wrong = gateway.request("POST", "/login").own_origin();
        let wrong = wrong.header("traceparent", sent);
        let wrong = wrong.json(&serde_json::json!({ "username": "bob", "password": "wrong" }));
        let line = gateway.wait_for_log(&["\"audit\"", &id_of(&wrong.send())]);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.get("traceparent").and_then(|t| t.as_str()), expected);
    }
}

#[test]
fn the_header_has_the_operators_name() {
    let (gateway, app) = world_with("request_id: { header: X-Correlation-ID }");
    let request = gateway.request("GET", "/").cookie(&gateway.alice());
    let answer = request.header("X-Request-Id", "of-the-client").send();
    let ids = answer.all("x-correlation-id");
    assert!(ids.len() == 1 && is_ours(&ids[0]), "{answer}");
    assert!(
        app.last()
            .fields()
            .contains(&("X-Correlation-ID".into(), ids[0].clone().into()))
    );
    assert_eq!(
        app.last().all("x-request-id"),
        ["of-the-client"],
        "it means nothing here"
    );
    for name in [
        "Cookie",
        "X-User-Id",
        "X_Request_Id",
        "Location",
        "X-CSRF-Token",
        "traceparent",
        "X-Forwarded-For",
        "a b",
    ] {
        let check = written(&format!("request_id: {{ header: {name:?} }}")).command(&["check"], "");
        assert_code(&check, 78, name);
        assert!(
            said(&check).contains("request_id.header"),
            "{}",
            said(&check)
        );
    }
}
