//! Access tokens: `jsonwebtoken` behind `auth::ports::Tokens`.
//!
//! Keys come from the settings or from `keys.json`; only the ring knows them.

mod codec;
mod jwks;
pub mod keyfile;
pub mod keyring;

pub use keyring::{KeyError, KeyProblem, Keyring};
