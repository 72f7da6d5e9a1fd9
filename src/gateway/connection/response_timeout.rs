//! The waits for the app: for the head of its answer, `limits.upstream_read`, and for the
//! next piece of the body, `limits.idle_stream`.
//!
//! Pingora has one read timeout for head and body alike, and sets a timer for each read.
//! Both waits are therefore kept here, with the client's connection, whose [`crate::gateway::connection::deadlines`]
//! asks what ran out: then the socket to the app is shut down, which pingora sees as a
//! broken connection, or as the end of a body that is as long as its connection, and we, by
//! [`ResponseTimer::timed_out`], as a timeout.
//!
//! The descriptor is only touched under the lock that [`ResponseTimer`] takes to disarm,
//! and only while it is the [`Socket`] that it was armed with, so that a descriptor that was
//! closed and given to another connection is left alone.
//!
//! While the request is still on its way the app owes no answer: every piece of the
//! body begins the wait anew. Meanwhile the client owes the body, [`BodyRate`], but not
//! while the app does not take what came: that is asked of the system.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};
use parking_lot::Mutex;
use pingora::protocols::SocketDigest;
use pingora::protocols::l4::socket::SocketAddr;

use crate::adapters::clock::Moment;
use crate::gateway::connection::body_rate::BodyRate;
use crate::gateway::connection::flag::Flag;

/// The waits of one client connection: one over HTTP/1, one a stream over HTTP/2. A place
/// is used again when its wait has ended.
#[derive(Debug, Default)]
pub(crate) struct ResponseTimeouts(Mutex<Vec<State>>);

#[derive(Debug)]
enum State {
    Waiting {
        /// Whether the request waits for others of its connection.
        is_waiting: Arc<Flag>,
        fd: RawFd,
        socket: Socket,
        since: Moment,
        wait: Duration,
        /// The body that is still on its way, and how much of it went to the app.
        body: Option<(BodyRate, usize)>,
    },
    /// The wait is over before its timer is gone, and for whom it was in vain.
    Over { late: Option<Late> },
    /// Nobody's: the timer is gone.
    Free,
}

/// Who is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    /// The app, with its answer.
    App,
    /// The client, with the body of its request.
    Client,
}

/// How much may wait in the kernel for an app that takes what it is sent: more than a fast
/// network has on its way.
const UNSENT: u32 = 256 * 1024;

/// How long a client is excused when the app does not take its body.
const SLOW_APP_EXTENSION: Duration = Duration::from_secs(1);

/// Where the system does not say how much waits in the kernel (a unix socket), an app may be
/// slow once so much was sent to it: what the kernel takes by default.
const TOLD_BY_NOBODY: usize = 128 * 1024;

/// How much the app on this connection has not taken yet; `None` if nobody knows.
fn unsent(fd: RawFd) -> Option<u32> {
    let info = SocketDigest::from_raw_fd(fd).tcp_info()?;
    Some(info.tcpi_notsent_bytes)
}

/// Whether the app on this connection has taken all that it was sent.
pub(crate) fn has_taken_all(fd: RawFd) -> bool {
    unsent(fd) == Some(0)
}

/// What tells a connection from another that got its descriptor.
#[derive(Debug)]
enum Socket {
    /// By its address on our side, which is asked of the system once a connection.
    At(Arc<SocketDigest>),
    /// By a number that the system gives to no other, where there is no such address: a unix
    /// socket. `None` where the system knows no such numbers.
    Cookie(Option<u64>),
}

impl Socket {
    fn of(fd: RawFd, digest: Option<Arc<SocketDigest>>) -> Self {
        match digest.filter(|digest| digest.local_addr().is_some()) {
            Some(digest) => Self::At(digest),
            None => Self::Cookie(cookie(fd)),
        }
    }

    fn is_behind(&self, fd: RawFd) -> bool {
        match self {
            Self::At(digest) => SocketAddr::from_raw_fd(fd, false).as_ref() == digest.local_addr(),
            Self::Cookie(number) => cookie(fd) == *number,
        }
    }
}

fn cookie(fd: RawFd) -> Option<u64> {
    SocketDigest::from_raw_fd(fd).socket_cookie().ok()
}

impl ResponseTimeouts {
    /// Shuts down the connections whose wait ran out; when the next one will.
    pub(crate) fn end_late(&self, now: Moment) -> Option<Moment> {
        let mut waits = self.0.lock();
        waits
            .iter_mut()
            .filter_map(|wait| wait.end_if_late(now))
            .min()
    }

    /// Shuts down all connections that are waited for, however long that may last yet.
    pub(crate) fn end_all(&self) {
        self.0.lock().iter_mut().for_each(State::end);
    }
}

