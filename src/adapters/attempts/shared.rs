//! Counters that several gateways share, in Redis. The same rules as
//! [`crate::auth::throttle`], as scripts.
//!
//! A counter lasts as long as its last failure or its lock, so Redis holds what came in
//! that time; how much one address can add to it the address' own counter limits. People
//! type passwords into the field for the name, so names are kept as hashes alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::Script;

use crate::adapters::store::redis::{Link, Redis};
use crate::auth::ports::{Attempts, StoreError};
use crate::auth::throttle::{Attempt, AttemptLimits, Locked, NAME_FACTOR, network_of};
use crate::domain::id::Username;
use crate::domain::time::Timestamp;

/// The counters of all gateways on one Redis.
#[derive(Debug)]
pub struct Shared {
    link: Arc<Link>,
    prefix: String,
    begin: Script,
    take_back: Script,
}

/// The keys of the three counters of an attempt.
struct Keys {
    pair: String,
    address: String,
    name: String,
}

impl Shared {
    /// Counts where this store keeps its sessions.
    pub fn new(store: &Redis) -> Self {
        let (link, prefix) = store.link();
        let common = include_str!("lua/common.lua");
        let script = |code: &str| Script::new(&format!("{common}{code}"));
        Self {
            link,
            prefix: prefix.to_owned(),
            begin: script(include_str!("lua/begin.lua")),
            take_back: script(include_str!("lua/take_back.lua")),
        }
    }

    fn keys(&self, name: &Username, address: IpAddr) -> Keys {
        let key = |kind, parts: &[&[u8]]| {
            let hash = digest(&SHA256, &parts.join(&b"\0"[..]));
            let hash = URL_SAFE_NO_PAD.encode(hash);
            format!("{}f:{kind}:{hash}", self.prefix)
        };
        let address = address.to_string();
        let (name, address) = (name.as_str().as_bytes(), address.as_bytes());
        Keys {
            // An address has no zero byte, so it cannot be mistaken for the name's end.
            pair: key("p", &[address, name]),
            address: key("a", &[address]),
            name: key("n", &[name]),
        }
    }

    async fn take_back(&self, attempt: Attempt, pair: Pair) -> Result<(), StoreError> {
        let keys = self.keys(attempt.name(), attempt.address());
        let mut call = self.take_back.prepare_invoke();
        call.key(keys.pair).key(keys.address).key(keys.name);
        call.arg(attempt.at().millis()).arg(match pair {
            Pair::Cleared => 1,
            Pair::OneLess => 0,
        });
        self.link.run(&call).await
    }
}

/// What becomes of the counter of name and address when an attempt did not fail.
#[derive(Clone, Copy, Debug)]
enum Pair {
    Cleared,
    OneLess,
}

#[async_trait]
impl Attempts for Shared {
    async fn begin(
        &self,
        name: &Username,
        client: IpAddr,
        limits: AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<Attempt, Locked>, StoreError> {
        let address = network_of(client);
        let keys = self.keys(name, address);
        let mut call = self.begin.prepare_invoke();
        call.key(keys.pair).key(keys.address).key(keys.name);
        call.arg(now.millis())
            .arg(millis(limits.window))
            .arg(millis(limits.lockout))
            .arg(limits.max_attempts)
            .arg(limits.address_attempts)
            .arg(limits.max_attempts.saturating_mul(NAME_FACTOR));
        let (may_begin, rest): (bool, u64) = self.link.run(&call).await?;
        Ok(if may_begin {
            Ok(Attempt::new(name.clone(), address, now, rest > 0))
        } else {
            let until = Timestamp::from_millis(rest);
            let retry_after = until.since(now);
            Err(Locked { retry_after })
        })
    }

    async fn succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.take_back(attempt, Pair::Cleared).await
    }

    async fn withdrawn(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.take_back(attempt, Pair::OneLess).await
    }
}

/// Redis' scripts count in doubles; a span of a thousand years is as good as endless.
fn millis(span: Duration) -> u64 {
    const ENDLESS: u64 = 1000 * 365 * 24 * 3600 * 1000;
    u64::try_from(span.as_millis()).map_or(ENDLESS, |millis| millis.min(ENDLESS))
}

#[cfg(test)]
mod tests;
