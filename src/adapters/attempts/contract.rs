//! What all counters promise, as one suite. Each kind's own tests call [`holds`].

use std::time::Duration;

use crate::auth::ports::Attempts;
use crate::auth::throttle::{Attempt, AttemptLimits, Locked, Source};
use crate::domain::id::BrowserId;
use crate::domain::id::Username;
use crate::domain::time::Timestamp;

const LIMITS: AttemptLimits = AttemptLimits {
    max_attempts: 3,
    window: Duration::from_secs(120),
    lockout: Duration::from_secs(300),
    address_attempts: 8,
};

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

/// One thing that is done to fresh counters, and what must come of it.
enum Step {
    /// Attempts that fail: second, name, address or known browser, how many, and whether the last one locks.
    Fail(u64, &'static str, &'static str, u32, bool),
    /// One whose password is right.
    Succeed(u64, &'static str, &'static str),
    /// One that is withdrawn.
    Withdraw(u64, &'static str, &'static str),
    /// One that finds it locked, for so many seconds more.
    Locked(u64, &'static str, &'static str, u64),
}

use Step::{Fail, Locked as IsLocked, Succeed, Withdraw};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const HERS: &str = "browser 1";
const OTHER: &str = "browser 2";

const SCENARIOS: &[(&str, &[Step])] = &[
    (
        "a pair locks at its limit, it alone, and opens again with a clean slate",
        &[
            Fail(0, "alice", A, 3, true),
            IsLocked(1, "alice", A, 299),
            IsLocked(299, "alice", A, 1),
            Fail(1, "alice", B, 1, false),
            Fail(1, "bob", A, 1, false),
            Fail(300, "alice", A, 2, false),
            Fail(300, "alice", A, 1, true),
        ],
    ),
    (
        "a clock a little behind another's finds nothing locked",
        &[
            Fail(2, "alice", A, 1, false),
            Fail(1, "alice", A, 1, false),
            Fail(0, "alice", B, 1, false),
            Succeed(1, "alice", HERS),
            Succeed(0, "alice", HERS),
        ],
    ),
    (
        "failures leave the window",
        &[
            Fail(0, "alice", A, 2, false),
            Fail(119, "alice", A, 1, true),
            Fail(0, "bob", A, 2, false),
            Fail(120, "bob", A, 2, false),
            Fail(121, "bob", A, 1, true),
        ],
    ),
    (
        "success forgives the pair, and of the address and the name itself alone",
        &[
            Fail(0, "alice", A, 2, false),
            Succeed(1, "alice", A),
            Fail(2, "alice", A, 2, false),
            Fail(3, "bob", A, 2, false),
            Fail(3, "carol", A, 1, false),
            Fail(3, "dave", A, 1, true),
            IsLocked(4, "erin", A, 299),
            Fail(4, "erin", B, 1, false),
        ],
    ),
    (
        "the attempt that used the last of a limit and was right locks nobody",
        &[
            Fail(0, "alice", A, 2, false),
            Succeed(1, "alice", A),
            Fail(2, "alice", A, 2, false),
            Fail(2, "alice", A, 1, true),
        ],
    ),
    (
        "what was withdrawn was never there",
        &[
            Fail(0, "alice", A, 2, false),
            Withdraw(1, "alice", A),
            Withdraw(1, "alice", A),
            Fail(2, "alice", A, 1, true),
            IsLocked(2, "alice", A, 300),
        ],
    ),
    (
        "IPv6 counts by /64, and a mapped address as IPv4",
        &[
            Fail(0, "alice", "2001:db8:0:1::1", 2, false),
            Fail(0, "alice", "2001:db8:0:1:ffff::9", 1, true),
            IsLocked(1, "alice", "2001:db8:0:1::2", 299),
            Fail(1, "alice", "2001:db8:0:2::1", 1, false),
            Fail(1, "alice", A, 3, true),
            IsLocked(1, "alice", "::ffff:192.0.2.1", 300),
        ],
    ),
    (
        "a known browser is not kept out by addresses, and has the limits of one",
        &[
            Fail(0, "alice", A, 3, true),
            IsLocked(1, "alice", A, 299),
            Fail(1, "alice", HERS, 3, true),
            IsLocked(2, "alice", HERS, 299),
            Fail(2, "alice", OTHER, 2, false),
            Succeed(3, "alice", OTHER),
            Fail(4, "alice", OTHER, 2, false),
            Fail(4, "alice", OTHER, 1, true),
            Fail(4, "alice", B, 1, false),
            Fail(301, "alice", HERS, 1, false),
        ],
    ),
    (
        "what a known browser fails is not its address' failure",
        &[
            Fail(0, "alice", HERS, 3, true),
            Fail(0, "bob", HERS, 3, true),
            Fail(0, "carol", HERS, 3, true),
            Fail(1, "dave", HERS, 1, false),
        ],
    ),
    (
        "what a known browser withdraws was never there",
        &[
            Fail(0, "alice", HERS, 2, false),
            Withdraw(1, "alice", HERS),
            Fail(2, "alice", HERS, 1, true),
        ],
    ),
    (
        "two names are two, whatever is in them",
        &[
            Fail(0, "alice", A, 3, true),
            Fail(0, "alice\u{0}192.0.2.1", A, 1, false),
            Fail(0, "ali\u{e7}e", A, 1, false),
            Fail(0, "", A, 1, false),
        ],
    ),
];

