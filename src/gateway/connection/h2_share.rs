//! The share of one HTTP/2 connection in our memory: how many of its streams may have much
//! of an answer on its way at once.
//!
//! Pingora reads ahead of a client that does not take its answer, some half a MiB a stream,
//! and cannot be told to read less. So a stream that was sent to the app runs in steps, of
//! a piece each, by leaving its task little of what tokio lets it do at once. One that turns
//! out to have much on its way, or to take in what its client does not take, stands still
//! until it has one of the few places in which streams run freely; when too many stand
//! still, the others wait too, and what the app has to say to them stays in the kernel. Who
//! has little on its way needs no place: any number of event streams and long polls go on
//! side by side, and so does whoever waits for the head of an answer, or for an answer that
//! says itself that it is small.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::coop::{has_budget_remaining, poll_proceed};
use tokio::time::{Sleep, sleep};

use crate::adapters::clock::Moment;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::cancel_handles::CancelHandles;
use crate::gateway::connection::response_timeout::has_taken_all;

/// Streams that run freely, half a MiB each at most (measured with answers that nobody
/// reads).
const FREE: usize = 3;
/// Streams that are in a step, or stand still after some: a few pieces of 64 KiB each. As many
/// large answers as a page asks for at once.
const STEPPING: usize = 14;
/// Streams that send, while what they sent is on its way to the app: six frames of the client
/// each.
const UPLOADING: usize = 5;
/// How often an app that was slow to take a body is looked at: what others send meanwhile may
/// fill the window, so that no piece comes which would show that it has caught up. A guess.
const APP_INTERVAL: Duration = Duration::from_millis(100);
/// Steps in which a stream may take in what it does not give out.
const UNSEEN: usize = 2;
/// More than this of an answer that was not taken needs a place.
pub(crate) const LITTLE: usize = 16 * 1024;
/// What a step may do, of the operations that tokio lets a task do at once: read a piece and
/// pass it on.
const STEP: usize = 2;
/// As many as tokio gives (`coop::Budget::initial`).
const BUDGET: usize = 128;

/// The places of one connection.
#[derive(Debug, Default)]
pub(crate) struct Share {
    free: AtomicUsize,
    stepping: AtomicUsize,
    uploading: AtomicUsize,
    waiting: Mutex<VecDeque<Waker>>,
    waits: AtomicUsize,
    holders: CancelHandles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Stepping,
    Uploading,
}

impl Share {
    /// Runs a stream of the connection as its share allows. Over HTTP/1 a connection has one
    /// request, and its share is what that takes.
    pub(crate) async fn run<T>(
        &self,
        handle: &Arc<CancelHandle>,
        stream: impl Future<Output = T>,
    ) -> T {
        let mut stream = pin!(stream);
        let mut turn = (!handle.line.arrival.is_http1()).then(|| Turn::of(self, handle));
        poll_fn(|cx| match &mut turn {
            None => stream.as_mut().poll(cx),
            Some(turn) => turn.run(cx, |cx| stream.as_mut().poll(cx)),
        })
        .await
    }

    fn count(&self, place: Place) -> (&AtomicUsize, usize) {
        match place {
            Place::Free => (&self.free, FREE),
            Place::Stepping => (&self.stepping, STEPPING),
            Place::Uploading => (&self.uploading, UPLOADING),
        }
    }

    fn take(&self, place: Place) -> bool {
        let (taken, most) = self.count(place);
        let one_more = |taken: usize| (taken < most).then(|| taken.saturating_add(1));
        taken
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more)
            .is_ok()
    }

    fn give_back(&self, place: Place) {
        self.count(place).0.fetch_sub(1, Ordering::SeqCst);
        if self.waits.swap(0, Ordering::SeqCst) > 0 {
            let waiting = std::mem::take(&mut *self.waiting.lock());
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    fn wait(&self, waker: &Waker) {
        let mut waiting = self.waiting.lock();
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push_back(waker.clone());
        }
        self.waits.fetch_add(1, Ordering::SeqCst);
    }

    /// While somebody waits: the streams that have a place and have stood still since before
    /// `then`.
    pub(crate) fn stalled(&self, then: Moment) -> Vec<Arc<CancelHandle>> {
        if self.waits.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        let mut stalled = self.holders.all();
        stalled.retain(|handle| handle.progress.unread() > 0 && handle.progress.moved() < then);
        stalled
    }
}

