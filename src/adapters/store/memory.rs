//! The store that forgets: for trying things out and for tests.
//!
//! Keeps every promise of [`Store`] but survival: its records end with the process.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::auth::ports::{Store, StoreError};
use crate::auth::revocation::{Reach, Revocation};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Revocations and user versions in memory. It holds one record a revoked session
/// or user, and all are forgotten by [`Store::sweep`]; a client can only add
/// records for sessions that it had.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<Key, Window>,
    users: Option<Vec<(UserId, String)>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Session(SessionId),
    User(UserId),
    Everybody,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    at: Timestamp,
    until: Timestamp,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Store for Memory {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let key = match &revocation.reach {
            Reach::Session(session) => Key::Session(*session),
            Reach::User(user) => Key::User(user.clone()),
            Reach::Everybody => Key::Everybody,
        };
        let mut state = self.state.lock();
        let window = state.records.entry(key).or_insert(Window {
            at: revocation.at,
            until: revocation.until,
        });
        window.at = window.at.max(revocation.at);
        window.until = window.until.max(revocation.until);
        Ok(())
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let state = self.state.lock();
        let live = state
            .records
            .iter()
            .filter(|(_, window)| window.until > now);
        Ok(live
            .map(|(key, window)| Revocation {
                reach: match key {
                    Key::Session(session) => Reach::Session(*session),
                    Key::User(user) => Reach::User(user.clone()),
                    Key::Everybody => Reach::Everybody,
                },
                at: window.at,
                until: window.until,
            })
            .collect())
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut state = self.state.lock();
        let before = state.records.len();
        state.records.retain(|_, window| window.until > now);
        Ok(before.saturating_sub(state.records.len()))
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        Ok(self.state.lock().users.clone())
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        self.state.lock().users = Some(users.to_vec());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::store::contract;

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::holds(Memory::new).await;
    }
}
