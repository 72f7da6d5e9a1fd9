//! The store that several gateways share: Redis 6.2 or newer, or Valkey; one node with as
//! many replicas of its own as it likes, no cluster, no modules.
//!
//! `Ok` means that Redis has it, and Redis' own persistence decides what survives it. Each
//! call is one script (`scripts`), atomic for everybody. Nothing here is asked on the way
//! of a request: each gateway keeps the revocations in memory and reads on in the log
//! (`follow`).
//!
//! | key | what |
//! |---|---|
//! | `s:<sid>` | a session: record, user, and what scripts compare |
//! | `all`, `ends`, `u:<user>` | sessions by creation, by end, and of a user by creation |
//! | `live`, `until` | revocations: cut-off and end by reach, reach by end |
//! | `cuts` | cut-offs whose sessions are not all deleted yet |
//! | `log` | revocations as a stream, for an hour |
//! | `epoch` | random; one that changed is a Redis that lost its data |
//! | `lost` | there for a day after Redis may have lost writes |
//! | `users` | the users' versions |
//! | `f:…` | failed logins ([`crate::adapters::attempts`]) |
//! | `ready` | written to see whether Redis can be written to |
//!
//! A cut-off of everybody may reach a million sessions. They are deleted some at a time,
//! so that Redis answers others in between; until then `cuts` keeps them from being found.
//!
//! Cut-offs compare the clocks of gateways: one that is behind by a second ends the logins
//! of its next second too. Nothing depends on Redis' clock but the age of the log.
//!
//! What Redis loses it loses: sessions that are gone must sign in again, and where an older
//! snapshot came back, a session that was ended since, and whose last access token is over,
//! can be renewed by whoever kept its refresh token.

pub(crate) mod exam;
mod fitness;
mod follow;
mod link;
mod record;
mod scripts;
#[cfg(test)]
pub(crate) mod server;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::{ScriptInvocation, Value, cmd};

use self::follow::Follower;
pub(crate) use self::link::Link;
use self::record::Ends;
use self::scripts::{Name, Scripts};
use super::session_record::{decode, encode};
use super::wire;
use crate::auth::ports::{RevocationListener, Store, StoreError};
use crate::auth::revocation::Revocation;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// How much longer Redis keeps a session than it lasts, for the case that nobody sweeps;
/// clocks may differ by as much.
const EXPIRY_SLACK: Duration = Duration::from_secs(3600);
/// How long the log reaches back. Who was away for longer reads the live set.
const LOG_RETENTION: Duration = Duration::from_secs(3600);
/// Sessions or revocations that one script handles; some milliseconds of Redis' time. A guess.
const CHUNK: usize = 500;

/// `session.store.redis`
#[derive(Clone, Debug)]
pub struct RedisAddress {
    /// `redis://`, `rediss://` (TLS) or `redis+unix://`, with user and password if it
    /// wants them.
    pub url: Secret,
    /// What every key of ours begins with.
    pub prefix: String,
}

/// The shared store.
#[derive(Debug)]
pub struct Redis {
    link: Arc<Link>,
    scripts: Scripts,
    prefix: String,
}

impl Redis {
    /// Begins to connect to Redis and does not wait for it: [`Store::ready`] tells.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URL cannot be used.
    pub fn new(address: &RedisAddress) -> Result<Self, StoreError> {
        let mut probe = cmd("SET");
        probe.arg(format!("{}ready", address.prefix));
        probe.arg(&["1", "PX", "60000"]);
        Ok(Self {
            link: Link::new(&address.url, probe)?,
            scripts: Scripts::new(&address.prefix),
            prefix: address.prefix.clone(),
        })
    }

    /// Whether the settings name a server that could be connected to; connects to nothing.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn inspect(address: &RedisAddress) -> Result<(), StoreError> {
        link::inspect(&address.url)
    }

    /// The way to Redis, for what else is shared, and what keys begin with.
    pub(crate) fn link(&self) -> (Arc<Link>, &str) {
        (Arc::clone(&self.link), &self.prefix)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn call(&self, name: Name) -> ScriptInvocation<'_> {
        self.scripts.call(name)
    }

    async fn record_of(&self, id: SessionId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut call = self.call(Name::Find);
        call.arg(id.to_string());
        self.link.run(&call).await
    }

    /// Replaces a session by `new` if these bytes are its record.
    async fn swap(&self, kept: &[u8], new: &StoredSession) -> Result<bool, StoreError> {
        let mut call = self.call(Name::Replace);
        call.arg(new.id.to_string())
            .arg(kept)
            .arg(encode(new))
            .arg(wire::time(new.end()))
            .arg(wire::time(new.token_until))
            .arg(time_to_live(new).to_string());
        self.link.run(&call).await
    }

    /// What was read back, or that it is not what we wrote.
    fn read<T>(&self, found: Option<T>) -> Result<T, StoreError> {
        found.ok_or_else(|| StoreError::Damaged {
            path: format!("Redis under {:?}", self.prefix),
            reason: "an entry cannot be read; another version of Doorward, or another \
                     program, wrote it"
                .into(),
        })
    }
}

