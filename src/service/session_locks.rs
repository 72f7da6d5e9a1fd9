//! One renewal at a time for a session, in this process: twenty requests of a page with
//! an expired token wait for one rotation and then get its result.

use std::hash::BuildHasher;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::id::SessionId;

/// Sessions that share a lock wait for each other too; with so many locks they seldom do.
const LOCKS: usize = 1024;

/// The locks; a fixed number, whatever clients send.
pub struct SessionLocks {
    locks: Vec<Mutex<()>>,
    hasher: std::hash::RandomState,
}

impl Default for SessionLocks {
    fn default() -> Self {
        Self {
            locks: std::iter::repeat_with(|| Mutex::new(()))
                .take(LOCKS)
                .collect(),
            hasher: std::hash::RandomState::new(),
        }
    }
}

impl SessionLocks {
    /// Waits for the session's turn, in the order of asking.
    pub async fn of(&self, session: SessionId) -> Option<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(session);
        let place = usize::try_from(hash).unwrap_or_default() % LOCKS;
        match self.locks.get(place) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn session(n: u64) -> SessionId {
        SessionId::new(Timestamp::from_millis(n), [7; 10])
    }

    #[tokio::test]
    async fn any_number_of_sessions_share_a_fixed_number_of_locks() {
        let locks = SessionLocks::default();
        for n in 0..100_000 {
            let turn = locks.of(session(n)).await;
            assert!(turn.is_some());
        }
        assert_eq!(locks.locks.len(), LOCKS, "they pile up");
        let _held = locks.of(session(1)).await;
        let again = locks.of(session(1));
        let wait = tokio::time::timeout(std::time::Duration::from_millis(50), again);
        assert!(wait.await.is_err(), "two renewals of one session at once");
    }
}
