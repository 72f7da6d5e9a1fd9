//! Counting, locking, forgiving, forgetting.

use super::*;

const LIMITS: AttemptLimits = AttemptLimits {
    max_attempts: 5,
    window: Duration::from_secs(120),
    lockout: Duration::from_secs(300),
    address_attempts: 20,
};

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

fn ip(text: &str) -> Source {
    Source::of(text.parse().unwrap())
}

fn alice() -> Username {
    Username::canonical("alice")
}

fn fail(throttle: &mut Throttle, name: &Username, from: &str, now: Timestamp, times: u32) {
    for _ in 0..times {
        let _ = throttle.begin(name, ip(from), now).unwrap();
    }
}

#[test]
fn a_clock_that_is_set_back_neither_prolongs_a_lock_nor_ends_it() {
    let ten_years = Duration::from_secs(10 * 365 * 86_400);
    let limits = AttemptLimits {
        max_attempts: 2,
        window: Duration::from_secs(120),
        lockout: Duration::from_secs(300),
        address_attempts: 20,
    };
    let mut throttle = Throttle::new(limits);
    let name = alice();
    let client = ip("192.0.2.1");
    let real = Timestamp::from_secs(1_800_000_000);
    let ahead = real.after(ten_years);
    for _ in 0..2 {
        let _failed = throttle.begin(&name, client, ahead).unwrap();
    }
    let soon = real.after(Duration::from_secs(299));
    for now in [ahead, real, soon] {
        assert!(throttle.begin(&name, client, now).is_err(), "open again");
    }
    let late = real.after(Duration::from_secs(301));
    let attempt = throttle.begin(&name, client, late);
    let attempt = attempt.expect("locked for ten years");
    throttle.succeeded(attempt);
    assert!(throttle.begin(&name, client, real).is_ok());
}

#[test]
fn a_pair_locks_after_max_attempts_and_opens_again() {
    let mut throttle = Throttle::new(LIMITS);
    fail(&mut throttle, &alice(), "192.0.2.1", at(0), 4);
    assert!(
        throttle
            .begin(&alice(), ip("192.0.2.1"), at(1))
            .unwrap()
            .locks()
    );
    let locked = throttle
        .begin(&alice(), ip("192.0.2.1"), at(2))
        .unwrap_err();
    assert_eq!(locked.retry_after, Duration::from_secs(299));
    assert!(
        throttle.begin(&alice(), ip("192.0.2.2"), at(2)).is_ok(),
        "another address"
    );
    let bob = Username::canonical("bob");
    assert!(
        throttle.begin(&bob, ip("192.0.2.1"), at(2)).is_ok(),
        "another name"
    );
    assert!(throttle.begin(&alice(), ip("192.0.2.1"), at(301)).is_ok());
}

#[test]
fn failures_leave_the_window() {
    let mut throttle = Throttle::new(LIMITS);
    fail(&mut throttle, &alice(), "192.0.2.1", at(0), 4);
    fail(&mut throttle, &alice(), "192.0.2.1", at(120), 4);
    assert!(
        throttle
            .begin(&alice(), ip("192.0.2.1"), at(121))
            .unwrap()
            .locks()
    );
}

#[test]
fn success_forgives_the_pair_but_not_the_address() {
    let mut throttle = Throttle::new(LIMITS);
    fail(&mut throttle, &alice(), "192.0.2.1", at(0), 4);
    let right = throttle.begin(&alice(), ip("192.0.2.1"), at(1)).unwrap();
    throttle.succeeded(right);
    fail(&mut throttle, &alice(), "192.0.2.1", at(2), 4);
    for i in 0..12 {
        let name = Username::canonical(&format!("user{i}"));
        fail(&mut throttle, &name, "192.0.2.1", at(3), 1);
    }
    let carol = Username::canonical("carol");
    assert!(
        throttle.begin(&carol, ip("192.0.2.1"), at(4)).is_err(),
        "20 failures of one address would go on"
    );
}

#[test]
fn ipv6_counts_by_64_and_mapped_v4_as_v4() {
    let mut throttle = Throttle::new(LIMITS);
    for i in 0..5 {
        fail(
            &mut throttle,
            &alice(),
            &format!("2001:db8:0:1::{i}"),
            at(0),
            1,
        );
    }
    assert!(
        throttle
            .begin(&alice(), ip("2001:db8:0:1:ffff::9"), at(1))
            .is_err()
    );
    assert!(
        throttle
            .begin(&alice(), ip("2001:db8:0:2::1"), at(1))
            .is_ok()
    );
    fail(&mut throttle, &alice(), "192.0.2.1", at(1), 5);
    assert!(
        throttle
            .begin(&alice(), ip("::ffff:192.0.2.1"), at(1))
            .is_err()
    );
}

#[test]
fn a_name_waits_from_afar_only_at_ten_times_the_limit() {
    let mut throttle = Throttle::new(LIMITS);
    for i in 0..50 {
        let from = format!("198.51.100.{i}");
        fail(&mut throttle, &alice(), &from, at(i * 600), 1);
    }
    let end = 49 * 600;
    let waits = throttle.begin(&alice(), ip("203.0.113.2"), at(end));
    assert_eq!(waits.unwrap_err().retry_after, Duration::from_secs(1));
    assert!(
        throttle
            .begin(&alice(), ip("203.0.113.2"), at(end + 1))
            .is_ok()
    );
}

#[test]
fn a_flood_of_names_makes_no_name_that_is_guessed_at_forgotten() {
    let mut throttle = Throttle::new(LIMITS);
    for i in 0..10 {
        let from = format!("198.51.100.{i}");
        fail(&mut throttle, &alice(), &from, at(0), 1);
    }
    for i in 0..u32::try_from(CAPACITY).unwrap() + 10 {
        let name = Username::canonical(&format!("u{i}"));
        let from = IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + i));
        let _ = throttle.begin(&name, Source::of(from), at(1)).unwrap();
    }
    let attempt = throttle.begin(&alice(), ip("203.0.113.2"), at(2)).unwrap();
    assert_eq!(attempt.failures(), 11);
}

#[test]
fn parallel_guesses_cannot_outrun_the_counter() {
    let mut throttle = Throttle::new(LIMITS);
    let begun: Vec<_> = (0..50)
        .filter_map(|_| throttle.begin(&alice(), ip("192.0.2.1"), at(0)).ok())
        .collect();
    assert_eq!(begun.len(), 5);
    for attempt in begun {
        throttle.withdrawn(attempt);
    }
    assert!(
        throttle.begin(&alice(), ip("192.0.2.1"), at(0)).is_ok(),
        "withdrawn attempts stay counted"
    );
}

#[test]
fn the_tables_are_bounded_and_locks_are_kept_longest() {
    let mut throttle = Throttle::new(LIMITS);
    fail(&mut throttle, &alice(), "192.0.2.1", at(0), 5);
    for i in 0..u32::try_from(CAPACITY).unwrap() + 10 {
        let name = Username::canonical(&format!("u{i}"));
        let from = IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + i));
        let _ = throttle.begin(&name, Source::of(from), at(1)).unwrap();
    }
    assert!(throttle.pairs.entries.len() <= CAPACITY);
    assert!(throttle.streaks.len() <= CAPACITY);
    assert!(throttle.addresses.entries.len() <= CAPACITY);
    assert!(
        throttle.begin(&alice(), ip("192.0.2.1"), at(2)).is_err(),
        "a flood would open a lock"
    );
}
