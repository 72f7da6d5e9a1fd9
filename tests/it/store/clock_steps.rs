//! A wall clock that is set forward or back under the running gateway: nobody who was
//! ended comes back, whoever signs in is in, locks end, and nothing waits for a time that
//! is years away.

use crate::support::faults::Faults;
use crate::support::users::ALICE_PASSWORD;
use crate::support::watch::{Kind, Watch};
use crate::support::{Builder, Gateway, Jar, Upstream, assert_problem, until};

const HOUR: i64 = 3600;
const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;

fn world(yaml: &str) -> (Faults, Gateway, Upstream) {
    let faults = Faults::new();
    let app = Upstream::start();
    let gateway = faults.around(Builder::new(&app).yaml(yaml)).start();
    (faults, gateway, app)
}

/// What a fresh login gives, used and renewed.
#[track_caller]
fn assert_open(gateway: &Gateway, when: &str) -> Jar {
    let answer = gateway.try_login("alice", ALICE_PASSWORD);
    assert_eq!(answer.status, 303, "{when}: {answer}");
    let mut jar = Jar::of(&answer);
    for _ in 0..2 {
        let answer = jar.get(gateway, "/");
        assert_eq!(answer.status, 200, "{when}, just signed in: {answer}");
        jar.refresh(gateway);
    }
    jar
}

#[test]
fn whoever_signs_in_after_a_step_is_in() {
    let (faults, gateway, _app) = world("");
    for step in [0, -3, -HOUR, 2, HOUR, -TEN_YEARS, TEN_YEARS, 0] {
        faults.clock(step);
        assert_open(&gateway, &format!("{step} seconds off"));
        assert_eq!(gateway.operators("/readyz").status, 200);
    }
    assert!(!gateway.log().contains(" panic "), "{}", gateway.log());
}

#[test]
fn a_login_after_a_cut_off_from_ahead_is_in() {
    let (faults, gateway, _app) = world("");
    for ahead in [HOUR, TEN_YEARS] {
        faults.clock(ahead);
        let before = assert_open(&gateway, "ahead");
        let answer = before.request(&gateway, "POST", "/logout");
        assert_eq!(answer.form("everywhere=true").send().status, 303);
        faults.clock(0);
        // The cut-off is of a time that is yet to come.
        let mut jar = assert_open(&gateway, "after the clock was set right");
        let answer = before.get(&gateway, "/");
        assert_eq!(answer.status, 401, "ended, and back again: {answer}");
        let answer = before.without_access().post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "ended, and back again");

        // And one that comes now reaches it all the same.
        let answer = jar.request(&gateway, "POST", "/logout");
        assert_eq!(answer.form("everywhere=true").send().status, 303);
        let answer = jar.get(&gateway, "/");
        assert_problem(&answer, 401, "session_revoked", "saved by the clock");
        jar.access = None;
        let answer = jar.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "saved by the clock");
    }
}

#[test]
fn what_was_ended_stays_ended_when_the_clock_was_ahead_for_a_while() {
    let (faults, gateway, _app) = world("");
    let one = Jar::alice(&gateway);
    assert_eq!(gateway.logout(&one.cookies()).status, 303);
    let all = Jar::bob(&gateway);
    let answer = all.request(&gateway, "POST", "/logout");
    assert_eq!(answer.form("everywhere=true").send().status, 303);
    let kept = Jar::alice(&gateway);
    assert!(gateway.metric("doorward_revocations") >= 2.0);

    faults.clock(TEN_YEARS);
    let answer = kept.without_refresh().get(&gateway, "/");
    assert_problem(&answer, 401, "session_expired", "ten years old, and open");
    // Sweeps come once a minute; one that is over has been.
    let swept = std::time::Duration::from_secs(65);
    std::thread::sleep(swept);

    faults.clock(0);
    for jar in [&one, &all] {
        let answer = jar.without_refresh().get(&gateway, "/");
        assert_problem(&answer, 401, "session_revoked", "ended, and back again");
        let answer = jar.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "ended, and back again");
    }
    // Who was signed in still is: nothing was lost over it.
    let mut kept = kept;
    kept.refresh(&gateway);
}

#[test]
fn a_token_from_ahead_of_the_clock_opens_nothing() {
    let (faults, gateway, _app) = world("");
    faults.clock(4);
    let near = Jar::alice(&gateway);
    faults.clock(HOUR);
    let far = Jar::alice(&gateway);
    faults.clock(0);
    let answer = near.get(&gateway, "/");
    assert_eq!(answer.status, 200, "four seconds are leeway: {answer}");
    let answer = far.without_refresh().get(&gateway, "/");
    assert_problem(&answer, 401, "session_invalid", "issued in an hour");

    // Its browser is led to the form, and in, without a loop.
    let navigate = |target: &str| {
        let request = gateway.request("GET", target).navigate("none");
        request.cookie(&far.cookies()).send()
    };
    let answer = navigate("/page");
    assert_eq!(answer.status, 303, "{answer}");
    let login = navigate(&answer.header("location").unwrap());
    assert_eq!(login.status, 200, "sent back and forth: {login}");
    // The refusal took the token from the browser, and the refresh token is good.
    let mut renewed = far.without_access();
    renewed.refresh(&gateway);
    let answer = renewed.get(&gateway, "/");
    assert_eq!(answer.status, 200, "{answer}");
}

#[test]
fn a_session_from_ahead_lives_no_longer_than_any() {
    let (faults, gateway, _app) = world("session: { absolute_timeout: 2d, idle_timeout: 1d }");
    faults.clock(TEN_YEARS);
    let mut jar = Jar::alice(&gateway).without_access();
    faults.clock(0);
    for hours in [0, 20, 40] {
        faults.clock(hours * HOUR);
        jar.refresh(&gateway);
    }
    let answer = jar.get(&gateway, "/_doorward/session");
    let left = answer.json()["session_expires_in"].as_i64().unwrap();
    assert!(left <= 8 * HOUR, "it lives for {left} seconds");
    faults.clock(49 * HOUR);
    let answer = jar.post_refresh(&gateway);
    assert_problem(&answer, 401, "session_expired", "beyond its absolute end");
}

#[test]
fn a_lock_ends_when_it_should_whatever_the_clock_does() {
    let (faults, gateway, _app) = world("login: { max_attempts: 2, lockout: 3s, window: 60s }");
    faults.clock(TEN_YEARS);
    for _ in 0..2 {
        assert_eq!(gateway.try_login("alice", "wrong").status, 401);
    }
    assert_eq!(gateway.try_login("alice", ALICE_PASSWORD).status, 429);
    faults.clock(0);
    let locked = gateway.try_login("alice", ALICE_PASSWORD);
    if locked.status == 429 {
        let seconds: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds <= 3, "locked for {seconds} seconds: {locked}");
    }
    until("the lock to end", || {
        gateway.try_login("alice", ALICE_PASSWORD).status == 303
    });
}

#[test]
fn streams_end_with_their_session_after_a_step_back() {
    let yaml = "session: { access_ttl: 2s, idle_timeout: 5s, absolute_timeout: 5s }";
    let (faults, gateway, _app) = world(yaml);
    faults.clock(-TEN_YEARS);
    let jar = Jar::alice(&gateway);
    let watch = Watch::open(&gateway, &jar.cookies(), Kind::IdleEvents);
    watch.end();
    let jar = Jar::alice(&gateway);
    let watch = Watch::open(&gateway, &jar.cookies(), Kind::IdleEvents);
    faults.clock(0);
    watch.end();
}
