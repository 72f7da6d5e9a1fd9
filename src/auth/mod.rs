//! Floor 2: decisions. Knows `domain` alone: no server, no runtime, no clock.

pub mod bounce;
pub mod claims;
pub mod client_headers;
pub mod cors;
pub mod csrf;
pub mod denial;
pub mod directory;
pub mod endpoint;
pub mod event;
pub mod gate;
pub mod headers;
pub mod issue;
pub mod known;
pub mod location;
pub mod login;
pub mod login_flow;
pub mod machine;
pub mod pass;
pub mod policy;
pub mod ports;
pub mod principal;
pub mod problem;
pub mod redirect;
pub mod refresh;
pub mod renewal;
pub mod revocation;
pub mod rules;
pub mod session;
pub mod stored;
#[cfg(test)]
pub(crate) mod test_support;
pub mod throttle;
pub mod token_use;
pub mod users;
pub mod verified;
pub mod visitor;
