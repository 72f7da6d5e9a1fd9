//! What operators see of the gateway.

pub(crate) mod access;
pub(crate) mod fields;
pub(crate) mod logger;
pub mod metrics;
pub(crate) mod panics;
mod queue;
