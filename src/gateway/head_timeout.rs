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

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

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
        }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let mut state = shared.lock();
            if let State::Waiting { fd, local } = *state
                && getsockname::<SockaddrStorage>(fd).ok() == local
            {
                // An error means that it is closed already.
                let _closed = shutdown(fd, Shutdown::Both);
                *state = State::RanOut;
            }
        });
        Self {
            state,
            task: task.abort_handle(),
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

impl Drop for HeadTimer {
    fn drop(&mut self) {
        self.stop();
    }
}