/// What one stream has of its connection's share.
struct Turn<'a> {
    share: &'a Share,
    handle: &'a Arc<CancelHandle>,
    place: Option<Place>,
    /// Steps in which something came in since something last went by our filters.
    unseen: usize,
    /// Looks at a slow app again.
    again: Option<Pin<Box<Sleep>>>,
}

impl<'a> Turn<'a> {
    fn of(share: &'a Share, handle: &'a Arc<CancelHandle>) -> Self {
        Self {
            share,
            handle,
            place: None,
            unseen: 0,
            again: None,
        }
    }

    /// Runs the stream if it may run now; else it is woken when it may.
    fn run<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.handle.progress.is_sent.get() {
            return poll(cx);
        }
        if !self.comes(cx) {
            return Poll::Pending;
        }
        let (_earlier, seen) = (self.handle.was_woken(), self.handle.progress.pieces());
        // What is sent to the app goes on as far as that takes it, without a stop in between.
        let uploads =
            self.handle.progress.is_uploading.get() && !self.handle.progress.is_answered.get();
        if self.place != Some(Place::Free) && !uploads {
            spend(cx);
        }
        let waker = Waker::from(Arc::clone(self.handle));
        let done = poll(&mut Context::from_waker(&waker));
        if self.handle.progress.pieces() != seen {
            self.unseen = 0;
        } else if !has_budget_remaining() && self.handle.progress.is_answered.get() {
            self.unseen = self.unseen.saturating_add(1);
        }
        // Woken meanwhile, it has not come to its end.
        if done.is_pending() && !self.handle.was_woken() {
            self.ends();
        }
        done
    }

    fn has_little(&self) -> bool {
        self.handle.progress.unread() <= LITTLE
    }

    /// Whether the stream may run now; else it is woken when it may.
    fn comes(&mut self, cx: &mut Context<'_>) -> bool {
        let is_small =
            !self.handle.progress.is_answered.get() || self.handle.progress.has_small_answer.get();
        if is_small && !self.handle.progress.owes_body.get() {
            return true;
        }
        let mut runs = self.enter();
        if !runs {
            self.share.wait(cx.waker());
            // A place may have become free before somebody knew that we wait.
            runs = self.enter();
        }
        self.handle.progress.is_waiting.set(!runs);
        runs
    }

    fn enter(&mut self) -> bool {
        let share = self.share;
        match self.place {
            Some(Place::Free) => true,
            Some(_) if self.has_little() && self.unseen <= UNSEEN => true,
            Some(place) => {
                let freed = share.take(Place::Free);
                if freed {
                    self.place = Some(Place::Free);
                    share.give_back(place);
                }
                freed
            }
            None => {
                let place = match self.handle.progress.owes_body.get() {
                    true => Place::Uploading,
                    false => Place::Stepping,
                };
                self.place = share.take(place).then_some(place);
                self.place.is_some()
            }
        }
    }

    /// The stream ran, and waits for something. Where that is its client who does not take, or
    /// an app that is slow to take a body, it keeps its place. An app that has the whole body
    /// may think for as long as it likes.
    fn ends(&mut self) {
        let waits_for_app = self.waits_for_app();
        self.again = waits_for_app.then(|| Box::pin(sleep(APP_INTERVAL)));
        if let Some(again) = &mut self.again {
            let waker = Waker::from(Arc::clone(self.handle));
            let _pending = again.as_mut().poll(&mut Context::from_waker(&waker));
        }
        if self.has_little() && self.unseen == 0 && !waits_for_app {
            self.leave();
        } else if self.handle.progress.holds_place.change(true) {
            self.share.holders.add(self.handle);
        }
    }

    /// Whether more of a body is to come and the app has not taken what came.
    fn waits_for_app(&self) -> bool {
        let progress = &self.handle.progress;
        let was_slow = progress.owes_body.get() && progress.is_app_slow.get();
        let is_slow = was_slow && !has_taken_all(progress.app.load(Ordering::Relaxed));
        progress.is_app_slow.set(is_slow);
        is_slow
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.share.give_back(place);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Leaves this task no more than a step of what it may do before others have their turn.
fn spend(cx: &mut Context<'_>) {
    for _ in STEP..BUDGET {
        let Poll::Ready(one) = poll_proceed(cx) else {
            return;
        };
        one.made_progress();
    }
}

#[cfg(test)]
mod tests;
