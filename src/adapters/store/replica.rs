//! The revocations as the gate reads them: in memory, on every request.
//!
//! Fed by whoever writes to the store, after the store has acknowledged. When in
//! doubt it says "revoked": a record counts until it is forgotten, not until its
//! time is over.
//!
//! Where nothing of a kind was revoked, a look-up is a few loads and no lock. A batch is
//! taken in record by record, and each of them is in force from the moment it is in.

use crate::auth::ports::Revoked;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

mod cut_offs;
mod ended;
#[cfg(test)]
mod model;
mod moment;

use cut_offs::{CutOff, CutOffs};
use ended::Ended;
use moment::Moment;

/// Every live revocation. As large as the store's live set: a client can only add
/// records for sessions that it had, and [`Self::forget`] drops them in time.
#[derive(Debug, Default)]
pub struct RevocationIndex {
    sessions: Ended,
    cut_offs: CutOffs,
    /// When the shared store was last heard of; `None` where there is none.
    heard: Moment,
}

impl RevocationIndex {
    /// An empty replica.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a record in. From here on [`Revoked::is_revoked`] knows it.
    pub fn apply(&self, revocation: &Revocation) {
        let cut = CutOff {
            at: revocation.at,
            until: revocation.until,
        };
        match &revocation.reach {
            RevocationScope::Session(session) => self.sessions.insert(*session, cut.until),
            RevocationScope::User(user) => self.cut_offs.insert(user, cut),
            RevocationScope::Everybody => self.cut_offs.insert_everybody(cut),
        }
    }

    /// Takes many in, as at start-up. What is there already stays.
    pub fn load<'a>(&self, revocations: impl IntoIterator<Item = &'a Revocation>) {
        for revocation in revocations {
            self.apply(revocation);
        }
    }

    /// Forgets what no token could match at `now`; how many records that were, if
    /// nothing else came in meanwhile. That of a session is kept for the rest of the second.
    pub fn forget(&self, now: Timestamp) -> usize {
        let before = self.len();
        self.sessions.forget(now);
        self.cut_offs.forget(now);
        before.saturating_sub(self.len())
    }

    /// The shared store was heard of at `now`, and everything up to then is here.
    pub fn mark_synced(&self, now: Timestamp) {
        self.heard.set(Some(now));
    }

    /// Every record that it holds. That of a session ends with the second in which its
    /// last token does: whole, as the ends of tokens are.
    pub fn all(&self) -> Vec<Revocation> {
        let sessions = self.sessions.all().into_iter();
        let sessions = sessions.map(|(id, until)| Revocation {
            reach: RevocationScope::Session(id),
            at: id.created(),
            until,
        });
        let of = |reach, cut: CutOff| Revocation {
            reach,
            at: cut.at,
            until: cut.until,
        };
        let users = self.cut_offs.of_users().into_iter();
        let users = users.map(|(user, cut)| of(RevocationScope::User(user), cut));
        let everybody = self.cut_offs.of_everybody().into_iter();
        let everybody = everybody.map(|cut| of(RevocationScope::Everybody, cut));
        sessions.chain(users).chain(everybody).collect()
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.sessions.len().saturating_add(self.cut_offs.len())
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Revoked for RevocationIndex {
    fn is_revoked(&self, session: SessionId, user: &UserId) -> bool {
        self.sessions.contains(session) || self.cut_offs.reach(session, user)
    }

    fn cut_off(&self, user: &UserId) -> Option<Timestamp> {
        self.cut_offs.at(user)
    }

    fn last_sync(&self) -> Option<Timestamp> {
        self.heard.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn session(created: u64) -> SessionId {
        SessionId::new(at(created), [3; 10])
    }

    fn record(reach: RevocationScope, cut: u64, until: u64) -> Revocation {
        Revocation {
            reach,
            at: at(cut),
            until: at(until),
        }
    }

    #[test]
    fn a_session_is_ended_alone() {
        let replica = RevocationIndex::new();
        let alice = UserId::new("1");
        let (ended, other) = (session(1000), session(1001));
        replica.apply(&record(RevocationScope::Session(ended), 0, 9000));
        assert!(replica.is_revoked(ended, &alice));
        assert!(!replica.is_revoked(other, &alice));
    }

    #[test]
    fn cut_offs_reach_by_creation() {
        for (reach, reaches_bob) in [
            (RevocationScope::User(UserId::new("1")), false),
            (RevocationScope::Everybody, true),
        ] {
            let replica = RevocationIndex::new();
            replica.apply(&record(reach, 5000, 9000));
            for (created, expected) in [(4999, true), (5000, true), (5001, false)] {
                let sid = session(created);
                assert_eq!(replica.is_revoked(sid, &UserId::new("1")), expected);
                assert_eq!(
                    replica.is_revoked(sid, &UserId::new("2")),
                    expected && reaches_bob
                );
            }
        }
    }

    #[test]
    fn of_two_cut_offs_the_later_wins_in_any_order() {
        let user = UserId::new("1");
        let early = record(RevocationScope::User(user.clone()), 1000, 9000);
        let late = record(RevocationScope::User(user.clone()), 2000, 8000);
        for order in [[&early, &late], [&late, &early]] {
            let replica = RevocationIndex::new();
            replica.load(order);
            assert_eq!(replica.len(), 1);
            assert!(replica.is_revoked(session(2000), &user));
            assert_eq!(replica.forget(at(8999)), 0, "forgotten while tokens live");
            assert!(replica.is_revoked(session(2000), &user));
            assert_eq!(replica.forget(at(9000)), 1);
            assert!(replica.is_empty());
        }
    }

    #[test]
    fn forgetting_keeps_what_is_live() {
        let replica = RevocationIndex::new();
        let user = UserId::new("1");
        let (short, long) = (session(1), session(2));
        replica.load([
            &record(RevocationScope::Session(short), 0, 1999),
            &record(RevocationScope::Session(long), 0, 3000),
            &record(RevocationScope::Everybody, 0, 2000),
        ]);
        assert_eq!(replica.forget(at(1999)), 0);
        assert_eq!(replica.forget(at(2000)), 2);
        assert!(!replica.is_revoked(short, &user));
        assert!(replica.is_revoked(long, &user));
        replica.apply(&record(RevocationScope::Session(long), 0, 500));
        assert_eq!(replica.forget(at(2999)), 0, "a replay shortened a record");
    }
}
