//! bcrypt: `$2b$12$` and 53 letters; and bcrypt-sha256 of Authelia and passlib, which is
//! bcrypt over an HMAC of the password: `$bcrypt-sha256$v=2,t=2b,r=12$`, 22 letters, `$` and
//! 31 letters.
//!
//! Source: <https://passlib.readthedocs.io/en/stable/lib/passlib.hash.bcrypt_sha256.html>
//!
//! bcrypt reads 72 bytes of a password and no more, in every program that has it. Whoever
//! has a longer one signs in with it here as there, and with anything that begins with the
//! same 72 bytes (ASVS 6.2.8). Refusing the longer one would open the door to its first 72
//! bytes alone, which is the worse half of the truth.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use zeroize::Zeroizing;

use super::{damaged, number};
use crate::domain::fault::Fault;

/// The highest cost: 2^17 rounds take some ten seconds.
const MAX_COST: u32 = 17;
/// OWASP's least.
const STRONG: u32 = 10;

/// A bcrypt hash.
#[derive(Debug)]
pub(crate) struct BcryptHash {
    text: String,
    cost: u32,
    of: Of,
}

/// What bcrypt is given.
#[derive(Debug)]
enum Of {
    /// The password.
    Password,
    /// The HMAC-SHA-256 of the password, in base64: 44 letters, so that none is cut off.
    Hmac {
        /// The key: the salt as it is written.
        salt: String,
    },
}

/// Checked byte by byte before the library sees it.
pub(super) fn parse(text: &str) -> Result<BcryptHash, Fault> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    let cost = text
        .get(4..6)
        .filter(|c| c.bytes().all(|b| b.is_ascii_digit()));
    let cost = cost.and_then(|cost| cost.parse::<u32>().ok());
    let body = text.get(7..).is_some_and(|body| body.bytes().all(letters));
    let (Some(cost), true, Some("$"), 60) = (cost, body, text.get(6..7), text.len()) else {
        return Err(damaged("bcrypt"));
    };
    if !(4..=MAX_COST).contains(&cost) {
        return Err(Fault::new(
            format!("has the bcrypt cost {cost}"),
            format!("make one with a cost of 4 to {MAX_COST}, such as 12"),
        ));
    }
    // The verifier also wants the spare bits of both parts to be zero.
    if text.parse::<HashParts>().is_err() {
        return Err(damaged("bcrypt"));
    }
    Ok(BcryptHash {
        text: text.to_owned(),
        cost,
        of: Of::Password,
    })
}

/// What follows `$bcrypt-sha256$`.
pub(super) fn parse_sha256(text: &str) -> Result<BcryptHash, Fault> {
    if text.starts_with('2') {
        return Err(Fault::new(
            "is a bcrypt-sha256 hash of passlib's first version, which is not verified",
            super::MEND,
        ));
    }
    let parts = |text: &str| {
        let (head, rest) = text.split_once('$')?;
        let (salt, output) = rest.split_once('$')?;
        let (kind, cost) = head.strip_prefix("v=2,t=")?.split_once(",r=")?;
        let is_known = ["2a", "2b", "2y"].contains(&kind);
        let cost = number(cost).filter(|cost| is_known && *cost < 100)?;
        let text = format!("${kind}${cost:02}${salt}{output}");
        (salt.len() == 22).then_some((text, salt.to_owned()))
    };
    let (text, salt) = parts(text).ok_or_else(|| damaged("bcrypt-sha256"))?;
    Ok(BcryptHash {
        of: Of::Hmac { salt },
        ..parse(&text)?
    })
}

impl BcryptHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let verify = |given: &[u8]| bcrypt::verify(given, &self.text).unwrap_or(false);
        match &self.of {
            Of::Password => verify(password),
            Of::Hmac { salt } => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
                let digest = Zeroizing::new(STANDARD.encode(hmac::sign(&key, password)));
                verify(digest.as_bytes())
            }
        }
    }

    pub(super) fn is_strong(&self) -> bool {
        self.cost >= STRONG
    }
}
