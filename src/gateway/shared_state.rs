//! What all requests share: the snapshot of this moment, and the few things that
//! outlive a snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::adapters::observe::access;
use crate::adapters::observe::metrics::{Metrics, Verdict};
use crate::adapters::store::replica::RevocationIndex;
use crate::adapters::users::hashing::HashPool;
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::event::Event;
use crate::auth::ports::{Attempts, Store, StoreError};
use crate::config::settings::LogFormat;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::unread_answers::UnreadAnswers;
use crate::gateway::request::hints::Hints;
use crate::gateway::snapshot::Snapshot;
use crate::service::login::LoginService;
use crate::service::sessions::SessionService;

/// Shared by every service of one gateway.
pub struct SharedState {
    current: ArcSwap<Snapshot>,
    /// Sessions: kept, in force, open.
    pub sessions: Arc<SessionService>,
    /// How audit lines are written now.
    audit_format: Arc<ArcSwap<LogFormat>>,
    /// What of all answers was not taken.
    pub(super) unread: UnreadAnswers,
    /// Logins.
    pub logins: LoginService<HashPool>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Woken when the upstream's addresses should be looked up again now.
    pub resolve_now: Notify,
    settled: clock::StepTolerantClock,
    draining: AtomicBool,
    relieved: AtomicBool,
    /// What the operator was told of the set-up.
    pub(super) hints: Hints,
}

impl SharedState {
    /// Furnishes the house with its first snapshot.
    pub fn new(
        snapshot: Snapshot,
        store: Arc<dyn Store>,
        attempts: Arc<dyn Attempts>,
        replica: Arc<RevocationIndex>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let login = &snapshot.settings.login;
        let audit_format = Arc::new(ArcSwap::from_pointee(snapshot.settings.log.format));
        let format = Arc::clone(&audit_format);
        let audit = Box::new(move |event: &Event| {
            let (id, trace) = CancelHandle::names_of_this_request();
            access::audit(**format.load(), event, id.as_ref(), trace.as_ref());
        });
        let sessions = SessionService::new(store, replica, Arc::clone(&metrics), audit);
        let sessions = Arc::new(sessions);
        let pool = HashPool::new(
            login.concurrent_hashes,
            login.hash_queue,
            Arc::clone(&metrics),
        );
        let logins = LoginService::new(Arc::clone(&sessions), attempts, pool, entropy::random());
        Self {
            unread: UnreadAnswers::default(),
            logins,
            current: ArcSwap::from_pointee(snapshot),
            sessions,
            audit_format,
            metrics,
            resolve_now: Notify::new(),
            settled: clock::StepTolerantClock::default(),
            draining: AtomicBool::new(false),
            relieved: AtomicBool::new(false),
            hints: Hints::default(),
        }
    }

    /// The settings of this moment. Load once a request and keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts a new snapshot in force, for every request that begins from now on.
    pub fn replace(&self, snapshot: Snapshot) {
        let old = self.snapshot();
        let (new, was) = (&snapshot.settings.login, &old.settings.login);
        if (new.concurrent_hashes, new.hash_queue) != (was.concurrent_hashes, was.hash_queue) {
            let pool = HashPool::new(
                new.concurrent_hashes,
                new.hash_queue,
                Arc::clone(&self.metrics),
            );
            self.logins.replace_passwords(pool);
        }
        self.audit_format
            .store(Arc::new(snapshot.settings.log.format));
        snapshot.policy.machines.inherit(&old.policy.machines);
        self.current.store(Arc::new(snapshot));
        self.hints.begin_anew();
    }

    /// Counts a request that began at `since` until the guard is dropped.
    pub fn enter(self: &Arc<Self>, since: Instant) -> InFlight {
        self.metrics.begin();
        InFlight {
            shared: Arc::clone(self),
            since,
        }
    }

    /// How many requests (WebSockets and streams too) are being served.
    pub fn in_flight(&self) -> usize {
        self.metrics.in_flight()
    }

    /// From now on `/readyz` says no.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Another process has our listeners from now on: whoever has a connection here shall
    /// be answered once more before it closes.
    pub fn mark_superseded(&self) {
        self.relieved.store(true, Ordering::Release);
    }

    /// Whether another process has our listeners.
    pub fn is_superseded(&self) -> bool {
        self.relieved.load(Ordering::Acquire)
    }

    /// Whether a stop has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Forgets what no token could match any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        self.sessions.sweep(self.settled.now()).await
    }
}

/// A request in flight. A drop guard, since `logging` does not run for a request
/// whose future is dropped.
pub struct InFlight {
    shared: Arc<SharedState>,
    since: Instant,
}

impl InFlight {
    /// Where it is in flight.
    pub fn shared(&self) -> &SharedState {
        &self.shared
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.metrics.end();
        // A panic in a hook: nothing else counts it.
        if std::thread::panicking() {
            let verdict = Verdict::Refused(Denial::InternalError.code());
            self.shared.metrics.request(verdict, self.since.elapsed());
        }
    }
}
