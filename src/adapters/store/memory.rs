//! The store that forgets: for trying things out and for tests.
//!
//! Keeps every promise of [`Store`] but survival: its records end with the process.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::auth::ports::{Store, StoreError};
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Everything in memory. It holds one record a session, bounded by what logins cost,
/// and one a revoked session or user; [`Store::sweep`] forgets them in time.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<SessionId, StoredSession>,
    /// The sessions of each user, the oldest first.
    by_user: BTreeSet<(UserId, SessionId)>,
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

impl State {
    fn of_user(&self, user: &UserId) -> impl Iterator<Item = &StoredSession> {
        let first = SessionId::from_bytes([0; 16]);
        let last = SessionId::from_bytes([u8::MAX; 16]);
        self.by_user
            .range((user.clone(), first)..=(user.clone(), last))
            .filter_map(|(_, id)| self.sessions.get(id))
    }

    fn forget(&mut self, id: SessionId) -> Option<StoredSession> {
        let session = self.sessions.remove(&id)?;
        self.by_user.remove(&(session.user.clone(), id));
        Some(session)
    }

    fn revoke(&mut self, revocation: &Revocation) -> Revocation {
        let mut kept = revocation.clone();
        let key = match &revocation.reach {
            RevocationScope::Session(id) => {
                if let Some(session) = self.forget(*id) {
                    kept.until = kept.until.min(session.token_until);
                }
                Key::Session(*id)
            }
            RevocationScope::User(user) => {
                let of_user: Vec<_> = self.of_user(user).map(|session| session.id).collect();
                self.forget_up_to(revocation.at, of_user);
                Key::User(user.clone())
            }
            RevocationScope::Everybody => {
                let all: Vec<_> = self.sessions.keys().copied().collect();
                self.forget_up_to(revocation.at, all);
                Key::Everybody
            }
        };
        let window = self.records.entry(key).or_insert(Window {
            at: kept.at,
            until: kept.until,
        });
        window.at = window.at.max(kept.at);
        window.until = window.until.max(kept.until);
        kept.at = window.at;
        kept.until = window.until;
        kept
    }

    fn forget_up_to(&mut self, at: Timestamp, ids: Vec<SessionId>) {
        for id in ids.into_iter().filter(|id| id.created() <= at) {
            self.forget(id);
        }
    }
}

#[async_trait]
impl Store for Memory {
    async fn open(
        &self,
        session: &StoredSession,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut state = self.state.lock();
        state.by_user.insert((session.user.clone(), session.id));
        state.sessions.insert(session.id, session.clone());
        let Some(most) = most else {
            return Ok(Vec::new());
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut living: Vec<_> = state
            .of_user(&session.user)
            .filter(|other| other.id != session.id && !other.is_over(now))
            .map(|other| (other.id, other.token_until))
            .collect();
        // The new one counts too, and stays.
        let surplus = living.len().saturating_add(1).saturating_sub(most);
        living.truncate(surplus);
        Ok(living
            .into_iter()
            .map(|(id, until)| {
                state.revoke(&Revocation {
                    reach: RevocationScope::Session(id),
                    at: now,
                    until,
                })
            })
            .collect())
    }

    async fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.state.lock().sessions.get(&id).cloned())
    }

    async fn replace(&self, old: &StoredSession, new: &StoredSession) -> Result<bool, StoreError> {
        StoreError::if_newer(old)?;
        let mut state = self.state.lock();
        match state.sessions.get_mut(&old.id) {
            Some(kept) if kept == old => {
                *kept = new.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn sessions(
        &self,
        user: Option<&UserId>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let state = self.state.lock();
        let living = |session: &&StoredSession| !session.is_over(now);
        Ok(match user {
            Some(user) => state
                .of_user(user)
                .filter(living)
                .take(most)
                .cloned()
                .collect(),
            None => {
                let all = state.sessions.values();
                all.filter(living).take(most).cloned().collect()
            }
        })
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let count = self.state.lock().sessions.len();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError> {
        Ok(self.state.lock().revoke(revocation))
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
                    Key::Session(session) => RevocationScope::Session(*session),
                    Key::User(user) => RevocationScope::User(user.clone()),
                    Key::Everybody => RevocationScope::Everybody,
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
        let swept = before.saturating_sub(state.records.len());
        let all = state.sessions.values();
        let over: Vec<_> = all.filter(|s| s.is_over(now)).map(|s| s.id).collect();
        let sum = swept.saturating_add(over.len());
        for id in over {
            state.forget(id);
        }
        Ok(sum)
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        Ok(self.state.lock().users.clone())
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        self.state.lock().users = Some(users.to_vec());
        Ok(())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::adapters::store::contract;
    use crate::auth::denial::Denial;
    use crate::auth::directory::Directory;
    use crate::auth::policy::principals;
    use crate::auth::refresh::{RefreshToken, RefreshTrigger};
    use crate::auth::renewal::{Renewed, renew};
    use crate::auth::stored::Device;
    use crate::auth::test_support::{policy_with, user};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn keeps_the_contract() {
        contract::holds(async || Memory::new()).await;
    }

    #[tokio::test]
    async fn a_session_is_renewed_for_whom_the_file_does_not_have_and_somebody_else_knows() {
        let policy = policy_with(vec![user("1", "alice", &[])], |policy| {
            let others = Directory::new([user("5", "erin", &[])]);
            let headers = &policy.identity_headers;
            policy.users = Arc::new(principals(&others, policy.tokens.as_ref(), headers));
        });
        let store = Memory::new();
        for (subject, expected) in [("1", true), ("5", true), ("6", false)] {
            let session = StoredSession {
                version: "0.hash".into(),
                ..contract::stored(subject, 0, 1)
            };
            contract::open(&store, &session).await;
            let token = RefreshToken {
                session: session.id,
                generation: 0,
                ends: session.end(),
            };
            let device = Device::new(session.client, b"");
            let now = contract::at(100);
            let way = RefreshTrigger::Explicit;
            let outcome = renew(&policy, &store, &token, way, &device, now, [0; 16]).await;
            match outcome.unwrap() {
                Renewed::Rotated(issued) if expected => {
                    assert_eq!(issued.session.user().as_str(), subject);
                }
                Renewed::Refused(Denial::SessionRevoked) if !expected => {}
                other => panic!("{subject}: {other:?}"),
            }
        }
    }
}
