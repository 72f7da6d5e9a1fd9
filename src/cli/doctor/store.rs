//! The shared store: whether it keeps what it acknowledged.

use super::facts::Facts;
use crate::adapters::store::redis::exam::RedisReport;
use crate::config::lints::Lint;
use crate::config::lints::Severity::{Note, Problem, Silent};

pub(super) fn check(facts: &Facts) -> Vec<Lint> {
    match &facts.redis {
        Some(Ok(exam)) => of_server(exam),
        Some(Err(why)) => vec![Lint::new(
            Silent,
            "store.silent",
            format!("Redis does not answer: {why}"),
            "nobody can log in, log out or renew a session",
            "look at session.store.redis.url and at Redis",
        )],
        None => Vec::new(),
    }
}

fn of_server(exam: &RedisReport) -> Vec<Lint> {
    let mut found = Vec::new();
    if exam.appends == Some(false) {
        found.push(Lint::new(
            Problem,
            "store.not_durable",
            "Redis has no append-only file",
            "what it acknowledged is lost when it stops: ended sessions can come back, and people are signed out",
            "set `appendonly yes` there, and `appendfsync always` where no revocation may be lost",
        ));
    } else if let Some(fsync) = exam.fsync.as_ref().filter(|fsync| *fsync != "always") {
        found.push(Lint::new(
            Note,
            "store.fsync",
            format!("Redis has appendfsync {fsync}"),
            "a power cut loses what it acknowledged in the last second or more, revocations included",
            "set `appendfsync always` where that is too much",
        ));
    }
    if let Some(policy) = exam
        .eviction
        .as_ref()
        .filter(|policy| *policy != "noeviction")
    {
        found.push(Lint::new(
            Problem,
            "store.eviction",
            format!("Redis has maxmemory-policy {policy}"),
            "when memory runs out it forgets revocations, and ended sessions come back",
            "set `maxmemory-policy noeviction` there",
        ));
    }
    found
}
