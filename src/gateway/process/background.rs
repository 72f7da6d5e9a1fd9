//! What goes on beside the requests: looking at files, looking up the app's
//! address, forgetting what is over (revocations and retired keys), cutting connections
//! whose session is over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::time::Instant;

use crate::adapters::clock::{self, Moment};
use crate::auth::denial::Denial;
use crate::gateway::process::file_watch::{self, FileFingerprint, Settling};
use crate::gateway::process::reload::Reloader;
use crate::gateway::process::supervise::supervise;
use crate::gateway::shared_state::SharedState;
use crate::service::delivery::tell_store;
use crate::service::expiry::{close_expired, close_tokens};

/// How often files are looked at for changes. A guess between a quick reload and
/// looking at files for nothing.
const FILE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How often the app's name is looked up again; sooner after a failed connection.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(10);
/// Not sooner than this, however many connections fail.
const RESOLVE_MIN_INTERVAL: Duration = Duration::from_secs(1);
/// How often dead records are swept, from the start on: there may be many after a pause.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How often sessions are looked at whose time may have run out: a quarter of the promised
/// second.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(250);

/// Does it all, until the gateway stops.
#[derive(Clone)]
pub(crate) struct BackgroundTasks {
    pub(crate) shared: Arc<SharedState>,
    pub(crate) reloader: Arc<Reloader>,
    /// The files as they were when the first settings were made of them, and that of the
    /// keys, so that a change during the start is noticed.
    pub(crate) first_look: Vec<FileFingerprint>,
}

#[async_trait]
impl BackgroundService for BackgroundTasks {
    async fn start(&self, shutdown: ShutdownWatch) {
        // Also during a stop: the session of what is still in flight may be over, and what
        // was seen must be known after it.
        tokio::join!(
            supervise("the end of sessions in time", || {
                let shared = Arc::clone(&self.shared);
                async move { end_sessions_in_time(&shared).await }
            }),
            supervise("the notes of what was seen", || {
                let shared = Arc::clone(&self.shared);
                async move {
                    let foreign = |user: &_| shared.hints.of_foreign_session(user);
                    let service = &shared.sessions;
                    let (store, index) = (service.store.as_ref(), service.index.as_ref());
                    tell_store(&service.deliveries, store, index, foreign).await;
                }
            }),
            self.until(shutdown),
        );
    }
}

impl BackgroundTasks {
    async fn until(&self, mut shutdown: ShutdownWatch) {
        tokio::select! {
            _ = shutdown.changed() => {}
            () = self.supervised("the watch over files", Self::watch_files) => {}
            () = self.supervised("the look-up of the app", Self::look_up) => {}
            () = self.supervised("the sweep", Self::sweep) => {}
            () = self.supervised("the end of retired keys", Self::give_up_keys) => {}
        }
    }

    async fn supervised<F>(&self, what: &str, task: fn(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        supervise(what, || task(self.clone())).await;
    }

    async fn watch_files(self) {
        let mut settling = Settling::new(self.first_look.clone());
        loop {
            tokio::time::sleep(FILE_CHECK_INTERVAL).await;
            let now = self.reloader.look();
            let why = if settling.counts(&now, Instant::now()) {
                "a file changed"
            } else if settling.is_at_rest() && self.reloader.can_try_again().await {
                "the store is back"
            } else {
                continue;
            };
            // The same bad file is not tried again.
            self.reloader.reload_settled(why, &now).await;
            let seen = self.reloader.look();
            settling.take(match file_watch::differ(&seen, &now) {
                // Changed again while it was read.
                true => now,
                false => seen,
            });
        }
    }

    async fn look_up(self) {
        loop {
            self.shared.snapshot().upstream.resolve().await;
            tokio::time::sleep(RESOLVE_MIN_INTERVAL).await;
            tokio::select! {
                () = tokio::time::sleep(RESOLVE_INTERVAL) => {}
                () = self.shared.resolve_now.notified() => {}
            }
        }
    }

    async fn give_up_keys(self) {
        loop {
            tokio::time::sleep(FILE_CHECK_INTERVAL).await;
            if let Err(e) = self.reloader.give_up_keys().await {
                log::error!("a retired signing key is still accepted: {e}");
                tokio::time::sleep(SWEEP_INTERVAL).await;
            }
        }
    }

    async fn sweep(self) {
        loop {
            if let Err(e) = self.shared.sweep().await {
                log::warn!("dead revocations were not swept: {e}");
            }
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }
}

/// Cuts what must not go on, for as long as it is polled.
async fn end_sessions_in_time(shared: &SharedState) {
    loop {
        tokio::time::sleep(EXPIRY_INTERVAL).await;
        let snapshot = shared.snapshot();
        let now = clock::now();
        // What the gate does not believe any more is not left open either.
        if snapshot.policy.is_stale(now) {
            shared.sessions.live.all_over(Denial::StoreUnavailable);
        }
        let most = snapshot.settings.limits.unread_answers;
        shared.unread.end_surplus(most, Moment::now());
        close_tokens(&shared.sessions, &snapshot.policy, now);
        close_expired(&shared.sessions, now).await;
    }
}
