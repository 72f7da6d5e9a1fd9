//! The cut-offs of users and of everybody: few as a rule, and none of them reaches a
//! session that is younger than the latest.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::moment::Moment;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// In how many parts the users are kept, so that cores seldom wait for each other. A guess.
const PARTS: usize = 64;

/// Sessions created at or before `at` are ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutOff {
    pub(super) at: Timestamp,
    pub(super) until: Timestamp,
}

impl CutOff {
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

/// All of them.
#[derive(Debug)]
pub(super) struct CutOffs {
    users: Box<[RwLock<HashMap<UserId, CutOff>>]>,
    /// How many users have one.
    count: AtomicUsize,
    /// Of all users that ever had one, the latest: whoever came after is not among them.
    latest: Moment,
    hasher: RandomState,
    everybody: Mutex<Option<CutOff>>,
    /// The `at` of [`Self::everybody`], to be read without the lock.
    everybody_at: Moment,
}

impl Default for CutOffs {
    fn default() -> Self {
        Self {
            users: (0..PARTS).map(|_| RwLock::default()).collect(),
            count: AtomicUsize::new(0),
            latest: Moment::default(),
            hasher: RandomState::new(),
            everybody: Mutex::default(),
            everybody_at: Moment::default(),
        }
    }
}

impl CutOffs {
    pub(super) fn reach(&self, session: SessionId, user: &UserId) -> bool {
        let after = |cut: &Moment| cut.read().is_none_or(|at| session.created() > at);
        if !after(&self.everybody_at) {
            return true;
        }
        if after(&self.latest) {
            return false;
        }
        self.of(user).is_some_and(|cut| cut.reaches(session))
    }

    /// Up to when this user's sessions were ended.
    pub(super) fn at(&self, user: &UserId) -> Option<Timestamp> {
        self.of(user)
            .map(|cut| cut.at)
            .max(self.everybody_at.read())
    }

    fn of(&self, user: &UserId) -> Option<CutOff> {
        self.part(user)?.read().get(user).copied()
    }

    pub(super) fn insert(&self, user: &UserId, cut: CutOff) {
        let Some(part) = self.part(user) else {
            return;
        };
        let mut part = part.write();
        match part.get_mut(user) {
            Some(known) => *known = known.merged(cut),
            None => {
                part.insert(user.clone(), cut);
                self.count.fetch_add(1, Ordering::Release);
            }
        }
        self.latest.no_earlier_than(cut.at);
    }

    pub(super) fn insert_everybody(&self, cut: CutOff) {
        let mut everybody = self.everybody.lock();
        let cut = everybody.map_or(cut, |known| known.merged(cut));
        *everybody = Some(cut);
        self.everybody_at.set(Some(cut.at));
    }

    pub(super) fn forget(&self, now: Timestamp) {
        for part in &self.users {
            let mut part = part.write();
            let before = part.len();
            part.retain(|_, cut| cut.until > now);
            let gone = before.saturating_sub(part.len());
            self.count.fetch_sub(gone, Ordering::Release);
        }
        let mut everybody = self.everybody.lock();
        *everybody = everybody.filter(|cut| cut.until > now);
        self.everybody_at.set(everybody.map(|cut| cut.at));
    }

    pub(super) fn of_users(&self) -> Vec<(UserId, CutOff)> {
        let mut all = Vec::new();
        for part in &self.users {
            let part = part.read();
            all.extend(part.iter().map(|(user, cut)| (user.clone(), *cut)));
        }
        all
    }

    pub(super) fn of_everybody(&self) -> Option<CutOff> {
        *self.everybody.lock()
    }

    pub(super) fn len(&self) -> usize {
        let everybody = usize::from(self.everybody_at.read().is_some());
        self.count.load(Ordering::Acquire).saturating_add(everybody)
    }

    fn part(&self, user: &UserId) -> Option<&RwLock<HashMap<UserId, CutOff>>> {
        let hash = usize::try_from(self.hasher.hash_one(user) >> 32).unwrap_or(0);
        self.users.get(hash % PARTS)
    }
}
