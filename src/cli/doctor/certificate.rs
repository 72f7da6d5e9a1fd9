//! Until when certificates are good: the one in the file, and those that are shown. Whether their
//! names and issuers are right, `openssl s_client` tells better.

use super::facts::{Facts, Visited};
use crate::adapters::tls_probe::Dates;
use crate::config::lints::Lint;
use crate::config::lints::Severity::{Note, Problem};
use crate::domain::time::Timestamp;

const DAY: i64 = 24 * 3600;
/// Renewal by ACME happens thirty days before the end.
const SOON_DAYS: i64 = 30;
/// A week is what a person needs.
const LATE_DAYS: i64 = 7;

pub(super) fn check(facts: &Facts) -> Vec<Lint> {
    let mut seen: Vec<(String, Dates)> = Vec::new();
    if let (Some(tls), Some(dates)) = (&facts.settings.tls, facts.certificate) {
        seen.push((tls.cert.display().to_string(), dates));
    }
    for (address, visited) in &facts.listeners {
        seen.extend(shown(visited).map(|dates| (format!("the listener {address}"), dates)));
    }
    if let Some(visited) = &facts.public {
        seen.extend(shown(visited).map(|dates| ("public_url".to_owned(), dates)));
    }
    let judged = seen
        .iter()
        .filter_map(|(place, dates)| judge(place, dates, facts.now));
    judged.chain(stale(facts)).collect()
}

/// Those of the certificate that a place shows.
fn shown(visited: &Visited) -> Option<Dates> {
    visited.as_ref().ok()?.session.dates
}

fn judge(place: &str, dates: &Dates, now: Timestamp) -> Option<Lint> {
    let now = i64::try_from(now.secs()).unwrap_or(i64::MAX);
    let days = dates.ends.saturating_sub(now).div_euclid(DAY);
    let renew = "renew it; the gateway takes new files without a restart";
    let (severity, id, what, mend) = match () {
        () if dates.ends < now => (
            Problem,
            "certificate.expired",
            "has expired".to_owned(),
            renew,
        ),
        () if dates.begins > now => (
            Problem,
            "certificate.not_yet",
            "is not valid yet".to_owned(),
            "look at the clock of this machine, then at who issued it",
        ),
        () if days < SOON_DAYS => (
            if days < LATE_DAYS { Problem } else { Note },
            "certificate.expires",
            format!("expires in {days} days"),
            renew,
        ),
        () => return None,
    };
    let what = format!("the certificate of {place} {what}");
    let why = "browsers refuse to open the site when a certificate is not valid";
    Some(Lint::new(severity, id, what, why, mend))
}

/// What is shown should be what is in the file.
fn stale(facts: &Facts) -> Option<Lint> {
    let file = facts.certificate?;
    let older = |(_, visited): &&(_, Visited)| shown(visited).is_some_and(|d| d.ends < file.ends);
    let (address, _) = facts.listeners.iter().find(older)?;
    Some(Lint::new(
        Problem,
        "certificate.not_loaded",
        format!("the listener {address} shows an older certificate than the file holds"),
        "the new one was not taken, and the old one expires",
        "look for the reason in the log, then reload (SIGHUP)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let now = Timestamp::from_secs(1_000_000_000);
        for (begins, days, expected) in [
            (0, 60, None),
            (0, 29, Some((Note, "certificate.expires"))),
            (0, 6, Some((Problem, "certificate.expires"))),
            (0, -1, Some((Problem, "certificate.expired"))),
            (1_000_000_001, 60, Some((Problem, "certificate.not_yet"))),
        ] {
            let dates = Dates {
                begins,
                ends: 1_000_000_000 + days * DAY,
            };
            let found = judge("x", &dates, now).map(|found| (found.severity, found.id));
            assert_eq!(found, expected, "{begins} {days}");
        }
    }
}
