//! One process from start to end: start, stop, reload, what goes on beside requests.

pub(crate) mod background;
pub(crate) mod file_watch;
pub(crate) mod open_store;
pub mod prepare;
pub mod reload;
pub mod run_error;
pub mod server;
pub(crate) mod shutdown;
pub(crate) mod supervise;
pub(crate) mod surroundings;
pub mod upgrade;
pub mod watchdog;
