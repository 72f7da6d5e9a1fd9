//! Floor 5: what the gateway does, without a server: it authorizes requests, signs in, renews,
//! ends, lists and sweeps. Takes `now` and ports as arguments; knows no server and no connection.

pub mod authorize;
pub mod delivery;
pub mod expiry;
pub mod live_connections;
pub mod login;
mod refused_tokens;
pub mod renewal;
pub mod session_locks;
pub mod sessions;
pub mod user_changes;

#[cfg(test)]
mod test_support;
