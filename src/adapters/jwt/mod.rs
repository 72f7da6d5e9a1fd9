//! Access tokens: `jsonwebtoken` behind `auth::ports::Tokens`.
//!
//! Keys come from the settings or from `keys.json`; only the ring knows them.

pub(crate) mod algorithm;
mod codec;
mod companions;
mod jwks;
pub mod keyfile;
pub(crate) mod keyring;
#[cfg(test)]
mod verdicts;

use std::path::Path;

pub use keyfile::KeyFileError;
pub use keyring::{KeyError, Keyring};

use self::algorithm::Algorithm;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// `signing`
#[derive(Clone, Debug)]
pub struct Signing {
    /// The only algorithm that is accepted.
    pub algorithm: Algorithm,
    /// Configured keys, the first signs; empty: generated in `data_dir`.
    /// For HS256 the raw key bytes (at least 32, base64 already decoded),
    /// else a PEM private key.
    pub keys: Vec<Secret>,
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
}

/// The ring that the settings ask for: the configured keys, or when there are none
/// those of the key file in `data_dir`, made at the first start. A reload after
/// `doorward keys rotate` calls this again.
///
/// # Errors
/// [`RingError`]; an existing file is then as it was.
pub fn ring(signing: &Signing, data_dir: &Path, now: Timestamp) -> Result<Keyring, RingError> {
    if !signing.keys.is_empty() {
        return Ok(Keyring::new(signing.algorithm, &signing.keys)?);
    }
    let stored = keyfile::load_or_generate(data_dir, signing.algorithm, now)?;
    let until = stored.iter().filter_map(|key| key.expires).min();
    let secrets: Vec<Secret> = stored.into_iter().map(|key| key.secret).collect();
    Ok(Keyring::new(signing.algorithm, &secrets)?.until(until))
}

/// Whether [`ring`] would be had: with the configured keys, or those that are there. Where
/// there are none yet, one can be made. Changes nothing.
///
/// # Errors
/// As [`ring`].
pub fn inspect(signing: &Signing, data_dir: &Path, now: Timestamp) -> Result<(), RingError> {
    if !signing.keys.is_empty() {
        Keyring::new(signing.algorithm, &signing.keys)?;
        return Ok(());
    }
    let stored = keyfile::list(data_dir, now)?;
    if !stored.iter().any(|key| key.signs(signing.algorithm)) {
        keyfile::may_be_written(data_dir)?;
    }
    let ours = stored
        .into_iter()
        .filter(|key| key.algorithm == signing.algorithm);
    let secrets: Vec<Secret> = ours.map(|key| key.secret).collect();
    if !secrets.is_empty() {
        Keyring::new(signing.algorithm, &secrets)?;
    }
    Ok(())
}

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The settings' keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::jwt::algorithm::Algorithm;
    use crate::adapters::store::scratch::Scratch;

    #[test]
    fn configured_keys_win_and_no_file_is_made() {
        let scratch = Scratch::new();
        let mut signing = Signing {
            algorithm: Algorithm::Hs256,
            keys: vec![Secret::new([1; 32])],
            issuer: String::new(),
            audience: String::new(),
        };
        let now = Timestamp::from_secs(1);
        let configured = ring(&signing, scratch.path(), now).unwrap();
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
        signing.keys.clear();
        let stored = ring(&signing, scratch.path(), now).unwrap();
        assert_ne!(configured.ids().next(), stored.ids().next());
        let again = ring(&signing, scratch.path(), now).unwrap();
        assert_eq!(stored.ids().next(), again.ids().next());
    }
}
