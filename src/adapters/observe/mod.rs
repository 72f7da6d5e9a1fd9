//! What operators see of the gateway.

pub mod metrics;
