//! Whether the clocks agree: tokens begin and end by them.

use super::facts::Facts;
use crate::config::lints::Lint;
use crate::config::lints::Severity::Problem;
use crate::domain::time::Timestamp;

/// Less than the 5 s of leeway that `nbf` and `iat` have.
const SKEW_SECS: u64 = 2;

pub(super) fn check(facts: &Facts) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut compare = |who: &str, theirs: Timestamp, [before, after]: [Timestamp; 2]| {
        // A `Date` has whole seconds.
        let early = before.secs().saturating_sub(theirs.secs());
        let late = theirs.secs().saturating_sub(after.secs());
        let apart = early.max(late);
        if apart > SKEW_SECS {
            found.push(Lint::new(
                Problem,
                "clock.skew",
                format!("the clock of {who} and this one are {apart} seconds apart"),
                "sessions end too early or too late, and fresh tokens are refused as from the future",
                "let both follow one time server (chrony, systemd-timesyncd)",
            ));
        }
    };
    let public = facts
        .public
        .iter()
        .map(|visit| ("public_url".to_owned(), visit));
    let listeners = facts.listeners.iter();
    let listeners = listeners.map(|(address, visit)| (address.to_string(), visit));
    for (place, visit) in listeners.chain(public) {
        if let Ok(visit) = visit
            && let Some(date) = visit.session.date
        {
            compare(&place, date, visit.session.between);
        }
    }
    if let Some(Ok(exam)) = &facts.redis
        && let Some((time, between)) = exam.time
    {
        compare("Redis", time, between);
    }
    found
}
