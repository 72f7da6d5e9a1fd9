//! Some of the requests that go on, without keeping any of them.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::gateway::connection::cancel::Leash;

/// Leashes; that of a request that has ended goes by itself.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Leashes(Mutex<Vec<Weak<Leash>>>);

impl Leashes {
    /// Another one.
    pub(in crate::gateway) fn add(&self, leash: &Arc<Leash>) {
        let mut all = self.0.lock();
        all.retain(|leash| leash.strong_count() > 0);
        all.push(Arc::downgrade(leash));
    }

    /// Those that go on.
    pub(in crate::gateway) fn all(&self) -> Vec<Arc<Leash>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(in crate::gateway) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
