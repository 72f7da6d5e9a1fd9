//! Where failed logins are counted: in this process, or for all that share a store.
//! Both pass the one suite in `contract.rs`.

#[cfg(test)]
mod contract;
mod local;
mod shared;

pub use local::Local;
pub use shared::Shared;
