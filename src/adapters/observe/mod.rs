//! What operators see of the gateway.

pub mod access;
pub mod logger;
pub mod metrics;
mod turned_away;
