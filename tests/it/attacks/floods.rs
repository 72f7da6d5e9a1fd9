//! Floods, in small: who is signed in goes on working, the memory stays bounded, and the
//! flood is refused as promised. `benches/floods.rs` measures the same in large.

use std::time::{Duration, Instant};

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Conn, Gateway, Upstream, assert_problem, memory, until, world_with};

/// Connections of a slow flood.
const SLOW: usize = 300;
/// What a flood may cost, in KiB; a debug build has larger futures.
const GROWTH: u64 = 96 * 1024;
/// What one who does not read a large answer may cost beside that: pingora keeps some ten
/// pieces of 64 KiB on their way.
const UNREAD: u64 = 1200;

/// A gateway with Alice signed in.
struct World {
    gateway: Gateway,
    app: Upstream,
    cookie: String,
    before: u64,
}

impl World {
    fn new(yaml: &str) -> Self {
        Self::of(world_with(&format!("{yaml}\nlog: {{ level: warn }}")))
    }

    fn of((gateway, app): (Gateway, Upstream)) -> Self {
        let cookie = gateway.alice();
        let before = memory::resident(gateway.pid());
        Self {
            gateway,
            app,
            cookie,
            before,
        }
    }

    /// Alice goes on working, over kept and over new connections.
    #[track_caller]
    fn assert_unharmed(&self) {
        self.assert_unharmed_for(GROWTH);
    }

    /// The same, where the flood may cost so much.
    #[track_caller]
    fn assert_unharmed_for(&self, growth: u64) {
        for _ in 0..5 {
            let mut connection = self.gateway.connect();
            for _ in 0..5 {
                let request = self.gateway.request("GET", "/").cookie(&self.cookie);
                let answer = request.send_on(&mut connection);
                assert_eq!(answer.status, 200, "the flood hurts Alice: {answer}");
            }
        }
        let peak = memory::peak(self.gateway.pid());
        let limit = self.before + growth;
        assert!(peak < limit, "from {} to {peak} KiB", self.before);
    }

    /// So many connections that sent this and no more.
    fn hang(&self, bytes: &[u8]) -> Vec<Conn> {
        let connections = (0..SLOW).map(|_| {
            let mut connection = self.gateway.connect();
            connection.send(bytes).unwrap();
            connection
        });
        connections.collect()
    }

    /// Connections that are open, ours for the question aside.
    fn open(&self) -> f64 {
        self.gateway.metric("doorward_connections")
    }
}

/// Every one of them is told so.
#[track_caller]
fn assert_timed_out(flood: Vec<Conn>, what: &str) {
    for mut connection in flood {
        let answer = connection.answer("GET").expect(what);
        assert_problem(&answer, 408, "request_timeout", what);
    }
}

