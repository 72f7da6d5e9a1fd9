//! The signing keys of this moment: the first signs, all verify.
//!
//! Every key is parsed, and tried once, when the ring is built, so that no request
//! parses one and no login finds out that a key cannot sign. Never says anything of
//! a key but its id, and the id is one-way.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use zeroize::Zeroizing;

use super::jwks::{self, PublicKey};
use crate::adapters::jwt::algorithm::Algorithm;
use crate::domain::id::KeyId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// RFC 7518 §3.2: a key of the size of the hash output or larger.
const HS256_MIN_BYTES: usize = 32;

/// Bytes of the derived key id: 12 characters of base64url.
const ID_BYTES: usize = 9;

/// An ordered, never empty set of keys for one algorithm.
pub struct Keyring {
    algorithm: Algorithm,
    keys: Vec<Key>,
    jwks: Option<String>,
    until: Option<Timestamp>,
}

/// One key, ready to use.
pub(super) struct Key {
    pub(super) id: KeyId,
    /// The JOSE header of everything this key signs, already encoded.
    pub(super) header: String,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// Keys the fingerprint of password hashes in `ver`.
    pub(super) fingerprint: hmac::Key,
    /// Seals refresh tokens.
    pub(super) refresh: hmac::Key,
    /// Makes CSRF tokens.
    pub(super) csrf: hmac::Key,
    /// Seals the targets of bounce pages.
    pub(super) bounce: hmac::Key,
    /// Seals who has signed in with a browser.
    pub(super) known: hmac::Key,
    pub(super) public: Option<PublicKey>,
}

impl Keyring {
    /// Builds the ring from the keys in their order: raw bytes for HS256, else PEM
    /// private keys (`Signing::keys`, or what `keyfile` stores). A key that
    /// is there twice counts once.
    ///
    /// # Errors
    /// If there is no key, or one of them cannot be used with the algorithm.
    pub fn new(algorithm: Algorithm, keys: &[Secret]) -> Result<Self, KeyError> {
        let mut ring: Vec<Key> = Vec::with_capacity(keys.len());
        for (index, secret) in keys.iter().enumerate() {
            let key = Key::new(algorithm, secret).map_err(|problem| KeyError::Unusable {
                place: index.saturating_add(1),
                problem,
            })?;
            if ring.iter().all(|other| other.id != key.id) {
                ring.push(key);
            }
        }
        if ring.is_empty() {
            return Err(KeyError::Empty);
        }
        let jwks = jwks::set(algorithm, &ring);
        Ok(Self {
            algorithm,
            keys: ring,
            jwks,
            until: None,
        })
    }

    /// The same ring, of which a key is to be given up at `until`.
    #[must_use]
    pub fn until(self, until: Option<Timestamp>) -> Self {
        Self { until, ..self }
    }

    /// When the ring must be built again, without the key whose time is over then.
    pub fn good_until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The only algorithm that this ring signs with and accepts.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The ids of the keys, the one that signs first.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(|key| &key.id)
    }

    /// The key that signs.
    pub(super) fn first(&self) -> Option<&Key> {
        self.keys.first()
    }

    /// All keys, the one that signs first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The key at a place that [`Self::find`] gave.
    pub(super) fn at(&self, place: usize) -> Option<&Key> {
        self.keys.get(place)
    }

    /// The key with this id, and its place. A plain comparison with the ids that we
    /// made: a `kid` is never a path, a URL or a query (RFC 8725 §3.10).
    pub(super) fn find(&self, kid: &str) -> Option<(usize, &Key)> {
        self.keys
            .iter()
            .enumerate()
            .find(|(_, key)| key.id.as_str() == kid)
    }

    /// See `Tokens::jwks`.
    pub(super) fn jwks_text(&self) -> Option<&str> {
        self.jwks.as_deref()
    }
}

/// How large the modulus of an RSA private key in PEM is, in bits.
pub(crate) fn rsa_bits(key: &Secret) -> Option<usize> {
    use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
    let pem = pem::parse(key.expose()).ok()?;
    let pair = match pem.tag() {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(pem.contents()),
        _ => RsaKeyPair::from_pkcs8(pem.contents()),
    };
    Some(pair.ok()?.public_key().modulus_len().saturating_mul(8))
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("algorithm", &self.algorithm)
            .field("ids", &self.ids().collect::<Vec<_>>())
            .finish()
    }
}

