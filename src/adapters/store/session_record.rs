//! How a session is written down, on disk and in a shared store: JSON, with the version
//! of its layout.
//!
//! Reading is strict. A session that cannot be read is an error of whoever reads it,
//! never a session that is silently not there.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// The layout below. Another one gets another number.
const LAYOUT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u32,
    id: String,
    user: String,
    version: String,
    idle: Duration,
    ends: u64,
    generation: u64,
    renewed: u64,
    /// Milliseconds; 0: never.
    seen: u64,
    /// Milliseconds; left out: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    token_until: u64,
    client: IpAddr,
    agent: String,
}

/// The session in bytes; the same session gives the same bytes.
pub(super) fn encode(session: &StoredSession) -> Vec<u8> {
    let written = Written {
        v: LAYOUT,
        id: session.id.to_string(),
        user: session.user.as_str().to_owned(),
        version: session.version.clone(),
        idle: session.idle,
        ends: session.ends.millis(),
        generation: session.generation,
        renewed: session.renewed.millis(),
        seen: session.seen.map_or(0, Timestamp::millis),
        used: session.used.map(Timestamp::millis),
        token_until: session.token_until.millis(),
        client: session.client,
        agent: session.agent.clone(),
    };
    // Fails for maps with odd keys alone, and there is none. Were it to fail, the empty
    // record would be read as damage.
    serde_json::to_vec(&written).unwrap_or_default()
}

/// The session that [`encode`] wrote; `None` for anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<StoredSession> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    if written.v != LAYOUT {
        return None;
    }
    Some(StoredSession {
        id: SessionId::parse(&written.id)?,
        user: UserId::new(&written.user),
        version: written.version,
        idle: written.idle,
        ends: Timestamp::from_millis(written.ends),
        generation: written.generation,
        renewed: Timestamp::from_millis(written.renewed),
        seen: time(written.seen),
        used: written.used.map(Timestamp::from_millis),
        token_until: Timestamp::from_millis(written.token_until),
        client: written.client,
        agent: written.agent,
    })
}

/// A time that may not have come; the epoch stands for never.
fn time(millis: u64) -> Option<Timestamp> {
    (millis != 0).then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::store::contract::stored;

    #[test]
    fn the_layout_is_fixed() {
        let bytes = encode(&stored("zoë", 0, 1));
        let expected = concat!(
            r#"{"v":1,"id":"03a35294-4000-7101-8101-010101010101","user":"zoë","#,
            r#""version":"0.abc","idle":{"secs":1,"nanos":0},"ends":4000000005000,"#,
            r#""generation":0,"renewed":4000000000000,"seen":0,"#,
            r#""token_until":4000000000300,"client":"192.0.2.1","agent":"Mozilla/5.0"}"#,
        );
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, expected, "another layout needs another `v`");
        assert_eq!(decode(text.as_bytes()), Some(stored("zoë", 0, 1)));
    }

    #[test]
    fn a_use_is_written_where_there_was_one() {
        let mut used = stored("1", 0, 1);
        used.used = Some(used.renewed.after(Duration::from_millis(7)));
        let text = String::from_utf8(encode(&used)).unwrap();
        assert!(
            text.contains(r#""seen":0,"used":4000000000007,"token_until""#),
            "{text}"
        );
        assert_eq!(decode(text.as_bytes()), Some(used));
    }

    #[test]
    fn what_was_altered_is_not_read() {
        let text = String::from_utf8(encode(&stored("1", 0, 1))).unwrap();
        for (from, to) in [
            (r#""v":1"#, r#""v":2"#),
            (r#""v":1,"#, ""),
            (r#""seen":0,"#, ""),
            (r#""seen":0"#, r#""seen":0,"scope":"x""#),
            (r#""seen":0"#, r#""seen":null"#),
            (r#""generation":0"#, r#""generation":-1"#),
            (r#""generation":0"#, r#""generation":0.0"#),
            ("-7101-", "-4101-"),
            ("192.0.2.1", "192.0.2"),
            ("}", "} x"),
            ("{", "["),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{from} is not there");
            assert_eq!(decode(altered.as_bytes()), None, "{altered}");
        }
        assert_eq!(decode(&text.as_bytes()[..text.len() - 1]), None);
        assert_eq!(decode(b""), None);
    }
}
