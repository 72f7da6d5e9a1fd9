//! The cancel handle of a request: who holds it can end the request from outside.
//!
//! Pingora runs a request as one future and asks our filters only while bytes flow, so
//! a silent exchange would never hear that its session is over. `server_app` therefore
//! waits for the request and for its cancel handle at once, and drops the request when that
//! is used. What a request counts or registers must be a drop guard.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};

use parking_lot::Mutex;

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::auth::ports::Revoked as _;
use crate::auth::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::gateway::connection::h2_share::Turn;
use crate::gateway::connection::handle::ConnectionHandle;
use crate::gateway::connection::surroundings::Surroundings;
use crate::service::live_connections::Cancel;

tokio::task_local! {
    /// The cancel handle of the request that this task is polling. Pingora makes the context of a
    /// request inside of it and passes nothing along.
    static HANDLE: Arc<CancelHandle>;
}

/// For whom a request was admitted.
#[derive(Debug)]
pub(in crate::gateway) struct Admitted {
    pub(in crate::gateway) session: SessionId,
    pub(in crate::gateway) user: UserId,
    /// Until when its access token is good.
    pub(in crate::gateway) until: Timestamp,
    /// When that was.
    pub(in crate::gateway) at: Moment,
}

/// Nobody has registered the request.
const FRESH: u8 = 0;
/// It stands among the open connections, or soon will.
const REGISTERED: u8 = 1;
/// It has ended.
const OVER: u8 = 2;

/// Of one request.
#[derive(Debug)]
pub(in crate::gateway) struct CancelHandle {
    /// The connection on which the request came.
    pub(in crate::gateway) line: Arc<ConnectionHandle>,
    admitted: OnceLock<Admitted>,
    state: AtomicU8,
    /// Whether a hook has seen the request.
    is_begun: AtomicBool,
    is_answered: AtomicBool,
    /// Whether it is a HEAD, whose answer has no body whatever it says.
    asks_for_head: AtomicBool,
    may_finish: AtomicBool,
    /// Bytes of the answer that came from the app and were not taken, and when that changed.
    unread: AtomicUsize,
    moved: AtomicU64,
    pieces: AtomicUsize,
    is_sent: AtomicBool,
    is_app_slow: AtomicBool,
    is_uploading: AtomicBool,
    owes_body: AtomicBool,
    has_small_answer: AtomicBool,
    counts: AtomicBool,
    holds_place: AtomicBool,
    was_woken: AtomicBool,
    why: OnceLock<Denial>,
    /// Wakes who holds it.
    holder: OnceLock<Waker>,
    /// Wakes it instead, should it ever go on in another task.
    later_holder: Mutex<Option<Waker>>,
    has_moved: AtomicBool,
}

impl CancelHandle {
    pub(in crate::gateway) fn new(line: &Arc<ConnectionHandle>) -> Arc<Self> {
        Arc::new(Self {
            line: Arc::clone(line),
            admitted: OnceLock::new(),
            state: AtomicU8::new(FRESH),
            is_begun: AtomicBool::new(false),
            is_answered: AtomicBool::new(false),
            asks_for_head: AtomicBool::new(false),
            may_finish: AtomicBool::new(false),
            unread: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            pieces: AtomicUsize::new(0),
            is_sent: AtomicBool::new(false),
            is_app_slow: AtomicBool::new(false),
            is_uploading: AtomicBool::new(false),
            owes_body: AtomicBool::new(false),
            has_small_answer: AtomicBool::new(false),
            counts: AtomicBool::new(false),
            holds_place: AtomicBool::new(false),
            was_woken: AtomicBool::new(false),
            why: OnceLock::new(),
            holder: OnceLock::new(),
            later_holder: Mutex::default(),
            has_moved: AtomicBool::new(false),
        })
    }

    /// The request was admitted for this session, and must not outlive it.
    pub(in crate::gateway) fn admit(self: &Arc<Self>, session: &Session) {
        self.admit_as(session.id, session.user(), session.dates.expires);
    }