/// Runs the suite, each scenario on fresh counters.
pub(super) async fn holds<A: Attempts>(mut fresh: impl FnMut() -> A) {
    for (promise, steps) in SCENARIOS {
        let counters = fresh();
        for (number, step) in steps.iter().enumerate() {
            act(&counters, step, &format!("{promise}, step {number}")).await;
        }
    }
    a_name_waits_longer_with_each_failure(&fresh()).await;
    a_known_browser_waits_for_itself_alone(&fresh()).await;
    failures_count_since_the_last_success(&fresh()).await;
    streaks_are_forgotten_after_a_day_or_a_month(&fresh()).await;
    parallel_guesses_cannot_outrun_the_counter(&fresh()).await;
    new_limits_count_what_was_there(&fresh()).await;
}

async fn begin(
    counters: &dyn Attempts,
    name: &str,
    from: &str,
    secs: u64,
) -> Result<Attempt, Locked> {
    let name = Username::canonical(name);
    let source = source(from);
    let begun = counters.begin(&name, source, LIMITS, at(secs));
    begun.await.unwrap()
}

fn source(from: &str) -> Source {
    match from.strip_prefix("browser ") {
        Some(number) => Source::Known(BrowserId::new([number.parse().unwrap(); 16])),
        None => Source::of(from.parse().unwrap()),
    }
}

async fn act(counters: &dyn Attempts, step: &Step, what: &str) {
    match *step {
        Fail(secs, name, from, times, locks) => {
            let mut last = false;
            for _ in 0..times {
                last = begin(counters, name, from, secs).await.expect(what).locks();
            }
            assert_eq!(last, locks, "{what}");
        }
        Succeed(secs, name, from) => {
            let attempt = begin(counters, name, from, secs).await.expect(what);
            counters.succeeded(attempt).await.unwrap();
        }
        Withdraw(secs, name, from) => {
            let attempt = begin(counters, name, from, secs).await.expect(what);
            counters.withdrawn(attempt).await.unwrap();
        }
        IsLocked(secs, name, from, left) => {
            let locked = begin(counters, name, from, secs).await.expect_err(what);
            assert_eq!(locked.retry_after, Duration::from_secs(left), "{what}");
        }
    }
}

async fn a_name_waits_longer_with_each_failure(counters: &dyn Attempts) {
    let elsewhere = |n: u32| format!("198.51.{}.{}", 100 + n / 250, n % 250);
    for n in 0..30 {
        let attempt = begin(counters, "alice", &elsewhere(n), 0).await;
        assert_eq!(attempt.unwrap().locks(), n == 29, "attempt {n}");
    }
    let mut now = 0;
    for (n, wait) in (30..).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
        let locked = begin(counters, "alice", &elsewhere(n), now).await;
        let wait = Duration::from_secs(wait);
        assert_eq!(locked.unwrap_err().retry_after, wait, "after {n} failures");
        let known = begin(counters, "alice", HERS, now).await;
        let known = known.expect("strangers keep the owner out");
        counters.withdrawn(known).await.unwrap();
        assert!(begin(counters, "bob", &elsewhere(n), now).await.is_ok());
        now += wait.as_secs();
        let attempt = begin(counters, "alice", &elsewhere(n), now).await;
        assert!(attempt.expect("it waits for ever").locks());
    }
    now += 300;
    let right = begin(counters, "alice", &elsewhere(99), now).await;
    counters.succeeded(right.unwrap()).await.unwrap();
    for n in 100..130 {
        let attempt = begin(counters, "alice", &elsewhere(n), now).await;
        let attempt = attempt.expect("a success does not end the waits");
        assert_eq!(attempt.locks(), n == 129, "attempt {n}");
    }
}

