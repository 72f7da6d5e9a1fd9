//! What is over is over: every exchange that lasts ends with its session, whatever its
//! media type, its version and its direction; a download of known length as
//! `session.cut_downloads` says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::exchange::{End, Exchange, Kind, Version};
use crate::support::h2::{DATA, END_STREAM, H2, RST_STREAM};
use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD};
use crate::support::wait::PATIENCE;
use crate::support::{Builder, Gateway, Upstream, optional, tls, until, world};

/// The promise is one second; half of another is for a machine that is busy with other tests.
const SLACK: Duration = Duration::from_millis(1500);

/// A download of known length, half of which the app keeps back.
const DOWNLOAD: Kind = Kind::Get("/half-length");

/// What has to end, and how that looks over HTTP/1.1. Over HTTP/2 its stream is reset.
const LASTING: [(Kind, End); 9] = [
    (Kind::Get("/pieces?text/event-stream"), End::Cut),
    (
        Kind::Get("/pieces?multipart/x-mixed-replace;boundary=a"),
        End::Cut,
    ),
    (Kind::Get("/pieces?video/mp2t"), End::Cut),
    (Kind::Get("/pieces?application/json"), End::Cut),
    // Silent after its first piece.
    (Kind::Get("/half"), End::Cut),
    (Kind::Get("/until-close"), End::Cut),
    // A long poll that waits for its head.
    (Kind::Get("/hold"), End::Refused(401)),
    (Kind::Upload, End::Refused(401)),
    (Kind::Tunnel, End::Code(1008)),
];

struct World {
    gateway: Gateway,
    app: Upstream,
}

impl World {
    fn new(yaml: &str) -> Option<Self> {
        if !optional::has("openssl") {
            return None;
        }
        let app = Upstream::start();
        let gateway = Builder::new(&app).tls().yaml(yaml).start();
        Some(Self { gateway, app })
    }

    fn begin(&self, cookie: &str) -> Vec<(Exchange, End)> {
        let http1 = LASTING.map(|(kind, end)| (kind, Version::Http1, end));
        let tunnel = |(kind, _): &(Kind, End)| *kind == Kind::Tunnel;
        let http2 = LASTING.into_iter().filter(|lasting| !tunnel(lasting));
        let http2 = http2.map(|(kind, _)| (kind, Version::Http2, End::Cut));
        let all = http1.into_iter().chain(http2);
        all.map(|(kind, version, end)| {
            let exchange = Exchange::begin(&self.gateway, cookie, kind, version);
            (exchange, end)
        })
        .collect()
    }

    fn downloads(&self, cookie: &str) -> [Exchange; 2] {
        [Version::Http1, Version::Http2]
            .map(|version| Exchange::begin(&self.gateway, cookie, DOWNLOAD, version))
    }

    /// Waits until so many exchanges have lasted.
    #[track_caller]
    fn until_registered(&self, count: usize) {
        let count = f64::from(u32::try_from(count).unwrap());
        until("the exchanges to last", || {
            self.gateway.metric("doorward_session_connections") == count
        });
    }

    fn logout(&self, cookie: &str) {
        let origin = format!("https://127.0.0.1:{}", self.gateway.port());
        let logout = self.gateway.request("POST", "/logout").cookie(cookie);
        let logout = logout.header("Origin", origin).form("");
        let mut tls = tls::Tls::http1(self.gateway.port()).unwrap();
        assert_eq!(tls.ask(&logout).unwrap().status, 303);
    }
}

#[track_caller]
fn assert_ended(why: &str, exchange: &Exchange, expected: End, since: Instant) {
    let (at, end) = exchange.end();
    let took = at.saturating_duration_since(since);
    let what = format!("{why}: {:?} over {:?}", exchange.kind, exchange.version);
    eprintln!("{what} ended after {took:?} ({end:?})");
    assert!(took < SLACK, "{what} goes on for {took:?}");
    assert_eq!(end, expected, "{what}");
}

/// Bob has everything open; `act` ends his session.
#[track_caller]
fn assert_all_end(why: &str, act: impl FnOnce(&World, &str)) {
    let Some(world) = World::new("") else { return };
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let alice = tls::login(&world.gateway, "alice", ALICE_PASSWORD);
    let of_bob = world.begin(&bob);
    let downloads = world.downloads(&bob);
    let of_alice = world.begin(&alice);
    world.until_registered(of_bob.len() + of_alice.len());
    let since = Instant::now();
    act(&world, &bob);
    for (exchange, end) in &of_bob {
        assert_ended(why, exchange, *end, since);
    }
    for (exchange, _) in &of_alice {
        let what = (exchange.kind, exchange.version);
        assert!(exchange.is_open(), "{why}: {what:?} of somebody else");
    }
    assert!(downloads.iter().all(Exchange::is_open), "{why}: a download");
    world.app.release();
    for download in &downloads {
        assert_eq!(download.end().1, End::Whole, "{why}: a download was cut");
    }
}

