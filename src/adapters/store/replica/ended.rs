//! The sessions that were ended one by one: up to millions, and one look-up a request.
//!
//! Many small tables instead of a large one, each behind a lock of its own: readers on
//! different cores seldom write to the same cache line, and a table that grows or is
//! swept holds up few of them, and not for long. The tables are of
//! different sizes, so that they do not grow at the same moment, which would leave all of
//! them half empty.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;

use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// How many tables: with ten million sessions there are some 40 000 in each, so that is
/// what one look-up in 256 waits for when a table grows.
const TABLES: usize = 1 << TABLES_LOG2;
const TABLES_LOG2: u32 = 8;

/// A set of sessions, each until its time.
#[derive(Debug)]
pub(super) struct Ended {
    tables: Box<[RwLock<HashTable<One>>]>,
    /// How many there are. Never fewer than were put in and not forgotten, so that
    /// whoever reads a zero need not look.
    count: AtomicUsize,
    /// Seeded: whoever revokes may choose ids.
    hasher: RandomState,
}

/// Twenty bytes: the id, and the whole second in which its last token has ended. The end
/// of a token is a whole second (RFC 7519 section 2), so what is cut off tells none
/// from another.
#[derive(Debug)]
struct One {
    id: [u8; 16],
    last: u32,
}

impl One {
    fn last_second(until: Timestamp) -> u32 {
        u32::try_from(until.secs()).unwrap_or(u32::MAX)
    }

    /// Kept for the whole of its second; the last that can be said is for ever.
    fn is_over(&self, now: Timestamp) -> bool {
        self.last != u32::MAX && u64::from(self.last) < now.secs()
    }
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            tables: (0..TABLES).map(|_| RwLock::default()).collect(),
            count: AtomicUsize::new(0),
            hasher: RandomState::new(),
        }
    }
}

impl Ended {
    pub(super) fn contains(&self, session: SessionId) -> bool {
        if self.len() == 0 {
            return false;
        }
        let id = session.as_bytes();
        let hash = self.hash(id);
        // There is a table for each hash; without one nobody could have been put in.
        self.table(hash)
            .is_some_and(|table| table.read().find(hash, |one| one.id == *id).is_some())
    }

