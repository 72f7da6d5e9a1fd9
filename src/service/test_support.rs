//! What the tests of this floor stand on: the memory store, exchanges that note their end, and
//! an audit log that can be read.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::live_connections::Cancel;
use super::sessions::SessionService;
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::store::Memory;
use crate::adapters::store::replica::RevocationIndex;
use crate::auth::denial::Denial;
use crate::auth::event::Event;
use crate::auth::ports::Store;
use crate::domain::time::Timestamp;

/// An exchange that goes on until somebody ends it.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) end: OnceLock<Denial>,
    pub(super) may_finish: bool,
    pub(super) used: Mutex<Option<Timestamp>>,
}

impl Exchange {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Why it was ended, if it was.
    pub(super) fn why(&self) -> Option<Denial> {
        self.end.get().copied()
    }
}

impl Cancel for Exchange {
    fn cancel(&self, why: Denial) {
        let _earlier = self.end.set(why);
    }

    fn may_finish(&self) -> bool {
        self.may_finish
    }

    fn take_use(&self) -> Option<Timestamp> {
        self.used.lock().take()
    }
}

/// A service over a store, and what it has written to the audit log.
pub(super) fn service_over(store: Arc<dyn Store>) -> (Arc<SessionService>, Arc<Mutex<Vec<Event>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let audit = Box::new(move |event: &Event| log.lock().push(event.clone()));
    let metrics = Arc::new(Metrics::new().unwrap());
    let index = Arc::new(RevocationIndex::new());
    (
        Arc::new(SessionService::new(store, index, metrics, audit)),
        told,
    )
}

/// The same over a fresh memory store.
pub(super) fn service() -> (Arc<SessionService>, Arc<Mutex<Vec<Event>>>) {
    service_over(Arc::new(Memory::new()))
}
