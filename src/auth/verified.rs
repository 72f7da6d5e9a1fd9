//! The access tokens that were found good, so that a signature is checked once and not
//! on every request.
//!
//! A look-up answers one question: whether exactly these bytes were verified before, under
//! the keys, settings and users of the policy that owns it. Dates, revocations and the age
//! of what is known of them are judged on every request all the same ([`super::session`]).
//! Each policy has a cache of its own, and a reload begins with an empty one: nothing here
//! outlives the key or the user that it was judged by.
//!
//! Only what was live on its first request enters: nothing forged, altered, expired or
//! revoked. So a stranger can neither fill it nor choose what is in it.

use std::hash::{Hash, Hasher, RandomState};
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use super::principal::Principal;
use super::session::Session;

/// What all entries may count together: with tokens of 500 bytes, some 16 000 sessions in use
/// at once. An empty cache has allocated no table; while the last requests of an old policy
/// run there are two.
const CAPACITY: usize = 16 * 1024 * 1024;

/// What an entry counts beside the bytes of its token: the session, its headers, the places
/// in the table. An estimate, for three headers.
const OVERHEAD: usize = 512;

/// Independent parts, so that threads seldom meet at one lock. A hit takes a read lock.
const SHARDS: usize = 64;

/// How many of the last bytes of a token are hashed: the whole signature of HS256.
const HASHED: usize = 43;

/// Tokens that were found good, and what they said.
///
/// Bounded by bytes, whatever is presented. What is to go is chosen by CLOCK-Pro: a token
/// that was seen once goes before one that is in use, so a client who makes many tokens
/// pushes out its own first. A token that was pushed out is verified once more.
pub struct TokenCache(Cache<Key, Arc<Session>, Bytes, RandomState>);

impl Default for TokenCache {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl TokenCache {
    /// A cache whose entries take up to `capacity` bytes; 0: nothing is kept.
    pub fn new(capacity: usize) -> Self {
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        let hasher = RandomState::new();
        let lifecycle = DefaultLifecycle::default();
        let options = OptionsBuilder::new()
            .estimated_items_capacity(capacity / (2 * OVERHEAD))
            .weight_capacity(weight)
            .shards(SHARDS)
            .build();
        Self(match options {
            Ok(options) => Cache::with_options(options, Bytes, hasher, lifecycle),
            // Never: both capacities are set.
            Err(_) => Cache::with(0, 0, Bytes, hasher, lifecycle),
        })
    }

    /// The session of a token of exactly these bytes, if that was found good and its user is
    /// unchanged since. Allocates nothing.
    pub(super) fn find(
        &self,
        token: &[u8],
        is_of_today: impl FnOnce(&Arc<Principal>) -> bool,
    ) -> Option<Arc<Session>> {
        let session = self.0.get(&Presented(token))?;
        is_of_today(&session.principal).then_some(session)
    }

    /// How many tokens are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Remembers a token that was verified and is live.
    pub(super) fn keep(&self, token: &[u8], session: &Arc<Session>) {
        self.0.insert(Key(token.into()), Arc::clone(session));
    }
}

/// A verified token.
#[derive(PartialEq, Eq)]
struct Key(Box<[u8]>);

/// A token that a client sent.
struct Presented<'a>(&'a [u8]);

impl Equivalent<Key> for Presented<'_> {
    /// Whole, byte for byte: what differs anywhere was not verified. Not in constant time:
    /// what is compared was found under a secret hash of the end, so that to learn from the
    /// time how far a guess of it is right, it must be right already.
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Presented(&self.0).hash(state);
    }
}

impl Hash for Presented<'_> {
    /// The end alone, which is of the signature: no two verified tokens share it but by
    /// chance. A client can present many that end alike, but none of them gets in, and
    /// each costs one comparison. Seeded, so that nobody can aim at a place in the table.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let start = self.0.len().saturating_sub(HASHED);
        state.write(self.0.get(start..).unwrap_or_default());
    }
}

/// What an entry counts.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Session>> for Bytes {
    fn weight(&self, key: &Key, _: &Arc<Session>) -> u64 {
        let bytes = key.0.len().saturating_add(OVERHEAD);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
