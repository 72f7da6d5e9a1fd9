//! Some of the requests that go on, without keeping any of them.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::leash::Leash;

/// Leashes; that of a request that has ended goes by itself.
#[derive(Debug, Default)]
pub(super) struct Leashes(Mutex<Vec<Weak<Leash>>>);

impl Leashes {
    /// Another one.
    pub(super) fn add(&self, leash: &Arc<Leash>) {
        let mut all = self.0.lock();
        all.retain(|leash| leash.strong_count() > 0);
        all.push(Arc::downgrade(leash));
    }

    /// Those that go on.
    pub(super) fn all(&self) -> Vec<Arc<Leash>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
