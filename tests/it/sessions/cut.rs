//! Open connections end with their session, whoever ends it and whether or not anything
//! moves on them.

use std::time::{Duration, Instant};

use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::watch::{End, Kind, Watch};
use crate::support::{
    Builder, Gateway, Jar, Response, Upstream, assert_problem, until, world, world_with,
};

/// The promise is one second; the machine may be busy with other things.
const SLACK: Duration = Duration::from_secs(3);

#[track_caller]
fn assert_cut(why: &str, watch: Watch, since: Instant) {
    let kind = watch.kind();
    let (at, end) = watch.end();
    let took = at.saturating_duration_since(since);
    eprintln!("{why}: {kind:?} ended after {took:?} ({end:?})");
    assert!(took < SLACK, "{why}: {kind:?} goes on for {took:?}");
    let expected = match kind.is_socket() {
        true => End::Code(1008),
        false => End::Bare,
    };
    assert_eq!(end, expected, "{why}: {kind:?}");
}

/// Opens every kind of connection for Bob, and one of Alice beside them; lets `act` end
/// Bob's session.
#[track_caller]
fn assert_all_end(why: &str, alice_stays: Stays, act: impl FnOnce(&mut Gateway, &str, &str)) {
    let (mut gateway, app) = world();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let of_alice = Watch::open(&gateway, &alice, Kind::BusySocket);
    let of_bob = Kind::ALL.map(|kind| Watch::open(&gateway, &bob, kind));
    let open = || gateway.metric("doorward_session_connections");
    until("the open connections to be registered", || open() == 5.0);
    assert!(of_bob.iter().all(Watch::is_open), "{why}: too early");
    let since = Instant::now();
    act(&mut gateway, &alice, &bob);
    for watch in of_bob {
        assert_cut(why, watch, since);
    }
    match alice_stays {
        Stays::Open => assert!(of_alice.is_open(), "{why}: somebody else was cut off"),
        Stays::Cut => assert_cut(why, of_alice, since),
    }
    let left = f64::from(u8::from(alice_stays == Stays::Open));
    let open = || gateway.metric("doorward_session_connections");
    until("what was cut to be forgotten", || open() == left);
    until("what was cut to be no longer in flight", || {
        gateway.metric("doorward_requests_in_flight") == left
    });
    // The event stream that writes notices with its next event.
    until("the app's side to be closed", || app.ended() >= 4);
    assert_eq!(gateway.get("/", &bob).status, 401);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stays {
    Open,
    Cut,
}

#[track_caller]
fn revoke(gateway: &Gateway, cookie: &str, form: &str) -> Response {
    let response = gateway
        .request("POST", "/revoke")
        .own_origin()
        .cookie(cookie)
        .form(form)
        .send();
    assert_eq!(response.status, 200, "{response}");
    response
}

#[track_caller]
fn reload_with(gateway: &mut Gateway, people: &[User]) {
    gateway.rewrite_users(people);
    gateway.reload();
}

#[test]
fn connections_end_with_a_logout() {
    assert_all_end("logout", Stays::Open, |gateway, _, bob| {
        gateway.logout(bob);
    });
}

#[test]
fn connections_end_when_an_administrator_revokes_the_user() {
    assert_all_end("revoke user", Stays::Open, |gateway, alice, _| {
        revoke(gateway, alice, "user=1002");
    });
}

#[test]
fn connections_end_when_everybody_is_revoked() {
    assert_all_end("revoke all", Stays::Cut, |gateway, alice, _| {
        revoke(gateway, alice, "all=true");
    });
}

#[test]
fn connections_end_when_the_user_is_removed() {
    assert_all_end("user removed", Stays::Open, |gateway, _, _| {
        reload_with(gateway, &[User::alice()]);
    });
}

#[test]
fn connections_end_when_the_user_is_disabled() {
    assert_all_end("user disabled", Stays::Open, |gateway, _, _| {
        reload_with(
            gateway,
            &[User::alice(), User::bob().with("disabled: true")],
        );
    });
}

#[test]
fn connections_end_when_the_password_changes() {
    assert_all_end("new password", Stays::Open, |gateway, _, _| {
        reload_with(gateway, &[User::alice(), User::bob().password("architect")]);
    });
}

#[test]
fn connections_end_when_the_token_version_is_raised() {
    assert_all_end("token_version", Stays::Open, |gateway, _, _| {
        reload_with(
            gateway,
            &[User::alice(), User::bob().with("token_version: 2")],
        );
    });
}

#[test]
fn connections_end_when_a_newer_login_takes_the_place() {
    let (gateway, _app) = world_with("session: { max_per_user: 1 }");
    let watches = Kind::ALL.map(|kind| Watch::open(&gateway, &gateway.alice(), kind));
    // Each login ended the session before it.
    let since = Instant::now();
    gateway.login("alice", ALICE_PASSWORD);
    for watch in watches {
        assert_cut("max_per_user", watch, since);
    }
}

#[test]
fn connections_end_when_a_stolen_token_is_noticed() {
    let (gateway, _app) = world_with("session: { refresh_grace: 0s }");
    let stolen = Jar::bob(&gateway);
    let mut jar = stolen.clone();
    jar.refresh(&gateway);
    jar.refresh(&gateway);
    let watches = Kind::ALL.map(|kind| Watch::open(&gateway, &jar.cookies(), kind));
    let since = Instant::now();
    let reuse = stolen.without_access().post_refresh(&gateway);
    assert_problem(&reuse, 401, "session_revoked", "a stolen token");
    for watch in watches {
        assert_cut("reuse", watch, since);
    }
}

#[test]
fn connections_of_another_session_of_the_same_user_live_on() {
    let (gateway, _app) = world();
    let (here, there) = (gateway.bob(), gateway.bob());
    let ended = Watch::open(&gateway, &here, Kind::IdleSocket);
    let others = Kind::ALL.map(|kind| Watch::open(&gateway, &there, kind));
    let since = Instant::now();
    gateway.logout(&here);
    assert_cut("logout here", ended, since);
    for other in others {
        assert!(other.is_open(), "{:?} there was cut", other.kind());
    }
    assert_eq!(gateway.get("/", &there).status, 200);
}

#[test]
fn a_session_on_a_public_path_counts_and_a_stranger_is_left_alone() {
    let (gateway, _app) = world_with("rules: [{ path: /**, access: public }]");
    let bob = gateway.bob();
    let of_bob = Watch::open(&gateway, &bob, Kind::IdleSocket);
    let of_nobody = Watch::open(&gateway, "", Kind::IdleSocket);
    until("the connection to be registered", || {
        gateway.metric("doorward_session_connections") == 1.0
    });
    let since = Instant::now();
    gateway.logout(&bob);
    assert_cut("logout", of_bob, since);
    assert!(of_nobody.is_open(), "who has no session was cut off");
}

#[test]
fn a_connection_that_is_kept_alive_is_not_disturbed() {
    let (gateway, _app) = world();
    let bob = gateway.bob();
    let mut connection = gateway.connect();
    let request = gateway.request("GET", "/").cookie(&bob);
    assert_eq!(request.send_on(&mut connection).status, 200);
    let stream = Watch::open(&gateway, &bob, Kind::IdleEvents);
    let since = Instant::now();
    gateway.logout(&bob);
    assert_cut("logout", stream, since);
    let refused = request.send_on(&mut connection);
    assert_problem(&refused, 401, "session_revoked", "after the logout");
    let alice = gateway.request("GET", "/").cookie(&gateway.alice());
    assert_eq!(alice.send_on(&mut connection).status, 200, "the connection");
}

#[test]
fn what_was_cut_has_a_line_in_the_log() {
    let (gateway, _app) = world();
    let bob = gateway.bob();
    let watches =
        [Kind::IdleSocket, Kind::BusyEvents].map(|kind| Watch::open(&gateway, &bob, kind));
    gateway.logout(&bob);
    for watch in watches {
        watch.end();
    }
    for words in [
        ["path=/ws", "status=101", "verdict=session_revoked"],
        ["path=/sse", "status=200", "verdict=session_revoked"],
    ] {
        let line = gateway.wait_for_log(&words);
        assert!(
            line.contains("user=1002") && line.contains("session=") && !line.contains("bytes=0 "),
            "{line}"
        );
    }
    let cut = gateway.labelled("doorward_requests_total", "session_revoked");
    assert_eq!(cut, 2.0, "what was cut is not counted");
}

#[test]
fn what_ends_by_itself_is_forgotten_and_recorded_once() {
    let (gateway, _app) = world();
    let bob = gateway.bob();
    for path in ["/sse", "/quiet-events"] {
        let mut connection = gateway.connect();
        connection
            .send(gateway.request("GET", path).cookie(&bob).bytes())
            .unwrap();
        connection.until("data: 0").unwrap();
        until("the stream to be registered", || {
            gateway.metric("doorward_session_connections") == 1.0
        });
        drop(connection);
        until("a stream that was left to be forgotten", || {
            gateway.metric("doorward_session_connections") == 0.0
        });
        gateway.wait_for_log(&["access", &format!("path={path}")]);
        let lines = gateway.log();
        let about = lines.lines().filter(|line| line.contains(path)).count();
        assert_eq!(about, 1, "{lines}");
    }
}

#[test]
fn a_stop_does_not_wait_for_what_was_cut() {
    let (mut gateway, _app) = world();
    let bob = gateway.bob();
    let watches = Kind::ALL.map(|kind| Watch::open(&gateway, &bob, kind));
    gateway.logout(&bob);
    for watch in watches {
        watch.end();
    }
    let since = Instant::now();
    gateway.signal("TERM");
    gateway.process().wait();
    let took = since.elapsed();
    assert!(took < SLACK, "a stop took {took:?} with nothing in flight");
}

#[test]
fn an_app_on_a_unix_socket_is_cut_off_too() {
    let dir = crate::support::TempDir::new();
    let app = Upstream::start_unix(&dir.join("app.sock"));
    let gateway = Builder::new(&app).start();
    let bob = gateway.bob();
    let watches = Kind::ALL.map(|kind| Watch::open(&gateway, &bob, kind));
    let since = Instant::now();
    gateway.logout(&bob);
    for watch in watches {
        assert_cut("logout, unix socket", watch, since);
    }
    until("the app's side to be closed", || app.ended() >= 4);
}

#[test]
fn a_stream_that_opens_after_the_end_is_cut_at_once() {
    let (gateway, app) = world();
    let bob = gateway.bob();
    let mut connection = gateway.connect();
    let request = gateway.request("GET", "/late-events").cookie(&bob);
    connection.send(request.bytes()).unwrap();
    until("the app to be asked", || app.count() == 1);
    gateway.logout(&bob);
    let since = Instant::now();
    app.release();
    while connection.take(1).is_ok() {}
    let took = since.elapsed();
    assert!(
        took < SLACK,
        "it opened after the logout, and lives for {took:?}"
    );
}