#[test]
fn every_exchange_that_lasts_ends_with_a_logout() {
    assert_all_end("logout", |world, bob| world.logout(bob));
}

#[test]
fn every_exchange_that_lasts_ends_when_the_operator_revokes_the_user() {
    assert_all_end("revoke --user", |world, _| {
        let revoked = world.gateway.command(&["revoke", "--user", "bob"], "");
        assert!(revoked.status.success(), "{revoked:?}");
    });
}

#[test]
fn every_exchange_that_lasts_ends_with_the_absolute_end() {
    let yaml = "session: { access_ttl: 3s, absolute_timeout: 6s, cut_downloads: true }";
    let Some(world) = World::new(yaml) else {
        return;
    };
    let since = Instant::now();
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let exchanges = world.begin(&bob);
    let downloads = world.downloads(&bob).map(|download| (download, End::Cut));
    world.until_registered(exchanges.len() + downloads.len());
    for (exchange, end) in exchanges.iter().chain(&downloads) {
        let (at, seen) = exchange.end();
        assert_eq!(seen, *end, "{:?}", (exchange.kind, exchange.version));
        let at = at.saturating_duration_since(since);
        // The times of a token are whole seconds.
        assert!(at > Duration::from_millis(4900), "cut after {at:?}");
        assert!(at < Duration::from_secs(6) + SLACK, "cut after {at:?}");
    }
}

#[test]
fn a_download_of_known_length_is_cut_where_the_operator_wants_it() {
    let Some(world) = World::new("session: { cut_downloads: true }") else {
        return;
    };
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let downloads = world.downloads(&bob);
    world.until_registered(downloads.len());
    let since = Instant::now();
    world.logout(&bob);
    for download in &downloads {
        assert_ended("cut_downloads", download, End::Cut, since);
    }
}

#[test]
fn streams_of_one_connection_end_each_with_its_own_session() {
    let Some(world) = World::new("") else { return };
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let alice = tls::login(&world.gateway, "alice", ALICE_PASSWORD);
    let mut client = H2::open(world.gateway.port()).unwrap();
    for (stream, cookie) in [(1, &bob), (3, &alice)] {
        let block = client.get("/pieces?image/jpeg", cookie);
        client.headers(stream, END_STREAM, &block).unwrap();
    }
    world.until_registered(2);
    world.logout(&bob);
    let reset = client.until(|frame| frame.kind == RST_STREAM).unwrap();
    assert_eq!(reset.stream, 1, "the other session's stream was reset");
    for _ in 0..10 {
        let piece = client.until(|frame| frame.kind == DATA).unwrap();
        assert_eq!(piece.stream, 3);
    }
}

/// The look at what lasts comes later than this: nothing may fall between the two.
#[test]
fn a_session_that_ends_before_its_exchange_is_looked_at_takes_it_along() {
    let Some(world) = World::new("") else { return };
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let exchanges = world.begin(&bob);
    until("the app to be asked", || {
        world.app.count() >= exchanges.len()
    });
    let since = Instant::now();
    world.logout(&bob);
    for (exchange, end) in &exchanges {
        assert_ended("at once", exchange, *end, since);
    }
}

#[test]
fn what_was_cut_is_told_in_the_log_with_what_the_client_saw() {
    let Some(world) = World::new("") else { return };
    let bob = tls::login(&world.gateway, "bob", BOB_PASSWORD);
    let exchanges = world.begin(&bob);
    world.until_registered(exchanges.len());
    world.logout(&bob);
    for (exchange, _) in &exchanges {
        exchange.end();
    }
    for words in [
        ["path=/hold", "status=401"],
        ["path=/sink", "status=401"],
        ["path=/sink", "status=499"],
        ["path=/pieces", "status=200"],
        ["path=/ws", "status=101"],
    ] {
        let all = [words[0], words[1], "verdict=session_revoked", "user=1002"];
        world.gateway.wait_for_log(&all);
    }
    let name = "doorward_requests_total";
    let cut = world.gateway.labelled(name, "session_revoked");
    assert_eq!(cut, 17.0, "each is counted once");
    let flying = || world.gateway.metric("doorward_requests_in_flight");
    until("nothing to be in flight", || flying() == 0.0);
    world.until_registered(0);
}

#[test]
fn a_head_that_is_cut_gets_no_body() {
    let (gateway, _app) = world();
    let bob = gateway.bob();
    let mut wire = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = gateway.request("HEAD", "/hold").cookie(&bob);
    wire.write_all(&head.bytes()).unwrap();
    until("the exchange to last", || {
        gateway.metric("doorward_session_connections") == 1.0
    });
    gateway.logout(&bob);
    let mut came = Vec::new();
    wire.read_to_end(&mut came).unwrap();
    let text = String::from_utf8_lossy(&came);
    assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "a body behind a HEAD: {text}");
}
