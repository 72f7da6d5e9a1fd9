//! Signs and opens access tokens (JWS compact, RFC 7515).
//!
//! Everything of a token that could choose how it is read is ours to check before
//! the library sees it: it is asked one question only, whether these bytes are the
//! signature of those under this key and this algorithm. Dates, issuer and audience
//! are `auth::claims`' business. Never panics, whatever the bytes.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::companions;
use super::keyring::{Key, Keyring, library_algorithm};
use crate::adapters::jwt::algorithm::Algorithm;
use crate::auth::claims::Claims;
use crate::auth::directory::User;
use crate::auth::ports::{DecodedToken, Sealed, SignError, Tokens};
use crate::auth::refresh::RefreshToken;
use crate::domain::id::SessionId;

/// What a browser stores in one cookie, and so the longest token we issue.
const MAX_TOKEN_BYTES: usize = 4096;

/// How many claims our own tokens have.
const USUAL_CLAIMS: usize = 12;

/// Bytes of the password fingerprint: 16 characters of base64url.
const FINGERPRINT_BYTES: usize = 12;

impl Tokens for Keyring {
    fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let key = self
            .first()
            .ok_or_else(|| SignError("there is no key".into()))?;
        let payload = serde_json::to_vec(claims).map_err(|error| SignError(error.to_string()))?;
        let mut token = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
        let alg = library_algorithm(self.algorithm());
        let signature = crypto::sign(token.as_bytes(), &key.signing, alg)
            .map_err(|error| SignError(error.to_string()))?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }

    fn open(&self, token: &[u8]) -> Option<DecodedToken> {
        let parts = Parts::split(token)?;
        let (place, key) = self.named_by(parts.header)?;
        if !parts.are_signed_with(&key.verifying, self.algorithm()) {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(parts.payload).ok()?;
        Some(DecodedToken {
            claims: claims(&payload)?,
            key: place,
        })
    }

    fn version(&self, user: &User, key: usize) -> Option<String> {
        // Keyed, so that a stolen token is no oracle for guessing the password hash,
        // and with the id, so that two users with one hash do not show it.
        let mut mac = hmac::Context::with_key(&self.at(key)?.fingerprint);
        mac.update(user.identity.id.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(user.password_hash.as_str().as_bytes());
        let tag = mac.sign();
        let fingerprint = URL_SAFE_NO_PAD.encode(tag.as_ref().get(..FINGERPRINT_BYTES)?);
        Some(format!("{}.{fingerprint}", user.token_version))
    }

    fn seal_refresh(&self, token: &RefreshToken) -> Result<String, SignError> {
        companions::seal_refresh(self, token)
    }

    fn open_refresh(&self, token: &[u8]) -> Option<RefreshToken> {
        companions::open_refresh(self, token)
    }

    fn csrf_token(&self, session: SessionId) -> Result<String, SignError> {
        companions::csrf_token(self, session)
    }

    fn is_csrf_token(&self, session: SessionId, presented: &[u8]) -> bool {
        companions::is_csrf_token(self, session, presented)
    }

    fn seal(&self, what: Sealed, text: &[u8]) -> Result<String, SignError> {
        companions::seal(self, what, text)
    }

    fn is_sealed(&self, what: Sealed, text: &[u8], seal: &[u8]) -> bool {
        companions::is_sealed(self, what, text, seal)
    }

    fn jwks(&self) -> Option<&str> {
        self.jwks_text()
    }
}

impl Keyring {
    /// The key that a header names, and its place.
    fn named_by(&self, header: &[u8]) -> Option<(usize, &Key)> {
        // One that we wrote is known by its text, and says nothing that we do not know.
        let ours = |(_, key): &(usize, &Key)| key.header.as_bytes() == header;
        if let Some(found) = self.all().enumerate().find(ours) {
            return Some(found);
        }
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        let header = Header::parse(&header)?;
        // Attacks: `none`, and HS256 over our own public key (RFC 8725 §2.1). There
        // is one algorithm, and it is the operator's choice, not the token's.
        if header.alg != self.algorithm().name() || header.typ != "JWT" {
            return None;
        }
        self.find(header.kid)
    }
}

/// The three segments of a compact token, still encoded.
struct Parts<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    /// Header, dot, payload: what was signed.
    message: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(token: &'a [u8]) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut segments = token.split(|byte| *byte == b'.');
        let (header, payload, signature) = (segments.next()?, segments.next()?, segments.next()?);
        if segments.next().is_some() {
            return None;
        }
        let end = header.len().checked_add(1)?.checked_add(payload.len())?;
        Some(Self {
            header,
            payload,
            signature,
            message: token.get(..end)?,
        })
    }

    /// Whether the third segment is the signature of the first two under this key.
    fn are_signed_with(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        let Ok(signature) = std::str::from_utf8(self.signature) else {
            return false;
        };
        let verified = crypto::verify(signature, self.message, key, library_algorithm(algorithm));
        matches!(verified, Ok(true))
    }
}

/// The header that we write, and no other.
///
/// Unknown members are refused, so `crit` cannot demand what we do not do (RFC 7515
/// §4.1.11), `jwk`, `jku`, `x5u` and `x5c` cannot bring a key along, `b64` and `zip`
/// cannot change what is signed. Borrowed, so an escaped spelling is refused too.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl<'a> Header<'a> {
    fn parse(json: &'a [u8]) -> Option<Self> {
        // serde reads a struct from an array as well.
        if !json.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

/// The claims of a payload that is one object without a repeated key: two parsers
/// could see two different users in one that has (RFC 7519 §4).
fn claims(json: &[u8]) -> Option<Claims> {
    serde_json::from_slice::<Distinct>(json).ok()?;
    serde_json::from_slice(json).ok()
}

/// Proof that a JSON text is an object whose keys differ.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DistinctKeys)
    }
}

/// A key, without its escapes.
#[derive(serde::Deserialize, PartialEq, Eq)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct DistinctKeys;

impl<'de> Visitor<'de> for DistinctKeys {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without repeated keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
        // As long as a token is, and signed, so few enough to look through.
        let mut seen: Vec<Name<'de>> = Vec::with_capacity(USUAL_CLAIMS);
        while let Some((key, IgnoredAny)) = map.next_entry::<Name<'de>, IgnoredAny>()? {
            if seen.contains(&key) {
                return Err(serde::de::Error::custom("a repeated key"));
            }
            seen.push(key);
        }
        Ok(Distinct)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof;
