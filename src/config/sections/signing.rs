//! `signing`: the algorithm and keys that are strong enough for it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::domain::secret::Secret;

use crate::config::schema::reader::{Section, Spot};
use crate::config::schema::secret_ref;
use crate::config::sections::values;
use crate::config::settings::{Algorithm, Signing};
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;

/// RFC 7518 §3.2: a key of the size of the hash, or larger.
const MIN_HMAC_BYTES: usize = 32;
/// RFC 7518 §3.3.
const MIN_RSA_BYTES: usize = 256;
/// Those with which [`is_guessable`] looks for its mark.
const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Padding or not: people copy both.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Reads the section.
pub(crate) fn read(root: &Section<'_>) -> Signing {
    let section = root.section("signing", "signing");
    let algorithm = section.or("algorithm", Algorithm::Hs256, values::word);
    let name = |key| section.or(key, "doorward".to_owned(), values::words);
    Signing {
        algorithm,
        keys: section
            .some("key")
            .map_or_else(Vec::new, |spot| keys(&spot, algorithm)),
        issuer: name("issuer"),
        audience: name("audience"),
    }
}

fn keys(spot: &Spot<'_>, algorithm: Algorithm) -> Vec<Secret> {
    let spots = match &spot.node.shape {
        Shape::List(items) if items.is_empty() => {
            spot.refuse(Fault::new(
                "is an empty list",
                "give a key, or null to have one generated in data_dir",
            ));
            return Vec::new();
        }
        Shape::List(_) => spot.items().unwrap_or_default(),
        _ => vec![spot.clone()],
    };
    spots
        .iter()
        .filter_map(|spot| {
            let secret = secret_ref::read(spot)?;
            match key(&secret, algorithm) {
                Ok(key) => Some(key),
                Err(fault) => {
                    spot.refuse_secret(fault);
                    None
                }
            }
        })
        .collect()
}

fn key(secret: &Secret, algorithm: Algorithm) -> Result<Secret, Fault> {
    match algorithm {
        Algorithm::Hs256 => hmac(secret),
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::EdDsa => {
            private_key(secret.expose(), algorithm)?;
            Ok(secret.clone())
        }
    }
}

fn hmac(secret: &Secret) -> Result<Secret, Fault> {
    let make = "make one with `openssl rand -base64 32` and write base64: before it";
    let text = secret.expose();
    if text.starts_with(b"-----BEGIN") {
        return Err(Fault::new(
            "is a PEM key, and HS256 takes a shared secret",
            "set signing.algorithm to ES256, RS256 or EdDSA",
        ));
    }
    let key = match text.strip_prefix(b"base64:") {
        None => secret.clone(),
        Some(encoded) => {
            let encoded = encoded.trim_ascii();
            let decoded = GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
                .decode(encoded)
                .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT).decode(encoded));
            let Ok(decoded) = decoded else {
                return Err(Fault::new("is not base64", make));
            };
            Secret::new(decoded)
        }
    };
    if key.expose().len() < MIN_HMAC_BYTES {
        return Err(Fault::new(
            format!(
                "is a key of {} bytes, and HS256 needs {MIN_HMAC_BYTES}",
                key.expose().len()
            ),
            make,
        ));
    }
    Ok(key)
}

/// Whether the PEM is a private key of the algorithm, parsed by the library that signs.
fn private_key(text: &[u8], algorithm: Algorithm) -> Result<(), Fault> {
    let (wanted, make) = match algorithm {
        Algorithm::Es256 => (
            "an EC key on P-256",
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        ),
        Algorithm::Rs256 => (
            "an RSA key of at least 2048 bits",
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        ),
        Algorithm::EdDsa => ("an Ed25519 key", "openssl genpkey -algorithm ed25519"),
        Algorithm::Hs256 => return Ok(()),
    };
    let fault = |message: String| Fault::new(message, format!("make one with `{make}`"));
    let Ok(pem) = pem::parse(text) else {
        return Err(fault(format!("is not PEM; {wanted} is needed")));
    };
    let der = pem.contents();
    let fits = match (pem.tag(), algorithm) {
        ("ENCRYPTED PRIVATE KEY", _) => {
            return Err(Fault::new(
                "is encrypted, and nobody is there to type its passphrase",
                "decrypt it with `openssl pkey`",
            ));
        }
        ("EC PRIVATE KEY", Algorithm::Es256) => {
            return Err(Fault::new(
                "is in the SEC1 notation",
                "convert it with `openssl pkcs8 -topk8 -nocrypt`",
            ));
        }
        ("RSA PRIVATE KEY", Algorithm::Rs256) => RsaKeyPair::from_der(der).is_ok_and(strong),
        ("PRIVATE KEY", Algorithm::Rs256) => RsaKeyPair::from_pkcs8(der).is_ok_and(strong),
        ("PRIVATE KEY", Algorithm::Es256) => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).is_ok()
        }
        ("PRIVATE KEY", Algorithm::EdDsa) => Ed25519KeyPair::from_pkcs8(der).is_ok(),
        _ => false,
    };
    if fits && encodes(text, algorithm) {
        return Ok(());
    }
    Err(fault(format!("is not {wanted}")))
}

fn strong(pair: RsaKeyPair) -> bool {
    let modulus = pair.public_key().modulus();
    let modulus = modulus.big_endian_without_leading_zero();
    modulus.len() >= MIN_RSA_BYTES && !is_guessable(modulus)
}

/// The mark of keys that some smart cards and security chips made (CVE-2017-15361, "ROCA"):
/// a power of 65537 modulo every small prime. Such a modulus can be factored. A good one
/// has the mark once in 2^27 times.
fn is_guessable(modulus: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|prime| {
        let rest = modulus
            .iter()
            .fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65_537 % prime));
        powers.zip(1..*prime).any(|(power, _)| power == rest)
    })
}

/// Whether the library that makes tokens takes it as well.
fn encodes(pem: &[u8], algorithm: Algorithm) -> bool {
    use jsonwebtoken::EncodingKey;
    match algorithm {
        Algorithm::Hs256 => true,
        Algorithm::Es256 => EncodingKey::from_ec_pem(pem).is_ok(),
        Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem).is_ok(),
        Algorithm::EdDsa => EncodingKey::from_ed_pem(pem).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_65537_bear_the_mark() {
        for (modulus, expected) in [
            (&[1][..], true),
            (&[1, 0, 1], true),
            (&[1, 0, 2, 0, 1], true),
            (&[3], false),
            (&[1, 0, 3], false),
            (&[0xff; 256], false),
        ] {
            assert_eq!(is_guessable(modulus), expected, "{modulus:02x?}");
        }
    }
}
