//! Where sessions and revocations live: on disk, in memory, and the replica that the gate reads.
//! Every store passes the one suite in `contract.rs`.

#[cfg(test)]
pub(crate) mod contract;
pub(crate) mod embedded;
pub(crate) mod lock;
pub mod memory;
pub(super) mod ownership;
pub(crate) mod redis;
pub mod replica;
#[cfg(test)]
mod rotation_model;
#[cfg(test)]
pub(crate) mod scratch;
mod session_record;
mod tables;
pub(super) mod wire;

pub use embedded::Embedded;
pub use lock::DataDir;
pub use memory::Memory;
pub use ownership::DataDirError;
pub use redis::Redis;
pub use replica::RevocationIndex;
