//! The revocations as the gate reads them: in memory, on every request.
//!
//! Fed by whoever writes to the store, after the store has acknowledged. When in
//! doubt it says "revoked": a record counts until it is forgotten, not until its
//! time is over.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::auth::ports::Revoked;
use crate::auth::revocation::{Reach, Revocation};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Every live revocation. As large as the store's live set: a client can only add
/// records for sessions that it had, and [`Self::forget`] drops them in time.
#[derive(Debug, Default)]
pub struct Replica {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Until when each must be remembered.
    sessions: HashMap<SessionId, Timestamp>,
    users: HashMap<UserId, CutOff>,
    everybody: Option<CutOff>,
    /// When the shared store was last heard of; `None` where there is none.
    heard: Option<Timestamp>,
}

/// Sessions created at or before `at` are ended.
#[derive(Clone, Copy, Debug)]
struct CutOff {
    at: Timestamp,
    until: Timestamp,
}

impl CutOff {
    fn of(revocation: &Revocation) -> Self {
        Self {
            at: revocation.at,
            until: revocation.until,
        }
    }

    /// Of two, the later in either respect: applying records in any order, or
    /// twice, never frees a session.
    fn merged(self, other: Self) -> Self {
        Self {
            at: self.at.max(other.at),
            until: self.until.max(other.until),
        }
    }

    /// A session of the very millisecond is reached: it may have been created just
    /// before the cut-off, and a new login costs less than a thief who stays.
    fn reaches(self, session: SessionId) -> bool {
        session.created() <= self.at
    }
}

impl Replica {
    /// An empty replica.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a record in. From here on [`Revoked::is_revoked`] knows it.
    pub fn apply(&self, revocation: &Revocation) {
        self.state.write().apply(revocation);
    }

    /// Takes many in at once, as at start-up. What is there already stays.
    pub fn load<'a>(&self, revocations: impl IntoIterator<Item = &'a Revocation>) {
        let mut state = self.state.write();
        for revocation in revocations {
            state.apply(revocation);
        }
    }

    /// Forgets what no token could match at `now`; how many records that were.
    pub fn forget(&self, now: Timestamp) -> usize {
        let mut state = self.state.write();
        let before = state.len();
        state.sessions.retain(|_, until| *until > now);
        state.users.retain(|_, cut| cut.until > now);
        state.everybody = state.everybody.filter(|cut| cut.until > now);
        before.saturating_sub(state.len())
    }

    /// The shared store was heard of at `now`, and everything up to then is here.
    pub fn in_touch(&self, now: Timestamp) {
        self.state.write().heard = Some(now);
    }

    /// Every record that it holds.
    pub fn all(&self) -> Vec<Revocation> {
        let state = self.state.read();
        let sessions = state.sessions.iter().map(|(id, until)| Revocation {
            reach: Reach::Session(*id),
            at: id.created(),
            until: *until,
        });
        let users = state.users.iter().map(|(user, cut)| Revocation {
            reach: Reach::User(user.clone()),
            at: cut.at,
            until: cut.until,
        });
        let everybody = state.everybody.map(|cut| Revocation {
            reach: Reach::Everybody,
            at: cut.at,
            until: cut.until,
        });
        sessions.chain(users).chain(everybody).collect()
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.state.read().len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Revoked for Replica {
    fn is_revoked(&self, session: SessionId, user: &UserId) -> bool {
        let state = self.state.read();
        state.sessions.contains_key(&session)
            || state
                .users
                .get(user)
                .is_some_and(|cut| cut.reaches(session))
            || state.everybody.is_some_and(|cut| cut.reaches(session))
    }

    fn cut_off(&self, user: &UserId) -> Option<Timestamp> {
        let state = self.state.read();
        let of_user = state.users.get(user).map(|cut| cut.at);
        of_user.max(state.everybody.map(|cut| cut.at))
    }

    fn heard(&self) -> Option<Timestamp> {
        self.state.read().heard
    }
}

impl State {
    fn apply(&mut self, revocation: &Revocation) {
        let cut = CutOff::of(revocation);
        match &revocation.reach {
            Reach::Session(session) => {
                let until = self.sessions.entry(*session).or_insert(cut.until);
                *until = cut.until.max(*until);
            }
            Reach::User(user) => {
                let known = self.users.entry(user.clone()).or_insert(cut);
                *known = known.merged(cut);
            }
            Reach::Everybody => {
                self.everybody = Some(self.everybody.map_or(cut, |known| known.merged(cut)));
            }
        }
    }

    fn len(&self) -> usize {
        self.sessions
            .len()
            .saturating_add(self.users.len())
            .saturating_add(usize::from(self.everybody.is_some()))
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

    fn record(reach: Reach, cut: u64, until: u64) -> Revocation {
        Revocation {
            reach,
            at: at(cut),
            until: at(until),
        }
    }

    #[test]
    fn a_session_is_ended_alone() {
        let replica = Replica::new();
        let alice = UserId::new("1");
        let (ended, other) = (session(1000), session(1001));
        replica.apply(&record(Reach::Session(ended), 0, 9000));
        assert!(replica.is_revoked(ended, &alice));
        assert!(!replica.is_revoked(other, &alice));
    }

    #[test]
    fn cut_offs_reach_by_creation() {
        for (reach, reaches_bob) in [
            (Reach::User(UserId::new("1")), false),
            (Reach::Everybody, true),
        ] {
            let replica = Replica::new();
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
        let early = record(Reach::User(user.clone()), 1000, 9000);
        let late = record(Reach::User(user.clone()), 2000, 8000);
        for order in [[&early, &late], [&late, &early]] {
            let replica = Replica::new();
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
        let replica = Replica::new();
        let user = UserId::new("1");
        let (short, long) = (session(1), session(2));
        replica.load([
            &record(Reach::Session(short), 0, 100),
            &record(Reach::Session(long), 0, 200),
            &record(Reach::Everybody, 0, 100),
        ]);
        assert_eq!(replica.forget(at(99)), 0);
        assert_eq!(replica.forget(at(100)), 2);
        assert!(!replica.is_revoked(short, &user));
        assert!(replica.is_revoked(long, &user));
        replica.apply(&record(Reach::Session(long), 0, 50));
        assert_eq!(replica.forget(at(199)), 0, "a replay shortened a record");
    }
}
