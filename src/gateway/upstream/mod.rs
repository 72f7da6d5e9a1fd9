//! The app: where it is, tries to connect, waits for its answers.

pub(crate) mod attempt;
pub(crate) mod target;
pub(crate) mod websocket;
