//! One process from start to end: start, stop, reload, what goes on beside requests.

pub(in crate::gateway) mod background;
pub(in crate::gateway) mod file_watch;
pub(in crate::gateway) mod open_store;
pub mod prepare;
pub mod reload;
pub mod run_error;
pub mod server;
pub(in crate::gateway) mod shutdown;
pub(in crate::gateway) mod supervise;
pub(in crate::gateway) mod surroundings;
pub mod upgrade;
pub mod watchdog;
