//! Some of the requests that go on, without keeping any of them.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::gateway::connection::cancel::CancelHandle;

/// Cancel handles; that of a request that has ended goes by itself.
#[derive(Debug, Default)]
pub(crate) struct CancelHandles(Mutex<Vec<Weak<CancelHandle>>>);

impl CancelHandles {
    /// Another one.
    pub(crate) fn add(&self, handle: &Arc<CancelHandle>) {
        let mut all = self.0.lock();
        all.retain(|handle| handle.strong_count() > 0);
        all.push(Arc::downgrade(handle));
    }

    /// Those that go on.
    pub(crate) fn all(&self) -> Vec<Arc<CancelHandle>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
