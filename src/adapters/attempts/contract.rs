//! What all counters promise, as one suite. Each kind's own tests call [`holds`].

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::ports::Attempts;
use crate::auth::throttle::{Attempt, AttemptLimits, Locked};
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
    /// Attempts that fail: second, name, address, how many, and whether the last one locks.
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
    a_name_is_locked_at_ten_times_the_limit(&fresh()).await;
    parallel_guesses_cannot_outrun_the_counter(&fresh()).await;
    new_limits_count_what_was_there(&fresh()).await;
}

async fn begin(
    counters: &dyn Attempts,
    name: &str,
    from: &str,
    secs: u64,
) -> Result<Attempt, Locked> {
    let from: IpAddr = from.parse().unwrap();
    let name = Username::canonical(name);
    counters.begin(&name, from, LIMITS, at(secs)).await.unwrap()
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

async fn a_name_is_locked_at_ten_times_the_limit(counters: &dyn Attempts) {
    for i in 0..30 {
        let attempt = begin(counters, "alice", &format!("198.51.100.{i}"), 0).await;
        assert_eq!(attempt.unwrap().locks(), i == 29, "attempt {i}");
    }
    let locked = begin(counters, "alice", "203.0.113.1", 1).await;
    assert!(locked.is_err(), "a distributed guess is not bounded");
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
    let attempt = counters.begin(&name, A.parse().unwrap(), stricter, at(1));
    assert!(attempt.await.unwrap().unwrap().locks());
}