async fn a_known_browser_waits_for_itself_alone(counters: &dyn Attempts) {
    // Slower than any window.
    for n in 0..30 {
        let attempt = begin(counters, "alice", HERS, n * 60).await;
        assert_eq!(attempt.unwrap().locks(), n == 29, "attempt {n}");
    }
    let now = 29 * 60;
    let locked = begin(counters, "alice", HERS, now).await;
    let locked = locked.expect_err("a stolen cookie guesses for ever");
    assert_eq!(locked.retry_after, Duration::from_secs(1));
    let other = begin(counters, "alice", OTHER, now).await;
    counters.succeeded(other.unwrap()).await.unwrap();
    assert!(begin(counters, "alice", HERS, now).await.is_err());
    let again = begin(counters, "alice", HERS, now + 1).await;
    counters.succeeded(again.unwrap()).await.unwrap();
    let attempt = begin(counters, "alice", HERS, now + 1).await;
    assert!(!attempt.unwrap().locks());
}

async fn failures_count_since_the_last_success(counters: &dyn Attempts) {
    for (number, from) in [A, B, HERS, OTHER, A].into_iter().enumerate() {
        let attempt = begin(counters, "alice", from, 0).await.unwrap();
        assert_eq!(attempt.failures() as usize, number + 1);
    }
    let withdrawn = begin(counters, "alice", HERS, 1).await.unwrap();
    counters.withdrawn(withdrawn).await.unwrap();
    let right = begin(counters, "alice", HERS, 1).await.unwrap();
    assert_eq!(right.failures(), 6);
    counters.succeeded(right).await.unwrap();
    let attempt = begin(counters, "alice", B, 1).await.unwrap();
    assert_eq!(attempt.failures(), 1);
}

async fn streaks_are_forgotten_after_a_day_or_a_month(counters: &dyn Attempts) {
    const DAY: u64 = 86_400;
    let mut last = 0;
    // Nine failures, and none for a day; ten, and none for a month.
    for (name, failures, pause, next) in [
        ("alice", 9, DAY - 1, 10),
        ("bob", 9, DAY, 1),
        ("carol", 10, 30 * DAY - 1, 11),
        ("dave", 10, 30 * DAY, 1),
    ] {
        for n in 0..failures {
            last += 1;
            let from = format!("198.51.100.{n}");
            let attempt = begin(counters, name, &from, last).await;
            assert_eq!(attempt.unwrap().failures(), n + 1, "{name}");
        }
        last += pause;
        let attempt = begin(counters, name, A, last).await;
        assert_eq!(attempt.unwrap().failures(), next, "{name}");
    }
}

async fn parallel_guesses_cannot_outrun_the_counter(counters: &dyn Attempts) {
    let guesses = (0..50).map(|_| begin(counters, "alice", A, 0));
    let outcomes = futures_util::future::join_all(guesses).await;
    let begun: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
    assert_eq!(begun.len(), 3);
    for attempt in begun {
        counters.withdrawn(attempt).await.unwrap();
    }
    assert!(begin(counters, "alice", A, 0).await.is_ok());
}

async fn new_limits_count_what_was_there(counters: &dyn Attempts) {
    for _ in 0..2 {
        assert!(!begin(counters, "alice", A, 0).await.unwrap().locks());
    }
    let stricter = AttemptLimits {
        max_attempts: 2,
        ..LIMITS
    };
    let name = Username::canonical("alice");
    let attempt = counters.begin(&name, source(A), stricter, at(1));
    assert!(attempt.await.unwrap().unwrap().locks());
}
