//! The store that survives: one file in the `data_dir`, through `redb`.
//!
//! `Ok` means that the change is on disk (fsync), so it outlives `kill -9` and a power
//! cut. Changes go through one thread (`writer`), reads see the last commit. A damaged,
//! foreign or newer file is refused by name and never replaced (`file`). After an error
//! of the disk nothing is acknowledged until the file was verified anew (`handle`).
//!
//! One process writes at a time. The file can be given to another one ([`Embedded::lend`]);
//! whoever asks for something meanwhile waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, WriteTransaction};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::tables::{self, Fault};
use crate::auth::ports::{Store, StoreError};
use crate::auth::revocation::Revocation;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;
use handle::Handle;
use writer::Writer;

mod file;
mod handle;
mod health;
mod overlay;
mod writer;

/// Sessions that a sweep forgets in one transaction, so that logins need not wait for
/// the sweep of a whole night; a guess.
const PORTION: usize = 2000;
/// How long whoever needs the store waits while another process has it. A guess: longer
/// than a million sessions take to open.
const LEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// The embedded store.
#[derive(Debug)]
pub struct Embedded {
    dir: PathBuf,
    /// `None` when the file was given away. Held for reading while the file is used.
    place: Arc<RwLock<Option<Open>>>,
}

/// The file while it is ours.
#[derive(Debug)]
struct Open {
    file: Arc<Handle>,
    writer: Writer,
}

impl Open {
    fn at(dir: &Path) -> Result<Self, StoreError> {
        let file = Arc::new(Handle::open(dir)?);
        let writer = Writer::start(Arc::clone(&file))?;
        Ok(Self { file, writer })
    }
}

/// The store while another process may open it; nobody else can use it.
#[derive(Debug)]
#[must_use = "whoever waits for the store is refused when this is dropped"]
pub struct StoreLease {
    dir: PathBuf,
    place: OwnedRwLockWriteGuard<Option<Open>>,
}

impl StoreLease {
    /// Opens the file again: the other process does not want it any more.
    ///
    /// # Errors
    /// As [`Embedded::open`]; can be tried again.
    pub async fn take_back(&mut self) -> Result<(), StoreError> {
        let dir = self.dir.clone();
        let open = spawn_blocking(move || Open::at(&dir)).await;
        *self.place = Some(open.map_err(|e| StoreError::Unavailable(e.to_string()))??);
        Ok(())
    }
}

impl Embedded {
    /// Opens the store in `dir`, which must exist; makes a new one only if there is
    /// no file, brings one of the last format to this one, and gives the space back that
    /// nothing needs. Blocks while it reads and verifies the file, so call it before
    /// serving, and with the `data_dir` claimed (`DataDir::claim`).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a file that is not ours, altered, or of an
    /// unknown format; [`StoreError::InUse`] if another process has it open;
    /// [`StoreError::Unavailable`] if the system refuses.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            dir: dir.to_owned(),
            place: Arc::new(RwLock::new(Some(Open::at(dir)?))),
        })
    }

    /// Whether the store in `dir` could be opened; changes nothing, and takes a file that
    /// somebody has open for a good one.
    ///
    /// # Errors
    /// As [`Self::open`], but for [`StoreError::InUse`].
    pub fn inspect(dir: &Path) -> Result<(), StoreError> {
        file::inspect(dir)
    }

    /// Whether the store in `dir` can be opened, found out by doing it: everything is read
    /// and verified, and what would be written stays in memory. Blocks for as long as
    /// [`Self::open`] does. Takes a file that somebody has open for a good one.
    ///
    /// # Errors
    /// As [`Self::open`], but for [`StoreError::InUse`].
    pub fn rehearse(dir: &Path) -> Result<(), StoreError> {
        file::rehearse(dir)
    }

    /// Closes the file after what has begun, so that another process can open it. What
    /// was acknowledged is in it. Everything that is asked from here on waits until the
    /// store is taken back, and is refused when it is not.
    pub async fn lend(&self) -> StoreLease {
        let mut place = Arc::clone(&self.place).write_owned().await;
        let open = place.take();
        // Waits for the thread that writes. It cannot fail, but for a panic on the way.
        let _closed = spawn_blocking(move || drop(open)).await;
        StoreLease {
            dir: self.dir.clone(),
            place,
        }
    }

    /// The open file, for as long as the guard lives.
    async fn opened(&self) -> Result<OwnedRwLockReadGuard<Option<Open>, Open>, StoreError> {
        let place = timeout(LEASE_TIMEOUT, Arc::clone(&self.place).read_owned())
            .await
            .map_err(|_late| given_away())?;
        OwnedRwLockReadGuard::try_map(place, Option::as_ref).map_err(|_none| given_away())
    }

    async fn write<T: Send + 'static>(
        &self,
        change: impl Fn(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.opened().await?.writer.write(change).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let open = self.opened().await?;
        spawn_blocking(move || {
            let answer = open
                .file
                .with(read)
                .map_err(|trouble| open.file.named(trouble));
            if matches!(answer, Err(StoreError::Unavailable(_))) {
                open.writer.nudge();
            }
            answer
        })
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

fn given_away() -> StoreError {
    StoreError::Unavailable("another process has taken it over".into())
}

#[async_trait]
impl Store for Embedded {
    async fn open(
        &self,
        session: &StoredSession,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let session = session.clone();
        self.write(move |txn| tables::open(txn, &session, most, now))
            .await
    }

    async fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.read(move |db| tables::find(db, id)).await
    }

    async fn replace(&self, old: &StoredSession, new: &StoredSession) -> Result<bool, StoreError> {
        StoreError::if_newer(old)?;
        let (old, new) = (old.clone(), new.clone());
        self.write(move |txn| tables::replace(txn, &old, &new))
            .await
    }

    async fn sessions(
        &self,
        user: Option<&UserId>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        match user.cloned() {
            Some(user) => {
                self.read(move |db| tables::of_user(db, &user, most, now))
                    .await
            }
            None => self.read(move |db| tables::of_all(db, most, now)).await,
        }
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.read(tables::count).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError> {
        let revocation = revocation.clone();
        self.write(move |txn| tables::revoke(txn, &revocation))
            .await
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        self.read(move |db| tables::live(db, now)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut swept = self
            .write(move |txn| tables::sweep_revocations(txn, now))
            .await?;
        loop {
            let portion = self
                .write(move |txn| tables::sweep_sessions(txn, now, PORTION))
                .await?;
            swept = swept.saturating_add(portion);
            if portion < PORTION {
                return Ok(swept);
            }
        }
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        self.read(tables::known_users).await
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        let users = users.to_vec();
        self.write(move |txn| tables::remember_users(txn, &users))
            .await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        match self.place.try_read() {
            Ok(place) => place.as_ref().ok_or_else(given_away)?.writer.ready(),
            Err(_lent) => Err(given_away()),
        }
    }
}

#[cfg(test)]
mod tests;
