//! The store that survives: one file in the `data_dir`, through `redb`.
//!
//! `Ok` means that the record is on disk (fsync), so it outlives `kill -9` and a
//! power cut. One thread writes: it takes all that waits into one transaction and
//! answers after the commit, so that a burst of logouts costs a few fsyncs and not
//! one each. A damaged, foreign or newer file is refused by name and never replaced.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use redb::{Builder, Database, DatabaseError, Durability, StorageError};
use tokio::sync::{mpsc, oneshot};

use super::lock::sync_dir;
use super::tables::{self, Fault};
use crate::auth::ports::{Store, StoreError};
use crate::auth::revocation::Revocation;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// The file inside `data_dir`.
const FILE: &str = "doorward.redb";
/// The file while it is being made.
const DRAFT: &str = "doorward.redb.new";
/// The whole store is a few megabytes at most; the library's default is a gigabyte.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Callers that may wait for the writer before the next one waits to be let in.
const QUEUE: usize = 1024;
/// Jobs that go into one transaction at most; a guess.
const BATCH: usize = 256;

/// The embedded store.
#[derive(Debug)]
pub struct Embedded {
    path: Arc<str>,
    db: Arc<Database>,
    /// `None` only while dropping.
    writes: Option<mpsc::Sender<Write>>,
    writer: Option<JoinHandle<()>>,
}

/// One change, and who waits for it.
struct Write {
    job: Job,
    /// How many records it touched, once that is on disk.
    done: oneshot::Sender<Result<usize, StoreError>>,
}

enum Job {
    Revoke(Revocation),
    Sweep(Timestamp),
    RememberUsers(Vec<(UserId, String)>),
}

impl Embedded {
    /// Opens the store in `dir`, which must exist; makes a new one only if there is
    /// no file. Blocks while it reads and verifies the file, so call it before
    /// serving, and with the `data_dir` claimed (`DataDir::claim`).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a file that is not ours, altered, or of an
    /// unknown format; [`StoreError::InUse`] if another process has it open;
    /// [`StoreError::Unavailable`] if the system refuses.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(dir, &path)?,
            Err(error) => return Err(unavailable(&path, &error)),
        }
        let db = Arc::new(open_checked(&path)?);
        let path: Arc<str> = path.to_string_lossy().into();
        let (writes, queue) = mpsc::channel(QUEUE);
        let writer = {
            let (path, db) = (Arc::clone(&path), Arc::clone(&db));
            std::thread::Builder::new()
                .name("store".into())
                .spawn(move || write_all(&path, &db, queue))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?
        };
        Ok(Self {
            path,
            db,
            writes: Some(writes),
            writer: Some(writer),
        })
    }

    async fn write(&self, job: Job) -> Result<usize, StoreError> {
        let stopped = || StoreError::Unavailable("its writer has stopped".into());
        let (done, answer) = oneshot::channel();
        let writes = self.writes.as_ref().ok_or_else(stopped)?;
        writes
            .send(Write { job, done })
            .await
            .map_err(|_closed| stopped())?;
        answer.await.map_err(|_closed| stopped())?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let db = Arc::clone(&self.db);
        let path = Arc::clone(&self.path);
        tokio::task::spawn_blocking(move || read(&db).map_err(|fault| named(&path, fault)))
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

impl Drop for Embedded {
    /// Lets the writer finish what it was given, so that the file is closed and can
    /// be opened again at once.
    fn drop(&mut self) {
        drop(self.writes.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            log::error!("the store's writer had died; see the log above");
        }
    }
}

#[async_trait]
impl Store for Embedded {
    async fn open(
        &self,
        _session: &StoredSession,
        _most: Option<u32>,
        _now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        Err(StoreError::Unavailable("interim".into()))
    }

    async fn find(&self, _id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        Err(StoreError::Unavailable("interim".into()))
    }

    async fn replace(
        &self,
        _old: &StoredSession,
        _new: &StoredSession,
    ) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable("interim".into()))
    }

    async fn sessions(
        &self,
        _user: Option<&UserId>,
        _most: usize,
        _now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        Err(StoreError::Unavailable("interim".into()))
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError> {
        self.write(Job::Revoke(revocation.clone())).await?;
        Ok(revocation.clone())
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        self.read(move |db| tables::live(db, now)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.write(Job::Sweep(now)).await
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        self.read(tables::known_users).await
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        self.write(Job::RememberUsers(users.to_vec()))
            .await
            .map(drop)
    }
}

/// The writer's life: until every sender is gone and the queue is empty.
fn write_all(path: &str, db: &Database, mut queue: mpsc::Receiver<Write>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
        let (jobs, waiting): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|write| (write.job, write.done)).unzip();
        match commit(db, &jobs) {
            Ok(counts) => {
                for (done, count) in waiting.into_iter().zip(counts) {
                    // Whoever no longer waits has lost nothing: it is on disk.
                    let _ = done.send(Ok(count));
                }
            }
            Err(fault) => {
                let error = named(path, fault);
                log::error!("{error}");
                for done in waiting {
                    let _ = done.send(Err(error.clone()));
                }
            }
        }
    }
}

