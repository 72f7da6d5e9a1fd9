//! What operators see of the gateway.

pub mod access;
pub mod fields;
pub mod logger;
pub mod metrics;
pub mod panics;
mod queue;