    /// The same, for a session of this user whose access token is good until then.
    pub(in crate::gateway) fn admit_as(
        self: &Arc<Self>,
        session: SessionId,
        user: &UserId,
        until: Timestamp,
    ) {
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

    /// The answer says that it is small.
    pub(in crate::gateway) fn note_small_answer(&self) {
        self.has_small_answer.store(true, Ordering::Relaxed);
    }

    /// Whether it did.
    pub(in crate::gateway) fn has_small_answer(&self) -> bool {
        self.has_small_answer.load(Ordering::Relaxed)
    }

    /// The request is a HEAD.
    pub(in crate::gateway) fn note_head(&self) {
        self.asks_for_head.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(in crate::gateway) fn asks_for_head(&self) -> bool {
        self.asks_for_head.load(Ordering::Relaxed)
    }

    /// For whom, if for anybody.
    pub(in crate::gateway) fn admitted(&self) -> Option<&Admitted> {
        self.admitted.get()
    }

    /// The final head of an answer is on its way to the client.
    pub(in crate::gateway) fn answers(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the client can still be told anything.
    pub(in crate::gateway) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// What is left of the exchange is a download of known length, which may outlive its
    /// session.
    pub(in crate::gateway) fn let_finish(&self) {
        self.may_finish.store(true, Ordering::Release);
    }

    /// Whether it may outlive its session.
    pub(in crate::gateway) fn may_finish(&self) -> bool {
        self.may_finish.load(Ordering::Acquire)
    }

    /// So much of its answer is on its way to the client, as of now.
    pub(in crate::gateway) fn note_unread(&self, bytes: usize) {
        self.unread.store(bytes, Ordering::Relaxed);
        self.moved.store(Moment::now().millis(), Ordering::Relaxed);
        self.pieces.fetch_add(1, Ordering::Relaxed);
    }

    /// How many pieces of its answer have come.
    pub(in crate::gateway) fn pieces(&self) -> usize {
        self.pieces.load(Ordering::Relaxed)
    }

    /// Whether the app is slow to take the body that this request sends.
    pub(in crate::gateway) fn note_slow_app(&self, is_slow: bool) {
        self.is_app_slow.store(is_slow, Ordering::Relaxed);
    }

    /// Whether its body is on its way.
    pub(in crate::gateway) fn note_uploading(&self, is_uploading: bool) {
        self.is_uploading.store(is_uploading, Ordering::Relaxed);
        self.owes_body.store(is_uploading, Ordering::Relaxed);
    }

    /// It has a body, of which nothing has come yet.
    pub(in crate::gateway) fn note_body(&self) {
        self.owes_body.store(true, Ordering::Relaxed);
    }

    /// Whether it has a body of which not all has come.
    pub(in crate::gateway) fn owes_body(&self) -> bool {
        self.owes_body.load(Ordering::Relaxed)
    }

    /// Whether more of its body will come.
    pub(in crate::gateway) fn is_uploading(&self) -> bool {
        self.is_uploading.load(Ordering::Relaxed)
    }

    /// Whether it was when the last piece came.
    pub(in crate::gateway) fn is_app_slow(&self) -> bool {
        self.is_app_slow.load(Ordering::Relaxed)
    }

    /// The request is on its way to the app, from which much may come.
    pub(in crate::gateway) fn send(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }

    /// Whether it is on its way to the app.
    pub(in crate::gateway) fn is_sent(&self) -> bool {
        self.is_sent.load(Ordering::Relaxed)
    }

    /// How much of its answer is on its way to the client.
    pub(in crate::gateway) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    /// When its answer last went on.
    pub(in crate::gateway) fn moved(&self) -> Moment {
        Moment::from_millis(self.moved.load(Ordering::Relaxed))
    }

    /// `true` once, until it stops to count among the answers that are not taken.
    pub(in crate::gateway) fn starts_to_count(&self) -> bool {
        !self.counts() && !self.counts.swap(true, Ordering::Relaxed)
    }

    /// `true` if it did count among them.
    pub(in crate::gateway) fn stops_to_count(&self) -> bool {
        self.counts() && self.counts.swap(false, Ordering::Relaxed)
    }

    /// Whether it counts among the answers that are not taken.
    pub(in crate::gateway) fn counts(&self) -> bool {
        self.counts.load(Ordering::Relaxed)
    }

    /// Whether it was known before to have a place of its connection's share.
    pub(in crate::gateway) fn holds_place(&self) -> bool {
        self.holds_place.swap(true, Ordering::Relaxed)
    }

    /// Whether somebody has woken the request since this was asked last.
    pub(in crate::gateway) fn was_woken(&self) -> bool {
        self.was_woken.swap(false, Ordering::SeqCst)
    }

    /// Whether nobody has registered it, and it goes on.
    pub(in crate::gateway) fn is_fresh(&self) -> bool {
        self.state.load(Ordering::SeqCst) == FRESH
    }

    /// Whether it stands among the open connections.
    pub(in crate::gateway) fn is_registered(&self) -> bool {
        self.state.load(Ordering::SeqCst) == REGISTERED
    }

    /// Registers it, once it lasts, so that it ends with the session for which it was admitted.
    pub(in crate::gateway) fn register(self: &Arc<Self>, surroundings: &dyn Surroundings) {
        let Some(admitted) = self.admitted() else {
            return;
        };
        if self.may_finish() || !self.takes_registration() {
            return;
        }
        let whose = (admitted.session, &admitted.user);
        let exchange: Arc<dyn Cancel> = Arc::<Self>::clone(self);
        let sessions = surroundings.sessions();
        let count = surroundings.metrics().session_connection();
        sessions.live.add(whose, admitted.until, &exchange, count);
        // It ended while it was registered, and may not have been found.
        if !self.is_registered() {
            self.leave(surroundings);
        }
        // Revoked since the gate looked, and before the exchange stood in the list.
        if sessions.index.is_revoked(admitted.session, &admitted.user) {
            self.cancel(Denial::SessionRevoked);
        }
    }

    fn leave(self: &Arc<Self>, surroundings: &dyn Surroundings) {
        if let Some(admitted) = self.admitted() {
            let exchange: Arc<dyn Cancel> = Arc::<Self>::clone(self);
            surroundings
                .sessions()
                .live
                .remove(admitted.session, &exchange);
        }
    }

    /// `true` once, for whoever is to register it.
    pub(in crate::gateway) fn takes_registration(&self) -> bool {
        let order = Ordering::SeqCst;
        let fresh = self.state.compare_exchange(FRESH, REGISTERED, order, order);
        fresh.is_ok()
    }

    /// Ends the request. Of several reasons the first counts.
    pub(in crate::gateway) fn cancel(&self, why: Denial) {
        let _earlier = self.why.set(why);
        self.wake_holder();
    }

    fn wake_holder(&self) {
        match self.holder.get() {
            Some(holder) if !self.has_moved.load(Ordering::Acquire) => holder.wake_by_ref(),
            _ => {
                let later = self.later_holder.lock().clone();
                if let Some(holder) = later {
                    holder.wake();
                }
            }
        }
    }

    /// Why it was ended from outside, if it was.
    pub(in crate::gateway) fn why(&self) -> Option<Denial> {
        self.why.get().copied()
    }

    /// Runs a request; `None` if it was ended from outside before its own end.
    pub(in crate::gateway) async fn run_until_cancelled<T>(
        self: &Arc<Self>,
        surroundings: &dyn Surroundings,
        request: impl Future<Output = T>,
    ) -> Option<T> {
        let _until_its_end = Held {
            handle: self,
            surroundings,
        };
        let mut request = pin!(HANDLE.scope(Arc::clone(self), request));
        // Over HTTP/1 a connection has one request, and its share is what that takes.
        let mut turn = (!self.line.arrival.is_http1()).then(|| Turn::of(self));
        poll_fn(|cx| {
            // Before it runs: over HTTP/2 it is woken through this.
            self.is_held_by(cx.waker());
            let done = match &mut turn {
                None => request.as_mut().poll(cx),
                Some(turn) => turn.run(cx, |cx| request.as_mut().poll(cx)),
            };
            if let Poll::Ready(done) = done {
                return Poll::Ready(Some(done));
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

    fn is_held_by(&self, waker: &Waker) {
        let holder = self.holder.get_or_init(|| waker.clone());
        if !holder.will_wake(waker) {
            *self.later_holder.lock() = Some(waker.clone());
            self.has_moved.store(true, Ordering::Release);
        }
    }

    /// The cancel handle of the request that is being polled, which has begun by now; `None` outside
    /// of any.
    pub(in crate::gateway) fn of_this_request() -> Option<Arc<Self>> {
        let handle = HANDLE.try_with(Arc::clone).ok()?;
        handle.is_begun.store(true, Ordering::Relaxed);
        Some(handle)
    }

    /// Whether a hook has seen the request; what pingora refuses by itself none has.
    pub(in crate::gateway) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Relaxed)
    }
}

impl Cancel for CancelHandle {
    fn cancel(&self, why: Denial) {
        self.cancel(why);
    }

    fn may_finish(&self) -> bool {
        self.may_finish.load(Ordering::Acquire)
    }

    fn take_use(&self) -> Option<Timestamp> {
        self.line.take_use()
    }
}

/// So that a stream that runs in turns knows that it has more to do.
impl Wake for CancelHandle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.was_woken.store(true, Ordering::SeqCst);
        self.wake_holder();
    }
}

/// A request that goes on. What was registered of it goes with it.
struct Held<'a> {
    handle: &'a Arc<CancelHandle>,
    surroundings: &'a dyn Surroundings,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.surroundings.unread().forget(self.handle);
        if self.handle.state.swap(OVER, Ordering::SeqCst) == REGISTERED {
            self.handle.leave(self.surroundings);
        }
    }
}

/// The head of the request that is being polled was read: its time no longer runs.
pub(in crate::gateway) fn head_is_whole() {
    if let Some(handle) = CancelHandle::of_this_request() {
        handle.line.arrival.is_whole();
    }
}
