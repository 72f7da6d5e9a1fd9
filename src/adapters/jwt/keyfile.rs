//! The keys that the gateway makes for itself: `keys.json` in the `data_dir`.
//!
//! Only the owner can read it, it is replaced whole or not at all, and a damaged one
//! is named and left as it is: to write a fresh one in its place would end every
//! session and destroy what could still be repaired.

mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use zeroize::Zeroizing;

use self::file::KeyFile;
use super::keyring::key_id;
use crate::adapters::entropy;
use crate::adapters::jwt::algorithm::Algorithm;
use crate::adapters::store::DataDirError;
use crate::domain::id::KeyId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

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
            path: file.path(),
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

/// Whether [`load_or_generate`] could keep a key that it makes. Changes nothing.
///
/// # Errors
/// See [`KeyFileError`].
pub fn may_be_written(dir: &Path) -> Result<(), KeyFileError> {
    file::may_be_written(dir)
}

/// Every key whose time is not over, of any algorithm, newest first. None if there
/// is no file.
///
/// # Errors
/// See [`KeyFileError`].
pub fn list(dir: &Path, now: Timestamp) -> Result<Vec<StoredKey>, KeyFileError> {
    file::read_in(dir, now)
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

    pub(super) fn signs(&self, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm && self.retired.is_none()
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

#[cfg(test)]
mod tests;
