//! A flood of wrong logins from many networks, in small: who is honest gets in all the same.
//! `benches/floods.rs` measures it in large.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher as _;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Gateway, Response, Upstream, until};

/// Networks of the flood, and its callers: more than run and wait.
const NETWORKS: u32 = 16;
const CALLERS: u32 = 16;
/// What a person waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hash of some milliseconds, so that the turns are what is scarce.
fn hash() -> String {
    let costs = argon2::Params::new(1024, 2, 1, None).unwrap();
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, costs)
        .hash_password_with_salt(ALICE_PASSWORD.as_bytes(), b"doorward-it-salt")
        .unwrap()
        .to_string()
}

fn from(gateway: &Gateway, address: &str, name: &str, password: &str) -> crate::support::Request {
    let request = gateway.login_request(name, password);
    request.header("X-Forwarded-For", address)
}

/// Ends the flood, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn honest_logins_get_in_during_a_flood_from_many_networks() {
    let app = Upstream::start();
    let hash = hash();
    let users = format!(
        "users: [{{ id: \"1\", username: alice, name: Alice, password_hash: {hash:?} }}]\n"
    );
    let gateway = Builder::new(&app)
        .yaml(&users)
        .yaml("trusted_proxies: [127.0.0.0/8]\nlog: { level: warn }")
        .yaml("login: { address_attempts: 100000, concurrent_hashes: 1, hash_queue: 4 }")
        .start();
    let name = "__Host-doorward-known";
    let cookie = from(&gateway, "203.0.113.1", "alice", ALICE_PASSWORD).send();
    let hers = format!("{name}={}", cookie.cookie(name).unwrap().value);

    let over = AtomicBool::new(false);
    let (served, turned_away) = (AtomicU32::new(0), AtomicU32::new(0));
    let counted = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let ends = Over(&over);
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let n = counted.fetch_add(1, Ordering::Relaxed);
                    let address = format!("10.0.{}.1", n % NETWORKS);
                    let answer = from(&gateway, &address, &format!("user{n}"), "wrong");
                    match answer.send().status {
                        401 => served.fetch_add(1, Ordering::Relaxed),
                        503 => turned_away.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
        // Until each network of it has been served.
        until("the flood to stand", || {
            served.load(Ordering::Relaxed) > 2 * NETWORKS
        });
        let honest = |n: u32, cookie: Option<&str>| -> Response {
            let address = format!("198.51.{n}.1");
            let mut login = from(&gateway, &address, "alice", ALICE_PASSWORD);
            if let Some(cookie) = cookie {
                login = login.cookie(cookie);
            }
            login.send()
        };
        let mut got_in = [0, 0];
        for n in 0..20 {
            for (place, cookie) in [None, Some(hers.as_str())].into_iter().enumerate() {
                let began = Instant::now();
                let answer = honest(n, cookie);
                let in_time = began.elapsed() < PATIENCE;
                got_in[place] += u32::from(answer.status == 303 && in_time);
            }
        }
        drop(ends);
        let [unknown, known] = got_in;
        assert!(known >= 19, "of 20 known {known} got in");
        assert!(unknown >= 12, "of 20 others {unknown} got in");
    });
    assert!(turned_away.load(Ordering::Relaxed) > 20, "no flood");
}
