//! Whether the head of a request is on its way, and since when: pingora has a time for
//! each read, so that a byte now and then would keep a connection for ever (slowloris).
//!
//! The connection tells what came in ([`HeadDeadline::came`]), whoever reads heads tells that
//! one is whole ([`HeadDeadline::is_whole`]) or waited for ([`HeadDeadline::waits`]), and
//! [`crate::gateway::connection::deadlines`] asks now and then what is due. Of HTTP/2 the frames say all of it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::adapters::clock::Moment;
use crate::gateway::connection::h2_flood::{H2FloodGuard, Unfit};
use crate::gateway::connection::protocol_errors::ProtocolErrors;

/// What is expected of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first byte of a head.
    #[default]
    Idle,
    /// The rest of it.
    Head,
    /// Nothing that is timed here.
    Served,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Idle, Self::Head, Self::Served];
}

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimedOut {
    /// Nothing at all: `limits.keepalive_idle`.
    Idle,
    /// The end of a head: `limits.request_head`.
    Head,
}

/// The heads of one connection.
#[derive(Debug)]
pub(crate) struct HeadDeadline {
    /// The phase, and since when: see [`packed`]. One task writes it, that of the
    /// connection, which is also the one that reads it.
    state: AtomicU64,
    frames: Option<Mutex<H2FloodGuard>>,
    is_abused: AtomicBool,
    /// What was refused before there was a request.
    pub(crate) refusals: ProtocolErrors,
}

impl HeadDeadline {
    /// Of a connection that speaks HTTP/1 and begins now.
    pub(crate) fn http1() -> Self {
        Self {
            state: AtomicU64::new(packed(Phase::Idle, Moment::now())),
            frames: None,
            is_abused: AtomicBool::new(false),
            refusals: ProtocolErrors::default(),
        }
    }

    /// Of one that speaks HTTP/2.
    pub(crate) fn http2() -> Self {
        Self {
            frames: Some(Mutex::new(H2FloodGuard::new())),
            ..Self::http1()
        }
    }

    /// Whether it can be answered in the words of HTTP/1.
    pub(crate) const fn is_http1(&self) -> bool {
        self.frames.is_none()
    }

    /// Whether it ends for frames that only cost.
    pub(crate) fn is_abused(&self) -> bool {
        self.is_abused.load(Ordering::Relaxed)
    }

    /// The client sent these bytes.
    ///
    /// # Errors
    /// If it sends over HTTP/2 what only costs, or what would be forwarded otherwise than
    /// it was sent, and the connection is to end.
    pub(crate) fn came(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &self.frames {
            None => {
                if self.phase() == Phase::Idle {
                    self.enter(Phase::Head);
                }
            }
            Some(frames) => {
                let mut frames = frames.lock();
                let passed = frames.pass(bytes);
                match passed {
                    Ok(()) => {}
                    Err(Unfit::Flood) => self.is_abused.store(true, Ordering::Relaxed),
                    Err(Unfit::Head(_)) => self.refusals.head_refused(),
                }
                passed?;
                self.enter(match frames.in_head() {
                    true => Phase::Head,
                    false => Phase::Served,
                });
            }
        }
        Ok(())
    }

    /// Whether no frames of ours can stand among the library's (see [`H2FloodGuard::has_small_table`]).
    pub(crate) fn has_small_table(&self) -> bool {
        let frames = self.frames.as_ref();
        frames.is_none_or(|frames| frames.lock().has_small_table())
    }

    /// The client was sent these bytes.
    pub(crate) fn went(&self, bytes: &[u8]) {
        if !self.is_http1() {
            self.refusals.went_framed(bytes);
        } else if self.phase() != Phase::Served {
            self.refusals.went_unasked(bytes);
        }
    }

    /// A stream was taken for a request and ended before any hook: over HTTP/2 that is
    /// CONNECT, which pingora answers itself. Over HTTP/1 the answer was seen.
    pub(crate) fn never_began(&self) {
        if !self.is_http1() {
            self.refusals.method_refused();
        }
    }

    /// Over HTTP/1: the next head is waited for.
    pub(crate) fn waits(&self) {
        if self.is_http1() {
            self.enter(Phase::Idle);
        }
    }

    /// Over HTTP/1: the head is here.
    pub(crate) fn is_whole(&self) {
        if self.is_http1() {
            self.enter(Phase::Served);
        }
    }

    fn phase(&self) -> Phase {
        unpacked(self.state.load(Ordering::Relaxed)).0
    }

    fn enter(&self, phase: Phase) {
        if self.phase() != phase {
            // Nobody asks since when a request is served.
            let since = match phase {
                Phase::Idle | Phase::Head => Moment::now(),
                Phase::Served => Moment::default(),
            };
            self.state.store(packed(phase, since), Ordering::Relaxed);
        }
    }

    /// What will be late, and when, if nothing comes until then.
    pub(crate) fn due(&self, idle: Duration, head: Duration) -> Option<(Moment, TimedOut)> {
        match unpacked(self.state.load(Ordering::Relaxed)) {
            (Phase::Idle, since) => Some((since.after(idle), TimedOut::Idle)),
            (Phase::Head, since) => Some((since.after(head), TimedOut::Head)),
            (Phase::Served, _) => None,
        }
    }
}

impl Default for HeadDeadline {
    fn default() -> Self {
        Self::http1()
    }
}

/// A phase in the two lowest bits, its beginning in the others.
fn packed(phase: Phase, since: Moment) -> u64 {
    let place = Phase::ALL.iter().position(|other| *other == phase);
    let place = u64::try_from(place.unwrap_or_default()).unwrap_or_default();
    since.millis() << 2 | place
}

fn unpacked(state: u64) -> (Phase, Moment) {
    let place = usize::try_from(state & 3).unwrap_or_default();
    let phase = Phase::ALL.get(place).copied().unwrap_or_default();
    (phase, Moment::from_millis(state >> 2))
}
