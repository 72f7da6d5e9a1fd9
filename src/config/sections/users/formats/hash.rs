//! Password hashes where users are written down: one that can be verified, or why not.

use crate::adapters::users::hashes::ParsedHash;
use crate::auth::directory::PasswordHash;
use crate::config::schema::reader::Spot;
use crate::domain::fault::Fault;

/// Checks the value; a problem never shows it.
pub(super) fn read(spot: &Spot<'_>) -> Option<PasswordHash> {
    match spot.text().and_then(check) {
        Ok(hash) => Some(hash),
        Err(fault) => {
            spot.refuse_secret(fault);
            None
        }
    }
}

/// A hash that can be verified.
pub(super) fn check(text: &str) -> Result<PasswordHash, Fault> {
    ParsedHash::parse(text)?;
    Ok(PasswordHash::new(text))
}
