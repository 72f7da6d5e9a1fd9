//! Users: where they are written down, and how their passwords are checked.

pub mod formats;
pub(in crate::adapters) mod hashes;
pub mod hashing;
