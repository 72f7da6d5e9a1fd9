//! Open connections on one gateway end with a session that ends on another.

use std::time::{Duration, Instant};

use crate::support::watch::{End, Kind, Watch};
use crate::support::{Fleet, Jar, RedisServer};

/// The promise is one second; the machine may be busy with other things.
const SLACK: Duration = Duration::from_secs(3);

#[test]
fn connections_end_with_a_logout_on_another_gateway() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [here, there, _] = &fleet.gateways;
    let (alice, bob) = (Jar::alice(here), Jar::bob(here));
    let stays = Watch::open(there, &alice.cookies(), Kind::IdleSocket);
    let watches = Kind::ALL.map(|kind| Watch::open(there, &bob.cookies(), kind));
    let since = Instant::now();
    here.logout(&bob.cookies());
    for watch in watches {
        let kind = watch.kind();
        let (at, end) = watch.end();
        let took = at.saturating_duration_since(since);
        eprintln!("on another gateway: {kind:?} ended after {took:?} ({end:?})");
        assert!(took < SLACK, "{kind:?} goes on for {took:?}");
        let expected = match kind.is_socket() {
            true => End::Code(1008),
            false => End::Bare,
        };
        assert_eq!(end, expected);
    }
    assert!(stays.is_open(), "somebody else was cut off");
}

#[test]
fn a_session_that_is_renewed_on_another_gateway_keeps_its_connections() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "access_ttl: 2s, idle_timeout: 3s");
    let [here, there, _] = &fleet.gateways;
    let mut jar = Jar::bob(here);
    let watch = Watch::open(there, &jar.cookies(), Kind::IdleSocket);
    for second in 1..=5 {
        assert!(
            watch.stays_open(Duration::from_secs(1)),
            "cut after {second} s, though the session was renewed"
        );
        jar.refresh(here);
    }
    let since = Instant::now();
    let (at, end) = watch.end();
    let took = at.saturating_duration_since(since);
    eprintln!("not renewed for 3 s: ended after {took:?} ({end:?})");
    assert!(
        took < Duration::from_secs(3) + SLACK,
        "it goes on: {took:?}"
    );
    assert_eq!(end, End::Code(1008));
}

#[test]
fn while_redis_is_away_connections_live_as_long_as_their_token() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "access_ttl: 4s");
    let since = Instant::now();
    let jar = Jar::bob(&fleet.gateways[0]);
    let watch = Watch::open(&fleet.gateways[0], &jar.cookies(), Kind::IdleSocket);
    fleet.redis.kill();
    let (at, end) = watch.end();
    let took = at.saturating_duration_since(since);
    eprintln!("Redis away, token of 4 s: ended after {took:?} ({end:?})");
    // The times of a token are whole seconds.
    assert!(took > Duration::from_millis(2900), "cut after {took:?}");
    assert!(
        took < Duration::from_secs(4) + SLACK,
        "nobody knows whether the session goes on, and it goes on: {took:?}"
    );
    assert_eq!(end, End::Code(1008));
    fleet.gateways[0].wait_for_log(&["path=/ws", "verdict=store_unavailable"]);
}

#[test]
fn where_certainty_is_asked_for_connections_end_when_the_gate_closes() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "refuse_when_stale: 2s");
    let jar = Jar::bob(&fleet.gateways[0]);
    let watch = Watch::open(&fleet.gateways[0], &jar.cookies(), Kind::IdleSocket);
    assert!(
        watch.stays_open(Duration::from_secs(3)),
        "cut while Redis is heard"
    );
    fleet.redis.kill();
    let since = Instant::now();
    let (at, end) = watch.end();
    let took = at.saturating_duration_since(since);
    eprintln!("nothing heard for 2 s: ended after {took:?} ({end:?})");
    assert!(
        took < Duration::from_secs(2) + SLACK,
        "it goes on while the gate is closed: {took:?}"
    );
    assert_eq!(end, End::Code(1008));
}