impl Key {
    fn new(algorithm: Algorithm, secret: &Secret) -> Result<Self, KeyProblem> {
        let material = Material::parse(algorithm, secret)?;
        let id = material.id()?;
        let mac = |label: &[u8]| -> Result<hmac::Key, KeyProblem> {
            let derived = material.derive::<32>(label)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived[..]))
        };
        let public = jwks::public_key(algorithm, &material.signing)?;
        let verifying = match &public {
            Some(public) => public.decoding_key(),
            None => DecodingKey::from_secret(secret.expose()),
        };
        let header = serde_json::json!({
            "alg": algorithm.name(),
            "kid": id.as_str(),
            "typ": "JWT",
        });
        let key = Self {
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            id,
            fingerprint: mac(b"doorward password fingerprint v1")?,
            refresh: mac(b"doorward refresh token v1")?,
            csrf: mac(b"doorward csrf token v1")?,
            bounce: mac(b"doorward bounce v1")?,
            known: mac(b"doorward known v1")?,
            signing: material.signing,
            verifying,
            public,
        };
        key.tried(algorithm)
    }

    /// One signature there and back: what fails here would fail at every login.
    fn tried(self, algorithm: Algorithm) -> Result<Self, KeyProblem> {
        let alg = library_algorithm(algorithm);
        let message = b"doorward";
        let good = crypto::sign(message, &self.signing, alg)
            .and_then(|signature| crypto::verify(&signature, message, &self.verifying, alg));
        match good {
            Ok(true) => Ok(self),
            Ok(false) | Err(_) => Err(KeyProblem::Unfit { algorithm }),
        }
    }
}

/// A private key as the library holds it, and the bytes that others derive from.
struct Material {
    signing: EncodingKey,
}

impl Material {
    fn parse(algorithm: Algorithm, secret: &Secret) -> Result<Self, KeyProblem> {
        let bytes = secret.expose();
        let unfit = |_| KeyProblem::Unfit { algorithm };
        let signing = match algorithm {
            Algorithm::Hs256 if bytes.len() < HS256_MIN_BYTES => {
                return Err(KeyProblem::TooShort { bytes: bytes.len() });
            }
            Algorithm::Hs256 => EncodingKey::from_secret(bytes),
            Algorithm::Es256 => EncodingKey::from_ec_pem(bytes).map_err(unfit)?,
            Algorithm::Rs256 => EncodingKey::from_rsa_pem(bytes).map_err(unfit)?,
            Algorithm::EdDsa => EncodingKey::from_ed_pem(bytes).map_err(unfit)?,
        };
        Ok(Self { signing })
    }

    /// Deterministic, so that replicas with one key agree without talking.
    fn id(&self) -> Result<KeyId, KeyProblem> {
        let id = self.derive::<ID_BYTES>(b"doorward kid v1")?;
        Ok(KeyId::new(&URL_SAFE_NO_PAD.encode(&id[..])))
    }

    /// HKDF-SHA256 (RFC 5869) of the private key (DER, or the raw HS256 bytes)
    /// without salt; `label` is the info.
    fn derive<const N: usize>(&self, label: &[u8]) -> Result<Zeroizing<[u8; N]>, KeyProblem> {
        let mut out = Zeroizing::new([0; N]);
        Salt::new(HKDF_SHA256, &[])
            .extract(self.signing.as_bytes())
            .expand(&[label], Length(N))
            .and_then(|okm| okm.fill(&mut out[..]))
            .map_err(|aws_lc_rs::error::Unspecified| KeyProblem::Derivation)?;
        Ok(out)
    }
}

/// The number of bytes that HKDF is asked for.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The id that a key has in a ring.
///
/// # Errors
/// If the key cannot be used with the algorithm.
pub(crate) fn key_id(algorithm: Algorithm, secret: &Secret) -> Result<KeyId, KeyProblem> {
    Key::new(algorithm, secret).map(|key| key.id)
}

