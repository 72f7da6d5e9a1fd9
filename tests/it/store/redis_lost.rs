//! Redis forgets, and the gateways remember: what was revoked stays revoked.

use crate::support::{Fleet, Jar, RedisServer, assert_problem, until};

/// Ends this session on the first gateway, and waits until all know.
#[track_caller]
fn end(fleet: &Fleet, jar: &Jar) {
    let answer = jar.request(&fleet.gateways[0], "POST", "/logout");
    assert_eq!(answer.form("").send().status, 303);
    for gateway in &fleet.gateways {
        until("the logout to be in force", || {
            jar.get(gateway, "/").status == 401
        });
    }
}

/// Nobody lets it in: not who knew, and not who asks Redis for the first time.
#[track_caller]
fn assert_still_ended(fleet: &Fleet, jar: &Jar, revocations: usize) {
    until("the revocation to be published again", || {
        fleet.redis.revocations() == revocations
    });
    let fourth = fleet.another();
    for gateway in fleet.gateways.iter().chain([&fourth]) {
        let refused = jar.get(gateway, "/");
        assert_problem(&refused, 401, "session_revoked", "Redis forgot its end");
        let refused = jar.without_access().get(gateway, "/");
        assert_problem(&refused, 401, "session_revoked", "Redis forgot its end");
    }
    until("everybody to be ready", || {
        let mut gateways = fleet.gateways.iter();
        gateways.all(|gateway| gateway.operators("/readyz").status == 200)
    });
}

#[test]
fn emptied_while_running() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let (ended, other) = (Jar::alice(&fleet.gateways[1]), Jar::bob(&fleet.gateways[2]));
    end(&fleet, &ended);
    let () = fleet.redis.ask(&["FLUSHALL"]);
    assert_still_ended(&fleet, &ended, 1);
    for gateway in &fleet.gateways {
        assert_eq!(other.get(gateway, "/").status, 200, "a valid access token");
        let lost = other.without_access().get(gateway, "/");
        assert_problem(&lost, 401, "session_revoked", "a session that is gone");
    }
    let again = Jar::bob(&fleet.gateways[0]);
    assert_eq!(again.get(&fleet.gateways[1], "/").status, 200);
}

#[test]
fn emptied_and_written_to_before_anybody_looked() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let (ended, next) = (Jar::alice(&fleet.gateways[1]), Jar::bob(&fleet.gateways[2]));
    end(&fleet, &ended);
    let () = fleet.redis.ask(&["FLUSHALL"]);
    // The log goes on where it was, as far as its newest entry tells.
    end(&fleet, &next);
    assert_still_ended(&fleet, &ended, 2);
}

#[test]
fn restarted_without_its_data() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    let ended = Jar::alice(&fleet.gateways[1]);
    end(&fleet, &ended);
    fleet.redis.kill();
    fleet.redis.wipe();
    fleet.redis.start_again();
    assert_still_ended(&fleet, &ended, 1);
}

#[test]
fn restarted_with_an_older_state() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    let ended = Jar::alice(&fleet.gateways[1]);
    let mut renewed = Jar::bob(&fleet.gateways[2]);
    let () = fleet.redis.ask(&["SAVE"]);
    end(&fleet, &ended);
    renewed.refresh(&fleet.gateways[0]);
    fleet.redis.kill();
    fleet.redis.start_again();
    let sessions: usize = fleet
        .redis
        .ask(&["EXISTS", &format!("doorward:s:{}", renewed.session())]);
    assert_eq!(sessions, 1, "the older state did not come back");
    assert_still_ended(&fleet, &ended, 1);
    let doubted: usize = fleet.redis.ask(&["EXISTS", "doorward:lost"]);
    assert_eq!(doubted, 1, "older ends of tokens are believed");
    renewed.refresh(&fleet.gateways[1]);
    assert_eq!(renewed.get(&fleet.gateways[2], "/").status, 200);
    let answer = renewed.request(&fleet.gateways[0], "POST", "/logout");
    assert_eq!(answer.form("").send().status, 303);
    for gateway in &fleet.gateways {
        until("the next logout to be in force", || {
            renewed.get(gateway, "/").code() == "session_revoked"
        });
    }
}

#[test]
fn restarted_with_its_data() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    let ended = Jar::alice(&fleet.gateways[1]);
    let mut other = Jar::bob(&fleet.gateways[2]);
    end(&fleet, &ended);
    fleet.redis.kill();
    fleet.redis.start_again();
    assert_still_ended(&fleet, &ended, 1);
    for gateway in &fleet.gateways {
        other.refresh(gateway);
    }
}
