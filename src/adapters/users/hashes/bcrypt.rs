//! bcrypt: `$2b$12$` and 53 letters.
//!
//! bcrypt reads 72 bytes of a password and no more, in every program that has it. Whoever
//! has a longer one signs in with it here as there, and with anything that begins with the
//! same 72 bytes (ASVS 6.2.8). Refusing the longer one would open the door to its first 72
//! bytes alone, which is the worse half of the truth.

use bcrypt::HashParts;

use super::{Strength, damaged};
use crate::adapters::config::problem::Fault;

/// The highest cost: 2^17 rounds take some ten seconds.
const MAX_COST: u32 = 17;
/// Below this cost a hash is cheap to guess.
const FAIR: u32 = 8;
/// OWASP's least.
const STRONG: u32 = 10;

/// A bcrypt hash.
#[derive(Debug)]
pub(in crate::adapters) struct BcryptHash {
    text: String,
    cost: u32,
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
    })
}

impl BcryptHash {
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.text).unwrap_or(false)
    }

    pub(super) fn strength(&self) -> Strength {
        match self.cost {
            ..FAIR => Strength::Weak,
            FAIR..STRONG => Strength::Fair,
            STRONG.. => Strength::Strong,
        }
    }
}
