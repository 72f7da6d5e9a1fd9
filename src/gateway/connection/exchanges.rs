//! The exchanges of one connection that were admitted for a session: those that last are
//! handed out, to be registered as open connections.
//!
//! Most requests are over long before that, and cost neither a timer nor a place in a table
//! that all connections share. What is revoked before an exchange is registered is noticed
//! then: `open` asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use crate::adapters::clock::Moment;
use crate::gateway::connection::cancel::CancelHandle;

/// An exchange that has gone on for so long is registered. What outlives its session by
/// less is not noticed, and what outlives it by more ends within the promised second.
pub(crate) const LASTING: Duration = Duration::from_millis(750);

/// A connection without a new exchange for so long is no longer looked at so often. A guess:
/// the pauses of somebody who reads.
const QUIET_AFTER: Duration = Duration::from_secs(6);

/// Of one connection: one at a time over HTTP/1, one a stream over HTTP/2.
#[derive(Debug)]
pub(crate) struct Exchanges {
    state: Mutex<State>,
    /// One has begun since a look found nothing.
    has_begun: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// A place whose exchange has ended is used again.
    all: Vec<Weak<CancelHandle>>,
    newest: Moment,
    /// Who is to be woken by the next exchange, since nobody looks.
    sleeper: Option<Waker>,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those that last.
    pub(crate) lasting: Vec<Arc<CancelHandle>>,
    /// When to look again, unless the next exchange wakes.
    pub(crate) next: Option<Moment>,
}

impl Default for Exchanges {
    fn default() -> Self {
        let state = State {
            all: Vec::new(),
            newest: Moment::now(),
            sleeper: None,
        };
        Self {
            state: Mutex::new(state),
            has_begun: AtomicBool::new(false),
        }
    }
}

impl Exchanges {
    /// This one was admitted just now.
    pub(crate) fn begin(&self, handle: &Arc<CancelHandle>) {
        let mut state = self.state.lock();
        let new = Arc::downgrade(handle);
        match state.all.iter_mut().find(|old| old.strong_count() == 0) {
            Some(place) => *place = new,
            None => state.all.push(new),
        }
        if let Some(admitted) = handle.admitted() {
            state.newest = admitted.at;
        }
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(sleeper) = sleeper {
            self.has_begun.store(true, Ordering::Release);
            sleeper.wake();
        }
    }

    /// Whether to look before it was time.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Looks for those that last. `waker` is kept if there is nothing to look for.
    pub(crate) fn look(&self, now: Moment, waker: &Waker) -> Found {
        let mut state = self.state.lock();
        self.has_begun.store(false, Ordering::Release);
        let mut found = Found::default();
        for handle in state.all.iter().filter_map(Weak::upgrade) {
            let Some(admitted) = handle.admitted().filter(|_| handle.is_fresh()) else {
                continue;
            };
            let due = admitted.at.after(LASTING);
            if due <= now {
                found.lasting.push(handle);
            } else {
                found.next = Some(found.next.map_or(due, |next| next.min(due)));
            }
        }
        if found.next.is_none() && now < state.newest.after(QUIET_AFTER) {
            found.next = Some(now.after(LASTING));
        }
        state.sleeper = found.next.is_none().then(|| waker.clone());
        found
    }
}

#[cfg(test)]
mod tests;
