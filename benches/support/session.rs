//! A session as a browser's login makes it, for stores that are to be large.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use doorward::auth::stored::{Extra, StoredSession};
use doorward::domain::id::{SessionId, UserId};
use doorward::domain::time::Timestamp;

/// The login of one of 10 000 users, that many milliseconds after `begin`.
pub(crate) fn session(begin: Timestamp, number: u64) -> StoredSession {
    let created = begin.after(Duration::from_millis(number));
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    StoredSession {
        id: SessionId::new(created, random),
        user: UserId::new(&format!("user-{}", number % 10_000)),
        version: "0.0123456789abcdef0123456789abcdef".into(),
        idle: Duration::from_secs(12 * 3600),
        ends: created.after(Duration::from_secs(7 * 86_400)),
        generation: 0,
        renewed: created,
        seen: None,
        used: None,
        token_until: created.after(Duration::from_secs(900)),
        client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".into(),
        extra: Extra::default(),
    }
}
