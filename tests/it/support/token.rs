//! Access tokens taken apart and put together again, as an attacker would.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The signing key of gateways whose tokens a test forges; at least 32 bytes.
pub const KEY: &str = "a-key-that-only-these-tests-know-0123456789";

/// The section that configures [`KEY`].
pub fn signing() -> String {
    format!("signing: {{ key: {KEY:?} }}\n")
}

/// The value of a `Cookie` field's first pair.
pub fn of(cookie: &str) -> &str {
    cookie.split_once('=').map_or(cookie, |(_, value)| value)
}

/// Header and claims of a token, unverified.
#[track_caller]
pub fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    let mut next = || {
        let part = parts.next().expect("not a JWS");
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("not base64url");
        serde_json::from_slice(&bytes).expect("not JSON")
    };
    (next(), next())
}

/// Base64url of JSON.
pub fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token over exactly these parts, signed with HMAC-SHA-256 under this key.
pub fn sign(header: &Value, claims: &Value, key: &[u8]) -> String {
    seal(&format!("{}.{}", encode(header), encode(claims)), key)
}

/// The encoded header and claims with their signature.
pub fn seal(input: &str, key: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The text for a `Cookie` field.
pub fn cookie(token: &str) -> String {
    format!("__Host-doorward={token}")
}
