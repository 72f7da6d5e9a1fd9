//! New settings in force: whole or not at all, without a failed request.
//!
//! Files are watched by looking at them once a second (`crate::gateway::process::file_watch`): what is followed is
//! the file behind the name, so that an editor's rename and Kubernetes' swap of a symlink are
//! seen like any other change, on every file system. A change of them counts when it has
//! rested; who asks for a reload gets one at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use crate::adapters::observe::logger;
use crate::adapters::observe::metrics::ReloadResult;
use crate::adapters::{clock, service_manager};
use crate::auth::event::{Event, EventKind};
use crate::auth::ports::StoreError;
use crate::config::lints;
use crate::config::settings::Settings;
use crate::gateway::connection::listen::Certificate;
use crate::gateway::process::file_watch::{self, FileFingerprint, SETTLED};
use crate::gateway::shared_state::SharedState;
use crate::gateway::snapshot::Snapshot;
use crate::service::user_changes::end_changed;

/// Reads the settings anew; the words of the error are for the operator.
pub(crate) type Loader = Box<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// Puts new settings in force.
pub(crate) struct Reloader {
    shared: Arc<SharedState>,
    load: Loader,
    certificate: Option<Certificate>,
    /// One reload at a time.
    turn: Mutex<()>,
    /// Whether the last one was refused for nothing but the store.
    waits_for_store: AtomicBool,
}

/// Why the old settings stay in force.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    /// The new ones cannot be put in force.
    #[error("{0}")]
    Settings(String),
    /// What ends with the old ones could not be ended.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file is still being written.
    #[error("a file changed while it was read")]
    Unsettled,
}

impl From<String> for ReloadError {
    fn from(why: String) -> Self {
        Self::Settings(why)
    }
}

impl Reloader {
    pub(crate) fn new(
        shared: Arc<SharedState>,
        load: Loader,
        certificate: Option<Certificate>,
    ) -> Self {
        Self {
            shared,
            load,
            certificate,
            turn: Mutex::new(()),
            waits_for_store: AtomicBool::new(false),
        }
    }

    /// Reloads; `why` is for the log.
    ///
    /// # Errors
    /// Why the old settings stay in force.
    pub(crate) async fn reload(&self, why: &'static str) -> Result<(), String> {
        let outcome = self.reload_from(why, None).await;
        outcome.map_err(|e| e.to_string())
    }

    /// The same, because files changed and have looked like this for a while. Nothing is
    /// read, and nothing said, if one of them goes on being written.
    pub(crate) async fn reload_settled(&self, why: &'static str, looks: &[FileFingerprint]) {
        // Logged where it happens.
        let _refused = self.reload_from(why, Some(looks)).await;
    }

    async fn reload_from(
        &self,
        why: &'static str,
        settled: Option<&[FileFingerprint]>,
    ) -> Result<(), ReloadError> {
        let _turn = self.turn.lock().await;
        service_manager::reloading();
        let outcome = self.try_reload(settled).await;
        service_manager::ready();
        if matches!(outcome, Err(ReloadError::Unsettled)) {
            return outcome;
        }
        let (result, reason) = match &outcome {
            Ok(()) => (ReloadResult::Applied, "applied"),
            Err(e) => {
                log::error!("reload ({why}) refused, the old settings stay in force: {e}");
                (ReloadResult::Refused, "refused")
            }
        };
        if outcome.is_ok() {
            log::info!("reloaded ({why})");
        }
        let waits = matches!(outcome, Err(ReloadError::Store(_)));
        self.waits_for_store.store(waits, Ordering::Relaxed);
        self.shared.metrics.reload(result);
        self.shared
            .sessions
            .audit(&Event::new(EventKind::Reload).reason(reason));
        outcome
    }

    /// Whether the last reload would have been good but for the store, and that is back.
    pub(crate) async fn can_try_again(&self) -> bool {
        self.waits_for_store.load(Ordering::Relaxed)
            && self.shared.sessions.store.ready().await.is_ok()
    }

