//! The watch over one client connection: ends it when the client is late, and the waits
//! for the app that took too long; finds the exchanges that last, which have to end with
//! their session.
//!
//! What begins and ends several times a request only notes the moment; nothing is woken
//! for it and no timer is set. Instead one timer a connection rings at the next deadline
//! that is known, and at the latest after the shortest of the times that are watched: what
//! begins after it was set cannot be due before it rings, so that no deadline is missed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::exchanges::Exchanges;
use crate::gateway::connection::h2_share::Share;
use crate::gateway::connection::handle::ConnectionHandle;
use crate::gateway::connection::head_deadline::TimedOut;

/// How long to wait before the next look at least; a guess well below any deadline.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// A stream whose answer was not taken for so long gives its place to one that waits for it.
/// A guess: a client that takes a kilobyte a second is slower than any line.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// For streams whose client is gone. A guess.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(1);

/// How long things may take, as it was set when the connection began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For the first byte of the next head.
    pub(crate) idle: Duration,
    /// For the rest of it.
    pub(crate) head: Duration,
    /// For the head of the app's answer, or a piece of its body.
    pub(crate) answer: Duration,
}

impl Timeouts {
    fn shortest(&self) -> Duration {
        self.idle.min(self.head).min(self.answer)
    }
}

/// Ready when the client is late.
pub(crate) struct DeadlineTimer<'a> {
    line: &'a ConnectionHandle,
    exchanges: &'a Exchanges,
    share: &'a Share,
    times: Timeouts,
    /// Told of the exchanges that last.
    lasts: &'a (dyn Fn(&Arc<CancelHandle>) + Send + Sync),
    timer: Pin<Box<Sleep>>,
    /// Whom the timer wakes; `None` while it is not set.
    wakes: Option<Waker>,
}

impl<'a> DeadlineTimer<'a> {
    pub(crate) fn new(
        line: &'a ConnectionHandle,
        exchanges: &'a Exchanges,
        share: &'a Share,
        times: Timeouts,
        lasts: &'a (dyn Fn(&Arc<CancelHandle>) + Send + Sync),
    ) -> Self {
        Self {
            line,
            exchanges,
            share,
            times,
            lasts,
            timer: Box::pin(sleep_until(Instant::now())),
            wakes: None,
        }
    }

    /// Ends what is late; how long nothing will be.
    fn look(&self, waker: &Waker) -> Result<Duration, TimedOut> {
        let now = Moment::now();
        let client = self.line.arrival.due(self.times.idle, self.times.head);
        if let Some((due, late)) = client
            && due <= now
        {
            return Err(late);
        }
        let app = self.line.answers.end_late(now);
        let exchanges = self.exchanges.look(now, waker);
        exchanges.lasting.iter().for_each(self.lasts);
        for stalled in self.share.stalled(now.before(STALL_TIMEOUT)) {
            stalled.cancel(Denial::Overloaded);
        }
        let next = client.map(|(due, _)| due).into_iter();
        let next = next.chain(app).chain(exchanges.next).min();
        let known = next.map_or(Duration::MAX, |next| now.until(next));
        Ok(known.min(self.times.shortest()).max(MIN_INTERVAL))
    }
}

impl Future for DeadlineTimer<'_> {
    type Output = TimedOut;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TimedOut> {
        // Asked whenever something happens on the connection, and then mostly in vain.
        let is_set = |waker: &Waker| waker.will_wake(cx.waker());
        if self.wakes.as_ref().is_some_and(is_set)
            && !self.timer.is_elapsed()
            && !self.exchanges.has_begun()
        {
            return Poll::Pending;
        }
        loop {
            match self.look(cx.waker()) {
                Err(late) => {
                    self.line.ends(late);
                    return Poll::Ready(late);
                }
                Ok(quiet) => {
                    self.timer.as_mut().reset(Instant::now() + quiet);
                    self.wakes = Some(cx.waker().clone());
                    if self.timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

/// Stays with the streams of an HTTP/2 connection that has ended, while `some_run`. Pingora
/// runs each as a task of its own. They notice that their client is gone and end at once, but
/// for one that hangs in a write to the app: what is left after a moment is ended. Over HTTP/1
/// nothing is left.
pub(crate) async fn outlive(line: &ConnectionHandle, some_run: impl Fn() -> bool) {
    let grace = Moment::now().after(ORPHAN_TIMEOUT);
    while some_run() {
        if Moment::now() >= grace {
            line.answers.end_all();
        }
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests;
