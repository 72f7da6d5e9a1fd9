//! Counters that several gateways share, in Redis. The same rules as
//! [`crate::auth::throttle`], as scripts.
//!
//! A counter lasts as long as its last failure or its lock, so Redis holds what came in
//! that time; how much one address can add to it the address' own counter limits. Streaks
//! last longer and stand in one hash of bounded size. People type passwords into the field
//! for the name, so names are kept as hashes alone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::{Script, ScriptInvocation};

use crate::adapters::store::redis::{Link, Redis};
use crate::auth::ports::{Attempts, StoreError};
use crate::auth::throttle::streaks::{FEW, FEW_KEPT, MANY_KEPT, PATIENCE_FACTOR};
use crate::auth::throttle::{Attempt, AttemptLimits, CAPACITY, Count, Locked, Source};
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

/// Where an attempt is counted.
struct Places {
    /// The keys of its counters, and the limit of each.
    counters: Vec<(String, u32)>,
    /// The fields of its streaks: the one that must wait first, the name's last.
    streaks: Vec<String>,
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

    fn places(&self, name: &Username, source: Source, limits: AttemptLimits) -> Places {
        let hashed = |kind: &str, parts: &[&[u8]]| {
            let hash = digest(&SHA256, &parts.join(&b"\0"[..]));
            format!("{kind}:{}", URL_SAFE_NO_PAD.encode(hash))
        };
        let key = |kind, parts: &[&[u8]]| format!("{}f:{}", self.prefix, hashed(kind, parts));
        let name = name.as_str().as_bytes();
        let of_name = hashed("n", &[name]);
        match source {
            Source::Address(address) => {
                let address = address.to_string();
                let address = address.as_bytes();
                Places {
                    counters: vec![
                        // An address has no zero byte, so it cannot be mistaken for the
                        // name's end.
                        (key("p", &[address, name]), limits.max_attempts),
                        (key("a", &[address]), limits.address_attempts),
                    ],
                    streaks: vec![of_name],
                }
            }
            Source::Known(browser) => {
                let browser = browser.to_string();
                let parts = [browser.as_bytes(), name];
                Places {
                    counters: vec![(key("b", &parts), limits.max_attempts)],
                    streaks: vec![hashed("b", &parts), of_name],
                }
            }
        }
    }

    fn call<'a>(&self, script: &'a Script, places: &Places) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for of_streaks in ["streaks", "order"] {
            call.key(format!("{}f:{of_streaks}", self.prefix));
        }
        for (key, _) in &places.counters {
            call.key(key);
        }
        call
    }

    async fn take_back(&self, attempt: Attempt, ends: Ends) -> Result<(), StoreError> {
        // No limit counts here.
        let none = AttemptLimits {
            max_attempts: 0,
            window: Duration::ZERO,
            lockout: Duration::ZERO,
            address_attempts: 0,
        };
        let places = self.places(attempt.name(), attempt.source(), none);
        let mut call = self.call(&self.take_back, &places);
        call.arg(attempt.at().millis()).arg(match ends {
            Ends::With => 1,
            Ends::Without => 0,
        });
        call.arg(FEW);
        for field in places.streaks {
            call.arg(field);
        }
        self.link.run(&call).await
    }
}

/// Whether the pair and the streaks of an attempt that did not fail end with it, or forget it
/// alone.
#[derive(Clone, Copy, Debug)]
enum Ends {
    With,
    Without,
}

#[async_trait]
impl Attempts for Shared {
    async fn begin(
        &self,
        name: &Username,
        source: Source,
        limits: AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<Attempt, Locked>, StoreError> {
        let places = self.places(name, source, limits);
        let mut call = self.call(&self.begin, &places);
        call.arg(now.millis())
            .arg(millis(limits.window))
            .arg(millis(limits.lockout))
            .arg(limits.max_attempts.saturating_mul(PATIENCE_FACTOR))
            .arg(CAPACITY)
            .arg(FEW)
            .arg(millis(FEW_KEPT))
            .arg(millis(MANY_KEPT))
            .arg(places.streaks.len());
        for field in &places.streaks {
            call.arg(field);
        }
        for (_, limit) in &places.counters {
            call.arg(limit);
        }
        let (may_begin, rest, failures): (bool, u64, u32) = self.link.run(&call).await?;
        Ok(if may_begin {
            let locks = rest > 0;
            let count = Count { locks, failures };
            Ok(Attempt::new(name.clone(), source, now, count))
        } else {
            let until = Timestamp::from_millis(rest);
            let retry_after = until.since(now);
            Err(Locked { retry_after })
        })
    }

    async fn succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.take_back(attempt, Ends::With).await
    }

    async fn withdrawn(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.take_back(attempt, Ends::Without).await
    }
}

/// Redis' scripts count in doubles; a span of a thousand years is as good as endless.
fn millis(span: Duration) -> u64 {
    const ENDLESS: u64 = 1000 * 365 * 24 * 3600 * 1000;
    u64::try_from(span.as_millis()).map_or(ENDLESS, |millis| millis.min(ENDLESS))
}

#[cfg(test)]
mod tests;
