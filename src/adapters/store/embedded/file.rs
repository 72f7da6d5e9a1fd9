//! The file: made whole, verified when opened, brought to today's format, and made
//! smaller when most of it is free.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, StorageError};

use super::overlay::Overlay;
use crate::adapters::regular;
use crate::adapters::store::lock::{DataDir, sync_dir};
use crate::adapters::store::tables::{self, Fault};
use crate::auth::ports::StoreError;

/// The file inside `data_dir`.
pub(super) const FILE: &str = "doorward.redb";
/// The file while it is being made.
pub(super) const DRAFT: &str = "doorward.redb.new";
/// What the library may keep in memory; its default is a gigabyte. A guess: the inner
/// pages of a million sessions fit, what is read beside them is in the system's cache.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// A file below this is never compacted: there is nothing to gain.
const COMPACT_ABOVE: u64 = 4 * 1024 * 1024;

/// Opens the store's file in `dir`; makes a new one only if there is none.
pub(super) fn open(dir: &Path) -> Result<(PathBuf, Database), StoreError> {
    let path = dir.join(FILE);
    if !exists(&path)? {
        create(dir, &path)?;
    }
    let db = open_checked(&path)?;
    Ok((path, db))
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

/// Opens the file, every checksum verified, and makes it today's.
fn open_checked(path: &Path) -> Result<Database, StoreError> {
    let prepare = |db: &mut Database| {
        let in_file = |fault| named(&path.to_string_lossy(), fault);
        make_todays(path, db)?;
        let length = fs::metadata(path).map_err(|error| unavailable(path, &error))?;
        compact(db, length.len()).map_err(in_file)
    };
    verified(path, || settings().open(path), prepare)
}

fn make_todays(path: &Path, db: &mut Database) -> Result<(), StoreError> {
    let in_file = |fault| named(&path.to_string_lossy(), fault);
    tables::migrate(db).map_err(in_file)?;
    tables::check(db).map_err(in_file)
}

/// Whether there is a file, or something in its place.
fn exists(path: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other
            .and_then(|_| regular::expect(&fs::metadata(path)?))
            .map(|()| true)
            .map_err(|error| unavailable(path, &error)),
    }
}

/// Whether the file can be opened, as far as that can be told without writing to it and
/// without reading it all, which opening it does: one that another process has open, or
/// that a crash left to be repaired, is not looked into.
pub(super) fn inspect(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    if !exists(&path)? {
        let draft = dir.join(DRAFT);
        return DataDir::may_replace(&draft).map_err(|error| unavailable(&draft, &error));
    }
    // Opened as a start does, to see whether it may be written.
    let writable = OpenOptions::new().read(true).write(true).open(&path);
    writable.map_err(|error| unavailable(&path, &error))?;
    match look(&path) {
        Err(StoreError::InUse { .. }) => Ok(()),
        outcome => outcome,
    }
}

/// Whether [`open`] would succeed: does all that it does, and keeps in memory what it would
/// write. Takes a file that another process has open for a good one, and is not in its way.
pub(super) fn rehearse(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    inspect(dir)?;
    if !exists(&path)? || is_in_use(&path) {
        return Ok(());
    }
    let open = || {
        let overlay = regular::open(&path).and_then(Overlay::new);
        let overlay = overlay.map_err(|error| DatabaseError::Storage(StorageError::Io(error)))?;
        settings().create_with_backend(overlay)
    };
    match verified(&path, open, |db| make_todays(&path, db)) {
        // Somebody has opened it meanwhile, and what was read is of several moments.
        Err(_) if is_in_use(&path) => Ok(()),
        outcome => outcome.map(drop),
    }
}

fn is_in_use(path: &Path) -> bool {
    matches!(look(path), Err(StoreError::InUse { .. }))
}

/// Reads the head of the file.
fn look(path: &Path) -> Result<(), StoreError> {
    let opened = catch_unwind(AssertUnwindSafe(|| Builder::new().open_read_only(path)));
    match opened {
        Ok(Ok(_)) | Ok(Err(DatabaseError::RepairAborted)) => Ok(()),
        Ok(Err(error)) => Err(refused(path, error)),
        Err(_panic) => Err(damaged(path, "its structure cannot be followed")),
    }
}

/// Opens the file of a running store, every checksum verified, and changes nothing:
/// there may be no room.
pub(super) fn open_again(path: &Path) -> Result<Database, StoreError> {
    let in_file = |fault| named(&path.to_string_lossy(), fault);
    let check = |db: &mut Database| tables::check(db).map_err(in_file);
    verified(path, || settings().open(path), check)
}

/// The library may panic over bytes that it did not write; that is damage like any other.
fn verified(
    path: &Path,
    open: impl FnOnce() -> Result<Database, DatabaseError>,
    prepare: impl FnOnce(&mut Database) -> Result<(), StoreError>,
) -> Result<Database, StoreError> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut db = open().map_err(|error| refused(path, error))?;
        prepare(&mut db)?;
        Ok(db)
    }));
    opened.unwrap_or_else(|_panic| Err(damaged(path, "its structure cannot be followed")))
}

/// The file grows with the most sessions that it ever held; what they leave is used
/// again, but given back only here, where nobody waits. Looks into the file only if it
/// is large for what it holds, since that look takes as long as reading it all.
fn compact(db: &mut Database, length: u64) -> Result<(), Fault> {
    if length < COMPACT_ABOVE || length < tables::likely_size(db)?.saturating_mul(2) {
        return Ok(());
    }
    let txn = db.begin_write()?;
    let stats = txn.stats()?;
    txn.abort()?;
    let page = u64::try_from(stats.page_size()).unwrap_or(u64::MAX);
    let used = stats.allocated_pages().saturating_mul(page);
    if used < length / 2 {
        db.compact()?;
    }
    Ok(())
}

pub(super) fn settings() -> Builder {
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
pub(super) fn named(path: &str, fault: Fault) -> StoreError {
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

pub(super) fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

fn damaged(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Damaged {
        path: path.to_string_lossy().into_owned(),
        reason: reason.into(),
    }
}
