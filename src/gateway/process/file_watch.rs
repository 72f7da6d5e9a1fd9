//! What the files of the settings look like from outside, and when a change of them counts.
//!
//! A file that is written in place is half a file for a while, and half a file may be a good
//! one: rules are missing, users are gone. So a change counts when it has looked the same for
//! [`SETTLED`]. A symlink that was swapped (Kubernetes) leads to files that are whole, and
//! counts at once.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::settings::Settings;

/// How long a file must look the same before it is read.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// A file as it is seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileFingerprint {
    path: PathBuf,
    /// `None` if it cannot be seen.
    seen: Option<Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// The file behind the name, through symlinks.
    resolved: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last write, and of the last change of any kind: who
    /// copies a file with its date sets the first.
    written: (i64, i64),
    changed: (i64, i64),
}

impl FileFingerprint {
    fn at(path: PathBuf) -> Self {
        let seen = std::fs::canonicalize(&path).and_then(|resolved| {
            let file = std::fs::metadata(&resolved)?;
            Ok(Seen {
                resolved,
                device: file.dev(),
                inode: file.ino(),
                size: file.size(),
                written: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            })
        });
        Self {
            path,
            seen: seen.ok(),
        }
    }

    /// Whether the same name leads to another file by another way.
    fn is_swapped_for(&self, newer: &Self) -> bool {
        match (&self.seen, &newer.seen) {
            (Some(old), Some(new)) => self.path == newer.path && old.resolved != new.resolved,
            _ => false,
        }
    }
}

/// What the files that settings were made of look like now.
pub(crate) fn at_sources(settings: &Settings) -> Vec<FileFingerprint> {
    settings
        .sources
        .iter()
        .cloned()
        .map(FileFingerprint::at)
        .collect()
}

/// What the file of generated keys looks like now; a start may make it.
pub(crate) fn at_keys(settings: &Settings) -> FileFingerprint {
    FileFingerprint::at(settings.data_dir.join("keys.json"))
}

/// Those of `now` whose file was not among the `known`.
pub(crate) fn unknown(now: &[FileFingerprint], known: &[FileFingerprint]) -> bool {
    now.iter()
        .any(|look| known.iter().all(|known| known.path != look.path))
}

/// Whether a file that is in both looks different.
pub(crate) fn differ(now: &[FileFingerprint], before: &[FileFingerprint]) -> bool {
    now.iter().any(|look| {
        let mut same_file = before.iter().filter(|before| before.path == look.path);
        same_file.any(|before| before != look)
    })
}

/// Follows the files from the settings in force to a change that counts.
#[derive(Debug)]
pub(crate) struct Settling {
    /// What the settings in force were made of.
    taken: Vec<FileFingerprint>,
    /// A change, and since when it looks as it does.
    change: Option<(Vec<FileFingerprint>, Instant)>,
}

impl Settling {
    pub(crate) fn new(taken: Vec<FileFingerprint>) -> Self {
        Self {
            taken,
            change: None,
        }
    }

    /// Whether what is seen now is a change that counts.
    pub(crate) fn counts(&mut self, looks: &[FileFingerprint], now: Instant) -> bool {
        if looks == self.taken {
            self.change = None;
            return false;
        }
        if self.is_swap(looks) {
            return true;
        }
        match &self.change {
            Some((change, since)) if change == looks => {
                now.saturating_duration_since(*since) >= SETTLED
            }
            _ => {
                self.change = Some((looks.to_vec(), now));
                false
            }
        }
    }

    /// Whether nothing has changed since the settings in force were read.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.change.is_none()
    }

    /// What looks so was read.
    pub(crate) fn take(&mut self, looks: Vec<FileFingerprint>) {
        *self = Self::new(looks);
    }

    /// Whether every change is that of a symlink.
    fn is_swap(&self, looks: &[FileFingerprint]) -> bool {
        self.taken.len() == looks.len()
            && self
                .taken
                .iter()
                .zip(looks)
                .all(|(old, new)| old == new || old.is_swapped_for(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(path: &str, resolved: &str, size: u64) -> FileFingerprint {
        FileFingerprint {
            path: path.into(),
            seen: Some(Seen {
                resolved: resolved.into(),
                device: 1,
                inode: 1,
                size,
                written: (0, 0),
                changed: (0, 0),
            }),
        }
    }

    #[test]
    fn a_change_counts_when_it_has_rested() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let plain = |size| vec![look("/c", "/c", size), look("/u", "/u", 1)];
        let mut settling = Settling::new(plain(100));
        for (seconds, size, counts, what) in [
            (0, 100, false, "nothing changed"),
            (1, 10, false, "truncated, and written to"),
            (2, 50, false, "more of it"),
            (3, 50, false, "a pause in the middle"),
            (4, 90, false, "it went on"),
            (5, 90, false, "one second"),
            (6, 90, true, "two seconds"),
            (7, 100, false, "as it was again"),
            (8, 90, false, "and then not"),
            (10, 90, true, "at rest"),
        ] {
            assert_eq!(settling.counts(&plain(size), at(seconds)), counts, "{what}");
        }
        settling.take(plain(90));
        assert!(!settling.counts(&plain(90), at(60)), "taken twice");
    }

    #[test]
    fn a_swapped_symlink_counts_at_once_and_hides_no_half_file() {
        let now = Instant::now();
        let mounted = |version: &str| look("/m/c", &format!("/m/..{version}/c"), 5);
        let mut settling = Settling::new(vec![mounted("v1"), look("/u", "/u", 1)]);
        assert!(settling.counts(&[mounted("v2"), look("/u", "/u", 1)], now));
        assert!(
            !settling.counts(&[mounted("v2"), look("/u", "/u", 2)], now),
            "a users file that is being written went with it"
        );
        let gone = FileFingerprint {
            path: "/m/c".into(),
            seen: None,
        };
        assert!(
            !settling.counts(&[gone, look("/u", "/u", 1)], now),
            "gone for a moment"
        );
    }
}
