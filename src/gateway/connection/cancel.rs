//! The cancel handle of a request: who holds it can end the request from outside.
//!
//! Pingora runs a request as one future and asks our filters only while bytes flow, so
//! a silent exchange would never hear that its session is over. `server_app` therefore
//! waits for the request and for its cancel handle at once, and drops the request when that
//! is used. What a request counts or registers must be a drop guard.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};

use bytes::Bytes;
use http::HeaderValue;
use parking_lot::Mutex;

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::auth::session::Session;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request_id::RequestId;
use crate::domain::time::Timestamp;
use crate::gateway::connection::exchanges::Exchanges;
use crate::gateway::connection::flag::Flag;
use crate::gateway::connection::handle::ConnectionHandle;
use crate::service::live_connections::Cancel;

tokio::task_local! {
    /// The cancel handle of the request that this task is polling. Pingora makes the context of a
    /// request inside of it and passes nothing along.
    static HANDLE: Arc<CancelHandle>;
}

/// For whom a request was admitted.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    /// Until when its access token is good.
    pub(crate) until: Timestamp,
    /// When that was.
    pub(crate) at: Moment,
}

/// Nobody has registered the request.
const FRESH: u8 = 0;
/// It stands among the open connections, or soon will.
const REGISTERED: u8 = 1;
/// It has ended.
const OVER: u8 = 2;

/// How far a request has come, as what it is ended for depends on it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// A hook has seen the request; what pingora refuses by itself none has.
    pub(crate) is_begun: Flag,
    /// It is a HEAD, whose answer has no body whatever it says.
    pub(crate) asks_for_head: Flag,
    /// It has a body of which not all has come.
    pub(crate) owes_body: Flag,
    /// More of the body will come, after some has.
    pub(crate) is_uploading: Flag,
    /// The app is slow to take the body, as of its last piece or of a later look.
    pub(crate) is_app_slow: Flag,
    /// The descriptor of the connection to the app; 0 while there is none.
    pub(crate) app: AtomicI32,
    /// It waits for others of its connection, so that neither its client nor the app is late.
    pub(crate) is_waiting: Arc<Flag>,
    /// It is on its way to the app, from which much may come.
    pub(crate) is_sent: Flag,
    /// The final head of an answer is on its way: the client can be told nothing else.
    pub(crate) is_answered: Flag,
    /// The answer says that it is small.
    pub(crate) has_small_answer: Flag,
    /// What is left is a download of known length, which may outlive its session.
    pub(crate) may_finish: Flag,
    /// It counts among the answers that are not taken.
    pub(crate) is_unread: Flag,
    /// It is known to have a place of its connection's share.
    pub(crate) holds_place: Flag,
    unread: AtomicUsize,
    moved: AtomicU64,
    pieces: AtomicUsize,
}

impl Progress {
    /// So much of its answer came from the app and was not taken, as of now.
    pub(crate) fn note_unread(&self, bytes: usize) {
        self.unread.store(bytes, Ordering::Relaxed);
        self.moved.store(Moment::now().millis(), Ordering::Relaxed);
        self.pieces.fetch_add(1, Ordering::Relaxed);
    }

    /// How much that is.
    pub(crate) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    /// When its answer last went on.
    pub(crate) fn moved(&self) -> Moment {
        Moment::from_millis(self.moved.load(Ordering::Relaxed))
    }

    /// How many pieces of its answer have come.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.load(Ordering::Relaxed)
    }
}

/// Of one request.
#[derive(Debug)]
pub(crate) struct CancelHandle {
    /// The connection on which the request came.
    pub(crate) line: Arc<ConnectionHandle>,
    /// How far it has come.
    pub(crate) progress: Progress,
    exchanges: Arc<Exchanges>,
    /// The header and the id by which it is known.
    named: OnceLock<(Bytes, RequestId)>,
    /// The trace that it is a part of.
    traceparent: OnceLock<HeaderValue>,
    admitted: OnceLock<Admitted>,
    state: AtomicU8,
    was_woken: AtomicBool,
    why: OnceLock<Denial>,
    /// Wakes who holds it.
    holder: OnceLock<Waker>,
    /// Wakes it instead, should it ever go on in another task.
    later_holder: Mutex<Option<Waker>>,
    has_moved: Flag,
}

impl CancelHandle {
    /// Of a request of this connection, among its exchanges.
    pub(crate) fn new(line: &Arc<ConnectionHandle>, exchanges: &Arc<Exchanges>) -> Arc<Self> {
        Arc::new(Self {
            line: Arc::clone(line),
            exchanges: Arc::clone(exchanges),
            progress: Progress::default(),
            named: OnceLock::new(),
            traceparent: OnceLock::new(),
            admitted: OnceLock::new(),
            state: AtomicU8::new(FRESH),
            was_woken: AtomicBool::new(false),
            why: OnceLock::new(),
            holder: OnceLock::new(),
            later_holder: Mutex::default(),
            has_moved: Flag::default(),
        })
    }

