//! When a session ends by itself: idle, absolute, remembered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Gateway, Jar, Response, assert_problem, world, world_with};

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

#[track_caller]
fn max_age(answer: &Response, name: &str) -> u64 {
    let cookie = answer.cookie(name).unwrap_or_else(|| panic!("no {name}"));
    cookie.attribute("Max-Age").unwrap().parse().unwrap()
}

fn life(jar: &Jar) -> u64 {
    let claims = jar.claims();
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

#[test]
fn a_token_ends_with_the_soonest_of_the_three() {
    for (session, life_of_token, age_of_cookie) in [
        ("access_ttl: 60s, idle_timeout: 5m", 60, 300),
        ("access_ttl: 10m, idle_timeout: 100s", 100, 100),
        (
            "access_ttl: 90s, idle_timeout: 1h, absolute_timeout: 95s",
            90,
            95,
        ),
        (
            "access_ttl: 95s, idle_timeout: 1h, absolute_timeout: 95s",
            95,
            95,
        ),
    ] {
        let (gateway, _app) = world_with(&format!("session: {{ {session} }}\n"));
        let answer = gateway.try_login("alice", ALICE_PASSWORD);
        let jar = Jar::of(&answer);
        assert_eq!(life(&jar), life_of_token, "{session}");
        for name in ["__Host-doorward", "__Host-doorward-refresh"] {
            assert_eq!(max_age(&answer, name), age_of_cookie, "{name}: {session}");
        }
    }
}

#[test]
fn idle_counts_from_the_last_renewal() {
    let (gateway, _app) = world_with("session: { access_ttl: 1s, idle_timeout: 4s }\n");
    let mut jar = Jar::alice(&gateway);
    let left = jar.clone();
    for _ in 0..3 {
        sleep(2000);
        jar.refresh(&gateway);
    }
    let answer = left.get(&gateway, "/");
    assert_problem(
        &answer,
        401,
        "session_revoked",
        "an old token, six seconds on",
    );
    let mut idle = Jar::bob(&gateway);
    sleep(4100);
    for answer in [idle.get(&gateway, "/"), idle.post_refresh(&gateway)] {
        assert_problem(&answer, 401, "session_expired", "idle for four seconds");
    }
    idle.take(&idle.post_refresh(&gateway));
    assert_eq!(idle, Jar::default(), "dead cookies stay in the browser");
}

#[test]
fn the_absolute_limit_ends_a_busy_session() {
    let (gateway, _app) =
        world_with("session: { access_ttl: 1s, idle_timeout: 1h, absolute_timeout: 5s }\n");
    let mut jar = Jar::alice(&gateway);
    let born = now();
    let mut last = 0;
    while now() < born + 4 {
        let answer = jar.post_refresh(&gateway);
        assert_eq!(answer.status, 200, "{answer}");
        jar.take(&answer);
        let exp = jar.claims()["exp"].as_u64().unwrap();
        assert!(exp <= born + 6, "beyond the absolute end");
        last = max_age(&answer, "__Host-doorward-refresh");
        sleep(700);
    }
    assert!(last <= 4, "the cookie outlives its session: {last}");
    sleep(2500);
    let answer = jar.get(&gateway, "/");
    assert_problem(&answer, 401, "session_expired", "past the absolute end");
    let page = gateway.request("GET", "/").navigate("none");
    assert_eq!(page.cookie(&jar.cookies()).send().status, 303);
}

#[test]
fn a_remembered_session_has_both_limits_of_its_own() {
    let (gateway, _app) =
        world_with("session: { idle_timeout: 1h, absolute_timeout: 2h, remember_me: 40d }\n");
    let month = 40 * 24 * 3600;
    for (form, expected) in [
        ("", 3600),
        ("&remember_me=true", month),
        ("&remember_me=on", month),
        ("&remember_me=", 3600),
        ("&remember_me=false", 3600),
    ] {
        let form = format!("username=alice&password={ALICE_PASSWORD}{form}");
        let answer = gateway
            .request("POST", "/login")
            .own_origin()
            .form(&form)
            .send();
        assert_eq!(max_age(&answer, "__Host-doorward"), expected, "{form}");
        assert_eq!(max_age(&answer, "__Host-doorward-refresh"), expected);
        let renewed = Jar::of(&answer).post_refresh(&gateway);
        let age = max_age(&renewed, "__Host-doorward-refresh");
        assert!((expected - 5..=expected).contains(&age), "{age}: {form}");
    }
    let login = |remember: bool| {
        let body = json!({
            "username": "alice", "password": ALICE_PASSWORD, "remember_me": remember,
        });
        gateway
            .request("POST", "/login")
            .own_origin()
            .json(&body)
            .send()
    };
    assert_eq!(max_age(&login(true), "__Host-doorward"), month);
    assert_eq!(max_age(&login(false), "__Host-doorward"), 3600);
}

#[test]
fn without_the_box_nobody_is_remembered() {
    let (gateway, _app) = world_with("session: { remember_me: null }\n");
    let form = format!("username=alice&password={ALICE_PASSWORD}&remember_me=true");
    let answer = gateway
        .request("POST", "/login")
        .own_origin()
        .form(&form)
        .send();
    assert_eq!(max_age(&answer, "__Host-doorward"), 12 * 3600);
}

#[track_caller]
fn who(gateway: &Gateway, jar: &Jar) -> (u64, u64) {
    let answer = jar.get(gateway, "/_doorward/session");
    let body = answer.json();
    let seconds = |key: &str| body[key].as_u64().unwrap_or_else(|| panic!("{answer}"));
    (seconds("expires_in"), seconds("session_expires_in"))
}

#[test]
fn an_app_can_warn_before_the_end() {
    let (gateway, _app) =
        world_with("session: { access_ttl: 60s, idle_timeout: 10m, absolute_timeout: 1h }\n");
    let jar = Jar::alice(&gateway);
    let (token, session) = who(&gateway, &jar);
    assert!((55..=60).contains(&token), "{token}");
    assert!((595..=600).contains(&session), "{session}");
    let alone = Jar {
        refresh: None,
        ..jar
    };
    let (token, session) = who(&gateway, &alone);
    assert_eq!(token, session, "it cannot be renewed");
    let mixed = Jar {
        refresh: Jar::bob(&gateway).refresh,
        ..alone
    };
    let (token, session) = who(&gateway, &mixed);
    assert_eq!(token, session, "another session's end is told");
}

#[test]
fn tokens_of_a_fleet_are_not_renewed_in_one_second() {
    // The last tenth of ten seconds is one: somebody may come early, nobody before it.
    let (gateway, _app) = world_with("session: { access_ttl: 10s }\n");
    let jar = Jar::alice(&gateway);
    let iat = jar.claims()["iat"].as_u64().unwrap();
    let answer = jar.get(&gateway, "/");
    assert!(answer.cookies().is_empty(), "renewed at once: {answer}");
    while now() < iat + 8 {
        sleep(200);
    }
    if now() == iat + 8 {
        let answer = jar.get(&gateway, "/");
        assert!(answer.cookies().is_empty(), "two seconds early: {answer}");
    }
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    assert!(jar.get(&gateway, "/").cookies().is_empty());
}
