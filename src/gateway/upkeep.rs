//! What goes on beside the requests: looking at files, looking up the app's
//! address, forgetting what is over (revocations and retired keys), cutting connections
//! whose session is over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::time::Instant;

use super::cut::end_in_time;
use super::house::House;
use super::look::{self, Look, Settling};
use super::reload::Reloader;
use super::sightings::tell_store;
use super::snapshot::Snapshot;
use super::supervise::supervise;
use crate::adapters::clock;
use crate::auth::directory::User;
use crate::auth::ports::StoreError;
use crate::auth::revocation::{Revocation, cut_offs};
use crate::domain::id::UserId;

/// How often files are looked at for changes. A guess between a quick reload and
/// looking at files for nothing.
const WATCH: Duration = Duration::from_secs(1);
/// How often the app's name is looked up again; sooner after a failed connection.
const LOOK_UP: Duration = Duration::from_secs(10);
/// Not sooner than this, however many connections fail.
const LOOK_UP_PAUSE: Duration = Duration::from_secs(1);
/// How often dead records are swept, from the start on: there may be many after a pause.
const SWEEP: Duration = Duration::from_secs(60);

/// Does it all, until the gateway stops.
#[derive(Clone)]
pub(super) struct Upkeep {
    pub(super) house: Arc<House>,
    pub(super) reloader: Arc<Reloader>,
    /// The files as they were when the first settings were made of them, and that of the
    /// keys, so that a change during the start is noticed.
    pub(super) first_look: Vec<Look>,
}

#[async_trait]
impl BackgroundService for Upkeep {
    async fn start(&self, shutdown: ShutdownWatch) {
        // Also during a stop: the session of what is still in flight may be over, and what
        // was seen must be known after it.
        tokio::join!(
            supervise("the end of sessions in time", || {
                let house = Arc::clone(&self.house);
                async move { end_in_time(&house).await }
            }),
            supervise("the notes of what was seen", || {
                let house = Arc::clone(&self.house);
                async move { tell_store(&house).await }
            }),
            self.until(shutdown),
        );
    }
}

impl Upkeep {
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
            tokio::time::sleep(WATCH).await;
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
            settling.take(match look::differ(&seen, &now) {
                // Changed again while it was read.
                true => now,
                false => seen,
            });
        }
    }

    async fn look_up(self) {
        loop {
            self.house.snapshot().upstream.resolve().await;
            tokio::time::sleep(LOOK_UP_PAUSE).await;
            tokio::select! {
                () = tokio::time::sleep(LOOK_UP) => {}
                () = self.house.resolve_now.notified() => {}
            }
        }
    }

    async fn give_up_keys(self) {
        loop {
            tokio::time::sleep(WATCH).await;
            if let Err(e) = self.reloader.give_up_keys().await {
                log::error!("a retired signing key is still accepted: {e}");
                tokio::time::sleep(SWEEP).await;
            }
        }
    }

    async fn sweep(self) {
        loop {
            if let Err(e) = self.house.sweep().await {
                log::warn!("dead revocations were not swept: {e}");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }
}

/// Ends the sessions of everybody who was removed, disabled, re-passworded or raised
/// since the versions were last saved, and saves today's. The cut-offs are durable
/// before the new versions are: a crash in between cuts off twice, never not at all. Gives
/// the cut-offs.
///
/// # Errors
/// [`StoreError`]; the new users must not be put in force then.
pub(super) async fn remember_users(
    house: &House,
    snapshot: &Snapshot,
) -> Result<Vec<Revocation>, StoreError> {
    let today: Vec<(UserId, String)> = snapshot
        .policy
        .directory
        .iter()
        .filter(|user| !user.disabled)
        .map(|user| (user.identity.id.clone(), version(user)))
        .collect();
    let known = house.store.known_users().await?;
    if known.as_ref() == Some(&today) {
        return Ok(Vec::new());
    }
    let now = clock::now();
    let until = now.after(snapshot.policy.lifetimes.longest_ever());
    let cut_offs = cut_offs(&known.unwrap_or_default(), &today, now, until);
    for revocation in &cut_offs {
        house.revoke(revocation).await?;
    }
    house.store.remember_users(&today).await?;
    Ok(cut_offs)
}

/// A user's version that does not depend on the signing keys, whose rotation is no
/// change of the user. Stays in the store, never in a token.
fn version(user: &User) -> String {
    let hash = digest::digest(&digest::SHA256, user.password_hash.as_str().as_bytes());
    format!("{}.{}", user.token_version, URL_SAFE_NO_PAD.encode(hash))
}
