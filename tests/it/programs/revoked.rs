//! A token that is revoked, taken out of the file or past its date opens nothing more, and what
//! it has open ends within a second.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocket;

use crate::operations::cli::{assert_code, said};
use crate::programs::{bearer, gateway_with, made, section};
use crate::support::RedisServer;
use crate::support::users::User;
use crate::support::{Builder, Conn, Gateway, Upstream, assert_problem, until, websocket};

/// The promise is one second; half of another is for a machine that is busy with other tests.
const SLACK: Duration = Duration::from_millis(1500);

/// A stream and a WebSocket that were opened with a token.
struct Open {
    stream: Conn,
    socket: WebSocket<std::net::TcpStream>,
}

impl Open {
    fn with(gateway: &Gateway, token: &str) -> Self {
        let count = || gateway.metric("doorward_session_connections");
        let before = count();
        let (name, value) = bearer(token);
        let mut stream = gateway.connect();
        let request = gateway.request("GET", "/sse").header(name, &value);
        stream.send(request.bytes()).unwrap();
        assert_eq!(stream.head().unwrap().status, 200);
        let request = websocket::request(gateway.port(), "/ws").header(name, &value);
        let socket = websocket::open(&request, gateway.port()).expect("a WebSocket");
        until("the exchanges to last", || count() == before + 2.0);
        Self { stream, socket }
    }

    #[track_caller]
    fn assert_ends(mut self, why: &str, since: Instant) {
        let _rest = self.stream.rest();
        let took = since.elapsed();
        assert!(took < SLACK, "{why}: the stream went on for {took:?}");
        let closed = loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => break frame,
                Ok(_) => {}
                Err(e) => panic!("{why}: no close frame: {e}"),
            }
        };
        assert_eq!(u16::from(closed.unwrap().code), 1008, "{why}");
        let took = since.elapsed();
        assert!(took < SLACK, "{why}: the WebSocket went on for {took:?}");
    }
}

#[track_caller]
fn assert_answers(gateway: &Gateway, token: &str, expected: Result<(), &str>) {
    let (name, value) = bearer(token);
    let answer = gateway.request("GET", "/").header(name, value).send();
    match expected {
        Ok(()) => assert_eq!(answer.status, 200, "{answer}"),
        Err(code) => assert_problem(&answer, 401, code, "a token that is over"),
    }
}

#[test]
fn a_revocation_by_name_ends_what_is_open_and_sticks_to_the_token() {
    let ((one, of_one), (two, of_two)) = (made("one", "alice", &[]), made("two", "alice", &[]));
    let (mut gateway, _app) = gateway_with(&[&of_one, &of_two], "");
    let (open, mut other) = (Open::with(&gateway, &one), Open::with(&gateway, &two));
    let since = Instant::now();
    let output = gateway.command(&["revoke", "--token-name", "one"], "");
    assert_code(&output, 0, "--token-name");
    assert!(
        said(&output).contains("revoked token one of user 1001"),
        "{}",
        said(&output)
    );
    open.assert_ends("revoke --token-name", since);
    assert_answers(&gateway, &one, Err("token_revoked"));
    assert_answers(&gateway, &two, Ok(()));
    other.socket.send("still here".into()).unwrap();
    assert_eq!(websocket::text(&mut other.socket), "still here");
    gateway.wait_for_log(&["event=revoke", "token=one"]);
    // Another name and another date are the same token; and a restart forgets nothing.
    let renamed = of_one
        .replace("\"one\"", "renamed")
        .replace("expires: 2", "expires: 3");
    gateway.rewrite(&section(&[&renamed, &of_two]));
    gateway.reload();
    assert_answers(&gateway, &one, Err("token_revoked"));
    gateway.restart();
    assert_answers(&gateway, &one, Err("token_revoked"));
    let unknown = gateway.command(&["revoke", "--token-name", "one"], "");
    assert_code(&unknown, 64, "a name that no token has");
    assert!(said(&unknown).contains("No token"), "{}", said(&unknown));
}

#[test]
fn its_user_can_revoke_a_token_by_its_text() {
    let (token, entry) = made("ci", "bob", &[]);
    let (gateway, _app) = gateway_with(&[&entry], "");
    let revoke = |cookie: &str| {
        let request = gateway
            .request("POST", "/revoke")
            .cookie(cookie)
            .own_origin();
        request.form(&format!("token={token}")).send().status
    };
    assert_eq!(revoke(&gateway.alice()), 200, "of somebody else");
    assert_eq!(revoke(&gateway.bob()), 200);
    assert_answers(&gateway, &token, Err("token_revoked"));
}

