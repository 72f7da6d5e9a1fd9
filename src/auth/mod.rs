//! Floor 2: decisions. Knows `domain` alone: no server, no runtime, no clock.

pub(crate) mod bounce;
pub mod claims;
pub mod client_headers;
pub(crate) mod cors;
pub(crate) mod csrf;
pub mod denial;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod event;
pub mod gate;
pub(crate) mod headers;
pub mod issue;
pub(crate) mod known;
pub(crate) mod location;
pub mod login;
pub mod login_flow;
pub(crate) mod machine;
pub(crate) mod pass;
pub mod policy;
pub mod ports;
pub mod principal;
pub(crate) mod problem;
pub mod redirect;
pub mod refresh;
pub(crate) mod renewal;
pub mod revocation;
pub mod rules;
pub mod session;
pub mod stored;
#[cfg(test)]
pub(crate) mod test_support;
pub(crate) mod throttle;
pub(crate) mod token_use;
pub(crate) mod users;
pub(crate) mod verified;
pub(crate) mod visitor;
