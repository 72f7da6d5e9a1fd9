//! A gateway that heard nothing for a while: what was revoked meanwhile is in force soon
//! after it is back.

use std::time::{Duration, Instant};

use crate::support::{Conn, Fleet, Jar, RedisServer, Relay, Upstream, assert_problem, until};

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
    // More than is read at once comes before it.
    let many = "for i = 1, 2500 do redis.call('XADD', 'doorward:log', '*', \
                'reach', 'ux' .. i, 'at', '1', 'until', '4000000000000') end";
    let () = fleet.redis.ask(&["EVAL", many, "0"]);
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
fn a_gateway_that_wakes_up_doubts_before_it_has_caught_up() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let relay = Relay::to(redis.port);
    let stale = "refuse_when_stale: 1s";
    let one = redis.gateway(&app, stale).start();
    let paused = redis.gateway_at(relay.port, &app, stale).start();
    let jar = Jar::alice(&one);
    let request = jar.request(&paused, "GET", "/");
    let mut connection = Conn::open(paused.port()).unwrap();
    assert_eq!(request.send_on(&mut connection).status, 200);
    // So that it has not caught up when it answers.
    relay.silence();
    paused.signal("STOP");
    let answer = jar.request(&one, "POST", "/logout").form("").send();
    assert_eq!(answer.status, 303, "{answer}");
    // Time itself is what makes it stale.
    std::thread::sleep(Duration::from_millis(1200));
    connection.send(request.bytes()).unwrap();
    paused.signal("CONT");
    let answer = connection.answer("GET").unwrap();
    let world = "let in by what was true a while ago";
    assert_problem(&answer, 503, "store_unavailable", world);
    relay.heal();
    until("it to know", || {
        jar.get(&paused, "/").code() == "session_revoked"
    });
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