#[test]
fn what_ends_all_sessions_of_a_user_ends_no_token() {
    let (token, entry) = made("ci", "alice", &[]);
    let (mut gateway, _app) = gateway_with(&[&entry], "");
    for what in [vec!["--user", "alice"], vec!["--all"]] {
        let output = gateway.command(&[&["revoke"], &what[..]].concat(), "");
        assert_code(&output, 0, "a revocation");
        assert_answers(&gateway, &token, Ok(()));
    }
    let alice = User::alice().password("a new password of Alice");
    gateway.rewrite_users(&[alice, User::bob()]);
    gateway.reload();
    assert_answers(&gateway, &token, Ok(()));
}

#[test]
fn what_a_reload_takes_away_ends_too() {
    let (token, entry) = made("ci", "bob", &[]);
    let (mut gateway, _app) = gateway_with(&[&entry], "");
    let open = Open::with(&gateway, &token);
    gateway.rewrite_users(&[User::alice(), User::bob().with("disabled: true")]);
    gateway.reload();
    open.assert_ends("a disabled user", Instant::now());
    assert_answers(&gateway, &token, Err("token_revoked"));
    gateway.rewrite_users(&[User::alice(), User::bob()]);
    gateway.reload();
    let open = Open::with(&gateway, &token);
    gateway.rewrite(&section(&[]));
    gateway.reload();
    open.assert_ends("taken out of the file", Instant::now());
    assert_answers(&gateway, &token, Err("token_invalid"));
}

#[test]
fn narrowing_counts_for_new_requests_and_an_entry_taken_out_ends_what_is_open() {
    let (token, entry) = made("ci", "alice", &[]);
    let (mut gateway, _app) = gateway_with(&[&entry], "");
    let mut open = Open::with(&gateway, &token);
    let narrowed = format!("{entry}\n  paths: [/api/**]");
    gateway.rewrite(&section(&[&narrowed]));
    gateway.reload();
    let (name, value) = bearer(&token);
    let answer = gateway.request("GET", "/").header(name, value).send();
    assert_problem(&answer, 403, "forbidden", "outside of the new paths");
    open.socket.send("still here".into()).unwrap();
    assert_eq!(websocket::text(&mut open.socket), "still here");
    let since = Instant::now();
    gateway.rewrite(&section(&[]));
    gateway.reload();
    open.assert_ends("an entry that was taken out", since);
}

#[test]
fn the_file_of_tokens_is_watched() {
    let (token, entry) = made("ci", "bob", &[]);
    let app = Upstream::start();
    let setup = Builder::new(&app).yaml("tokens: { file: tokens.yml }\n");
    setup.dir().write("tokens.yml", "[]");
    let gateway = setup.start();
    assert_answers(&gateway, &token, Err("token_invalid"));
    gateway.dir().write("tokens.yml", entry);
    until("the file to be read", || {
        let (name, value) = bearer(&token);
        gateway
            .request("GET", "/")
            .header(name, value)
            .send()
            .status
            == 200
    });
}

#[test]
fn a_date_ends_what_is_open() {
    let (token, entry) = made("ci", "alice", &["--expires", "12s"]);
    let made_at = Instant::now();
    let (gateway, _app) = gateway_with(&[&entry], "");
    assert_answers(&gateway, &token, Ok(()));
    let open = Open::with(&gateway, &token);
    let left = Duration::from_secs(12).saturating_sub(made_at.elapsed());
    open.assert_ends("its date", Instant::now() + left);
    assert_answers(&gateway, &token, Err("token_expired"));
}

#[test]
fn every_replica_hears_of_a_revocation() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let (token, entry) = made("ci", "alice", &[]);
    let app = Upstream::start();
    let gateways = [(); 2].map(|()| redis.gateway(&app, "").yaml(&section(&[&entry])).start());
    let open = Open::with(&gateways[1], &token);
    let since = Instant::now();
    let output = gateways[0].command(&["revoke", "--token-name", "ci"], "");
    assert_code(&output, 0, "--token-name");
    open.assert_ends("a revocation elsewhere", since);
    for gateway in &gateways {
        assert_answers(gateway, &token, Err("token_revoked"));
    }
}
