//! A point in time, or none yet, that many read and few write.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::time::Timestamp;

/// Milliseconds since the epoch, plus one; zero is none.
#[derive(Debug, Default)]
pub(super) struct Moment(AtomicU64);

impl Moment {
    pub(super) fn read(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Acquire).checked_sub(1);
        millis.map(Timestamp::from_millis)
    }

    pub(super) fn set(&self, at: Option<Timestamp>) {
        self.0.store(at.map_or(0, said), Ordering::Release);
    }

    pub(super) fn no_earlier_than(&self, at: Timestamp) {
        self.0.fetch_max(said(at), Ordering::Release);
    }
}

fn said(at: Timestamp) -> u64 {
    at.millis().saturating_add(1)
}
