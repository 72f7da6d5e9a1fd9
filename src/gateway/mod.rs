//! Floor 6: pingora and only pingora. Requests come in as bytes and leave as bytes;
//! what happens in between is decided on the floors below.

mod admin;
pub mod connection;
mod decide;
mod endpoints;
pub(crate) mod process;
mod proxy;
pub mod request;
pub mod shared_state;
pub mod snapshot;
pub(crate) mod upstream;

/// The log target of the server library.
pub const PLATFORM: &str = "pingora";
