//! The app: where it is, tries to connect, waits for its answers.

pub(in crate::gateway) mod attempt;
pub(in crate::gateway) mod response_timeout;
pub mod target;
pub(in crate::gateway) mod websocket;
