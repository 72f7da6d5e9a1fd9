//! The keys: the one table of them, the environment that overlays it, and how a value is read.

pub(crate) mod context;
pub(crate) mod environment;
pub mod keys;
pub(crate) mod overlay;
pub(crate) mod reader;
pub(crate) mod secret_ref;
mod service_links;
