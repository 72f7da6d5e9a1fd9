//! Gateways on one Redis are one: what begins on one goes on on the others.

use std::sync::Barrier;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{
    Fleet, Gateway, Jar, RedisServer, Response, Upstream, assert_problem, token, until,
};

#[test]
fn a_login_on_one_is_good_on_all() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, three] = &fleet.gateways;
    let mut jar = Jar::alice(one);
    let session = jar.session();
    for gateway in &fleet.gateways {
        assert_eq!(jar.get(gateway, "/").status, 200);
    }
    for (generation, gateway) in [(1, two), (2, three), (3, one)] {
        jar.refresh(gateway);
        assert_eq!(jar.claims()["gen"], generation, "not one line of renewals");
        assert_eq!(jar.session(), session, "another session");
        for other in &fleet.gateways {
            assert_eq!(jar.get(other, "/").status, 200);
        }
    }
    let silent = jar.without_access().get(two, "/");
    assert_eq!(silent.status, 200, "no renewal on the way: {silent}");
    let listed: usize = fleet.redis.ask(&["ZCARD", "doorward:all"]);
    assert_eq!(listed, 1);
}

#[test]
fn an_end_on_one_is_an_end_on_all() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, three] = &fleet.gateways;
    let (ended, kept) = (Jar::alice(one), Jar::alice(two));
    let answer = ended.request(three, "POST", "/logout").form("").send();
    assert_eq!(answer.status, 303, "{answer}");
    for gateway in &fleet.gateways {
        until("the logout to be in force", || {
            ended.get(gateway, "/").code() == "session_revoked"
        });
        let renewed = ended.without_access().get(gateway, "/");
        assert_problem(&renewed, 401, "session_revoked", "renewed after its end");
        assert_eq!(kept.get(gateway, "/").status, 200, "another session ended");
    }
    let fourth = fleet.another();
    let known = ended.get(&fourth, "/");
    assert_problem(&known, 401, "session_revoked", "a new gateway lets it in");
}

#[test]
fn failed_logins_count_together() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, three] = &fleet.gateways;
    for (gateway, times) in [(one, 3), (two, 2)] {
        for _ in 0..times {
            let answer = gateway.try_login("alice", "wrong");
            assert_eq!(answer.status, 401, "{answer}");
        }
    }
    for gateway in [three, one, two] {
        let locked = gateway.try_login("alice", ALICE_PASSWORD);
        assert_eq!(locked.status, 429, "locked elsewhere, not here: {locked}");
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((290..=300).contains(&wait), "{locked}");
    }
    Jar::bob(three);
    let keys: Vec<String> = fleet.redis.ask(&["KEYS", "*"]);
    assert!(!keys.iter().any(|key| key.contains("alice")), "{keys:?}");
}

#[test]
fn who_is_known_to_one_is_known_to_all_and_names_wait_on_all() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let gateways = [(); 3].map(|()| {
        let gateway = redis.gateway(&app, "");
        gateway.yaml("trusted_proxies: [127.0.0.0/8]").start()
    });
    let [one, two, three] = &gateways;
    let cookie = one.try_login("alice", ALICE_PASSWORD);
    let name = "__Host-doorward-known";
    let hers = format!("{name}={}", cookie.cookie(name).unwrap().value);
    let from = |gateway: &Gateway, address: &str, password: &str| {
        let request = gateway.login_request("alice", password);
        request.header("X-Forwarded-For", address)
    };
    for n in 0..52 {
        let gateway = &gateways[n % 3];
        from(gateway, &format!("192.0.2.{n}"), "wrong").send();
    }
    for gateway in [two, three] {
        let stranger = from(gateway, "198.51.100.1", ALICE_PASSWORD).send();
        assert_eq!(stranger.status, 429, "{stranger}");
        let owner = from(gateway, "198.51.100.1", "wrong").cookie(&hers).send();
        assert_eq!(owner.status, 401, "kept out: {owner}");
    }
    for _ in 0..3 {
        from(one, "198.51.100.1", "wrong").cookie(&hers).send();
    }
    for gateway in &gateways {
        let stolen = from(gateway, "198.51.100.1", ALICE_PASSWORD);
        let stolen = stolen.cookie(&hers).send();
        assert_eq!(stolen.status, 429, "five guesses on each: {stolen}");
    }
}

#[test]
fn parallel_renewals_on_all_give_one_successor() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let jar = Jar::alice(&fleet.gateways[0]);
    let start = Barrier::new(50);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..50)
            .map(|i| {
                let (jar, start) = (&jar, &start);
                let gateway = &fleet.gateways[i % 3];
                scope.spawn(move || {
                    start.wait();
                    jar.post_refresh(gateway)
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let first = Jar::of(&answers[0]);
    for answer in &answers {
        assert_eq!(answer.status, 200, "an honest client is refused: {answer}");
        let got = Jar::of(answer);
        assert_eq!(got.refresh, first.refresh, "two branches");
        assert_eq!(got.claims()["gen"], 1, "more than one step");
    }
    let sum = |label| -> f64 {
        let gateways = fleet.gateways.iter();
        gateways
            .map(|gateway| gateway.labelled("doorward_refreshes_total", label))
            .sum()
    };
    assert_eq!((sum("rotated"), sum("repeated")), (1.0, 49.0));
    assert_eq!(sum("reused"), 0.0, "a false alarm");
    for gateway in &fleet.gateways {
        assert_eq!(first.get(gateway, "/").status, 200);
    }
}

/// The session of this browser once more, as if it had begun an hour from now: on a gateway
/// whose clock is ahead, or before ours was set back.
fn from_ahead(redis: &RedisServer, jar: &Jar) -> String {
    let (header, mut claims) = token::parts(jar.access.as_ref().unwrap());
    let id = jar.session();
    let begun = u64::from_str_radix(&id.replace('-', "")[..12], 16).unwrap() + 3_600_000;
    let hex = format!("{begun:012x}");
    let ahead = format!("{}-{}{}", &hex[..8], &hex[8..], &id[13..]);
    let key = format!("doorward:s:{ahead}");
    let kept = format!("doorward:s:{id}");
    let _copied: i32 = redis.ask(&["COPY", &kept, &key]);
    let record: String = redis.ask(&["HGET", &key, "record"]);
    let record = record.replace(&id, &ahead);
    let created = format!("{begun:020}");
    let _new: i32 = redis.ask(&["HSET", &key, "record", &record, "created", &created]);
    for index in ["all", "u:1001", "ends"] {
        let index = format!("doorward:{index}");
        let _new: i32 = redis.ask(&["ZADD", &index, &begun.to_string(), &ahead]);
    }
    claims["sid"] = ahead.into();
    token::cookie(&token::sign(&header, &claims, token::KEY.as_bytes()))
}

#[test]
fn a_clock_that_is_ahead_saves_no_session_from_its_end() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let gateway = redis.gateway(&app, "").start();
    for what in [&["--user", "alice"][..], &["--all"]] {
        let ahead = from_ahead(&redis, &Jar::alice(&gateway));
        assert_eq!(gateway.get("/", &ahead).status, 200);
        let verb = [&["revoke"], what].concat();
        assert!(gateway.command(&verb, "").status.success());
        let open = gateway.get("/", &ahead);
        assert_problem(&open, 401, "session_revoked", &format!("left by {what:?}"));
        let next = Jar::alice(&gateway);
        assert_eq!(next.get(&gateway, "/").status, 200, "no login any more");
    }
}
