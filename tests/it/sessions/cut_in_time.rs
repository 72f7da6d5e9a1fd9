//! Open connections end when their session's time runs out, and only then.

use std::time::{Duration, Instant};

use crate::support::watch::{End, Kind, Watch};
use crate::support::{Jar, world_with};

/// When what was opened at `since` must end, within the promised second and what a busy
/// machine takes.
#[track_caller]
fn assert_ends(why: &str, watch: Watch, since: Instant, after: Duration) {
    let kind = watch.kind();
    let (at, end) = watch.end();
    let took = at.saturating_duration_since(since);
    eprintln!("{why}: {kind:?} ended {took:?} after {after:?} began ({end:?})");
    // The times of a token are whole seconds.
    let early = after.saturating_sub(Duration::from_millis(1100));
    assert!(took > early, "{why}: {kind:?} was cut after {took:?}");
    assert!(
        took < after + Duration::from_secs(3),
        "{why}: {kind:?} goes on for {took:?}"
    );
    let expected = match kind.is_socket() {
        true => End::Code(1008),
        false => End::Bare,
    };
    assert_eq!(end, expected, "{why}: {kind:?}");
}

#[test]
fn connections_end_when_nobody_renews_the_session() {
    for (why, yaml) in [
        ("idle", "session: { access_ttl: 2s, idle_timeout: 3s }"),
        (
            "absolute",
            "session: { access_ttl: 2s, absolute_timeout: 3s }",
        ),
    ] {
        let (gateway, _app) = world_with(yaml);
        let since = Instant::now();
        let cookie = gateway.alice();
        // What they receive renews nothing; what a client sends over a WebSocket is use
        // (`websocket_use`).
        let kinds = Kind::ALL
            .into_iter()
            .filter(|kind| why != "idle" || *kind != Kind::BusySocket);
        let watches: Vec<_> = kinds
            .map(|kind| Watch::open(&gateway, &cookie, kind))
            .collect();
        for watch in watches {
            assert_ends(why, watch, since, Duration::from_secs(3));
        }
        gateway.wait_for_log(&["path=/ws", "verdict=session_expired"]);
    }
}

/// The clock is looked at in steps; sessions that begin between them end between them.
#[test]
fn the_end_comes_soon_wherever_between_two_looks_it_falls() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, idle_timeout: 3s }");
    let watches: Vec<_> = (0..10)
        .map(|_| {
            let since = Instant::now();
            let watch = Watch::open(&gateway, &gateway.alice(), Kind::IdleSocket);
            std::thread::sleep(Duration::from_millis(57));
            (since, watch)
        })
        .collect();
    for (since, watch) in watches {
        assert_ends("idle, spread", watch, since, Duration::from_secs(3));
    }
}

#[test]
fn a_session_that_another_tab_renews_keeps_its_connections() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, idle_timeout: 3s }");
    let mut jar = Jar::alice(&gateway);
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::BusySocket);
    let watches: Vec<_> = kinds
        .map(|kind| Watch::open(&gateway, &jar.cookies(), kind))
        .collect();
    let mut since = Instant::now();
    // Three times the life of the token with which they were admitted.
    for second in 1..=6 {
        for watch in &watches[..1] {
            assert!(
                watch.stays_open(Duration::from_secs(1)),
                "cut after {second} s, though the session was renewed"
            );
        }
        since = Instant::now();
        jar.refresh(&gateway);
    }
    assert!(watches.iter().all(Watch::is_open));
    for watch in watches {
        assert_ends("renewed, then idle", watch, since, Duration::from_secs(3));
    }
}

#[test]
fn the_absolute_end_comes_however_often_the_session_is_renewed() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, absolute_timeout: 4s }");
    let since = Instant::now();
    let mut jar = Jar::alice(&gateway);
    let watch = Watch::open(&gateway, &jar.cookies(), Kind::IdleSocket);
    for _ in 0..2 {
        assert!(watch.stays_open(Duration::from_secs(1)), "cut too early");
        jar.refresh(&gateway);
    }
    assert_ends("absolute", watch, since, Duration::from_secs(4));
}

#[test]
fn the_end_comes_during_a_stop_too() {
    let (mut gateway, _app) =
        world_with("session: { access_ttl: 2s, absolute_timeout: 3s }\nlimits: { drain: 20s }");
    let since = Instant::now();
    let cookie = gateway.alice();
    let watch = Watch::open(&gateway, &cookie, Kind::IdleSocket);
    gateway.signal("TERM");
    assert_ends("during a stop", watch, since, Duration::from_secs(3));
    gateway.process().wait();
}
