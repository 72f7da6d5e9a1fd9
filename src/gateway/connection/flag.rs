//! A fact about a request or a connection that one task notes and another reads.

use std::sync::atomic::{AtomicBool, Ordering};

/// `false` at first.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Flag(AtomicBool);

impl Flag {
    /// What was noted last.
    pub(in crate::gateway) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Notes what holds from now on; most of the time that is what held before.
    pub(in crate::gateway) fn set(&self, holds: bool) {
        if self.get() != holds {
            self.0.store(holds, Ordering::Release);
        }
    }

    /// Notes what holds from now on; `true` for the one who changed it.
    pub(in crate::gateway) fn change(&self, holds: bool) -> bool {
        self.get() != holds && self.0.swap(holds, Ordering::SeqCst) != holds
    }
}
