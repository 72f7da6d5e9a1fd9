//! The open file, and opening it again after it failed.
//!
//! The library gives a file up at its first error, and is right to: from then on the
//! system may show what is not on the disk (a page whose write failed counts as clean,
//! and is not written again). So the file is closed, what the system remembers of it is
//! forgotten, and it is verified again from the disk, as at a start. What was
//! acknowledged is there, since it was on the disk before.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use parking_lot::RwLock;
use redb::Database;

use super::file;
use crate::adapters::store::tables::Fault;
use crate::auth::ports::StoreError;

/// The store's file.
#[derive(Debug)]
pub(super) struct Handle {
    path: PathBuf,
    /// Which file this is, whatever the name leads to later.
    identity: (u64, u64),
    /// `None` after it failed and until it can be opened again.
    db: RwLock<Option<Database>>,
}

impl Handle {
    /// Opens the store's file in `dir`; see [`file::open`].
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let (path, db) = file::open(dir)?;
        Ok(Self {
            identity: identity(&path)?,
            path,
            db: RwLock::new(Some(db)),
        })
    }

    /// Uses the file. Blocks.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, DbError> {
        match &*self.db.read() {
            Some(db) => act(db).map_err(DbError::Fault),
            None => Err(DbError::Closed),
        }
    }

    /// Whether the path still leads to the file that is open. Whatever is written to one
    /// that was removed or replaced is lost with the process.
    pub(super) fn in_place(&self) -> Result<(), StoreError> {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            return Ok(());
        }
        Err(self.unavailable("it was removed or replaced; put it back, or restart"))
    }

    /// Closes the file and opens it again, verified from the disk.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        *self.db.write() = None;
        self.in_place()?;
        self.forget();
        let db = file::open_again(&self.path)?;
        *self.db.write() = Some(db);
        Ok(())
    }

    /// Makes the system forget what it has in memory of the file; best effort.
    fn forget(&self) {
        if let Ok(file) = File::open(&self.path) {
            // Only what is clean can be forgotten.
            let _still_failing = file.sync_all();
            let _unknown = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        }
    }

    /// What is wrong, for whoever asked.
    pub(super) fn named(&self, trouble: DbError) -> StoreError {
        match trouble {
            DbError::Fault(fault) => file::named(&self.path.to_string_lossy(), fault),
            DbError::Panic => self.unavailable("the library panicked; see the log"),
            DbError::Closed => self.unavailable("closed after an error; see the log"),
        }
    }

    /// An error with the path in it.
    pub(super) fn unavailable(&self, why: &str) -> StoreError {
        StoreError::Unavailable(format!("{}: {why}", self.path.display()))
    }
}

/// Why the file could not be used.
pub(super) enum DbError {
    /// It was tried.
    Fault(Fault),
    /// It is not open now.
    Closed,
    /// The library panicked.
    Panic,
}

impl DbError {
    /// Whether only one record is concerned, and not the file.
    pub(super) fn is_contents(&self) -> bool {
        matches!(self, Self::Fault(Fault::Contents(_)))
    }
}

fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    let metadata = fs::metadata(path).map_err(|error| file::unavailable(path, &error))?;
    Ok((metadata.dev(), metadata.ino()))
}
