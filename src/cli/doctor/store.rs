//! The shared store: whether it keeps what it acknowledged, and who can read along.

use super::facts::Facts;
use super::finding::Finding;
use crate::adapters::config::settings::StoreKind;
use crate::adapters::store::redis::exam::{self, Exam};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let redis = match &facts.settings.session.store {
        StoreKind::Redis(redis) => redis,
        StoreKind::Memory => {
            return vec![Finding::note(
                "store.memory",
                (
                    "session.store is memory",
                    "after a restart sessions that were signed out are good again until their access token runs out",
                    "write `store: embedded`",
                ),
            )];
        }
        StoreKind::Embedded => return Vec::new(),
    };
    let mut found = Vec::new();
    let way = exam::way(redis);
    let is_far = |host: &String| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip = bare.parse::<std::net::IpAddr>();
        bare != "localhost" && !ip.is_ok_and(|ip| ip.is_loopback())
    };
    if let Some(way) = way.filter(|way| way.host.as_ref().is_some_and(is_far)) {
        if !way.has_password {
            found.push(Finding::problem(
                "store.no_password",
                (
                    "Redis is on another machine, and its URL has no password",
                    "whoever reaches it can undo revocations and end sessions",
                    "set requirepass or an ACL user there, and write rediss://user:password@host",
                ),
            ));
        }
        if way.is_plain {
            found.push(Finding::note(
                "store.plain",
                (
                    "Redis is on another machine, and is spoken to in clear text",
                    "whoever can read along gets its password",
                    "write rediss:// and give Redis a certificate",
                ),
            ));
        }
    }
    match &facts.redis {
        Some(Ok(exam)) => found.extend(of_server(exam)),
        Some(Err(why)) => found.push(Finding::silent(
            "store.silent",
            (
                format!("Redis does not answer: {why}"),
                "nobody can log in, log out or renew a session",
                "look at session.store.redis.url and at Redis",
            ),
        )),
        None => {}
    }
    found
}

fn of_server(exam: &Exam) -> Vec<Finding> {
    let mut found = Vec::new();
    if exam.appends == Some(false) {
        found.push(Finding::problem(
            "store.not_durable",
            (
                "Redis has no append-only file",
                "what it acknowledged is lost when it stops: ended sessions can come back, and people are signed out",
                "set `appendonly yes` there, and `appendfsync always` where no revocation may be lost",
            ),
        ));
    } else if let Some(fsync) = exam.fsync.as_ref().filter(|fsync| *fsync != "always") {
        found.push(Finding::note(
            "store.fsync",
            (
                format!("Redis has appendfsync {fsync}"),
                "a power cut loses what it acknowledged in the last second or more, revocations included",
                "set `appendfsync always` where that is too much",
            ),
        ));
    }
    if let Some(policy) = exam
        .eviction
        .as_ref()
        .filter(|policy| *policy != "noeviction")
    {
        found.push(Finding::problem(
            "store.eviction",
            (
                format!("Redis has maxmemory-policy {policy}"),
                "when memory runs out it forgets revocations, and ended sessions come back",
                "set `maxmemory-policy noeviction` there",
            ),
        ));
    }
    found
}
