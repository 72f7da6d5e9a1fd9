//! The admin API: who may use it, what it tells, what it ends.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::jar::Jar;
use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::wait::PATIENCE;
use crate::support::{Builder, Gateway, Request, Response, Upstream, assert_problem, world};

pub const TOKEN: &str = "admin-token-of-the-tests-0123456789";

/// A gateway whose admin API is open to [`TOKEN`].
pub fn guarded() -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .env("DOORWARD_ADMIN_TOKEN", TOKEN)
        .start();
    (gateway, app)
}

/// A request over TCP with the token.
pub fn with_token(gateway: &Gateway, method: &str, target: &str) -> Request {
    Request::new(gateway.admin(), method, target).header("Authorization", format!("Bearer {TOKEN}"))
}

/// One request over `admin.sock`.
#[track_caller]
pub fn over_socket(
    gateway: &Gateway,
    method: &str,
    target: &str,
    body: Option<&Value>,
) -> Response {
    let mut socket = UnixStream::connect(gateway.data_dir().join("admin.sock")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = Request::new(0, method, target).header("Connection", "close");
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    socket.write_all(&request.bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("an answer has a head") + 4;
    let mut response = Response::from_head(&answer[..end]);
    response.body = answer[end..].to_vec();
    response
}

#[track_caller]
fn sessions(gateway: &Gateway, query: &str) -> Vec<Value> {
    let answer = over_socket(gateway, "GET", &format!("/api/sessions{query}"), None);
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()["sessions"].as_array().unwrap().clone()
}

#[track_caller]
fn revoke(gateway: &Gateway, what: Value) -> Response {
    over_socket(gateway, "POST", "/api/revocations", Some(&what))
}

#[track_caller]
pub fn assert_ended(gateway: &Gateway, jar: &Jar, world: &str) {
    let access = jar.get(gateway, "/");
    assert_problem(&access, 401, "session_revoked", world);
    let refresh = jar.without_access().post_refresh(gateway);
    assert_problem(&refresh, 401, "session_revoked", world);
}

#[track_caller]
pub fn assert_alive(gateway: &Gateway, jar: &Jar, world: &str) {
    let answer = jar.get(gateway, "/");
    assert_eq!(answer.status, 200, "{world}: {answer}");
}

const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";

/// Everything under `/api`, with a body that it understands.
fn everything() -> Vec<(&'static str, String, Option<Value>)> {
    vec![
        ("GET", "/api/sessions".into(), None),
        ("DELETE", format!("/api/sessions/{NOBODY}"), None),
        (
            "POST",
            "/api/revocations".into(),
            Some(json!({ "token": "x" })),
        ),
        ("GET", "/api/users".into(), None),
        ("POST", "/api/reload".into(), None),
        ("GET", "/api/nothing".into(), None),
        ("GET", "/api".into(), None),
    ]
}

fn ask(gateway: &Gateway, authorization: &[&str], one: &(&str, String, Option<Value>)) -> Response {
    let mut request = Request::new(gateway.admin(), one.0, &one.1);
    for value in authorization {
        request = request.header("Authorization", value);
    }
    match &one.2 {
        Some(body) => request.json(body).send(),
        None => request.send(),
    }
}

#[test]
fn without_a_configured_token_the_api_is_not_there_over_tcp() {
    let (gateway, _app) = world();
    for one in everything() {
        for authorization in [&[][..], &["Bearer "], &["Bearer x"]] {
            let answer = ask(&gateway, authorization, &one);
            assert_problem(&answer, 404, "not_found", &format!("{one:?} is open"));
        }
    }
}

#[test]
fn only_the_token_opens_the_api_over_tcp() {
    let (gateway, _app) = guarded();
    let wrong = format!("Bearer {}x", &TOKEN[..TOKEN.len() - 1]);
    let basic = format!("Basic {TOKEN}");
    let twice = format!("Bearer {TOKEN}");
    for one in everything() {
        let missing = ask(&gateway, &[], &one);
        assert_problem(&missing, 401, "admin_token_required", "open to all");
        for values in [
            &[wrong.as_str()][..],
            &[&basic],
            &[TOKEN],
            &[&twice, &twice],
        ] {
            let answer = ask(&gateway, values, &one);
            let world = format!("{values:?} opens {one:?}");
            assert_problem(&answer, 401, "admin_token_invalid", &world);
        }
        let right = ask(&gateway, &[&twice], &one);
        assert_ne!(right.status, 401, "the token opens nothing: {right}");
    }
    gateway.wait_for_log(&["denied", "admin_token", "127.0.0.1"]);
    assert!(!gateway.log().contains(TOKEN), "the token is in the log");
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            gateway.operators(open).status,
            200,
            "{open} asks for a token"
        );
    }
}

