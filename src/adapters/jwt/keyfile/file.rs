//! How `keys.json` is read and written: whole or not at all, by one caller at a time.
//!
//! Never repairs, never overwrites what it could not read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyFileError, StoredKey};
use crate::adapters::jwt::algorithm::Algorithm;
use crate::adapters::jwt::keyring::{KeyProblem, key_id};
use crate::adapters::regular;
use crate::adapters::store::lock::{DataDir, private_dir, sync_dir};
use crate::adapters::store::ownership;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The file inside `data_dir`.
pub(super) const FILE: &str = "keys.json";
/// Its successor while it is being written.
pub(super) const DRAFT: &str = "keys.json.new";
/// What `format` must say.
const FORMAT: u32 = 1;
/// Far more than any number of keys that rotation leaves; a guess.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The file while one caller reads, changes and writes it. Holds a lock on the
/// folder, so that of two rotations at once neither is lost.
pub(super) struct KeyFile {
    path: PathBuf,
    draft: PathBuf,
    dir: PathBuf,
    _lock: File,
}

impl KeyFile {
    /// Makes the folder if it is missing, and waits for its lock.
    pub(super) fn open(dir: &Path) -> Result<Self, KeyFileError> {
        private_dir(dir)?;
        let lock = File::open(dir).map_err(io_at(dir))?;
        lock.lock().map_err(io_at(dir))?;
        Ok(Self {
            path: dir.join(FILE),
            draft: dir.join(DRAFT),
            dir: dir.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// See [`read_in`].
    pub(super) fn read(&self, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
        read(&self.path, now)
    }

    /// Replaces the file; on disk when this returns.
    pub(super) fn write(&self, keys: &[StoredKey]) -> Result<(), KeyFileError> {
        let contents = Contents {
            format: FORMAT,
            keys: keys.iter().map(Entry::of).collect(),
        };
        let text = serde_json::to_vec_pretty(&contents).map_err(|error| KeyFileError::Io {
            path: self.path.clone(),
            source: error.into(),
        })?;
        let text = Zeroizing::new(text);
        write_whole(&self.draft, &text).map_err(io_at(&self.draft))?;
        fs::rename(&self.draft, &self.path).map_err(io_at(&self.path))?;
        sync_dir(&self.dir).map_err(io_at(&self.dir))
    }
}

/// Writes a new file of mode 0600 and waits until it is on disk. A draft that a
/// crash left is nothing that anybody was promised.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Whether the file could be written. Changes nothing.
pub(super) fn may_be_written(dir: &Path) -> Result<(), KeyFileError> {
    let draft = dir.join(DRAFT);
    DataDir::may_replace(&draft).map_err(io_at(&draft))
}

/// The keys of the folder's file whose time is not over, in the file's order; none
/// if there is no file.
pub(super) fn read_in(dir: &Path, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
    read(&dir.join(FILE), now)
}

fn read(path: &Path, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
    let file = match regular::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io_at(path))?,
    };
    // Asked of the open file, not of the path, which may be swapped in between.
    let metadata = file.metadata().map_err(io_at(path))?;
    ownership::refuse_foreign(path, &metadata)?;
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut text)
        .map_err(io_at(path))?;
    let damaged = |reason: String| KeyFileError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let contents: Contents =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if contents.format != FORMAT {
        let found = contents.format;
        return Err(damaged(format!(
            "its format is {found} and this version knows {FORMAT}"
        )));
    }
    let mut keys = Vec::with_capacity(contents.keys.len());
    for entry in contents.keys {
        let kid = entry.kid.clone();
        let key = entry
            .stored()
            .map_err(|reason| damaged(format!("key {kid}: {reason}")))?;
        if key.expires.is_none_or(|expires| now < expires) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The file as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: u32,
    keys: Vec<Entry>,
}

/// A key as JSON has it; times in milliseconds since the epoch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kid: String,
    algorithm: String,
    /// Base64 of the bytes for HS256, else PEM.
    key: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

impl Entry {
    fn of(key: &StoredKey) -> Self {
        let bytes = key.secret.expose();
        Self {
            kid: key.id.as_str().to_owned(),
            algorithm: key.algorithm.name().to_owned(),
            key: match key.algorithm {
                Algorithm::Hs256 => STANDARD.encode(bytes),
                Algorithm::Es256 | Algorithm::Rs256 | Algorithm::EdDsa => {
                    String::from_utf8_lossy(bytes).into_owned()
                }
            },
            created: key.created.millis(),
            retired: key.retired.map(Timestamp::millis),
            expires: key.expires.map(Timestamp::millis),
        }
    }

    /// The key, if it is whole: its id must be the one that follows from its bytes.
    fn stored(self) -> Result<StoredKey, String> {
        let text = Zeroizing::new(self.key);
        let algorithm: Algorithm = self
            .algorithm
            .parse()
            .map_err(|_unknown| format!("unknown algorithm {:?}", self.algorithm))?;
        let secret = match algorithm {
            Algorithm::Hs256 => Secret::new(
                STANDARD
                    .decode(text.as_bytes())
                    .map_err(|_error| "not base64".to_owned())?,
            ),
            Algorithm::Es256 | Algorithm::Rs256 | Algorithm::EdDsa => Secret::new(text.as_bytes()),
        };
        let id = key_id(algorithm, &secret).map_err(|problem: KeyProblem| problem.to_string())?;
        if id.as_str() != self.kid {
            return Err("its bytes belong to another id".to_owned());
        }
        Ok(StoredKey {
            id,
            algorithm,
            secret,
            created: Timestamp::from_millis(self.created),
            retired: self.retired.map(Timestamp::from_millis),
            expires: self.expires.map(Timestamp::from_millis),
        })
    }
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::Io { path, source }
}
