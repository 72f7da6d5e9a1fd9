//! The app: where it is, tries to connect, waits for its answers.

pub(in crate::gateway) mod attempt;
pub mod target;
pub(in crate::gateway) mod websocket;
