//! The public halves of the keys, and the JWK set that shows them (RFC 7517).
//!
//! A set is built from public parts alone, by naming each member, so a private
//! member (`d`, `p`, `k` …) cannot slip in by a change of a library's type.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::keyring::{Key, KeyProblem};
use crate::adapters::jwt::algorithm::Algorithm;

/// A public key in the parts that a JWK names.
pub(super) enum PublicKey {
    /// The uncompressed point without its leading 4: x, then y, 32 bytes each.
    P256 { x: Vec<u8>, y: Vec<u8> },
    /// Modulus and exponent, big endian.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// RFC 8032 §5.1.5.
    Ed25519 { x: Vec<u8> },
}

impl PublicKey {
    /// What the library verifies with.
    pub(super) fn decoding_key(&self) -> DecodingKey {
        match self {
            Self::P256 { x, y } => DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat()),
            Self::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            Self::Ed25519 { x } => DecodingKey::from_ed_der(x),
        }
    }

    fn members(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::P256 { x, y } => {
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Self::Rsa { n, e } => json!({"kty": "RSA", "n": text(n), "e": text(e)}),
            Self::Ed25519 { x } => json!({"kty": "OKP", "crv": "Ed25519", "x": text(x)}),
        }
    }
}

/// The public half of a private key; `None` for HS256, which has none.
///
/// # Errors
/// If the private key is not one that the algorithm can use.
pub(super) fn public_key(
    algorithm: Algorithm,
    private: &EncodingKey,
) -> Result<Option<PublicKey>, KeyProblem> {
    let unfit = |_| KeyProblem::Unfit { algorithm };
    let der = private.as_bytes();
    let public = match algorithm {
        Algorithm::Hs256 => return Ok(None),
        Algorithm::Es256 => {
            let pair =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(unfit)?;
            let point = pair.public_key().as_ref();
            let Some((x, y)) = point
                .strip_prefix(&[4])
                .filter(|xy| xy.len() == 64)
                .and_then(|xy| xy.split_at_checked(32))
            else {
                return Err(KeyProblem::Unfit { algorithm });
            };
            PublicKey::P256 {
                x: x.to_vec(),
                y: y.to_vec(),
            }
        }
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::from_der(der).map_err(unfit)?;
            let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
            PublicKey::Rsa {
                n: parts.n,
                e: parts.e,
            }
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(der).map_err(unfit)?;
            PublicKey::Ed25519 {
                x: pair.public_key().as_ref().to_vec(),
            }
        }
    };
    Ok(Some(public))
}

/// The set of all keys that verify, as text; `None` when they are symmetric.
pub(super) fn set(algorithm: Algorithm, keys: &[Key]) -> Option<String> {
    let mut list = Vec::with_capacity(keys.len());
    for key in keys {
        let mut jwk = key.public.as_ref()?.members();
        if let Value::Object(members) = &mut jwk {
            members.insert("use".into(), json!("sig"));
            members.insert("alg".into(), json!(algorithm.name()));
            members.insert("kid".into(), json!(key.id.as_str()));
        }
        list.push(jwk);
    }
    Some(json!({ "keys": list }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::jwt::Keyring;
    use crate::adapters::jwt::keyfile::generate_key;
    use crate::auth::ports::Tokens;
    use crate::domain::secret::Secret;

    #[test]
    fn a_set_shows_public_members_and_nothing_else() {
        for (algorithm, expected) in [
            (
                Algorithm::Es256,
                &["alg", "crv", "kid", "kty", "use", "x", "y"][..],
            ),
            (Algorithm::Rs256, &["alg", "e", "kid", "kty", "n", "use"]),
            (Algorithm::EdDsa, &["alg", "crv", "kid", "kty", "use", "x"]),
        ] {
            let keys = [0, 1].map(|_| generate_key(algorithm).unwrap());
            let ring = Keyring::new(algorithm, &keys).unwrap();
            let set: Value = serde_json::from_str(ring.jwks().unwrap()).unwrap();
            let list = set["keys"].as_array().unwrap();
            assert_eq!(list.len(), 2);
            for (jwk, id) in list.iter().zip(ring.ids()) {
                let mut members: Vec<_> = jwk.as_object().unwrap().keys().collect();
                members.sort();
                assert_eq!(
                    members, expected,
                    "{algorithm:?}: a private part would be public"
                );
                assert_eq!(jwk["kid"], id.as_str());
            }
        }
    }

    #[test]
    fn a_library_that_reads_the_set_verifies_with_it() {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
            let key = generate_key(algorithm).unwrap();
            let ring = Keyring::new(algorithm, &[key]).unwrap();
            let set: jsonwebtoken::jwk::JwkSet =
                serde_json::from_str(ring.jwks().unwrap()).unwrap();
            let alg = super::super::keyring::library_algorithm(algorithm);
            let signature =
                jsonwebtoken::crypto::sign(b"m", &ring.first().unwrap().signing, alg).unwrap();
            let public = DecodingKey::from_jwk(&set.keys[0]).unwrap();
            assert!(jsonwebtoken::crypto::verify(&signature, b"m", &public, alg).unwrap());
        }
    }

    #[test]
    fn symmetric_keys_have_no_set() {
        let ring = Keyring::new(Algorithm::Hs256, &[Secret::new([7; 32])]).unwrap();
        assert_eq!(ring.jwks(), None);
    }
}
