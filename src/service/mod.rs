//! Floor 5: what the gateway does, without a server: it authorizes requests, signs in, renews,
//! ends, lists and sweeps. Takes `now` and ports as arguments; knows no server and no connection.

pub(crate) mod authorize;
pub(crate) mod delivery;
pub(crate) mod expiry;
pub(crate) mod live_connections;
pub(crate) mod login;
mod refused_tokens;
pub(crate) mod renewal;
pub(crate) mod session_locks;
pub(crate) mod sessions;
pub(crate) mod user_changes;

#[cfg(test)]
mod test_support;