    async fn try_reload(&self, settled: Option<&[FileFingerprint]>) -> Result<(), ReloadError> {
        let loaded = (self.load)();
        if let Some(settled) = settled {
            at_rest(settled, &self.look(), loaded.as_ref().ok()).await?;
        }
        let mut settings = loaded?;
        let old = self.shared.snapshot();
        // What only a restart can change stays as it is, also in what is read later.
        let data_dir_changed = settings.data_dir != old.settings.data_dir;
        let asked_dir = std::mem::replace(&mut settings.data_dir, old.settings.data_dir.clone());
        let snapshot = self.build(settings).await?;
        if data_dir_changed {
            log::warn!("data_dir {} needs a restart", asked_dir.display());
        }
        if snapshot.restart_only() != old.restart_only() {
            log::warn!("listeners, threads and the store keep their old settings until a restart");
        }
        // Read before anything is put in force: a bad certificate refuses the whole.
        let renewed = match (&self.certificate, &snapshot.settings.tls) {
            (Some(certificate), Some(tls)) => {
                let key = Certificate::read(tls).map_err(|e| e.to_string())?;
                Some((certificate, key))
            }
            _ => None,
        };
        lints::log(&snapshot.settings);
        snapshot.upstream.inherit(&old.upstream);
        snapshot.upstream.resolve_soon().await;
        end_changed(&self.shared.sessions, &snapshot.policy, clock::now()).await?;
        if let Some((certificate, key)) = renewed {
            certificate.replace(key);
        }
        logger::renew(&snapshot.settings.log);
        self.shared.replace(snapshot);
        Ok(())
    }

    async fn build(&self, settings: Settings) -> Result<Snapshot, String> {
        let revoked = Arc::clone(&self.shared.sessions.index);
        tokio::task::spawn_blocking(move || Snapshot::build(settings, revoked))
            .await
            .map_err(|e| e.to_string())?
            .map_err(|e| e.to_string())
    }

    /// Gives up the retired keys whose time is over; all else stays as it is, also when
    /// the file is by now one that could not be put in force. Who stole a key that was
    /// rotated away could sign with it until the next reload otherwise.
    ///
    /// # Errors
    /// Why the keys stay.
    pub(crate) async fn give_up_keys(&self) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        let old = self.shared.snapshot();
        if old.keys_until.is_none_or(|until| until > clock::now()) {
            return Ok(());
        }
        let mut snapshot = self.build(old.settings.clone()).await?;
        snapshot.upstream = Arc::clone(&old.upstream);
        self.shared.replace(snapshot);
        log::info!("a retired signing key is no longer accepted");
        Ok(())
    }

    /// Seconds until the certificate in force ends, if there is one.
    pub(crate) fn certificate_left(&self) -> Option<i64> {
        let ends = self.certificate.as_ref()?.ends()?;
        let now = i64::try_from(clock::now().millis() / 1000).unwrap_or(i64::MAX);
        Some(ends.saturating_sub(now))
    }

    /// What the files of the settings in force look like now, and that of the keys.
    pub(crate) fn look(&self) -> Vec<FileFingerprint> {
        let mut looks = file_watch::at_sources(&self.shared.snapshot().settings);
        looks.push(file_watch::at_keys(&self.shared.snapshot().settings));
        looks
    }
}

/// Whether what was read now is what was at rest. A file that was not followed until now,
/// since the change names it for the first time, has to rest as well.
///
/// # Errors
/// [`ReloadError::Unsettled`]
async fn at_rest(
    settled: &[FileFingerprint],
    now: &[FileFingerprint],
    read: Option<&Settings>,
) -> Result<(), ReloadError> {
    if file_watch::differ(now, settled) {
        return Err(ReloadError::Unsettled);
    }
    let Some(read) = read else { return Ok(()) };
    let looks = file_watch::at_sources(read);
    if file_watch::unknown(&looks, settled) {
        tokio::time::sleep(SETTLED).await;
        if file_watch::differ(&file_watch::at_sources(read), &looks) {
            return Err(ReloadError::Unsettled);
        }
    }
    Ok(())
}
