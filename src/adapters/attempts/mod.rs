//! Where failed logins are counted: in this process, or for all that share a store.

mod local;

pub use local::Local;
