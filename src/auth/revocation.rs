//! What has been ended before its time, and for how long that must be remembered.

use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// What a revocation reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationScope {
    /// One session; to revoke a token is to end its session.
    Session(SessionId),
    /// Every session of a user that was created up to [`Revocation::at`].
    User(UserId),
    /// Every session that was created up to [`Revocation::at`].
    Everybody,
}

/// One record of the revocation log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What it reaches.
    pub reach: RevocationScope,
    /// The cut-off: sessions created at or before it are ended. Milliseconds, so
    /// that a new login in the same second survives.
    pub at: Timestamp,
    /// From here on no token could match it, and it may be forgotten.
    pub until: Timestamp,
}

/// The cut-offs that a change of the users calls for: everybody whose version was
/// known and is now gone or different was removed, disabled, re-passworded or raised,
/// and loses every session at this moment. A record and not only a comparison,
/// so that undoing the change does not bring the sessions back.
pub fn cut_offs(
    known: &[(UserId, String)],
    today: &[(UserId, String)],
    now: Timestamp,
    until: Timestamp,
) -> Vec<Revocation> {
    let today: std::collections::HashMap<_, _> =
        today.iter().map(|(id, version)| (id, version)).collect();
    known
        .iter()
        .filter(|(id, version)| today.get(id) != Some(&version))
        .map(|(id, _)| Revocation {
            reach: RevocationScope::User(id.clone()),
            at: now,
            until,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_their_sessions() {
        let list = |users: &[(&str, &str)]| -> Vec<_> {
            users
                .iter()
                .map(|(id, version)| (UserId::new(id), (*version).to_owned()))
                .collect()
        };
        let known = list(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let today = list(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        let (now, until) = (Timestamp::from_secs(5), Timestamp::from_secs(9));
        let reached: Vec<RevocationScope> = cut_offs(&known, &today, now, until)
            .into_iter()
            .map(|r| r.reach)
            .collect();
        let expected = ["changed", "gone"].map(|id| RevocationScope::User(UserId::new(id)));
        assert_eq!(reached, expected);
    }
}
