//! Guessing passwords: what is counted, what is locked, and who is not.

use argon2::password_hash::PasswordHasher as _;

use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Gateway, Response, Upstream, memory, until, world, world_with};

#[test]
fn after_five_failures_right_and_wrong_get_the_same_answer() {
    let (gateway, _app) = world();
    for attempt in 1..=5 {
        let response = gateway.try_login("alice", "wrong");
        assert_eq!(
            response.status, 401,
            "attempt {attempt} of five is locked already: {response}"
        );
    }
    let wrong = gateway.try_login("alice", "wrong");
    let right = gateway.try_login("alice", ALICE_PASSWORD);
    assert_locked(&wrong, 300);
    assert_locked(&right, 300);
    assert_eq!(
        wrong.body, right.body,
        "the answer tells that the password was right"
    );
    assert!(
        right.cookies().is_empty(),
        "a locked login set a cookie: {right}"
    );
    assert_eq!(
        gateway.try_login("bob", "builder").status,
        303,
        "one user's failures locked another at the same address"
    );
    gateway.wait_for_log(&["lockout", "1001"]);
}

#[test]
fn unknown_names_are_locked_like_known_ones() {
    let (gateway, _app) = world();
    for _ in 0..5 {
        gateway.try_login("nobody", "wrong");
    }
    let response = gateway.try_login("nobody", "wrong");
    assert_locked(&response, 300);
}

#[test]
fn a_lock_ends() {
    let (gateway, _app) = world_with("login: { max_attempts: 2, window: 2s, lockout: 1s }");
    gateway.try_login("alice", "wrong");
    gateway.try_login("alice", "wrong");
    assert_locked(&gateway.try_login("alice", ALICE_PASSWORD), 1);
    until("the lock to end", || {
        gateway.try_login("alice", ALICE_PASSWORD).status == 303
    });
}

#[test]
fn a_failure_counts_as_long_as_the_window_is() {
    let (gateway, _app) = world_with("login: { max_attempts: 2, window: 1s }");
    for _ in 0..3 {
        assert_eq!(gateway.try_login("alice", "wrong").status, 401);
        std::thread::sleep(std::time::Duration::from_millis(1200));
    }
    let right = gateway.try_login("alice", ALICE_PASSWORD);
    assert_eq!(
        right.status, 303,
        "failures count after the window: {right}"
    );
}

#[test]
fn a_success_forgets_the_failures_before() {
    let (gateway, _app) = world();
    for round in 1..=3 {
        for _ in 0..4 {
            assert_eq!(
                gateway.try_login("alice", "wrong").status,
                401,
                "round {round}"
            );
        }
        assert_eq!(
            gateway.try_login("alice", ALICE_PASSWORD).status,
            303,
            "in round {round} earlier failures still count"
        );
    }
}

#[test]
fn an_address_has_a_limit_over_all_names() {
    let (gateway, _app) = world_with("login: { address_attempts: 6 }");
    for number in 0..6 {
        let response = gateway.try_login(&format!("user{number}"), "wrong");
        assert_eq!(response.status, 401, "{response}");
    }
    assert_locked(&gateway.try_login("alice", ALICE_PASSWORD), 300);
}

#[test]
fn another_address_is_not_locked() {
    let gateway = behind_proxy("");
    for _ in 0..6 {
        from(&gateway, "192.0.2.1", "alice", "wrong");
    }
    assert_locked(&from(&gateway, "192.0.2.1", "alice", ALICE_PASSWORD), 300);
    let elsewhere = from(&gateway, "192.0.2.2", "alice", ALICE_PASSWORD);
    assert_eq!(
        elsewhere.status, 303,
        "anybody could lock Alice out from afar: {elsewhere}"
    );
}

#[test]
fn ipv6_neighbours_count_as_one_address() {
    let gateway = behind_proxy("login: { address_attempts: 4 }");
    for number in 1..=4 {
        from(
            &gateway,
            &format!("2001:db8:0:1::{number}"),
            "alice",
            "wrong",
        );
    }
    assert_locked(
        &from(&gateway, "2001:db8:0:1:ffff::9", "bob", "builder"),
        300,
    );
    let other = from(&gateway, "2001:db8:0:2::1", "bob", "builder");
    assert_eq!(other.status, 303, "another /64 is somebody else: {other}");
}

#[test]
fn a_name_has_a_limit_over_all_addresses_ten_times_as_high() {
    let gateway = behind_proxy("login: { max_attempts: 2 }");
    for number in 0..20 {
        let response = from(&gateway, &format!("192.0.2.{number}"), "alice", "wrong");
        assert_eq!(
            response.status, 401,
            "attempt {number} of twenty: {response}"
        );
    }
    // Each further one makes the next wait, longer each time.
    let mut strangers = 0..200;
    until("a wait of some seconds", || {
        let stranger = format!("203.0.113.{}", strangers.next().unwrap());
        let response = from(&gateway, &stranger, "alice", "wrong");
        let wait = response.header("retry-after");
        wait.is_some_and(|wait| wait.parse::<u64>().unwrap() > 2)
    });
    let response = from(&gateway, "198.51.100.1", "alice", ALICE_PASSWORD);
    assert_locked(&response, 8);
    let other = from(&gateway, "198.51.100.1", "bob", "builder");
    assert_eq!(other.status, 303, "only that name is locked: {other}");
}

