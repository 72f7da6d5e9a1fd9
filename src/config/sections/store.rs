//! `session.store` and `session.refuse_when_stale`: where sessions are kept.

use std::time::Duration;

use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::domain::secret::Secret;

use crate::config::schema::reader::{Section, Spot};
use crate::config::schema::secret_ref;
use crate::config::sections::values;
use crate::config::sections::web;
use crate::config::settings::{RedisAddress, StoreKind};
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;

/// What every key of ours begins with, unless the operator says otherwise.
const PREFIX: &str = "doorward:";
/// The schemes that we promise; the library knows more, and other words for these.
const SCHEMES: [&str; 3] = ["redis://", "rediss://", "redis+unix://"];
const A_SERVER: &str = "write redis://host:6379, or rediss://host:6379 for TLS";

/// Reads `session.store`.
pub(crate) fn kind(session: &Section<'_>, root: &Section<'_>) -> StoreKind {
    let words = [
        ("embedded", StoreKind::Embedded),
        ("memory", StoreKind::Memory),
    ];
    let Some(spot) = session.get("store") else {
        return StoreKind::Embedded;
    };
    if matches!(spot.node.shape, Shape::Map(_)) {
        return shared(&spot, root).map_or(StoreKind::Embedded, StoreKind::Redis);
    }
    if matches!(spot.text(), Ok("redis")) {
        spot.refuse(Fault::new(
            "lacks the server",
            "write { redis: { url: redis://host } }",
        ));
        return StoreKind::Embedded;
    }
    spot.parse(|text| values::choice(text, &words))
        .unwrap_or(StoreKind::Embedded)
}

fn shared(spot: &Spot<'_>, root: &Section<'_>) -> Option<RedisAddress> {
    let store = spot.section("session.store");
    let Some(spot) = store.get("redis") else {
        store.missing("redis", "write embedded, memory or { redis: { url: … } }");
        return None;
    };
    let section = spot.section("session.store.redis");
    // A token of one replica must hold on all of them.
    let signing = root.section("signing", "signing");
    if signing.some("key").is_none() {
        spot.refuse(Fault::new(
            "is shared by replicas, and signing.key is not set",
            "give all of them the same signing.key, such as file:/run/secrets/doorward-key",
        ));
    }
    let url = match section.some("url") {
        Some(spot) => url(&spot),
        None => {
            section.missing("url", A_SERVER);
            None
        }
    };
    let prefix = section.or("prefix", PREFIX.to_owned(), prefix);
    Some(RedisAddress { url: url?, prefix })
}

/// A problem never shows the URL: it may hold a password.
fn url(spot: &Spot<'_>) -> Option<Secret> {
    let url = secret_ref::read(spot)?;
    match check_url(url.expose()) {
        Ok(()) => Some(url),
        Err(fault) => {
            spot.refuse_secret(fault);
            None
        }
    }
}

fn check_url(url: &[u8]) -> Result<(), Fault> {
    let Ok(text) = std::str::from_utf8(url) else {
        return Err(Fault::new("is not a Redis URL", A_SERVER));
    };
    if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        return Err(Fault::new("is not a Redis URL", A_SERVER));
    }
    if text.contains('#') {
        return Err(Fault::new(
            "has a `#…` part, by which the certificate of the server would go unchecked",
            "remove it, and let the server have a certificate that this machine trusts; write a # of the password as %23",
        ));
    }
    // A space or a line end of a copied secret would only fail at the first command.
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let info = text.into_connection_info().ok();
    let Some(info) = info.filter(|_| !text.contains(odd)) else {
        return Err(Fault::new(
            "is not a Redis URL",
            "write redis://user:password@host:6379/0, with odd characters percent-encoded",
        ));
    };
    // Redis counts its databases in an int.
    if i32::try_from(info.redis_settings().db()).is_ok_and(|db| db >= 0) {
        can_be_reached(info.addr())
    } else {
        Err(Fault::new(
            "has a database that no Redis has",
            "write its number, 0 for the first: redis://host:6379/0",
        ))
    }
}

