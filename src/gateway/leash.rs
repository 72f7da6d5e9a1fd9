//! The leash of a request: who holds it can end the request from outside.
//!
//! Pingora runs a request as one future and asks our filters only while bytes flow, so
//! a silent exchange would never hear that its session is over. `front` therefore waits
//! for the request and for its leash at once, and drops the request when the leash is
//! pulled. What a request counts or registers must be a drop guard.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::house::House;
use super::line::Line;
use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::auth::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

tokio::task_local! {
    /// The leash of the request that this task is polling. Pingora makes the context of a
    /// request inside of it and passes nothing along.
    static LEASH: Arc<Leash>;
}

/// For whom a request was admitted.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    /// Until when its access token is good.
    pub(super) until: Timestamp,
    /// When that was.
    pub(super) at: Moment,
}

/// Nobody has registered the request.
const FRESH: u8 = 0;
/// It stands among the open connections, or soon will.
const REGISTERED: u8 = 1;
/// It has ended.
const OVER: u8 = 2;

/// Of one request.
#[derive(Debug)]
pub(super) struct Leash {
    /// The connection on which the request came.
    pub(super) line: Arc<Line>,
    admitted: OnceLock<Admitted>,
    state: AtomicU8,
    is_answered: AtomicBool,
    may_finish: AtomicBool,
    why: OnceLock<Denial>,
    /// Wakes who holds it.
    holder: OnceLock<Waker>,
    /// Wakes it instead, should it ever go on in another task.
    later_holder: Mutex<Option<Waker>>,
}

impl Leash {
    pub(super) fn new(line: &Arc<Line>) -> Arc<Self> {
        Arc::new(Self {
            line: Arc::clone(line),
            admitted: OnceLock::new(),
            state: AtomicU8::new(FRESH),
            is_answered: AtomicBool::new(false),
            may_finish: AtomicBool::new(false),
            why: OnceLock::new(),
            holder: OnceLock::new(),
            later_holder: Mutex::default(),
        })
    }

    /// The request was admitted for this session, and must not outlive it.
    pub(super) fn admit(self: &Arc<Self>, session: &Session) {
        self.admit_as(session.id, session.user(), session.dates.expires);
    }

    /// The same, for a session of this user whose access token is good until then.
    pub(super) fn admit_as(self: &Arc<Self>, session: SessionId, user: &UserId, until: Timestamp) {
        let admitted = Admitted {
            session,
            user: user.clone(),
            until,
            at: Moment::now(),
        };
        if let Ok(()) = self.admitted.set(admitted) {
            self.line.exchanges.begin(self);
        }
    }

    /// For whom, if for anybody.
    pub(super) fn admitted(&self) -> Option<&Admitted> {
        self.admitted.get()
    }

    /// The final head of an answer is on its way to the client.
    pub(super) fn answers(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the client can still be told anything.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// What is left of the exchange is a download of known length, which may outlive its
    /// session.
    pub(super) fn let_finish(&self) {
        self.may_finish.store(true, Ordering::Release);
    }

    /// Whether it may outlive its session.
    pub(super) fn may_finish(&self) -> bool {
        self.may_finish.load(Ordering::Acquire)
    }

    /// Whether nobody has registered it, and it goes on.
    pub(super) fn is_fresh(&self) -> bool {
        self.state.load(Ordering::SeqCst) == FRESH
    }

    /// Whether it stands among the open connections.
    pub(super) fn is_registered(&self) -> bool {
        self.state.load(Ordering::SeqCst) == REGISTERED
    }

    /// `true` once, for whoever is to register it.
    pub(super) fn takes_registration(&self) -> bool {
        let order = Ordering::SeqCst;
        let fresh = self.state.compare_exchange(FRESH, REGISTERED, order, order);
        fresh.is_ok()
    }

    /// Ends the request. Of several reasons the first counts.
    pub(super) fn pull(&self, why: Denial) {
        let _earlier = self.why.set(why);
        let later = self.later_holder.lock().take();
        if let Some(holder) = later {
            holder.wake();
        }
        if let Some(holder) = self.holder.get() {
            holder.wake_by_ref();
        }
    }

    /// Why it was pulled, if it was.
    pub(super) fn why(&self) -> Option<Denial> {
        self.why.get().copied()
    }

    /// Runs a request on this leash; `None` if the leash was pulled before its end.
    pub(super) async fn hold<T>(
        self: &Arc<Self>,
        house: &House,
        request: impl Future<Output = T>,
    ) -> Option<T> {
        let _until_its_end = Held { leash: self, house };
        let mut request = pin!(LEASH.scope(Arc::clone(self), request));
        poll_fn(|cx| {
            if let Poll::Ready(done) = request.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            // A task wakes by the same waker as long as it lives.
            let holder = self.holder.get_or_init(|| cx.waker().clone());
            if !holder.will_wake(cx.waker()) {
                *self.later_holder.lock() = Some(cx.waker().clone());
            }
            // After that, so that no pull falls between the two.
            if self.why().is_none() {
                return Poll::Pending;
            }
            if !self.is_answered() {
                self.line.owes_a_word();
            }
            Poll::Ready(None)
        })
        .await
    }

    /// The leash of the request that is being polled; `None` outside of any.
    pub(super) fn of_this_request() -> Option<Arc<Self>> {
        LEASH.try_with(Arc::clone).ok()
    }
}

/// A request that goes on. What was registered of it goes with it.
struct Held<'a> {
    leash: &'a Arc<Leash>,
    house: &'a House,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.leash.state.swap(OVER, Ordering::SeqCst) == REGISTERED {
            self.house.open.remove(self.leash);
        }
    }
}

/// The head of the request that is being polled was read: its time no longer runs.
pub(super) fn head_is_whole() {
    if let Some(leash) = Leash::of_this_request() {
        leash.line.arrival.is_whole();
    }
}