#[test]
fn waits_grow_end_at_the_lockout_and_end_with_a_success() {
    let gateway = behind_proxy("login: { max_attempts: 1, window: 1s, lockout: 3s }");
    let mut strangers = (0..250).map(|n| format!("203.0.113.{n}"));
    let mut next = |password: &str| {
        let stranger = strangers.next().unwrap();
        from(&gateway, &stranger, "alice", password)
    };
    for attempt in 1..=10 {
        let response = next("wrong");
        assert_eq!(response.status, 401, "attempt {attempt}: {response}");
    }
    for longest in [1, 2, 3, 3] {
        until("the wait to end", || {
            let response = next("wrong");
            if response.status == 429 {
                assert_locked(&response, longest);
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            response.status == 401
        });
    }
    assert_locked(&next(ALICE_PASSWORD), 3);
    until("the last wait to end", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        next(ALICE_PASSWORD).status == 303
    });
    for attempt in 1..=10 {
        let response = next("wrong");
        assert_eq!(response.status, 401, "attempt {attempt} after: {response}");
    }
}

#[test]
fn guessing_below_the_limits_is_told() {
    let gateway = behind_proxy("login: { max_attempts: 20, address_attempts: 100 }");
    let fail = |name: &str, times: u32| {
        for n in 0..times {
            let address = format!("192.0.2.{}", n / 5);
            let response = from(&gateway, &address, name, "wrong");
            assert_eq!(response.status, 401, "{response}");
        }
    };
    fail("nobody", 12);
    fail("alice", 10);
    let line = gateway.wait_for_log(&["event=guessing", "reason=10_failures"]);
    assert!(line.contains("user=1001"), "{line}");
    assert!(line.contains("client=192.0.2.1"), "{line}");
    fail("alice", 90);
    gateway.wait_for_log(&["event=guessing", "user=1001", "reason=100_failures"]);
    let right = from(&gateway, "192.0.2.99", "alice", ALICE_PASSWORD);
    assert_eq!(right.status, 303, "{right}");
    fail("alice", 10);
    let told = || {
        let log = gateway.log();
        log.lines()
            .filter(|line| line.contains("event=guessing"))
            .count()
    };
    until("it to be told again", || told() == 3);
}

#[test]
fn an_untrusted_client_cannot_choose_its_address() {
    let (gateway, _app) = world();
    for number in 0..5 {
        let claimed = format!("192.0.2.{number}");
        let response = from(&gateway, &claimed, "alice", "wrong");
        assert_eq!(response.status, 401, "{response}");
    }
    assert_locked(&from(&gateway, "203.0.113.9", "alice", ALICE_PASSWORD), 300);
}

#[test]
fn a_full_hash_queue_is_overload_not_a_crash() {
    let app = Upstream::start();
    // Half a second and more of hashing each, one at a time and none waiting.
    let slow = slow_hash(ALICE_PASSWORD);
    let users = format!(
        "users:\n  - {{ id: \"1001\", username: alice, name: Alice, password_hash: {slow:?} }}\n"
    );
    let gateway = Builder::new(&app)
        .yaml(&users)
        .yaml("login: { max_attempts: 100, address_attempts: 1000, concurrent_hashes: 1, hash_queue: 1 }")
        .start();
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| gateway.try_login("alice", ALICE_PASSWORD)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let full: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(
        !full.is_empty(),
        "twelve hashes at once were all computed or queued"
    );
    for answer in &full {
        assert!(
            answer.header("retry-after").is_some(),
            "when to come back? {answer}"
        );
    }
    assert!(
        answers.iter().any(|answer| answer.status == 303),
        "nobody got in"
    );
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 303 | 503)),
        "overload must not look like a wrong password: {answers:?}"
    );
}

#[test]
fn so_many_hashes_are_computed_at_once_and_no_more() {
    // 64 MiB each, for as long as it runs: what was resident tells how many did.
    const MIB: u64 = 1024;
    let slow = large_hash(ALICE_PASSWORD, 1);
    let users = format!(
        "users:\n  - {{ id: \"1001\", username: alice, name: Alice, password_hash: {slow:?} }}\n"
    );
    let grown = |at_once: usize| {
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .yaml(&users)
            .yaml(&format!(
                "login: {{ max_attempts: 100, concurrent_hashes: {at_once} }}"
            ))
            .start();
        let before = memory::peak(gateway.pid());
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    let answer = gateway.try_login("alice", ALICE_PASSWORD);
                    assert_eq!(answer.status, 303, "{answer}");
                });
            }
        });
        memory::peak(gateway.pid()) - before
    };
    // The allocator gives back what one hash had a moment after the next has begun.
    let (one, ten) = (grown(1), grown(10));
    assert!(one < 260 * MIB, "one at once took {one} KiB");
    assert!(ten > 400 * MIB, "ten at once took {ten} KiB");
}

/// A hash that takes noticeable time.
fn slow_hash(password: &str) -> String {
    large_hash(password, 3)
}

/// A hash that takes 64 MiB, and so many passes over them.
fn large_hash(password: &str, passes: u32) -> String {
    let costs = argon2::Params::new(65_536, passes, 1, None).unwrap();
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, costs)
        .hash_password_with_salt(password.as_bytes(), b"doorward-it-salt")
        .unwrap()
        .to_string()
}

fn behind_proxy(yaml: &str) -> Gateway {
    let app = Upstream::start();
    Builder::new(&app)
        .yaml("trusted_proxies: [127.0.0.0/8]")
        .yaml(yaml)
        .start()
}

fn from(gateway: &Gateway, address: &str, name: &str, password: &str) -> Response {
    gateway
        .login_request(name, password)
        .header("X-Forwarded-For", address)
        .send()
}

#[track_caller]
fn assert_locked(response: &Response, at_most: u64) {
    assert_eq!(
        response.status, 429,
        "passwords can be guessed on: {response}"
    );
    let wait: u64 = response
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_else(|| panic!("when to come back? {response}"));
    assert!((1..=at_most).contains(&wait), "{wait} s: {response}");
    if response.is("application/problem+json") {
        assert_eq!(response.code(), "too_many_attempts", "{response}");
    }
}
