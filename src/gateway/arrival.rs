//! Whether the head of a request is on its way, and for how long: pingora has a time for
//! each read, so that a byte now and then would keep a connection for ever (slowloris).
//!
//! The connection tells what came in ([`Arrival::came`]), whoever reads heads tells that
//! one is whole ([`Arrival::is_whole`]) or waited for ([`Arrival::waits`]), and `front`
//! waits for what is late ([`Arrival::late`]). Of HTTP/2 the frames say all of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use super::h2_frames::H2Frames;

/// What is expected of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a head.
    #[default]
    Idle,
    /// The rest of it.
    Head,
    /// Nothing that is timed here.
    Served,
}

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// Nothing at all: `limits.keepalive_idle`.
    Idle,
    /// The end of a head: `limits.request_head`.
    Head,
}

/// The heads of one connection.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    phase: watch::Sender<Phase>,
    frames: Option<Mutex<H2Frames>>,
    is_abused: AtomicBool,
}

impl Arrival {
    /// Of a connection that speaks HTTP/1.
    pub(super) fn http1() -> Self {
        Self::default()
    }

    /// Of one that speaks HTTP/2.
    pub(super) fn http2() -> Self {
        Self {
            phase: watch::Sender::default(),
            frames: Some(Mutex::new(H2Frames::new())),
            is_abused: AtomicBool::new(false),
        }
    }

    /// Whether it can be answered in the words of HTTP/1.
    pub(super) const fn is_http1(&self) -> bool {
        self.frames.is_none()
    }

    /// Whether it ends for what [`Self::came`] said.
    pub(super) fn is_abused(&self) -> bool {
        self.is_abused.load(Ordering::Relaxed)
    }

    /// The client sent these bytes.
    ///
    /// # Errors
    /// If it sends what only costs, over HTTP/2, and the connection is to end.
    pub(super) fn came(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &self.frames {
            None => {
                if *self.phase.borrow() == Phase::Idle {
                    self.phase.send_replace(Phase::Head);
                }
            }
            Some(frames) => {
                let phase = frames.lock().pass(bytes);
                self.is_abused.store(phase.is_err(), Ordering::Relaxed);
                self.enter(phase?);
            }
        }
        Ok(())
    }

    /// Over HTTP/1: the next head is waited for.
    pub(super) fn waits(&self) {
        if self.is_http1() {
            self.enter(Phase::Idle);
        }
    }

    /// Over HTTP/1: the head is here.
    pub(super) fn is_whole(&self) {
        if self.is_http1() {
            self.enter(Phase::Served);
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase
            .send_if_modified(|now| std::mem::replace(now, phase) != phase);
    }

    /// Waits until something is late; for ever, if nothing ever is.
    pub(super) async fn late(&self, idle: Duration, head: Duration) -> Late {
        let mut phase = self.phase.subscribe();
        loop {
            let now = *phase.borrow_and_update();
            let (within, late) = match now {
                Phase::Idle => (idle, Late::Idle),
                Phase::Head => (head, Late::Head),
                // The sender is ours, so the wait does not fail.
                Phase::Served => match phase.changed().await {
                    Ok(()) => continue,
                    Err(_gone) => std::future::pending().await,
                },
            };
            if timeout(within, phase.changed()).await.is_err() {
                return late;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(200);
    const STEP: Duration = Duration::from_millis(20);

    /// What is late while this happens; `None` if nothing is until its end.
    async fn late(
        arrival: &Arrival,
        times: (Duration, Duration),
        script: impl Future<Output = ()>,
    ) -> Option<Late> {
        let (idle, head) = times;
        let race = async {
            tokio::select! {
                late = arrival.late(idle, head) => Some(late),
                () = script => None,
            }
        };
        timeout(LONG, race).await.expect("it is never late")
    }

    #[tokio::test]
    async fn a_byte_now_and_then_does_not_put_it_off() {
        let arrival = Arrival::http1();
        let dribble = async {
            loop {
                tokio::time::sleep(STEP).await;
                arrival.came(b"x").unwrap();
            }
        };
        let late = late(&arrival, (LONG, SHORT), dribble).await;
        assert_eq!(late, Some(Late::Head));
    }

    #[tokio::test]
    async fn what_is_served_takes_its_time_and_idling_has_its_own() {
        let arrival = Arrival::http1();
        let requests = async {
            for _ in 0..2 {
                arrival.waits();
                tokio::time::sleep(SHORT * 2).await;
                arrival.came(b"GET").unwrap();
                arrival.is_whole();
                tokio::time::sleep(SHORT * 2).await;
                arrival.came(b"a body").unwrap();
                tokio::time::sleep(SHORT * 2).await;
            }
        };
        assert_eq!(late(&arrival, (LONG, SHORT), requests).await, None);
        arrival.waits();
        let forever = std::future::pending();
        let late = late(&arrival, (SHORT, LONG), forever).await;
        assert_eq!(late, Some(Late::Idle));
    }

    #[tokio::test]
    async fn frames_say_it_of_http_2_whatever_its_streams_say() {
        let arrival = Arrival::http2();
        let silent = async {
            arrival.came(crate::gateway::h2_frames::PREFACE).unwrap();
            arrival.waits();
            tokio::time::sleep(SHORT * 3).await;
        };
        assert_eq!(late(&arrival, (SHORT, SHORT), silent).await, None);
        let endless = async {
            // HEADERS without END_HEADERS on stream 1.
            arrival.came(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]).unwrap();
            loop {
                tokio::time::sleep(STEP).await;
                // A head of another stream that was whole before.
                arrival.is_whole();
                arrival.came(&[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x82]).unwrap();
            }
        };
        let late = late(&arrival, (SHORT, SHORT), endless).await;
        assert_eq!(late, Some(Late::Head));
    }

    #[tokio::test]
    async fn a_preface_is_timed_like_a_head() {
        for (begun, expected) in [(&b""[..], Late::Idle), (b"PRI * HT", Late::Head)] {
            let arrival = Arrival::http2();
            arrival.came(begun).unwrap();
            let forever = std::future::pending();
            let late = late(&arrival, (SHORT, SHORT), forever).await;
            assert_eq!(late, Some(expected), "{begun:?}");
        }
    }
}
