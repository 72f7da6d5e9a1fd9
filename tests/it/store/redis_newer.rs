//! Two versions share one Redis while a fleet is brought from one to the next: what the newer
//! one wrote into a session outlives its renewal by this one, and what this one must not touch
//! it leaves alone.

use redis::FromRedisValue;
use serde_json::Value;

use crate::support::{Fleet, Gateway, Jar, RedisServer, assert_problem, until};

fn hash<T: FromRedisValue>(redis: &RedisServer, jar: &Jar, words: &[&str]) -> T {
    let key = format!("doorward:s:{}", jar.session());
    let (name, more) = words.split_first().unwrap();
    redis.ask(&[&[*name, &key], more].concat())
}

fn record(redis: &RedisServer, jar: &Jar) -> String {
    hash(redis, jar, &["HGET", "record"])
}

/// Has a newer version write these fields into the session. A session that was seen already:
/// nothing more is noted of it by itself.
#[track_caller]
fn rewrite(redis: &RedisServer, jar: &Jar, more: &str) -> String {
    let ours = record(redis, jar);
    let newer = ours.replacen(r#"{"v":1"#, &format!(r#"{{{more},"v":2"#), 1);
    assert_ne!(ours, newer, "{ours}");
    let _: i64 = hash(redis, jar, &["HSET", "record", &newer]);
    newer
}

/// Renewed, and known to have arrived.
#[track_caller]
fn seen(redis: &RedisServer, gateway: &Gateway) -> Jar {
    let mut jar = Jar::alice(gateway);
    jar.refresh(gateway);
    assert_eq!(jar.get(gateway, "/").status, 200);
    until("the sighting to be noted", || {
        !record(redis, &jar).contains(r#""seen":0,"#)
    });
    jar
}

#[test]
fn a_session_of_a_newer_version_is_renewed_and_loses_nothing() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, three] = &fleet.gateways;
    let mut jar = seen(&fleet.redis, one);
    let new = r#""amr":["pwd","otp"],"auth_time":1.50e3"#;
    rewrite(&fleet.redis, &jar, new);
    for gateway in [two, three, one] {
        jar.refresh(gateway);
        let silent = jar.without_access().get(gateway, "/");
        assert_eq!(silent.status, 200, "no renewal on the way: {silent}");
        jar.take(&silent);
        assert_eq!(jar.get(gateway, "/").status, 200);
        let text = record(&fleet.redis, &jar);
        assert!(text.ends_with(&format!(",{new}}}")), "{text}");
        let kept: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(kept["v"], 2, "{text}");
        assert_eq!(kept["generation"], jar.claims()["gen"], "{text}");
    }
}

#[test]
fn a_session_with_a_critical_field_that_is_not_known_is_left_alone() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let fleet = Fleet::on(redis, "");
    let [one, two, _] = &fleet.gateways;
    let jar = seen(&fleet.redis, one);
    let newer = rewrite(&fleet.redis, &jar, r#""bound":true,"crit":["bound"]"#);
    for gateway in &fleet.gateways {
        let valid = jar.get(gateway, "/");
        assert_eq!(valid.status, 200, "an access token needs no store");
        let refused = jar.post_refresh(gateway);
        assert_problem(&refused, 503, "store_unavailable", "renewed all the same");
        assert!(refused.header("retry-after").is_some(), "{refused}");
        assert!(refused.cookies().is_empty(), "it goes on elsewhere");
        let refused = jar.without_access().get(gateway, "/");
        assert_problem(&refused, 503, "store_unavailable", "renewed all the same");
        assert!(refused.header("retry-after").is_some(), "{refused}");
    }
    assert_eq!(record(&fleet.redis, &jar), newer, "it was changed");
    let log = two.wait_for_log(&["of a newer version", "bound"]);
    assert!(log.contains(&jar.session()), "{log}");

    // It is shown, and can be ended.
    let listed = jar.get(two, "/_doorward/sessions");
    assert_eq!(listed.status, 200, "{listed}");
    assert!(listed.text().contains(&jar.session()), "{listed}");
    let answer = jar.request(two, "POST", "/logout").form("").send();
    assert_eq!(answer.status, 303, "{answer}");
    for gateway in &fleet.gateways {
        until("the logout to be in force", || {
            jar.get(gateway, "/").code() == "session_revoked"
        });
    }
}
