//! Redis is away: who is signed in goes on, who needs it is told to come again, and
//! everything recovers by itself.

use serde_json::json;

use crate::support::gateway::UNAVAILABLE;
use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::{
    Fleet, Gateway, Jar, RedisServer, Request, Response, Upstream, assert_problem, until,
};

#[track_caller]
fn assert_away(answer: &Response, world: &str) {
    assert_eq!(answer.status, 503, "{world}: {answer}");
    assert!(answer.text().contains("store_unavailable"), "{answer}");
    assert!(answer.header("retry-after").is_some(), "{answer}");
    assert!(
        answer.cookies().is_empty(),
        "the browser loses its cookies: {answer}"
    );
}

fn is_ready(gateway: &Gateway) -> bool {
    gateway.operators("/readyz").status == 200
}

#[test]
fn valid_access_tokens_go_on_and_the_rest_waits() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    let (mut jar, ended) = (
        Jar::alice(&fleet.gateways[0]),
        Jar::alice(&fleet.gateways[1]),
    );
    let answer = ended
        .request(&fleet.gateways[1], "POST", "/logout")
        .form("");
    assert_eq!(answer.send().status, 303);
    for gateway in &fleet.gateways {
        until("the logout to be in force", || {
            ended.get(gateway, "/").status == 401
        });
        assert_eq!(gateway.metric("doorward_store_up"), 1.0);
    }
    fleet.redis.kill();
    for gateway in &fleet.gateways {
        until("the loss to be noticed", || !is_ready(gateway));
        assert_eq!(jar.get(gateway, "/").status, 200, "signed in, and out");
        let refused = ended.get(gateway, "/");
        assert_problem(&refused, 401, "session_revoked", "an end is forgotten");
        let typed = json!({ "username": "alice", "password": ALICE_PASSWORD });
        let login = gateway.request("POST", "/login").own_origin().json(&typed);
        assert_away(&login.send(), "a login");
        assert_away(&jar.post_refresh(gateway), "a refresh");
        assert_away(&jar.without_access().get(gateway, "/"), "a renewal");
        let logout = jar.request(gateway, "POST", "/logout").form("").send();
        assert_eq!(logout.status, 503, "a logout that is not durable: {logout}");
        assert_eq!(gateway.operators("/healthz").status, 200);
        assert_eq!(gateway.metric("doorward_store_up"), 0.0);
        until("the lag to be shown", || {
            gateway.metric("doorward_replica_lag_seconds") > 1.0
        });
    }
    fleet.redis.start_again();
    for gateway in &fleet.gateways {
        until("the gateway to be ready again", || is_ready(gateway));
        jar.refresh(gateway);
        Jar::bob(gateway);
        until("the lag to be small again", || {
            gateway.metric("doorward_replica_lag_seconds") < 2.0
        });
        let refused = ended.get(gateway, "/");
        assert_problem(&refused, 401, "session_revoked", "an end is forgotten");
    }
}

#[test]
fn a_stale_gate_closes_and_opens_again() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "refuse_when_stale: 2s");
    let jar = Jar::alice(&fleet.gateways[0]);
    for gateway in &fleet.gateways {
        assert_eq!(jar.get(gateway, "/").status, 200);
    }
    fleet.redis.kill();
    for gateway in &fleet.gateways {
        until("the gate to close", || {
            jar.get(gateway, "/").code() == "store_unavailable"
        });
        assert_away(&jar.get(gateway, "/"), "a doubtful session");
        let nobody = gateway.get("/", "");
        assert_problem(&nobody, 401, "session_required", "without a cookie");
    }
    fleet.redis.start_again();
    for gateway in &fleet.gateways {
        until("the gate to open", || jar.get(gateway, "/").status == 200);
    }
}

#[test]
fn who_comes_after_a_restart_does_not_notice_it() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    fleet.redis.kill();
    fleet.redis.start_again();
    until("all to be connected, for both of their purposes", || {
        let clients: String = fleet.redis.ask(&["CLIENT", "LIST"]);
        // The one that asks is one.
        clients.lines().count() == 2 * fleet.gateways.len() + 1
    });
    for gateway in &fleet.gateways {
        Jar::alice(gateway);
    }
}

#[test]
fn a_gateway_that_does_not_hear_is_not_ready() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let gateway = &fleet.gateways[0];
    let () = fleet
        .redis
        .ask(&["ACL", "SETUSER", "default", "-xread", "-hscan"]);
    until("it to be no longer ready", || !is_ready(gateway));
    assert_eq!(gateway.metric("doorward_store_up"), 1.0);
    let lag = gateway.metric("doorward_replica_lag_seconds");
    assert!(lag > 5.0, "{lag}");
    gateway.wait_for_log(&["WARN", "not heard"]);
    let () = fleet
        .redis
        .ask(&["ACL", "SETUSER", "default", "+xread", "+hscan"]);
    until("it to be ready again", || is_ready(gateway));
    gateway.wait_for_log(&["heard again"]);
}

#[test]
fn a_server_that_was_demoted_is_away_and_its_promotion_is_noticed() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let jar = Jar::alice(&fleet.gateways[0]);
    let () = fleet.redis.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    for gateway in &fleet.gateways {
        assert_eq!(jar.get(gateway, "/").status, 200);
        assert_away(&jar.post_refresh(gateway), "a refresh that is not kept");
        assert_eq!(gateway.metric("doorward_store_up"), 0.0);
        assert!(!is_ready(gateway), "logins are sent to it");
    }
    let () = fleet.redis.ask(&["REPLICAOF", "NO", "ONE"]);
    for gateway in &fleet.gateways {
        until("it to be ready again", || is_ready(gateway));
        let answer = jar.post_refresh(gateway);
        assert_eq!(answer.status, 200, "{answer}");
    }
}

#[test]
fn a_start_without_redis_waits_and_then_says_so() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    redis.kill();
    let mut gateway = redis.gateway(&app, "").write();
    let (code, output) = gateway.try_start().expect_err("it runs without its store");
    assert_eq!(code, Some(UNAVAILABLE), "{output}");
    assert!(output.contains("waiting for Redis"), "{output}");

    gateway.spawn();
    gateway.wait_for_log(&["waiting for Redis"]);
    redis.start_again();
    until("the gateway to be ready", || {
        let ready = Request::new(gateway.admin(), "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
}

#[test]
fn a_reload_that_needed_redis_is_done_when_it_is_back() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let mut fleet = Fleet::on(redis, "");
    let jar = Jar::bob(&fleet.gateways[1]);
    fleet.redis.kill();
    let [one, two, _] = &mut fleet.gateways;
    one.rewrite_users(&[User::alice()]);
    one.wait_for_log(&["refused", "old settings"]);
    assert_eq!(jar.get(one, "/").status, 200, "half a reload");
    fleet.redis.start_again();
    one.wait_for_log(&["reloaded (the store is back)"]);
    for gateway in [one, two] {
        until("the removed user to be out everywhere", || {
            jar.get(gateway, "/").code() == "session_revoked"
        });
    }
}