pub(super) fn library_algorithm(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

/// Why there is no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The list of keys is empty.
    #[error("there is no signing key")]
    Empty,
    /// One of the keys is not usable.
    #[error("signing key {place}: {problem}")]
    Unusable {
        /// Its place in the list, from 1.
        place: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with a key. Never says a byte of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Less than the hash output (RFC 7518 §3.2): it could be guessed offline from
    /// any one token.
    #[error(
        "an HS256 key needs at least {HS256_MIN_BYTES} bytes and this has {bytes}; \
         make one with `openssl rand -hex 32`"
    )]
    TooShort {
        /// How many it has.
        bytes: usize,
    },
    /// Not a private key that the algorithm can use.
    #[error("{}", unfit(*.algorithm))]
    Unfit {
        /// The configured algorithm.
        algorithm: Algorithm,
    },
    /// The crypto library refused to derive; not known to happen.
    #[error("nothing could be derived from it")]
    Derivation,
}

fn unfit(algorithm: Algorithm) -> String {
    let (needs, mend) = match algorithm {
        Algorithm::Hs256 => ("some secret bytes", "openssl rand -hex 32"),
        Algorithm::Es256 => (
            "a P-256 private key in PKCS#8 PEM (`BEGIN PRIVATE KEY`)",
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        ),
        Algorithm::Rs256 => (
            "an RSA private key of 2048 to 8192 bits in PEM, not encrypted",
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        ),
        Algorithm::EdDsa => (
            "an Ed25519 private key in PKCS#8 PEM (`BEGIN PRIVATE KEY`)",
            "openssl genpkey -algorithm ed25519",
        ),
    };
    let name = algorithm.name();
    format!("{name} needs {needs}; make one with `{mend}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::jwt::keyfile::generate_key;

    #[test]
    fn ids_are_deterministic_short_and_differ() {
        let a = Secret::new([1; 32]);
        let b = Secret::new([2; 32]);
        let id = key_id(Algorithm::Hs256, &a).unwrap();
        assert_eq!(id, key_id(Algorithm::Hs256, &a).unwrap());
        assert_ne!(id, key_id(Algorithm::Hs256, &b).unwrap());
        assert_eq!(id.as_str().len(), 12);
    }

    #[test]
    fn ring_keeps_the_order_and_drops_doubles() {
        let keys = [1, 2, 1].map(|byte| Secret::new([byte; 32]));
        let ring = Keyring::new(Algorithm::Hs256, &keys).unwrap();
        let ids: Vec<_> = ring.ids().cloned().collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], key_id(Algorithm::Hs256, &keys[0]).unwrap());
        assert_eq!(ring.find(ids[1].as_str()).map(|(place, _)| place), Some(1));
        assert!(ring.find("").is_none());
    }

    #[test]
    fn unusable_keys_are_named() {
        assert_eq!(
            Keyring::new(Algorithm::Hs256, &[]).unwrap_err(),
            KeyError::Empty
        );
        let short = [Secret::new([1; 32]), Secret::new([1; 31])];
        let error = Keyring::new(Algorithm::Hs256, &short).unwrap_err();
        assert!(error.to_string().contains("signing key 2"), "{error}");
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
            for text in [
                "",
                "no pem",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            ] {
                let error = Keyring::new(algorithm, &[Secret::new(text)]).unwrap_err();
                assert!(error.to_string().contains("openssl"), "{error}");
            }
        }
    }

    #[test]
    fn a_key_of_another_algorithm_is_refused() {
        let kinds = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];
        for made in kinds {
            let key = generate_key(made).unwrap();
            for used in kinds {
                assert_eq!(
                    Keyring::new(used, std::slice::from_ref(&key)).is_ok(),
                    used == made,
                    "{made:?} as {used:?}"
                );
            }
        }
    }

    #[test]
    fn debug_says_no_key() {
        let text = format!(
            "{:?}",
            Keyring::new(Algorithm::Hs256, &[Secret::new("k".repeat(32))]).unwrap()
        );
        assert!(!text.contains("kkkk"), "{text}");
    }
}
