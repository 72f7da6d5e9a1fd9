//! Certificates: the one in the file, and those that are shown.

use super::facts::{Facts, Visited};
use super::finding::Finding;
use crate::adapters::tls_probe::{Chain, Trust};
use crate::domain::time::Timestamp;

const DAY: i64 = 24 * 3600;
/// Renewal by ACME happens thirty days before the end.
const SOON_DAYS: i64 = 30;
/// A week is what a person needs.
const LATE_DAYS: i64 = 7;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let shown = |visited: &Visited| visited.as_ref().ok()?.session.chain.clone();
    let mut seen: Vec<(String, Chain)> = Vec::new();
    if let (Some(tls), Some(chain)) = (&facts.settings.tls, &facts.certificate) {
        seen.push((tls.cert.display().to_string(), chain.clone()));
    }
    for (address, visited) in &facts.listeners {
        seen.extend(shown(visited).map(|chain| (format!("the listener {address}"), chain)));
    }
    if let Some(visited) = &facts.public {
        seen.extend(shown(visited).map(|chain| ("public_url".to_owned(), chain)));
    }
    if facts.settings.public_url.is_none() {
        // Nobody knows by which name browsers come.
        seen.iter_mut()
            .for_each(|(_, chain)| chain.fits_host = None);
    }
    let of = |(place, chain): &(String, Chain)| judge(place, chain, facts.now);
    let mut found: Vec<Finding> = seen.iter().flat_map(of).collect();
    found.extend(stale(facts));
    found
}

fn judge(place: &str, chain: &Chain, now: Timestamp) -> Vec<Finding> {
    let now = i64::try_from(now.secs()).unwrap_or(i64::MAX);
    let days = chain.ends.saturating_sub(now).div_euclid(DAY);
    let mut found = Vec::new();
    let renew = "renew it; the gateway takes new files without a restart";
    if chain.ends < now {
        found.push(Finding::problem(
            "certificate.expired",
            (
                format!("the certificate of {place} has expired"),
                "browsers refuse to open the site",
                renew,
            ),
        ));
    } else if days < SOON_DAYS {
        let words = (
            format!("the certificate of {place} expires in {days} days"),
            "browsers will refuse to open the site",
            renew,
        );
        found.push(match days < LATE_DAYS {
            true => Finding::problem("certificate.expires", words),
            false => Finding::note("certificate.expires", words),
        });
    }
    if chain.begins > now {
        found.push(Finding::problem(
            "certificate.not_yet",
            (
                format!("the certificate of {place} is not valid yet"),
                "browsers refuse to open the site",
                "look at the clock of this machine, then at who issued it",
            ),
        ));
    }
    if chain.fits_host == Some(false) {
        found.push(Finding::problem(
            "certificate.other_name",
            (
                format!("the certificate of {place} is not for the host of public_url"),
                "browsers refuse to open the site",
                "have one issued that names it among its subject alternative names",
            ),
        ));
    }
    match chain.trust {
        Trust::Trusted | Trust::Unclear => {}
        Trust::SelfSigned => found.push(Finding::note(
            "certificate.self_signed",
            (
                format!("the certificate of {place} is self-signed"),
                "browsers warn, and people learn to click warnings away",
                "have one issued, for instance by Let's Encrypt",
            ),
        )),
        Trust::UnknownIssuer => found.push(Finding::note(
            "certificate.unknown_issuer",
            (
                format!("the certificate of {place} does not lead to an authority that this machine trusts"),
                "an intermediate certificate is missing from the file, which some browsers make up for and programs do not; or the authority is private",
                "put the intermediate certificates behind the first one in tls.cert",
            ),
        )),
    }
    found
}

/// What is shown should be what is in the file.
fn stale(facts: &Facts) -> Option<Finding> {
    let file = facts.certificate.as_ref()?;
    let older = |(_, visited): &&(_, Visited)| {
        let chain = visited
            .as_ref()
            .ok()
            .and_then(|visit| visit.session.chain.as_ref());
        chain.is_some_and(|chain| chain.ends < file.ends)
    };
    let (address, _) = facts.listeners.iter().find(older)?;
    Some(Finding::problem(
        "certificate.not_loaded",
        (
            format!("the listener {address} shows an older certificate than the file holds"),
            "the new one was not taken, and the old one expires",
            "look for the reason in the log, then reload (SIGHUP)",
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_names_and_issuers() {
        let now = Timestamp::from_secs(1_000_000_000);
        let good = Chain {
            begins: 0,
            ends: 1_000_000_000 + 60 * DAY,
            fits_host: Some(true),
            trust: Trust::Trusted,
        };
        let in_days = |days: i64| Chain {
            ends: 1_000_000_000 + days * DAY,
            ..good.clone()
        };
        for (chain, expected) in [
            (good.clone(), None),
            (in_days(29), Some("note certificate.expires")),
            (in_days(6), Some("problem certificate.expires")),
            (in_days(-1), Some("problem certificate.expired")),
            (
                Chain {
                    begins: 1_000_000_001,
                    ..good.clone()
                },
                Some("problem certificate.not_yet"),
            ),
            (
                Chain {
                    fits_host: Some(false),
                    ..good.clone()
                },
                Some("problem certificate.other_name"),
            ),
            (
                Chain {
                    trust: Trust::UnknownIssuer,
                    ..good.clone()
                },
                Some("note certificate.unknown_issuer"),
            ),
        ] {
            let found: Vec<String> = judge("x", &chain, now)
                .iter()
                .map(|f| format!("{} {}", f.json()["severity"].as_str().unwrap(), f.id))
                .collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
