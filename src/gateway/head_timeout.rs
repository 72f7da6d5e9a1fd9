//! The wait for the head of the app's answer, `limits.upstream_read`.
//!
//! Pingora has one read timeout for head and body alike; ours has to be short for
//! the head and long for streams. So the long one is pingora's, and the short one is
//! kept here: when it runs out the socket to the app is shut down, which pingora sees as
//! a broken connection and we, by [`HeadTimer::ran_out`], as a timeout.
//!
//! The descriptor is only touched under the lock that [`HeadTimer`] takes to disarm,
//! and only while its local address is still the one it was armed with, so that a
//! descriptor that was closed and given to another connection is left alone.
//!
//! While the request is still on its way the app owes no answer: every piece of the
//! body begins the wait anew.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown, SockaddrStorage, getsockname, shutdown};
use parking_lot::Mutex;

/// A running wait; dropping it ends it.
pub(super) struct HeadTimer {
    state: Arc<Mutex<State>>,
    task: tokio::task::AbortHandle,
}

enum State {
    Waiting {
        fd: RawFd,
        local: Option<SockaddrStorage>,
        since: Instant,
    },
    Over,
    RanOut,
}

impl HeadTimer {
    /// Starts waiting on the connection behind `fd`.
    pub(super) fn start(fd: RawFd, wait: Duration) -> Self {
        let state = Arc::new(Mutex::new(State::Waiting {
            fd,
            local: getsockname(fd).ok(),
            since: Instant::now(),
        }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let left = shared.lock().left(wait);
                let Some(left) = left else { break };
                tokio::time::sleep(left).await;
            }
        });
        Self {
            state,
            task: task.abort_handle(),
        }
    }

    /// Something was sent: the wait begins anew.
    pub(super) fn again(&self) {
        if let State::Waiting { since, .. } = &mut *self.state.lock() {
            *since = Instant::now();
        }
    }

    /// The head is there, or nobody waits any more.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        if matches!(*state, State::Waiting { .. }) {
            *state = State::Over;
        }
        drop(state);
        self.task.abort();
    }

    /// Whether the wait was in vain.
    pub(super) fn ran_out(&self) -> bool {
        matches!(*self.state.lock(), State::RanOut)
    }
}

impl State {
    /// How much of `wait` is left; when nothing is, the socket is shut down.
    fn left(&mut self, wait: Duration) -> Option<Duration> {
        let Self::Waiting { fd, local, since } = *self else {
            return None;
        };
        let left = wait.saturating_sub(since.elapsed());
        if !left.is_zero() {
            return Some(left);
        }
        if getsockname::<SockaddrStorage>(fd).ok() == local {
            // An error means that it is closed already.
            let _closed = shutdown(fd, Shutdown::Both);
            *self = Self::RanOut;
        }
        None
    }
}

impl Drop for HeadTimer {
    fn drop(&mut self) {
        self.stop();
    }
}
