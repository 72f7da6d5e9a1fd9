//! The `data_dir`: private to its owner, and used by one process at a time.
//!
//! Never loosens or repairs permissions of a folder that it did not make: who could
//! look in may have copied a key already, and a person must know that.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file inside `data_dir` that is locked; it stays empty.
const LOCK: &str = "lock";

/// The right to use a `data_dir`, for as long as the value lives. The system takes
/// the lock back however the process ends, so a crash leaves nothing to clean up.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// Claims the folder; creates it with mode 0700 if it is missing.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] at once if another process (or value) holds it.
    pub fn claim(path: &Path) -> Result<Self, DataDirError> {
        private_dir(path)?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io_at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(io_at(&lock_path)(source)),
        }
    }

    /// Takes a claim that the process before us holds; it is held until both have let go.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] if `lock` is no claim to this folder.
    pub fn inherit(path: &Path, lock: OwnedFd) -> Result<Self, DataDirError> {
        private_dir(path)?;
        let lock_path = path.join(LOCK);
        let lock = File::from(lock);
        let given = lock.metadata().map_err(io_at(&lock_path))?;
        let ours = fs::metadata(&lock_path).map_err(io_at(&lock_path))?;
        if (given.dev(), given.ino()) != (ours.dev(), ours.ino()) {
            return Err(DataDirError::InUse {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for DataDir {
    /// The claim, to give to the process after us.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

/// Makes sure that the folder exists and only its owner can enter it.
///
/// # Errors
/// [`DataDirError::Exposed`] if an existing one is open to others.
pub fn private_dir(path: &Path) -> Result<(), DataDirError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(io_at(path))?;
            fs::metadata(path).map_err(io_at(path))?
        }
        other => other.map_err(io_at(path))?,
    };
    if !metadata.is_dir() {
        return Err(io_at(path)(io::ErrorKind::NotADirectory.into()));
    }
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(DataDirError::Exposed {
            path: path.to_owned(),
            mode: mode & 0o777,
        });
    }
    Ok(())
}

/// Makes a rename inside the folder survive a power cut.
///
/// # Errors
/// What the system says.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another gateway runs on it.
    #[error("the data_dir {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Others can look into it.
    #[error(
        "the data_dir {} is open to others (mode {mode:o}); `chmod 700` it, or name a \
         folder inside it, which is then created private", path.display()
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be created or read.
    #[error("the data_dir: {}: {source}", path.display())]
    Io {
        /// The folder or the lock file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::adapters::store::scratch::Scratch;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_private() {
        let scratch = Scratch::new();
        let path = scratch.path().join("a/b");
        let claimed = DataDir::claim(&path).unwrap();
        assert_eq!(claimed.path(), path);
        assert_eq!(mode(&path), 0o700, "others could read the keys");
        assert_eq!(mode(&path.join(LOCK)), 0o600);
    }

    #[test]
    fn one_at_a_time() {
        let scratch = Scratch::new();
        let first = DataDir::claim(scratch.path()).unwrap();
        assert!(
            matches!(
                DataDir::claim(scratch.path()),
                Err(DataDirError::InUse { .. })
            ),
            "two gateways would write one store"
        );
        drop(first);
        DataDir::claim(scratch.path()).unwrap();
    }

    #[test]
    fn a_folder_open_to_others_is_refused_and_left_alone() {
        let scratch = Scratch::new();
        for open in [0o750, 0o755, 0o770, 0o777, 0o701] {
            fs::set_permissions(scratch.path(), Permissions::from_mode(open)).unwrap();
            let error = DataDir::claim(scratch.path()).unwrap_err();
            assert!(matches!(error, DataDirError::Exposed { mode, .. } if mode == open));
            assert!(error.to_string().contains("chmod 700"), "{error}");
            assert_eq!(mode(scratch.path()), open);
        }
    }

    #[test]
    fn a_file_is_no_folder() {
        let scratch = Scratch::new();
        let path = scratch.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(
            DataDir::claim(&path),
            Err(DataDirError::Io { .. })
        ));
    }
}