/// Refuses what no server listens on.
fn can_be_reached(address: &ConnectionAddr) -> Result<(), Fault> {
    let port = match address {
        ConnectionAddr::Tcp(_, port) | ConnectionAddr::TcpTls { port, .. } => *port,
        ConnectionAddr::Unix(path) => {
            let path = path.as_os_str().as_encoded_bytes();
            let fits = (2..=web::MAX_SOCKET_PATH).contains(&path.len()) && !path.contains(&0);
            return match fits {
                true => Ok(()),
                false => Err(web::no_socket_path()),
            };
        }
        // The library may learn more.
        _ => return Ok(()),
    };
    match port {
        0 => Err(Fault::new(
            "has the port 0, on which nobody listens",
            A_SERVER,
        )),
        _ => Ok(()),
    }
}

fn prefix(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Fault::new(
            "is not a prefix for keys",
            "write 1 to 64 printable ASCII characters, such as doorward:",
        ));
    }
    Ok(text.to_owned())
}

/// Reads `session.refuse_when_stale`.
pub(crate) fn refuse_when_stale(session: &Section<'_>, store: &StoreKind) -> Option<Duration> {
    let spot = session.some("refuse_when_stale")?;
    let limit = spot.parse(|text| values::duration(text, Duration::from_secs(1)))?;
    // The store itself may be what is wrong, which is said already.
    let is_alone = session
        .some("store")
        .is_none_or(|store| !matches!(store.node.shape, Shape::Map(_)));
    if is_alone && !matches!(store, StoreKind::Redis(_)) {
        spot.refuse(Fault::new(
            "means nothing for a store that only this gateway has",
            "remove it; it acts with `session.store: { redis: { url: … } }`",
        ));
        return None;
    }
    Some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_urls() {
        let socket = |length: usize| format!("redis+unix:///{}", "x".repeat(length - 1));
        for (text, fine) in [
            ("redis://127.0.0.1", true),
            ("redis://127.0.0.1:6379/2", true),
            ("redis://[::1]:6379", true),
            ("redis://user:p%23ss@redis.internal:6380", true),
            ("redis://:secret@redis", true),
            ("rediss://:secret@redis.example.com:6380/0", true),
            ("redis+unix:///run/redis.sock", true),
            ("redis://127.0.0.1:6379/2147483647", true),
            ("redis://127.0.0.1:6379/2147483648", false),
            ("redis://127.0.0.1/-1", false),
            ("rediss://127.0.0.1/-1", false),
            ("redis+unix:///run/redis.sock?db=1", true),
            ("redis+unix:///run/redis.sock?db=-1", false),
            ("redis+unix:///", false),
            ("redis+unix:///a%00b", false),
            (socket(web::MAX_SOCKET_PATH).as_str(), true),
            (socket(web::MAX_SOCKET_PATH + 1).as_str(), false),
            (socket(200).as_str(), false),
            ("redis://127.0.0.1:0", false),
            ("rediss://redis.example.com:0/1", false),
            ("redis://[::1]:0", false),
            ("rediss://redis.example.com/#insecure", false),
            ("rediss://:pa#ss@redis.example.com", false),
            ("redis://", false),
            ("redis://host:port", false),
            ("redis://host/db", false),
            ("redis://host\n", false),
            ("redis://ho st", false),
            ("redis:host", false),
            ("REDIS://host", false),
            ("http://host:6379", false),
            ("host:6379", false),
            ("", false),
        ] {
            assert_eq!(check_url(text.as_bytes()).is_ok(), fine, "{text:?}");
        }
        assert!(check_url(b"redis://\xff").is_err());
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix("door:").ok().as_deref(), Some("door:"));
        for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(prefix(bad).is_err(), "{bad:?}");
        }
    }
}
