//! One renewal at a time for a session, in this process: twenty requests of a page with
//! an expired token wait for one rotation and then get its result.

use std::hash::BuildHasher;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::id::SessionId;

/// Sessions that share a lock wait for each other too; with so many locks they seldom do.
const LOCKS: usize = 1024;

/// The locks; a fixed number, whatever clients send.
pub struct Turns {
    locks: Vec<Mutex<()>>,
    hasher: std::hash::RandomState,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            locks: std::iter::repeat_with(|| Mutex::new(()))
                .take(LOCKS)
                .collect(),
            hasher: std::hash::RandomState::new(),
        }
    }

    /// Waits for the session's turn, in the order of asking.
    pub(super) async fn of(&self, session: SessionId) -> Option<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(session);
        let place = usize::try_from(hash).unwrap_or_default() % LOCKS;
        match self.locks.get(place) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}
