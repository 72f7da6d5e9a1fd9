//! The `data_dir`: private to its owner, and used by one process at a time. Whose it may be
//! and who may look in is settled in `super::ownership`.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use super::ownership::{self, DataDirError};
use crate::adapters::regular;

/// The file inside `data_dir` that is locked; it stays empty.
const LOCK: &str = "lock";
/// Of the kernel's own file systems, in which nobody keeps files: proc, sysfs, cgroup,
/// cgroup2, debugfs, tracefs, securityfs, bpf, devpts (`linux/magic.h`).
const OF_THE_KERNEL: [u64; 9] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x1cd1,
];

/// The right to use a `data_dir`, for as long as the value lives. The system takes
/// the lock back however the process ends, so a crash leaves nothing to clean up.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl DataDir {
    /// Whether [`Self::claim`] would succeed, but for another process that holds it.
    /// Changes nothing.
    ///
    /// # Errors
    /// Why it would not.
    pub fn inspect(path: &Path) -> Result<(), DataDirError> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return may_be_made(path),
            other => other.map_err(io_at(path))?,
        };
        if !metadata.is_dir() {
            return Err(io_at(path)(io::ErrorKind::NotADirectory.into()));
        }
        ownership::inspect(path, &metadata)?;
        may(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?;
        takes_files(path)?;
        let lock = path.join(LOCK);
        match is_lock(&lock)? {
            true => may(&lock, Access::READ_OK | Access::WRITE_OK),
            false => Ok(()),
        }
    }

    /// Whether a file or socket in the folder could be made anew, perhaps in the place of one
    /// that is there. Changes nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn may_replace(path: &Path) -> io::Result<()> {
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Where others may make files too, each removes only what is theirs: unlink(2), EPERM.
        let folder = fs::metadata(path.parent().unwrap_or(Path::new(".")))?;
        let is_sticky = folder.mode() & 0o1000 != 0;
        let us = rustix::process::geteuid();
        let is_ours = us.is_root() || [found.uid(), folder.uid()].contains(&us.as_raw());
        match is_sticky && !is_ours {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => Ok(()),
        }
    }

    /// Claims the folder; creates it with mode 0700 if it is missing.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] at once if another process (or value) holds it.
    pub fn claim(path: &Path) -> Result<Self, DataDirError> {
        private_dir(path)?;
        let lock_path = path.join(LOCK);
        is_lock(&lock_path)?;
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

/// Whether a folder that is missing could be made: the nearest one above it takes entries, and
/// no link that leads nowhere is in its place.
fn may_be_made(path: &Path) -> Result<(), DataDirError> {
    let mut above = path.ancestors();
    let above = above.find(|above| fs::symlink_metadata(above).is_ok());
    let above = above.unwrap_or(Path::new("."));
    if !above.is_dir() {
        return Err(io_at(above)(io::ErrorKind::NotADirectory.into()));
    }
    may(above, Access::WRITE_OK | Access::EXEC_OK)?;
    takes_files(above)
}

/// Whether there is a lock; it is a file, or a link to one.
fn is_lock(path: &Path) -> Result<bool, DataDirError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other
            .and_then(|_| regular::expect(&fs::metadata(path)?))
            .map(|()| true)
            .map_err(io_at(path)),
    }
}

/// Refuses a folder whose file system keeps no files, although its modes let root make some.
fn takes_files(path: &Path) -> Result<(), DataDirError> {
    let found = rustix::fs::statfs(path).map_err(|error| io_at(path)(error.into()))?;
    match u64::try_from(found.f_type).is_ok_and(|kind| OF_THE_KERNEL.contains(&kind)) {
        true => Err(io_at(path)(io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel's own files are there, and nobody else's",
        ))),
        false => Ok(()),
    }
}

fn may(path: &Path, access: Access) -> Result<(), DataDirError> {
    rustix::fs::accessat(rustix::fs::CWD, path, access, AtFlags::EACCESS)
        .map_err(|error| io_at(path)(error.into()))
}

/// Makes sure that the folder exists, is ours, and that nobody else can look into what it
/// holds, as far as that can be had.
///
/// # Errors
/// [`DataDirError::Foreign`] if it, or a file of ours in it, belongs to somebody else.
pub(crate) fn private_dir(path: &Path) -> Result<(), DataDirError> {
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
    ownership::narrow(path, &metadata)
}

/// Makes a rename inside the folder survive a power cut.
///
/// # Errors
/// What the system says.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
    fn what_is_ours_and_open_to_others_is_narrowed() {
        let scratch = Scratch::new();
        let keys = scratch.path().join("keys.json");
        fs::write(&keys, "{}").unwrap();
        for (folder, file) in [
            (0o2770, 0o660),
            (0o755, 0o644),
            (0o777, 0o666),
            (0o701, 0o604),
        ] {
            let set = |path: &Path, to| fs::set_permissions(path, Permissions::from_mode(to));
            set(scratch.path(), folder).unwrap();
            set(&keys, file).unwrap();
            DataDir::inspect(scratch.path()).unwrap();
            assert_eq!(mode(scratch.path()), folder & 0o777, "a look changed it");
            drop(DataDir::claim(scratch.path()).unwrap());
            assert_eq!(mode(scratch.path()), 0o700);
            assert_eq!(mode(&keys), 0o600);
        }
    }

    #[test]
    fn a_look_makes_nothing_and_tells_what_a_claim_would() {
        let scratch = Scratch::new();
        let missing = scratch.path().join("a/b");
        DataDir::inspect(&missing).unwrap();
        assert!(!missing.exists() && !scratch.path().join("a").exists());
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let locked = scratch.path().join("locked");
        fs::create_dir_all(locked.join(LOCK)).unwrap();
        for bad in [
            file.clone(),
            file.join("below"),
            link.clone(),
            link.join("below"),
            locked,
            "/proc".into(),
            "/proc/x".into(),
            "/sys/x/y".into(),
        ] {
            let look = DataDir::inspect(&bad).unwrap_err();
            assert!(matches!(look, DataDirError::Io { .. }), "{look}");
            assert!(DataDir::claim(&bad).is_err(), "{}", bad.display());
        }
        let held = DataDir::claim(scratch.path()).unwrap();
        DataDir::inspect(held.path()).unwrap();
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
