//! Who owns the `data_dir` and what is in it, and who else may look.
//!
//! Platforms set modes as they like: the kubelet gives a volume with `fsGroup` a group, `rwx`
//! for it and setgid at every mount. A mode that is too wide is narrowed where the file is
//! ours, and said, since somebody may have looked; where it cannot be narrowed it is said
//! alone. Another owner could replace what is in it at any time, and is refused.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another gateway runs on it.
    #[error("the data_dir {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It is somebody else's, who could replace the keys.
    #[error(
        "{} belongs to user {owner}, and the gateway runs as user {us}: `chown` it, run as \
         that user, or name another data_dir", path.display()
    )]
    Foreign {
        /// The folder, or the file in it.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        us: u32,
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

/// The files in `data_dir` that hold keys or sessions, or decide who writes them.
const FILES: [&str; 3] = ["lock", "keys.json", "doorward.redb"];
const ROOT: u32 = 0;

/// What something in the `data_dir` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The folder, which root may own: a platform made it for us.
    Folder,
    /// A file in it, which only we made.
    File,
}

/// What its owner and mode mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Ours or root's, and closed to others.
    Private,
    /// Ours, and open to others.
    Narrow {
        /// The mode that it should have.
        to: u32,
    },
    /// Root's, and open to others.
    Wide,
    /// Somebody else's.
    Foreign,
}

fn judge(kind: Kind, owner: u32, mode: u32, us: u32) -> Verdict {
    if owner != us && !(kind == Kind::Folder && owner == ROOT) {
        return Verdict::Foreign;
    }
    let is_wide = mode & 0o077 != 0;
    match (is_wide, owner == us) {
        (false, _) => Verdict::Private,
        // setgid and the sticky bit stay: they let nobody in.
        (true, true) => Verdict::Narrow { to: mode & 0o7700 },
        (true, false) => Verdict::Wide,
    }
}

/// Refuses what belongs to somebody else; changes nothing.
pub(super) fn inspect(dir: &Path, folder: &Metadata) -> Result<(), DataDirError> {
    each(dir, folder, |path, found, verdict| match verdict {
        Verdict::Foreign => Err(foreign(path, found)),
        Verdict::Private | Verdict::Narrow { .. } | Verdict::Wide => Ok(()),
    })
}

/// The same, and narrows what is open to others.
pub(super) fn narrow(dir: &Path, folder: &Metadata) -> Result<(), DataDirError> {
    each(dir, folder, |path, found, verdict| {
        let (shown, mode) = (path.display(), found.mode() & 0o777);
        match verdict {
            Verdict::Private => {}
            Verdict::Foreign => return Err(foreign(path, found)),
            Verdict::Wide => log::warn!(
                "the data_dir {shown} belongs to root and is open to others (mode {mode:o}): whoever can write there can replace the keys"
            ),
            Verdict::Narrow { to } => match fs::set_permissions(path, Permissions::from_mode(to)) {
                Ok(()) => log::warn!(
                    "{shown} was open to others (mode {mode:o}) and is now {:o}; rotate the keys if somebody could have read them",
                    to & 0o777
                ),
                Err(e) => log::warn!("{shown} is open to others (mode {mode:o}): {e}"),
            },
        }
        Ok(())
    })
}

/// The folder, and those of our files that are there.
fn each(
    dir: &Path,
    folder: &Metadata,
    mut see: impl FnMut(&Path, &Metadata, Verdict) -> Result<(), DataDirError>,
) -> Result<(), DataDirError> {
    let us = rustix::process::geteuid().as_raw();
    let of = |kind, found: &Metadata| judge(kind, found.uid(), found.mode(), us);
    see(dir, folder, of(Kind::Folder, folder))?;
    for name in FILES {
        let path = dir.join(name);
        match fs::metadata(&path) {
            Ok(found) => see(&path, &found, of(Kind::File, &found))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(DataDirError::Io { path, source }),
        }
    }
    Ok(())
}

/// Refuses a file that is not ours.
pub(crate) fn refuse_foreign(path: &Path, found: &Metadata) -> Result<(), DataDirError> {
    match found.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(foreign(path, found)),
    }
}

fn foreign(path: &Path, found: &Metadata) -> DataDirError {
    DataDirError::Foreign {
        path: path.to_owned(),
        owner: found.uid(),
        us: rustix::process::geteuid().as_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_modes() {
        const US: u32 = 1000;
        let narrow = |to| Verdict::Narrow { to };
        for (kind, owner, mode, us, expected) in [
            (Kind::Folder, US, 0o700, US, Verdict::Private),
            (Kind::Folder, US, 0o755, US, narrow(0o700)),
            // What the kubelet makes of our folder, and of its own.
            (Kind::Folder, US, 0o2770, US, narrow(0o2700)),
            (Kind::Folder, ROOT, 0o2770, US, Verdict::Wide),
            (Kind::Folder, ROOT, 0o700, US, Verdict::Private),
            (Kind::Folder, 7, 0o700, US, Verdict::Foreign),
            (Kind::Folder, US, 0o700, ROOT, Verdict::Foreign),
            (Kind::File, US, 0o600, US, Verdict::Private),
            (Kind::File, US, 0o660, US, narrow(0o600)),
            (Kind::File, US, 0o440, US, narrow(0o400)),
            (Kind::File, ROOT, 0o600, US, Verdict::Foreign),
            (Kind::File, 7, 0o600, US, Verdict::Foreign),
            (Kind::File, US, 0o600, ROOT, Verdict::Foreign),
            (Kind::File, ROOT, 0o644, ROOT, narrow(0o600)),
        ] {
            let got = judge(kind, owner, mode, us);
            assert_eq!(got, expected, "{kind:?} of {owner}, {mode:o}, as {us}");
        }
    }
}
