//! The leash of a request: who holds it can end the request from outside.
//!
//! Pingora runs a request as one future and asks our filters only while bytes flow, so
//! a silent WebSocket would never hear that its session is over. `front` therefore waits
//! for the request and for its leash at once, and drops the request when the leash is
//! pulled. What a request counts or registers must be a drop guard.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

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
    /// Wakes who holds it.
    holder: Mutex<Option<Waker>>,
}

impl Leash {
    pub(super) fn new(line: &Arc<Line>) -> Arc<Self> {
        Arc::new(Self {
            line: Arc::clone(line),
            why: OnceLock::new(),
            holder: Mutex::default(),
        })
    }

    /// Ends the request. Of several reasons the first counts.
    pub(super) fn pull(&self, why: Denial) {
        let _earlier = self.why.set(why);
        let holder = self.holder.lock().take();
        if let Some(holder) = holder {
            holder.wake();
        }
    }

    /// Why it was pulled, if it was.
    pub(super) fn why(&self) -> Option<Denial> {
        self.why.get().copied()
    }

    /// Runs a request on this leash; `None` if the leash was pulled before its end.
    pub(super) async fn hold<T>(self: &Arc<Self>, request: impl Future<Output = T>) -> Option<T> {
        let mut request = pin!(LEASH.scope(Arc::clone(self), request));
        let mut listens: Option<Waker> = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = request.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            // Once a request: a task wakes by the same waker as long as it lives.
            if !listens.as_ref().is_some_and(|us| us.will_wake(cx.waker())) {
                listens = Some(cx.waker().clone());
                self.holder.lock().clone_from(&listens);
            }
            // After that, so that no pull falls between the two.
            match self.why() {
                Some(_) => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
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
