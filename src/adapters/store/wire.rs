//! How times and revocations are spelled for other processes: in Redis, and for the
//! process that is taken over from.

use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Twenty digits, as many as the largest has, so that they compare as text.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{:020}", at.millis())
}

/// A letter for the kind, then the id.
pub(crate) fn reach(reach: &RevocationScope) -> String {
    match reach {
        RevocationScope::Session(session) => format!("s{session}"),
        RevocationScope::User(user) => format!("u{user}"),
        RevocationScope::Everybody => "e".into(),
    }
}

/// The revocation with these parts; `None` if they are not ours.
pub(crate) fn revocation(reach: &str, at: &str, until: &str) -> Option<Revocation> {
    let reach = match reach.split_at_checked(1)? {
        ("s", id) => RevocationScope::Session(SessionId::parse(id)?),
        ("u", id) => RevocationScope::User(UserId::new(id)),
        ("e", "") => RevocationScope::Everybody,
        _ => return None,
    };
    Some(Revocation {
        reach,
        at: moment(at)?,
        until: moment(until)?,
    })
}

/// The revocation that the live set keeps under `reach`.
pub(super) fn live(key: &str, window: &str) -> Option<Revocation> {
    let (at, until) = window.split_once(' ')?;
    revocation(key, at, until)
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let at = Timestamp::from_millis;
        for reach_of in [
            RevocationScope::Session(SessionId::new(at(1_790_000_000_000), [7; 10])),
            RevocationScope::User(UserId::new("")),
            RevocationScope::User(UserId::new("zoë 1")),
            RevocationScope::Everybody,
        ] {
            let revocation = Revocation {
                reach: reach_of,
                at: at(5),
                until: at(u64::MAX),
            };
            let window = format!("{} {}", time(revocation.at), time(revocation.until));
            assert_eq!(window.len(), 41, "the scripts cut at byte 20");
            let read = live(&reach(&revocation.reach), &window);
            assert_eq!(read, Some(revocation));
        }
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for (key, window) in [
            ("", "1 2"),
            ("e1", "1 2"),
            ("s", "1 2"),
            ("x1", "1 2"),
            ("ü1", "1 2"),
            ("e", "1"),
            ("e", "1 -2"),
            ("e", " 2"),
        ] {
            assert_eq!(live(key, window), None, "{key:?} {window:?}");
        }
    }
}
