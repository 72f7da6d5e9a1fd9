//! The leash of a request: who holds it can end the request from outside.
//!
//! Pingora runs a request as one future and asks our filters only while bytes flow, so
//! a silent WebSocket would never hear that its session is over. `front` therefore waits
//! for the request and for its leash at once, and drops the request when the leash is
//! pulled. What a request counts or registers must be a drop guard.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use super::line::Line;
use crate::auth::denial::Denial;

tokio::task_local! {
    /// The leash of the request that this task is polling. Pingora makes the context of a
    /// request inside of it and passes nothing along.
    static LEASH: Arc<Leash>;
}

/// Of one request.
#[derive(Debug)]
pub(super) struct Leash {
    /// The connection on which the request came.
    pub(super) line: Arc<Line>,
    why: OnceLock<Denial>,
    pulled: Notify,
}

impl Leash {
    pub(super) fn new(line: &Arc<Line>) -> Arc<Self> {
        Arc::new(Self {
            line: Arc::clone(line),
            why: OnceLock::new(),
            pulled: Notify::new(),
        })
    }

    /// Ends the request. Of several reasons the first counts.
    pub(super) fn pull(&self, why: Denial) {
        let _earlier = self.why.set(why);
        self.pulled.notify_one();
    }

    /// Why it was pulled, if it was.
    pub(super) fn why(&self) -> Option<Denial> {
        self.why.get().copied()
    }

    /// Runs a request on this leash; `None` if the leash was pulled before its end.
    pub(super) async fn hold<T>(self: &Arc<Self>, request: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = LEASH.scope(Arc::clone(self), request) => Some(done),
            () = self.pulled.notified() => None,
        }
    }

    /// The leash of the request that is being polled; `None` outside of any.
    pub(super) fn of_this_request() -> Option<Arc<Self>> {
        LEASH.try_with(Arc::clone).ok()
    }
}

/// The head of the request that is being polled was read: its time no longer runs.
pub(super) fn head_is_whole() {
    if let Some(leash) = Leash::of_this_request() {
        leash.line.arrival.is_whole();
    }
}
