//! The keys: the one table of them, the environment that overlays it, and how a value is read.

pub(in crate::config) mod context;
pub(in crate::config) mod environment;
pub mod keys;
pub(in crate::config) mod overlay;
pub(in crate::config) mod reader;
pub(in crate::config) mod secret_ref;
mod service_links;