#[test]
fn a_reload_changes_the_token() {
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let admin = builder.admin;
    let section =
        |token: &str| format!("admin: {{ listen: \"127.0.0.1:{admin}\", token: {token:?} }}\n");
    let mut gateway = builder.yaml(&section(TOKEN)).write();
    gateway.try_start().unwrap();
    assert_eq!(with_token(&gateway, "GET", "/api/users").send().status, 200);
    gateway.rewrite(&section("another-token-of-the-tests"));
    let reloaded = with_token(&gateway, "POST", "/api/reload").send();
    assert_eq!(reloaded.status, 204, "{reloaded}");
    let old = with_token(&gateway, "GET", "/api/users").send();
    assert_problem(
        &old,
        401,
        "admin_token_invalid",
        "the old token still opens",
    );
}

#[test]
fn the_socket_is_the_operators_alone() {
    let (gateway, _app) = world();
    let socket = std::fs::metadata(gateway.data_dir().join("admin.sock")).unwrap();
    assert_eq!(
        socket.permissions().mode() & 0o777,
        0o600,
        "others can open it"
    );
}

#[test]
fn sessions_are_listed_while_they_live() {
    let (gateway, _app) = guarded();
    assert_eq!(sessions(&gateway, ""), [] as [Value; 0]);
    let login = gateway.login_request("alice", ALICE_PASSWORD);
    let alice = Jar::of(&login.header("User-Agent", "Browser \u{e9}/1.0").send());
    let bob = Jar::bob(&gateway);
    let listed = with_token(&gateway, "GET", "/api/sessions?user=alice").send();
    assert_eq!(listed.status, 200, "{listed}");
    for secret in [&alice.access, &alice.refresh] {
        let secret = secret.as_ref().unwrap();
        assert!(!listed.text().contains(secret), "a token: {listed}");
    }
    let one = &listed.json()["sessions"][0];
    assert_eq!(one["id"], alice.session(), "{listed}");
    assert_eq!(
        (&one["user"], &one["username"]),
        (&json!("1001"), &json!("alice"))
    );
    assert_eq!(one["address"], "127.0.0.1", "{listed}");
    assert_eq!(
        one["agent"], "Browser /1.0",
        "bytes beyond ASCII are kept: {listed}"
    );
    assert_eq!(one["generation"], 0, "{listed}");
    for time in ["created", "last_seen", "ends", "idle_ends"] {
        let text = one[time].as_str().unwrap();
        assert!(humantime::parse_rfc3339(text).is_ok(), "{time}: {listed}");
    }
    assert_eq!(sessions(&gateway, "").len(), 2);
    assert_eq!(sessions(&gateway, "?user=1002").len(), 1, "by id");
    let first = over_socket(&gateway, "GET", "/api/sessions?limit=1", None).json();
    assert_eq!(
        (first["sessions"].as_array().unwrap().len(), &first["more"]),
        (1, &json!(true))
    );
    assert!(
        (gateway.metric("doorward_sessions") - 2.0).abs() < 0.5,
        "the gauge"
    );
    let mut renewed = alice.clone();
    renewed.refresh(&gateway);
    assert_eq!(sessions(&gateway, "?user=alice")[0]["generation"], 1);
    gateway.logout(&bob.cookies());
    let left: Vec<_> = sessions(&gateway, "")
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    assert_eq!(left, [json!(alice.session())], "an ended session is shown");
    assert!(
        (gateway.metric("doorward_sessions") - 1.0).abs() < 0.5,
        "the gauge"
    );
}

#[test]
fn an_id_wins_over_a_name() {
    let app = Upstream::start();
    let people = [
        User::new("bob", "alice", "Alice", ALICE_PASSWORD),
        User::new("1002", "bob", "Bob", crate::support::users::BOB_PASSWORD),
    ];
    let gateway = Builder::new(&app).users(&people).start();
    let (alice, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
    assert_eq!(sessions(&gateway, "?user=bob")[0]["id"], alice.session());
    assert_eq!(
        revoke(&gateway, json!({ "user": "bob" })).json()["user"],
        "bob"
    );
    assert_ended(&gateway, &alice, "the id did not win");
    assert_alive(&gateway, &bob, "the name won");
}

#[test]
fn each_reach_ends_what_it_names_at_once_and_for_good() {
    let (mut gateway, _app) = guarded();
    let bob = Jar::bob(&gateway);
    let by_delete = Jar::alice(&gateway);
    let path = format!("/api/sessions/{}", by_delete.session());
    let answer = with_token(&gateway, "DELETE", &path).send();
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer}");
    assert_ended(&gateway, &by_delete, "DELETE ends nothing");
    let again = with_token(&gateway, "DELETE", &path).send();
    assert_problem(&again, 404, "not_found", "it ended twice");
    let sid = by_delete.session();
    let line = gateway.wait_for_log(&["revoke", "admin", "1001", "127.0.0.1"]);
    assert!(line.contains(&sid), "which session? {line}");

    let by_session = Jar::alice(&gateway);
    let body = json!({ "session": by_session.session() });
    let answer = with_token(&gateway, "POST", "/api/revocations")
        .json(&body)
        .send();
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.json()["ended"], 1, "{answer}");
    assert_ended(&gateway, &by_session, "session ends nothing");

    let (by_access, by_refresh) = (Jar::alice(&gateway), Jar::alice(&gateway));
    for (jar, token) in [
        (&by_access, &by_access.access),
        (&by_refresh, &by_refresh.refresh),
    ] {
        let answer = revoke(&gateway, json!({ "token": token }));
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.json()["session"], jar.session(), "{answer}");
        let token = token.as_ref().unwrap();
        assert!(
            !answer.text().contains(token),
            "the token comes back: {answer}"
        );
        assert_ended(&gateway, jar, "token ends nothing");
    }
    let unknown = revoke(&gateway, json!({ "token": "x.y.z" }));
    assert_eq!(
        (unknown.status, &unknown.json()["reach"]),
        (200, &json!("none"))
    );

    let (one, two) = (Jar::alice(&gateway), Jar::alice(&gateway));
    assert_alive(&gateway, &one, "more was ended than was named");
    let answer = revoke(&gateway, json!({ "user": "Alice" }));
    assert_eq!(answer.json()["ended"], 2, "{answer}");
    assert_ended(&gateway, &one, "user ends nothing");
    assert_ended(&gateway, &two, "user ends one alone");
    assert_alive(&gateway, &bob, "another user was reached");

    gateway.restart();
    for jar in [&by_delete, &by_session, &by_access, &by_refresh, &one] {
        assert_ended(&gateway, jar, "a restart brings it back");
    }
    assert_alive(&gateway, &bob, "a restart ends sessions");
    assert_eq!(revoke(&gateway, json!({ "all": true })).status, 200);
    assert_ended(&gateway, &bob, "all ends nothing");
    let new = Jar::bob(&gateway);
    assert_alive(&gateway, &new, "nobody can sign in after all");
}