    /// The request is known by this id, in a header of this name, and part of this trace.
    pub(crate) fn name(&self, header: Bytes, id: RequestId, trace: Option<HeaderValue>) {
        let _once = self.named.set((header, id));
        if let Some(trace) = trace {
            let _once = self.traceparent.set(trace);
        }
    }

    /// By what it is known, if a hook has seen it.
    pub(crate) fn named(&self) -> Option<&(Bytes, RequestId)> {
        self.named.get()
    }

    /// The request was admitted for this session, and must not outlive it.
    pub(crate) fn admit(self: &Arc<Self>, session: &Session) {
        self.admit_as(session.id, session.user(), session.dates.expires);
    }

    /// The same, for a session of this user whose access token is good until then.
    pub(crate) fn admit_as(self: &Arc<Self>, session: SessionId, user: &UserId, until: Timestamp) {
        let admitted = Admitted {
            session,
            user: user.clone(),
            until,
            at: Moment::now(),
        };
        if let Ok(()) = self.admitted.set(admitted) {
            self.exchanges.begin(self);
        }
    }

    /// For whom, if for anybody.
    pub(crate) fn admitted(&self) -> Option<&Admitted> {
        self.admitted.get()
    }

    /// Whether somebody has woken the request since this was asked last.
    pub(crate) fn was_woken(&self) -> bool {
        self.was_woken.swap(false, Ordering::SeqCst)
    }

    /// Whether nobody has registered it, and it goes on.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state.load(Ordering::SeqCst) == FRESH
    }

    /// Whether it stands among the open connections.
    pub(crate) fn is_registered(&self) -> bool {
        self.state.load(Ordering::SeqCst) == REGISTERED
    }

    /// `true` once, for whoever is to register it.
    pub(crate) fn takes_registration(&self) -> bool {
        let order = Ordering::SeqCst;
        let fresh = self.state.compare_exchange(FRESH, REGISTERED, order, order);
        fresh.is_ok()
    }

    /// It has ended; whether it was registered.
    pub(crate) fn ends(&self) -> bool {
        self.state.swap(OVER, Ordering::SeqCst) == REGISTERED
    }

    /// Ends the request. Of several reasons the first counts.
    pub(crate) fn cancel(&self, why: Denial) {
        let _earlier = self.why.set(why);
        self.wake_holder();
    }

    fn wake_holder(&self) {
        match self.holder.get() {
            Some(holder) if !self.has_moved.get() => holder.wake_by_ref(),
            _ => {
                let later = self.later_holder.lock().clone();
                if let Some(holder) = later {
                    holder.wake();
                }
            }
        }
    }

    /// Why it was ended from outside, if it was.
    pub(crate) fn why(&self) -> Option<Denial> {
        self.why.get().copied()
    }

    /// Runs a request; `None` if it was ended from outside before its own end.
    pub(crate) async fn run_until_cancelled<T>(
        self: &Arc<Self>,
        request: impl Future<Output = T>,
    ) -> Option<T> {
        let mut request = pin!(HANDLE.scope(Arc::clone(self), request));
        poll_fn(|cx| {
            // Before it runs: over HTTP/2 it is woken through this.
            self.is_held_by(cx.waker());
            if let Poll::Ready(done) = request.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            // After that, so that no end falls between the two.
            if self.why().is_none() {
                return Poll::Pending;
            }
            if !self.progress.is_answered.get() {
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
            self.has_moved.set(true);
        }
    }

    /// The cancel handle of the request that is being polled, which has begun by now; `None` outside
    /// of any.
    pub(crate) fn of_this_request() -> Option<Arc<Self>> {
        let handle = HANDLE.try_with(Arc::clone).ok()?;
        handle.progress.is_begun.set(true);
        Some(handle)
    }

    /// The id and the trace of the request that is being polled; `None` outside of any.
    pub(crate) fn names_of_this_request() -> (Option<RequestId>, Option<HeaderValue>) {
        let names = |handle: &Arc<Self>| {
            let id = handle.named().map(|(_, id)| id.clone());
            (id, handle.traceparent.get().cloned())
        };
        HANDLE.try_with(names).unwrap_or_default()
    }
}

impl Cancel for CancelHandle {
    fn cancel(&self, why: Denial) {
        self.cancel(why);
    }

    fn may_finish(&self) -> bool {
        self.progress.may_finish.get()
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

/// The head of the request that is being polled was read: its time no longer runs.
pub(crate) fn head_is_whole() {
    if let Some(handle) = CancelHandle::of_this_request() {
        handle.line.arrival.is_whole();
    }
}
