//! Keys for the targets, and what another crypto library says of a signature: `ring`, where
//! the gateway signs with `aws-lc-rs`.

use std::sync::LazyLock;

use doorward::adapters::jwt::Keyring;
use doorward::config::settings::Algorithm;
use doorward::domain::secret::Secret;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{hkdf, hmac};

/// The HS256 keys, the one that signs first.
pub const SECRETS: [&[u8; 32]; 2] = [
    b"a fuzzed key of thirty-two bytes",
    b"and a retired one just as long!!",
];

/// Those of the gateway, for HS256.
pub static SYMMETRIC: LazyLock<Ring> = LazyLock::new(|| {
    let secrets = SECRETS.map(|secret| Secret::new(*secret));
    let check = |place: usize, message: &[u8], tag: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRETS[place]);
        hmac::verify(&key, message, tag).is_ok()
    };
    Ring::new(Algorithm::Hs256, "HS256", &secrets, check)
});

/// The same bytes as the seeds of Ed25519 keys.
pub static ASYMMETRIC: LazyLock<Ring> = LazyLock::new(|| {
    let secrets = SECRETS.map(|seed| Secret::new(pem(seed)));
    let check = |place: usize, message: &[u8], tag: &[u8]| {
        let public = *pair(place).public_key();
        UnparsedPublicKey::new(&ED25519, public)
            .verify(message, tag)
            .is_ok()
    };
    Ring::new(Algorithm::EdDsa, "EdDSA", &secrets, check)
});

/// A key ring, and a second opinion on its signatures.
pub struct Ring {
    /// The gateway's.
    pub ours: Keyring,
    /// `alg` of its tokens.
    pub algorithm: &'static str,
    /// The ids of the keys.
    pub ids: Vec<String>,
    check: fn(usize, &[u8], &[u8]) -> bool,
}

impl Ring {
    fn new(
        algorithm: Algorithm,
        name: &'static str,
        secrets: &[Secret],
        check: fn(usize, &[u8], &[u8]) -> bool,
    ) -> Self {
        let ours = Keyring::new(algorithm, secrets).expect("the keys are good");
        Self {
            ids: ours.ids().map(ToString::to_string).collect(),
            ours,
            algorithm: name,
            check,
        }
    }

    /// Whether this is the signature of the message under the key at `place`.
    pub fn verifies(&self, place: usize, message: &[u8], signature: &[u8]) -> bool {
        (self.check)(place, message, signature)
    }

    /// Signs with the key at `place`.
    pub fn sign(&self, place: usize, message: &[u8]) -> Vec<u8> {
        if self.algorithm == "EdDSA" {
            return pair(place).sign(message).as_ref().to_vec();
        }
        hmac_under(SECRETS[place], message)
    }
}

/// HMAC-SHA256.
pub fn hmac_under(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The key that HKDF-SHA256 makes of an HS256 secret for a label, without salt.
pub fn derived(secret: &[u8], label: &[u8]) -> Vec<u8> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
    let info = [label];
    let expanded = extracted.expand(&info, hkdf::HKDF_SHA256);
    let mut key = vec![0; 32];
    expanded
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes");
    key
}

fn pair(place: usize) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(SECRETS[place]).expect("32 bytes are a seed")
}

/// RFC 8410 §7: a PKCS #8 key is these sixteen bytes and the seed.
fn pem(seed: &[u8; 32]) -> String {
    const BEFORE: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    pem::encode(&pem::Pem::new("PRIVATE KEY", [&BEFORE[..], seed].concat()))
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// base64url without padding, slowly.
pub fn encoded(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..=three.len() {
            let six = (bits >> (18 - 6 * place)) & 63;
            out.push(char::from(LETTERS[usize::try_from(six).unwrap_or(0)]));
        }
    }
    out
}

/// The bytes of a text that is exactly what [`encoded`] makes of them.
pub fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut held = 0;
    let mut out = Vec::new();
    for letter in text {
        let six = LETTERS.iter().position(|known| known == letter)?;
        bits = (bits << 6) | u32::try_from(six).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 255).ok()?);
        }
    }
    (encoded(&out).as_bytes() == text).then_some(out)
}
