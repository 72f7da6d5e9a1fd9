//! One process from start to end: start, stop, reload, what goes on beside requests.

pub(crate) mod background;
pub(crate) mod file_watch;
pub(crate) mod open_store;
pub(crate) mod prepare;
pub(crate) mod reload;
pub(crate) mod run_error;
pub(crate) mod server;
pub(crate) mod shutdown;
pub(crate) mod supervise;
pub(crate) mod surroundings;
pub(crate) mod upgrade;
pub(crate) mod watchdog;