/// One transaction for all jobs, in their order; on disk when this returns.
fn commit(db: &Database, jobs: &[Job]) -> Result<Vec<usize>, Fault> {
    let mut txn = db.begin_write()?;
    txn.set_durability(Durability::Immediate)?;
    let mut counts = Vec::with_capacity(jobs.len());
    for job in jobs {
        counts.push(match job {
            Job::Revoke(revocation) => tables::revoke(&txn, revocation).map(|()| 1)?,
            Job::Sweep(now) => tables::sweep(&txn, *now)?,
            Job::RememberUsers(users) => {
                tables::remember_users(&txn, users).map(|()| users.len())?
            }
        });
    }
    txn.commit()?;
    Ok(counts)
}

/// Makes the file whole under another name first, so that a crash in between never
/// leaves a half-made one, which the next start would have to call damaged.
fn create(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let draft = dir.join(DRAFT);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unavailable(&draft, &error));
        }
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| unavailable(&draft, &error))?;
    let db = settings()
        .create(&draft)
        .map_err(|error| refused(&draft, error))?;
    tables::initialise(&db).map_err(|fault| named(&draft.to_string_lossy(), fault))?;
    drop(db);
    fs::rename(&draft, path).map_err(|error| unavailable(path, &error))?;
    sync_dir(dir).map_err(|error| unavailable(dir, &error))
}

/// Opens the file, every checksum verified. The library may panic over bytes that
/// it did not write; that is damage like any other.
fn open_checked(path: &Path) -> Result<Database, StoreError> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = settings()
            .open(path)
            .map_err(|error| refused(path, error))?;
        tables::check(&db).map_err(|fault| named(&path.to_string_lossy(), fault))?;
        Ok(db)
    }));
    opened.unwrap_or_else(|_panic| Err(damaged(path, "its structure cannot be followed")))
}

fn settings() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true);
    builder
}

/// An error of opening.
fn refused(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse {
                path: path.to_string_lossy().into_owned(),
            }
        }
        // A file that is not a database, or shorter than it says.
        DatabaseError::Storage(StorageError::Io(error)) if !is_damage(&error) => {
            unavailable(path, &error)
        }
        error => damaged(path, error.to_string()),
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

/// An error of using an open file.
fn named(path: &str, fault: Fault) -> StoreError {
    match fault {
        Fault::Library(redb::Error::Io(error)) if !is_damage(&error) => {
            unavailable(Path::new(path), &error)
        }
        Fault::Library(error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed)) => {
            StoreError::Unavailable(format!("{path}: {error}"))
        }
        Fault::Library(error) => damaged(Path::new(path), error.to_string()),
        Fault::Contents(reason) => damaged(Path::new(path), reason),
    }
}

fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

fn damaged(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        path: path.to_string_lossy().into_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