    /// Puts a session in; of two ends the later counts.
    pub(super) fn insert(&self, session: SessionId, until: Timestamp) {
        let id = *session.as_bytes();
        let last = One::last_second(until);
        let hash = self.hash(&id);
        let Some(table) = self.table(hash) else {
            return;
        };
        let mut table = table.write();
        match table.entry(hash, |one| one.id == id, |one| self.hash(&one.id)) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.last = known.last.max(last);
            }
            Entry::Vacant(place) => {
                place.insert(One { id, last });
                // Before the lock is free: nobody forgets what is not counted yet.
                self.count.fetch_add(1, Ordering::Release);
            }
        }
    }

    /// Forgets those that are over, and gives back the room of many.
    pub(super) fn forget(&self, now: Timestamp) {
        for table in &self.tables {
            let mut table = table.write();
            let before = table.len();
            table.retain(|one| !one.is_over(now));
            let left = table.len();
            if left.saturating_mul(4) < table.capacity() {
                table.shrink_to(left, |one| self.hash(&one.id));
            }
            self.count
                .fetch_sub(before.saturating_sub(left), Ordering::Release);
        }
    }

    /// Each with the second in which its last token has ended.
    pub(super) fn all(&self) -> Vec<(SessionId, Timestamp)> {
        let mut all = Vec::with_capacity(self.len());
        for table in &self.tables {
            let table = table.read();
            all.extend(table.iter().map(|one| {
                let last = Timestamp::from_secs(u64::from(one.last));
                (SessionId::from_bytes(one.id), last)
            }));
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    fn hash(&self, id: &[u8; 16]) -> u64 {
        self.hasher.hash_one(u128::from_ne_bytes(*id))
    }

    fn table(&self, hash: u64) -> Option<&RwLock<HashTable<One>>> {
        self.tables.get(place(hash))
    }
}

/// Which table: the last gets twice as many as the first, and those between them fall off
/// evenly. A table doubles when it is seven eighths full, so at any time some have just
/// grown and some are about to.
///
/// Bits from the middle of the hash, since the table takes its own from both ends.
fn place(hash: u64) -> usize {
    let x = (hash >> 32) & 0xffff;
    // (4x - x²) / 3 for x from 0 to 1 goes from 0 to 1, at first twice as fast as at last.
    let scaled = x * ((4 << 16) - x) / 3;
    usize::try_from(scaled >> (32 - TABLES_LOG2)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u64) -> SessionId {
        SessionId::new(Timestamp::from_millis(number), [7; 10])
    }

    #[test]
    fn every_hash_has_a_table_and_the_last_gets_twice_as_many() {
        let mut share = vec![0; TABLES];
        for x in 0..=0xffff_u64 {
            share[place(x << 32 | 0xff00_0000_dead_beef)] += 1;
        }
        let of = |tables: &[i32]| f64::from(tables.iter().sum::<i32>());
        let ratio = of(&share[TABLES - 16..]) / of(&share[..16]);
        assert!((1.8..2.1).contains(&ratio), "{ratio}");
        assert!(share.iter().all(|hashes| *hashes > 0));
    }

    /// What the tables have from the allocator, for each entry.
    fn bytes_each(ended: &Ended) -> usize {
        let tables = ended.tables.iter();
        let bytes: usize = tables.map(|table| table.read().allocation_size()).sum();
        bytes / ended.len()
    }

    #[test]
    fn an_entry_takes_forty_bytes_at_most_whenever_somebody_looks() {
        let ended = Ended::default();
        for number in 1..=400_000 {
            ended.insert(session(number), Timestamp::from_secs(number));
            if number % 50_000 == 0 {
                let each = bytes_each(&ended);
                assert!(each <= 40, "{each} bytes each, with {number}");
            }
        }
    }

    #[test]
    fn what_is_in_is_kept_for_the_whole_of_its_second() {
        for (until, now, kept) in [
            (5000, 4999, true),
            (5000, 5000, true),
            (5001, 5999, true),
            (5999, 5999, true),
            (5999, 6000, false),
            (u64::MAX, u64::MAX, true),
        ] {
            let ended = Ended::default();
            ended.insert(session(1), Timestamp::from_millis(until));
            ended.forget(Timestamp::from_millis(now));
            assert_eq!(ended.contains(session(1)), kept, "{until} at {now}");
            assert_eq!(ended.len(), usize::from(kept));
        }
    }

    #[test]
    fn the_room_of_many_is_given_back() {
        let ended = Ended::default();
        let room = || -> usize { ended.tables.iter().map(|t| t.read().capacity()).sum() };
        for number in 0..100_000 {
            ended.insert(session(number), Timestamp::from_secs(1));
        }
        assert!((100_000..200_000).contains(&room()), "{}", room());
        ended.insert(session(100_000), Timestamp::from_secs(9));
        ended.forget(Timestamp::from_secs(3));
        assert_eq!((ended.len(), ended.contains(session(100_000))), (1, true));
        assert!(room() < 100, "{}", room());
    }

    #[test]
    fn tables_take_turns_in_growing() {
        // Slots for each session: 8/7 with all tables full, 16/7 with all of them just grown.
        let ended = Ended::default();
        let mut slots = Vec::new();
        for number in 0..400_000 {
            ended.insert(session(number), Timestamp::from_secs(1));
            if number > 100_000 && number % 10_000 == 0 {
                let room: usize = ended.tables.iter().map(|t| t.read().capacity()).sum();
                slots.push(room as f64 * 8.0 / 7.0 / number as f64);
            }
        }
        assert!(slots.iter().all(|each| *each < 1.8), "{slots:?}");
    }
}
