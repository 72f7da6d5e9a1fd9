//! A fact about a request or a connection that one task notes and another reads.

use std::sync::atomic::{AtomicBool, Ordering};

/// `false` at first.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// What was noted last.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Notes what holds from now on; most of the time that is what held before.
    pub(crate) fn set(&self, holds: bool) {
        if self.get() != holds {
            self.0.store(holds, Ordering::Release);
        }
    }

    /// Notes what holds from now on; `true` for the one who changed it.
    pub(crate) fn change(&self, holds: bool) -> bool {
        self.get() != holds && self.0.swap(holds, Ordering::SeqCst) != holds
    }
}