#[test]
fn what_makes_no_sense_is_refused_and_ends_nothing() {
    let (gateway, _app) = guarded();
    let jar = Jar::alice(&gateway);
    let sid = jar.session();
    for body in [
        "",
        "[]",
        "{}",
        "\"all\"",
        "{\"all\":false}",
        "{\"all\":\"true\"}",
        "{\"user\":null}",
        "{\"session\":\"x\"}",
        "{\"everybody\":true}",
        "{\"user\":\"alice\",\"all\":true}",
        "{\"user\":\"alice\",\"user\":\"bob\"}",
        "{\"all\":true} x",
    ] {
        let request = with_token(&gateway, "POST", "/api/revocations");
        let answer = request
            .header("Content-Type", "application/json")
            .body(body)
            .send();
        assert_problem(&answer, 400, "bad_request", body);
    }
    let form = with_token(&gateway, "POST", "/api/revocations")
        .form("all=true")
        .send();
    assert_problem(&form, 415, "unsupported_media_type", "a form is understood");
    let large = json!({ "token": "x".repeat(100_000) });
    let large = with_token(&gateway, "POST", "/api/revocations")
        .json(&large)
        .send();
    assert_problem(&large, 413, "payload_too_large", "a body has no bound");
    let nobody = revoke(&gateway, json!({ "user": "alcie" }));
    assert_problem(&nobody, 404, "not_found", "a misspelt user counts as ended");
    for (method, target, status, code) in [
        ("GET", "/api/sessions?user=alcie", 404, "not_found"),
        ("GET", "/api/sessions?limit=0", 400, "bad_request"),
        ("GET", "/api/sessions?usr=alice", 400, "bad_request"),
        ("DELETE", "/api/sessions/x", 400, "bad_request"),
        ("DELETE", "/api/sessions/", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
    ] {
        let answer = with_token(&gateway, method, target).send();
        assert_problem(&answer, status, code, target);
    }
    for (method, target, allow) in [
        ("POST", "/api/sessions", "GET, HEAD"),
        ("GET", &format!("/api/sessions/{sid}"), "DELETE"),
        ("GET", "/api/revocations", "POST"),
        ("DELETE", "/api/users", "GET, HEAD"),
        ("GET", "/api/reload", "POST"),
    ] {
        let answer = with_token(&gateway, method, target).send();
        assert_problem(&answer, 405, "method_not_allowed", target);
        assert_eq!(answer.header("allow").as_deref(), Some(allow), "{target}");
    }
    assert_alive(&gateway, &jar, "a refused revocation ended something");
}

#[test]
fn users_are_listed_without_their_hashes() {
    let app = Upstream::start();
    let people = [
        User::alice().with("email: alice@example.com"),
        User::bob().with("disabled: true"),
    ];
    let gateway = Builder::new(&app).users(&people).start();
    let answer = over_socket(&gateway, "GET", "/api/users", None);
    let expected = json!({ "users": [
        { "id": "1001", "username": "alice", "name": "Alice Example",
          "email": "alice@example.com", "roles": ["admin"], "disabled": false },
        { "id": "1002", "username": "bob", "name": "Bob Builder", "roles": [], "disabled": true },
    ] });
    assert_eq!(answer.json(), expected, "{answer}");
}

#[test]
fn a_refused_reload_says_why() {
    let (mut gateway, _app) = guarded();
    gateway.rewrite("nonsense: 1");
    let refused = with_token(&gateway, "POST", "/api/reload").send();
    assert_problem(&refused, 422, "reload_refused", "a bad file is taken");
    assert!(refused.text().contains("nonsense"), "{refused}");
}
