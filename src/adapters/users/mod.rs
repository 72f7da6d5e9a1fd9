//! Password hashes: read, verified and made.

pub(crate) mod hashes;
pub mod hashing;