impl State {
    fn end_if_late(&mut self, now: Moment) -> Option<Moment> {
        let Self::Waiting {
            is_waiting,
            since,
            wait,
            fd,
            body,
            ..
        } = self
        else {
            return None;
        };
        let is_waiting = is_waiting.get();
        if is_waiting {
            *since = now;
        }
        let due = since.after(*wait);
        if due <= now {
            self.end_for(Late::App);
            return None;
        }
        let Some((body, sent)) = body else {
            return Some(due);
        };
        if body.due() <= now {
            let is_excused = || unsent(*fd).map_or(*sent > TOLD_BY_NOBODY, |unsent| unsent > 0);
            if !(is_waiting || is_excused()) {
                self.end_for(Late::Client);
                return None;
            }
            body.excuse(SLOW_APP_EXTENSION, now);
        }
        Some(due.min(body.due()))
    }

    /// Ends the wait, and with it the connection.
    fn end(&mut self) {
        self.end_for(Late::App);
    }

    fn end_for(&mut self, late: Late) {
        let Self::Waiting { fd, socket, .. } = self else {
            return;
        };
        let ran_out = socket.is_behind(*fd);
        if ran_out {
            // An error means that it is closed already.
            let _closed = shutdown(*fd, Shutdown::Both);
        }
        *self = Self::Over {
            late: ran_out.then_some(late),
        };
    }
}

/// A running wait; dropping it ends it.
pub(crate) struct ResponseTimer {
    waits: Arc<ResponseTimeouts>,
    place: usize,
}

impl ResponseTimer {
    /// Starts waiting on the connection behind `fd`, among the waits of a client's connection;
    /// the wait stands still while the request does.
    pub(crate) fn start(
        among: &Arc<ResponseTimeouts>,
        is_waiting: Arc<Flag>,
        fd: RawFd,
        socket: Option<Arc<SocketDigest>>,
        wait: Duration,
        body: Option<BodyRate>,
    ) -> Self {
        let socket = Socket::of(fd, socket);
        let state = State::Waiting {
            is_waiting,
            fd,
            socket,
            since: Moment::now(),
            wait,
            body: body.map(|body| (body, 0)),
        };
        let mut waits = among.0.lock();
        let free = waits.iter_mut().enumerate();
        let mut free = free.filter(|(_, wait)| matches!(wait, State::Free));
        let place = match free.next() {
            Some((place, wait)) => {
                *wait = state;
                place
            }
            None => {
                let place = waits.len();
                waits.push(state);
                place
            }
        };
        Self {
            waits: Arc::clone(among),
            place,
        }
    }

    /// Something passed, either way: the wait begins anew.
    pub(crate) fn again(&self) {
        if let Some(State::Waiting { since, .. }) = self.waits.0.lock().get_mut(self.place) {
            *since = Moment::now();
        }
    }

    /// So much of the request's body goes to the app; whether that is slow to take it.
    pub(crate) fn body_came(&self, bytes: usize, is_last: bool) -> bool {
        let mut waits = self.waits.0.lock();
        let Some(State::Waiting {
            since, body, fd, ..
        }) = waits.get_mut(self.place)
        else {
            return false;
        };
        *since = Moment::now();
        let Some((rate, sent)) = body else {
            return false;
        };
        rate.came(bytes, *since);
        *sent = sent.saturating_add(bytes);
        // What fits into any kernel is not asked about.
        let is_slow = *sent > TOLD_BY_NOBODY && unsent(*fd).is_some_and(|unsent| unsent > UNSENT);
        if is_last {
            *body = None;
        }
        is_slow
    }

    /// Whether the client was too slow with its body.
    pub(crate) fn client_was_late(&self) -> bool {
        self.late() == Some(Late::Client)
    }

    fn late(&self) -> Option<Late> {
        match self.waits.0.lock().get(self.place) {
            Some(State::Over { late }) => *late,
            _ => None,
        }
    }

    /// The head is here, and what is waited for from now on is each piece of the body.
    pub(crate) fn has_head(&self, between_pieces: Duration) {
        let mut waits = self.waits.0.lock();
        if let Some(State::Waiting { since, wait, .. }) = waits.get_mut(self.place) {
            *since = Moment::now();
            *wait = between_pieces;
        }
    }

    /// Whether the wait was in vain.
    pub(crate) fn timed_out(&self) -> bool {
        self.late().is_some()
    }
}

impl Drop for ResponseTimer {
    fn drop(&mut self) {
        if let Some(wait) = self.waits.0.lock().get_mut(self.place) {
            *wait = State::Free;
        }
    }
}
