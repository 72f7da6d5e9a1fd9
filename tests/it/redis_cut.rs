//! A gateway that heard nothing for a while: what was revoked meanwhile is in force soon
//! after it is back.

use std::time::Instant;

use crate::support::{Fleet, Jar, RedisServer, Relay, Upstream, until};

#[test]
fn a_gateway_that_was_paused() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, paused] = &fleet.gateways;
    let jar = Jar::alice(one);
    assert_eq!(jar.get(paused, "/").status, 200);
    paused.signal("STOP");
    let answer = jar.request(one, "POST", "/logout").form("").send();
    assert_eq!(answer.status, 303, "{answer}");
    until("the others to know", || jar.get(two, "/").status == 401);
    paused.signal("CONT");
    let resumed = Instant::now();
    until("the paused one to know", || {
        jar.get(paused, "/").code() == "session_revoked"
    });
    eprintln!("in force {:?} after SIGCONT", resumed.elapsed());
}

#[test]
fn a_gateway_whose_network_was_cut() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let relay = Relay::to(redis.port);
    let one = redis.gateway(&app, "").start();
    let cut = redis.gateway_at(relay.port, &app, "").start();
    for (how, part) in [
        ("cut", Relay::cut as fn(&Relay)),
        ("silent", Relay::silence as fn(&Relay)),
    ] {
        let jar = Jar::alice(&one);
        assert_eq!(jar.get(&cut, "/").status, 200, "{how}");
        part(&relay);
        let answer = jar.request(&one, "POST", "/logout").form("").send();
        assert_eq!(answer.status, 303, "{answer}");
        until("the loss to be noticed", || {
            cut.operators("/readyz").status == 503
        });
        assert_eq!(jar.get(&cut, "/").status, 200, "{how}: how could it know?");
        let login = cut.try_login("bob", crate::support::users::BOB_PASSWORD);
        assert_eq!(login.status, 503, "{how}: {login}");
        relay.heal();
        let healed = Instant::now();
        until("the revocation to be in force", || {
            jar.get(&cut, "/").code() == "session_revoked"
        });
        eprintln!(
            "{how}: in force {:?} after the network healed",
            healed.elapsed()
        );
        until("it to be ready", || cut.operators("/readyz").status == 200);
        Jar::bob(&cut);
    }
}
