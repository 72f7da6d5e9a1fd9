//! The keys that the gateway makes for itself: `keys.json` in the `data_dir`.
//!
//! Only the owner can read it, it is replaced whole or not at all, and a damaged one
//! is named and left as it is: to write a fresh one in its place would end every
//! session and destroy what could still be repaired.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keyring::{KeyProblem, algorithm_name, key_id};
use crate::adapters::config::settings::Algorithm;
use crate::adapters::entropy;
use crate::adapters::store::lock::{DataDirError, private_dir, sync_dir};
use crate::domain::id::KeyId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The file inside `data_dir`.
const FILE: &str = "keys.json";
/// Its successor while it is being written.
const DRAFT: &str = "keys.json.new";
/// What `format` must say.
const FORMAT: u32 = 1;
/// Far more than any number of keys that rotation leaves; a guess.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One key of the file.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its id in tokens.
    pub id: KeyId,
    /// What it is for.
    pub algorithm: Algorithm,
    /// What [`super::Keyring::new`] takes: raw bytes for HS256, else PEM.
    pub secret: Secret,
    /// When it was made.
    pub created: Timestamp,
    /// When it stopped signing.
    pub retired: Option<Timestamp>,
    /// When the last token that it signed is dead, and the key goes.
    pub expires: Option<Timestamp>,
}

/// The keys of `algorithm`, the one that signs first; if there is none yet, one is
/// made and kept. The folder is created if missing.
///
/// # Errors
/// See [`KeyFileError`].
pub fn load_or_generate(
    dir: &Path,
    algorithm: Algorithm,
    now: Timestamp,
) -> Result<Vec<StoredKey>, KeyFileError> {
    let file = KeyFile::open(dir)?;
    let mut keys = file.read(now)?;
    if !keys.iter().any(|key| key.signs(algorithm)) {
        keys.insert(0, StoredKey::generate(algorithm, now)?);
        file.write(&keys)?;
    }
    keys.retain(|key| key.algorithm == algorithm);
    keys.sort_by_key(|key| key.retired.is_some());
    Ok(keys)
}

/// Makes the first key of `algorithm`.
///
/// # Errors
/// [`KeyFileError::Exists`] if there is one that signs already; see [`KeyFileError`].
pub fn generate(
    dir: &Path,
    algorithm: Algorithm,
    now: Timestamp,
) -> Result<StoredKey, KeyFileError> {
    let file = KeyFile::open(dir)?;
    let mut keys = file.read(now)?;
    if let Some(key) = keys.iter().find(|key| key.signs(algorithm)) {
        return Err(KeyFileError::Exists {
            path: file.path,
            id: key.id.clone(),
        });
    }
    let key = StoredKey::generate(algorithm, now)?;
    keys.insert(0, key.clone());
    file.write(&keys)?;
    Ok(key)
}

/// Puts a new key in front. The ones that signed until now only verify from here on,
/// and go when `longest_token_life` has passed; those whose time is over go now.
///
/// # Errors
/// See [`KeyFileError`]; the file is then as it was.
pub fn rotate(
    dir: &Path,
    algorithm: Algorithm,
    now: Timestamp,
    longest_token_life: Duration,
) -> Result<StoredKey, KeyFileError> {
    let file = KeyFile::open(dir)?;
    let mut keys = file.read(now)?;
    for key in keys.iter_mut().filter(|key| key.signs(algorithm)) {
        key.retired = Some(now);
        key.expires = Some(now.after(longest_token_life));
    }
    let fresh = StoredKey::generate(algorithm, now)?;
    keys.insert(0, fresh.clone());
    file.write(&keys)?;
    Ok(fresh)
}

/// Every key whose time is not over, of any algorithm, newest first. None if there
/// is no file.
///
/// # Errors
/// See [`KeyFileError`].
pub fn list(dir: &Path, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
    read(&dir.join(FILE), now)
}

/// A fresh private key as [`super::Keyring::new`] takes it: 32 random bytes for
/// HS256, else PKCS#8 PEM.
///
/// # Errors
/// [`KeyFileError::Generation`] if the crypto library fails.
pub fn generate_key(algorithm: Algorithm) -> Result<Secret, KeyFileError> {
    let der = match algorithm {
        Algorithm::Hs256 => {
            let bytes = Zeroizing::new(entropy::random::<32>());
            return Ok(Secret::new(&bytes[..]));
        }
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::EdDsa => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
            .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
            .map(|document| document.as_ref().to_vec()),
    };
    let der = Zeroizing::new(der.map_err(|Unspecified| KeyFileError::Generation)?);
    Ok(Secret::new(pem::encode(&pem::Pem::new(
        "PRIVATE KEY",
        der.as_slice(),
    ))))
}

impl StoredKey {
    fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, KeyFileError> {
        let secret = generate_key(algorithm)?;
        let id = key_id(algorithm, &secret).map_err(|_problem| KeyFileError::Generation)?;
        Ok(Self {
            id,
            algorithm,
            secret,
            created: now,
            retired: None,
            expires: None,
        })
    }

    fn signs(&self, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm && self.retired.is_none()
    }
}

/// The file while one caller reads, changes and writes it. Holds a lock on the
/// folder, so that of two rotations at once neither is lost.
struct KeyFile {
    path: PathBuf,
    draft: PathBuf,
    dir: PathBuf,
    _lock: File,
}

impl KeyFile {
    fn open(dir: &Path) -> Result<Self, KeyFileError> {
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

    fn read(&self, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
        read(&self.path, now)
    }

    fn write(&self, keys: &[StoredKey]) -> Result<(), KeyFileError> {
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

fn read(path: &Path, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io_at(path))?,
    };
    // Asked of the open file, not of the path, which may be swapped in between.
    let mode = file.metadata().map_err(io_at(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed {
            path: path.to_owned(),
            mode: mode & 0o777,
        });
    }
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
            algorithm: algorithm_name(key.algorithm).to_owned(),
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
        let algorithm = [
            Algorithm::Hs256,
            Algorithm::Es256,
            Algorithm::Rs256,
            Algorithm::EdDsa,
        ]
        .into_iter()
        .find(|algorithm| algorithm_name(*algorithm) == self.algorithm)
        .ok_or_else(|| format!("unknown algorithm {:?}", self.algorithm))?;
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

/// Why the key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not what we wrote. It is never replaced.
    #[error(
        "the key file {} is damaged: {reason}; restore it, or move it away to start \
         with new keys, which ends every session", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Others can read it, so the keys may be known already.
    #[error(
        "the key file {} is open to others (mode {mode:o}); `chmod 600` it, and \
         rotate the keys if somebody could have read it", path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// `generate` found a key that signs.
    #[error("{} has the signing key {id} already; `doorward keys rotate` replaces it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// The key.
        id: KeyId,
    },
    /// The folder is not usable.
    #[error(transparent)]
    Folder(#[from] DataDirError),
    /// The crypto library made no key.
    #[error("the crypto library could not make a key")]
    Generation,
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |source| KeyFileError::Io { path, source }
}

#[cfg(test)]
#[path = "keyfile_tests.rs"]
mod tests;
