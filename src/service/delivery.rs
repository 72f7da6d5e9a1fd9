//! Which generations of which sessions have been seen, so that the store is told of each
//! once, and off the way of the request.
//!
//! A refresh token whose successor was seen is worth nothing any more; one whose
//! successor was never seen was perhaps lost on the way (`auth::refresh`).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::auth::ports::{Revoked, Store};
use crate::auth::renewal::note_seen;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

const SHARDS: usize = 64;
/// Sessions a shard remembers; when it is full it begins anew, and the store is told
/// once more of what it knows.
const PER_SHARD: usize = 2048;
/// DeliveryTracker that wait for the store. One over is not noted now, and told of when its
/// session is seen again.
const QUEUE: usize = 4096;

/// One of them.
struct Delivery {
    session: SessionId,
    generation: u64,
    user: UserId,
    at: Timestamp,
}

/// What was seen.
pub struct DeliveryTracker {
    shards: Vec<Mutex<HashMap<SessionId, u64>>>,
    hasher: RandomState,
    told: mpsc::Sender<Delivery>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
}

impl DeliveryTracker {
    pub(super) fn new() -> Self {
        let (told, waiting) = mpsc::channel(QUEUE);
        Self {
            shards: std::iter::repeat_with(Mutex::default)
                .take(SHARDS)
                .collect(),
            hasher: RandomState::new(),
            told,
            waiting: tokio::sync::Mutex::new(waiting),
        }
    }

    /// An access token of this generation was presented and is live. That of the login too,
    /// though nothing comes before it: its session may not be of our store.
    pub fn note(&self, session: SessionId, generation: u64, user: &UserId, now: Timestamp) {
        let Some(shard) = self.shard(session) else {
            return;
        };
        let mut seen = shard.lock();
        if seen.get(&session).is_some_and(|known| *known >= generation) {
            return;
        }
        if self
            .told
            .try_send(Delivery {
                session,
                generation,
                user: user.clone(),
                at: now,
            })
            .is_err()
        {
            return;
        }
        if seen.len() >= PER_SHARD {
            seen.clear();
        }
        seen.insert(session, generation);
    }

    /// Whether the browser is known to have a later pair than that of this generation.
    pub fn superseded(&self, session: SessionId, generation: u64) -> bool {
        self.shard(session).is_some_and(|shard| {
            let seen = shard.lock();
            seen.get(&session).is_some_and(|known| *known > generation)
        })
    }

    /// Whether the store has been told of all, or is being told of the last.
    pub fn is_flushed(&self) -> bool {
        self.told.capacity() == self.told.max_capacity()
    }

    /// Forgets what was noted of a session, so that it is told again.
    fn take_back(&self, session: SessionId) {
        if let Some(shard) = self.shard(session) {
            shard.lock().remove(&session);
        }
    }

    fn shard(&self, session: SessionId) -> Option<&Mutex<HashMap<SessionId, u64>>> {
        let hash = self.hasher.hash_one(session);
        let place = usize::try_from(hash).unwrap_or_default() % SHARDS;
        self.shards.get(place)
    }
}

/// Tells the store, for as long as it is polled. `foreign` is told of users whose session is
/// live by its token and not in the store.
pub(crate) async fn tell_store(
    tracker: &DeliveryTracker,
    store: &dyn Store,
    revoked: &dyn Revoked,
    foreign: impl Fn(&UserId),
) {
    let mut waiting = tracker.waiting.lock().await;
    while let Some(seen) = waiting.recv().await {
        match note_seen(store, seen.session, seen.generation, seen.at).await {
            Ok(true) => {}
            // Live when it was presented, and not ended since: nobody here has opened it.
            Ok(false) if !revoked.is_revoked(seen.session, &seen.user) => {
                foreign(&seen.user);
            }
            Ok(false) => {}
            Err(e) => {
                log::debug!("a delivery was not noted: {e}");
                tracker.take_back(seen.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(n: u64) -> SessionId {
        SessionId::new(Timestamp::from_millis(n), [7; 10])
    }

    const NOW: Timestamp = Timestamp::from_secs(1);

    fn alice() -> UserId {
        UserId::new("alice")
    }

    fn remembered(deliveries: &DeliveryTracker) -> usize {
        let shards = deliveries.shards.iter();
        shards.map(|shard| shard.lock().len()).sum()
    }

    #[test]
    fn neither_what_was_seen_nor_what_waits_grows_without_a_bound() {
        let deliveries = DeliveryTracker::new();
        let mut waiting = deliveries.waiting.try_lock().unwrap();
        for n in 0..10_000 {
            deliveries.note(session(n), 1, &alice(), NOW);
        }
        assert_eq!(waiting.len(), QUEUE, "the store is away and they pile up");
        assert_eq!(remembered(&deliveries), QUEUE, "one over is told of later");
        for n in 0..400_000 {
            deliveries.note(session(n), 1, &alice(), NOW);
            while waiting.try_recv().is_ok() {}
        }
        assert!(remembered(&deliveries) <= SHARDS * PER_SHARD);
    }

    #[test]
    fn the_store_is_told_of_each_generation_once() {
        let deliveries = DeliveryTracker::new();
        let mut waiting = deliveries.waiting.try_lock().unwrap();
        for generation in [0, 1, 1, 2, 1, 2] {
            deliveries.note(session(1), generation, &alice(), NOW);
        }
        let mut told = Vec::new();
        while let Ok(seen) = waiting.try_recv() {
            told.push(seen.generation);
        }
        assert_eq!(told, [0, 1, 2]);
    }
}