#[test]
fn slow_heads() {
    let world = World::new("limits: { request_head: 5s }");
    let flood = world.hang(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow:");
    let late = || {
        let name = "doorward_connections_turned_away_total";
        world.gateway.labelled(name, "request_head")
    };
    // The last of them are perhaps not accepted yet.
    until("a flood", || world.open() + late() > 250.0);
    world.assert_unharmed();
    assert_timed_out(flood, "a slow head");
    until("their places to be free", || world.open() < 5.0);
    world.assert_unharmed();
}

#[test]
fn slow_bodies_of_logins_and_of_uploads() {
    let world = World::new("limits: { client_read: 5s }");
    let post = |target: &str| {
        let request = world.gateway.request("POST", target).own_origin();
        request
            .cookie(&world.cookie)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Content-Length", "10000")
            .bytes()
    };
    for target in ["/login", "/sink"] {
        let flood = world.hang(&post(target));
        world.assert_unharmed();
        assert_timed_out(flood, target);
    }
    until("their places to be free", || world.open() < 5.0);
}

#[test]
fn slow_readers() {
    let world = World::new("limits: { idle_stream: 3s }");
    let growth = GROWTH + UNREAD * u64::try_from(SLOW).unwrap();
    let request = world.gateway.request("GET", "/big?n=16000000");
    let request = request.cookie(&world.cookie).bytes();
    // Twice: what the first has left must do for the second.
    for _ in 0..2 {
        let asked = world.app.count();
        let flood = world.hang(&request);
        until("the app to be asked", || world.app.count() >= asked + SLOW);
        world.assert_unharmed_for(growth);
        until("who does not read to be let go", || world.open() < 5.0);
        drop(flood);
        world.assert_unharmed_for(growth);
    }
}

#[test]
fn more_connections_than_there_are_places() {
    let world = World::new("limits: { connections: 150, connections_per_address: 100 }");
    let port = world.gateway.port();
    let from = |last: u8| {
        let open = (0..SLOW).map(move |_| Conn::open_from([127, 0, 0, last], port).unwrap());
        open.collect::<Vec<_>>()
    };
    let flood = from(2);
    let turned = |why: &str| {
        let name = "doorward_connections_turned_away_total";
        world.gateway.labelled(name, &format!("\"{why}\""))
    };
    until("two of three to be turned away", || {
        turned("connections_per_address") >= 200.0
    });
    until("its hundred to be all", || world.open() == 100.0);
    // One address cannot take the places of others.
    world.assert_unharmed();
    drop(flood);
    until("their places to be free", || world.open() < 1.0);
    let flood = (from(3), from(4));
    until("places to run out", || turned("connections") >= 1.0);
    assert!(world.open() <= 150.0);
    drop(flood);
    until("Alice to be served again", || {
        let request = world.gateway.request("GET", "/").cookie(&world.cookie);
        request.try_send().is_ok_and(|answer| answer.status == 200)
    });
}

#[test]
fn logins() {
    let world = World::new(
        "login: { max_attempts: 100000, address_attempts: 1000000, concurrent_hashes: 1, hash_queue: 4 }",
    );
    let ends = Instant::now() + Duration::from_secs(3);
    let statuses = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..32)
            .map(|caller| {
                let world = &world;
                scope.spawn(move || {
                    let mut statuses = Vec::new();
                    for n in 0..200 {
                        let name = format!("user{caller}-{n}");
                        let answer = world.gateway.try_login(&name, "wrong");
                        statuses.push(answer.status);
                        if Instant::now() > ends {
                            break;
                        }
                    }
                    statuses
                })
            })
            .collect();
        world.assert_unharmed();
        let callers = callers.into_iter().map(|caller| caller.join().unwrap());
        callers.flatten().collect::<Vec<_>>()
    });
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    let (wrong, overloaded) = (count(401), count(503));
    assert!(wrong > 0 && overloaded > 0, "{wrong} and {overloaded}");
    assert_eq!(wrong + overloaded, statuses.len(), "another answer");
    world.assert_unharmed();
    assert_eq!(world.gateway.try_login("alice", ALICE_PASSWORD).status, 303);
}

#[test]
fn forged_tokens() {
    let world = World::new("");
    let (signed, signature) = world.cookie.rsplit_once('.').unwrap();
    let asked = world.app.count();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (gateway, kept) = (&world.gateway, &signature[..signature.len() - 8]);
            scope.spawn(move || {
                let mut connection = gateway.connect();
                for n in 0..250 {
                    let forged = format!("{signed}.{kept}{caller}{n:07}");
                    let answer = gateway.request("GET", "/").cookie(&forged);
                    let answer = answer.send_on(&mut connection);
                    assert_problem(&answer, 401, "session_invalid", "a forged token");
                }
            });
        }
        world.assert_unharmed();
    });
    world.assert_unharmed();
    assert_eq!(world.app.count(), asked + 50, "one was let through");
}

/// Each login with a new name, from a new address: of the loopback, and as a trusted proxy
/// tells it.
#[test]
fn new_addresses() {
    let app = Upstream::start();
    let cheap = bcrypt::hash(ALICE_PASSWORD, 4).unwrap();
    let users = format!(
        "users: [{{ id: \"1\", username: alice, name: Alice, password_hash: {cheap:?} }}]\n"
    );
    let builder = Builder::new(&app).yaml(&users);
    let gateway = builder
        .yaml("trusted_proxies: [127.0.0.1]\nlimits: { connections_per_address: 3 }")
        .yaml("log: { level: warn }")
        .start();
    let world = World::of((gateway, app));
    let login = |n: u32| {
        let name = format!("{n}-{}", "x".repeat(15_000));
        world.gateway.login_request(&name, "wrong")
    };
    let asked = |answer: std::io::Result<crate::support::Response>| {
        let status = answer.map(|answer| answer.status).unwrap();
        assert!(matches!(status, 401 | 429 | 503), "{status}");
    };
    for n in 0..1500u32 {
        let [_, _, high, low] = n.to_be_bytes();
        let told = format!("10.1.{high}.{low}");
        asked(login(n).header("X-Forwarded-For", told).try_send());
        let mut connection = Conn::open_from([127, 1, high, low], world.gateway.port()).unwrap();
        asked(login(n).try_send_on(&mut connection));
    }
    // 3000 names of 15 kB, each counted twice, would be 90 MB.
    world.assert_unharmed_for(48 * 1024);
    until("every connection to be forgotten", || world.open() == 0.0);
}
