//! The integration binary: the real gateway on free ports before a real upstream.
//!
//! One file a promise of the outward contract, in folders by what it is about. Support starts what is needed and ends it.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test panics where it fails, and reads the environment that it runs in"
)]

mod attacks;
mod operations;
mod packaging;
mod programs;
mod project;
mod rules;
mod sessions;
mod sign_in;
mod signing;
mod store;
mod support;
mod upstream;