/// How long Redis is to keep it, in milliseconds. Counted from when it arrives there: the
/// clocks need not agree.
fn time_to_live(session: &StoredSession) -> u128 {
    let left = session.end().since(session.last_used());
    left.saturating_add(EXPIRY_SLACK).as_millis()
}

#[async_trait]
impl Store for Redis {
    async fn open(
        &self,
        session: &StoredSession,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut call = self.call(Name::Open);
        call.arg(session.id.to_string())
            .arg(session.user.as_str())
            .arg(encode(session))
            .arg(wire::time(session.created()))
            .arg(wire::time(session.end()))
            .arg(wire::time(session.token_until))
            .arg(time_to_live(session).to_string())
            .arg(most.map(|most| most.to_string()).unwrap_or_default())
            .arg(wire::time(now));
        let ended: Vec<(String, String, String)> = self.link.run(&call).await?;
        let ended = ended.into_iter();
        ended
            .map(|(reach, at, until)| self.read(wire::revocation(&reach, &at, &until)))
            .collect()
    }

    async fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        let found = self.record_of(id).await?;
        found.map(|bytes| self.read(decode(&bytes))).transpose()
    }

    async fn replace(&self, old: &StoredSession, new: &StoredSession) -> Result<bool, StoreError> {
        StoreError::if_newer(old)?;
        if self.swap(&encode(old), new).await? {
            return Ok(true);
        }
        // Redis compares bytes. Another version may have written the same session in other
        // ones, its fields in another order.
        match self.record_of(old.id).await? {
            Some(kept) if decode(&kept).as_ref() == Some(old) => self.swap(&kept, new).await,
            _ => Ok(false),
        }
    }

    async fn sessions(
        &self,
        user: Option<&UserId>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let mut sessions = Vec::new();
        let mut first: usize = 0;
        while sessions.len() < most {
            let mut call = self.call(Name::Page);
            call.arg(user.map(|user| format!("u{user}")).unwrap_or_default())
                .arg(first)
                .arg(first.saturating_add(CHUNK - 1));
            let page: Vec<Value> = self.link.run(&call).await?;
            let mut page = page.into_iter();
            let looked_at = match page.next() {
                Some(Value::Int(count)) if count > 0 => usize::try_from(count).unwrap_or(CHUNK),
                _ => break,
            };
            for record in page {
                let bytes = match record {
                    Value::BulkString(bytes) => Some(bytes),
                    _ => None,
                };
                let session = self.read(bytes.and_then(|bytes| decode(&bytes)))?;
                if !session.is_over(now) && sessions.len() < most {
                    sessions.push(session);
                }
            }
            first = first.saturating_add(looked_at);
        }
        Ok(sessions)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.link.ask(cmd("ZCARD").arg(self.key("all"))).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError> {
        let kept = self
            .record(std::slice::from_ref(revocation), Ends::WithTokens)
            .await?;
        self.read(kept.into_iter().next())
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let mut live = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            // Some at a time: a large set read at once would hold up everybody else.
            let mut scan = cmd("HSCAN");
            scan.arg(self.key("live")).arg(&cursor);
            scan.arg("COUNT").arg(CHUNK);
            let (next, found): (String, Vec<(String, String)>) = self.link.ask(&scan).await?;
            for (key, window) in found {
                live.push(self.read(wire::live(&key, &window))?);
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
        live.retain(|revocation| revocation.until > now);
        Ok(live)
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut swept: usize = 0;
        loop {
            let mut call = self.call(Name::Sweep);
            call.arg(wire::time(now)).arg(CHUNK);
            let (count, more): (usize, u8) = self.link.run(&call).await?;
            swept = swept.saturating_add(count);
            if more == 0 {
                break;
            }
        }
        let cuts: Vec<String> = self.link.ask(cmd("HKEYS").arg(self.key("cuts"))).await?;
        for reach in cuts {
            self.forget_rest(&reach).await?;
        }
        let mut trim = self.call(Name::Trim);
        trim.arg(LOG_RETENTION.as_millis().to_string());
        self.link.run::<()>(&trim).await?;
        Ok(swept)
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        let saved: Option<Vec<u8>> = self.link.ask(cmd("GET").arg(self.key("users"))).await?;
        let Some(saved) = saved else { return Ok(None) };
        let users: Vec<(String, String)> = self.read(serde_json::from_slice(&saved).ok())?;
        let users = users.into_iter();
        Ok(Some(
            users
                .map(|(id, version)| (UserId::new(&id), version))
                .collect(),
        ))
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        let users: Vec<_> = users.iter().map(|(id, v)| (id.as_str(), v)).collect();
        let text =
            serde_json::to_string(&users).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let mut set = cmd("SET");
        set.arg(self.key("users")).arg(text);
        self.link.ask(&set).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.link.try_out().await
    }

    async fn follow(&self, audience: &dyn RevocationListener) {
        Follower::new(self, audience).run().await
    }
}

#[cfg(test)]
mod tests;
