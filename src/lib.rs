//! Doorward: a reverse-proxy authentication gateway.
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::disallowed_methods,
        reason = "tests may read the clock and the environment"
    )
)]

pub mod adapters;
pub mod auth;
pub mod cli;
pub mod domain;
pub mod gateway;
