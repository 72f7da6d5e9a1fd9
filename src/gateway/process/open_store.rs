//! The store that the settings ask for; and where other gateways write to it too, keeping
//! up with them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::time::Instant;

use crate::adapters::attempts::{Local, Shared};
use crate::adapters::clock;
use crate::adapters::store::replica::RevocationIndex;
use crate::adapters::store::{Embedded, Memory, Redis};
use crate::auth::ports::{Attempts, Store, StoreError};
use crate::auth::throttle::AttemptLimits;
use crate::config::settings::{self, Settings, StoreKind};
use crate::gateway::process::run_error::RunError;
use crate::gateway::process::supervise::supervise;
use crate::gateway::shared_state::SharedState;

/// How long a start waits for Redis: as long as it takes to start beside us.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// What outlives a request, as the settings ask for it.
pub(crate) struct OpenedStore {
    pub(crate) store: Arc<dyn Store>,
    /// The store, if it is one that two processes cannot use.
    pub(crate) embedded: Option<Arc<Embedded>>,
    shared: Option<Shared>,
}

impl OpenedStore {
    /// Opens the store and reads into the replica what is revoked.
    ///
    /// # Errors
    /// [`RunError::Store`], and [`RunError::Unreachable`] after a while: Redis may be
    /// starting too.
    pub(crate) async fn open(
        settings: &Settings,
        replica: &RevocationIndex,
    ) -> Result<Self, RunError> {
        let (mut embedded, mut shared) = (None, None);
        let store: Arc<dyn Store> = match &settings.store {
            StoreKind::Embedded => {
                let store = Arc::new(Embedded::open(&settings.data_dir)?);
                embedded = Some(Arc::clone(&store));
                store
            }
            StoreKind::Memory => Arc::new(Memory::new()),
            StoreKind::Redis(redis) => {
                let store = reach(redis).await.map_err(RunError::Unreachable)?;
                shared = Some(Shared::new(&store));
                Arc::new(store)
            }
        };
        let asked = clock::now();
        replica.load(&store.live(asked).await?);
        if shared.is_some() {
            replica.mark_synced(asked);
        }
        Ok(Self {
            store,
            embedded,
            shared,
        })
    }

    /// The counters of failed logins.
    pub(crate) fn attempts(&mut self, limits: AttemptLimits) -> Arc<dyn Attempts> {
        match self.shared.take() {
            Some(shared) => Arc::new(shared),
            None => Arc::new(Local::new(limits)),
        }
    }
}

async fn reach(settings: &settings::RedisAddress) -> Result<Redis, StoreError> {
    let store = Redis::new(settings)?;
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut is_told = false;
    loop {
        match store.check().await {
            Ok(()) => return Ok(store),
            Err(e) if Instant::now() >= deadline => return Err(e),
            Err(e) => {
                // The first moment is always too early.
                if !is_told && deadline - Instant::now() < CONNECT_TIMEOUT - RETRY_INTERVAL {
                    log::warn!("waiting for Redis: {e}");
                    is_told = true;
                }
            }
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Puts in force what other gateways revoke.
pub(crate) struct Follow {
    pub(crate) shared: Arc<SharedState>,
}

#[async_trait]
impl BackgroundService for Follow {
    /// Also during a stop: what is still in flight may be revoked.
    async fn start(&self, _shutdown: ShutdownWatch) {
        supervise("the ear for other gateways", || {
            let shared = Arc::clone(&self.shared);
            async move { shared.sessions.store.follow(shared.sessions.as_ref()).await }
        })
        .await;
    }
}
