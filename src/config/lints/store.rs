//! Where sessions are kept, and who can read along.

use redis::{ConnectionAddr, IntoConnectionInfo as _};

use super::Lint;
use super::Severity::{Note, Problem};
use crate::config::settings::{RedisAddress, Settings, StoreKind};

pub(crate) fn check(settings: &Settings) -> Vec<Lint> {
    match &settings.store {
        StoreKind::Redis(redis) => shared(redis).unwrap_or_default(),
        StoreKind::Memory => vec![Lint::new(
            Note,
            "store.memory",
            "session.store is memory",
            "after a restart no session can be renewed, and those that were signed out are good again until their access token runs out",
            "write `store: embedded`",
        )],
        StoreKind::Embedded => Vec::new(),
    }
}

fn shared(redis: &RedisAddress) -> Option<Vec<Lint>> {
    let url = std::str::from_utf8(redis.url.expose()).ok()?;
    let info = url.into_connection_info().ok()?;
    let (host, is_plain) = match info.addr() {
        ConnectionAddr::Tcp(host, _) => (host, true),
        ConnectionAddr::TcpTls { host, .. } => (host, false),
        // A Unix socket.
        _ => return None,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    if bare == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return None;
    }
    let mut found = Vec::new();
    if info.redis_settings().password().is_none() {
        found.push(Lint::new(
            Problem,
            "store.no_password",
            "Redis is on another machine, and its URL has no password",
            "whoever reaches it can undo revocations and end sessions",
            "set requirepass or an ACL user there, and write rediss://user:password@host",
        ));
    }
    if is_plain {
        found.push(Lint::new(
            Note,
            "store.plain",
            "Redis is on another machine, and is spoken to in clear text",
            "whoever can read along gets its password",
            "write rediss:// and give Redis a certificate",
        ));
    }
    Some(found)
}
