//! How a session is written down, on disk and in a shared store: JSON, with the version
//! of its layout.
//!
//! Replicas of two versions may share a store. So a record of any layout is read as long as
//! it has the fields of this one, and what else is in it is kept: its number, and each
//! unknown field with its value byte for byte. A newer version that adds a field without
//! which a session must not be renewed lists its name in `crit`, as JWS does (RFC 7515
//! §4.1.11); who does not know it leaves the session alone ([`Extra::critical`]).
//!
//! Reading is strict otherwise. A session that cannot be read is an error of whoever reads
//! it, never a session that is silently not there.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::auth::stored::{Extra, StoredSession, Unknown};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// The layout below. One that lacks a field of it, or gives one another meaning, gets another
/// number; so does one with a field that every session has.
const LAYOUT: u32 = 1;

/// The field that lists the critical ones.
const CRITICAL: &str = "crit";

/// The fields of [`Written`].
const KNOWN: [&str; 13] = [
    "v",
    "id",
    "user",
    "version",
    "idle",
    "ends",
    "generation",
    "renewed",
    "seen",
    "used",
    "token_until",
    "client",
    "agent",
];

#[derive(Serialize, Deserialize)]
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

/// The session in bytes; the same session gives the same bytes. What is not known of it
/// stands behind the rest, in the order in which it was read.
pub(super) fn encode(session: &StoredSession) -> Vec<u8> {
    let unknown = session.extra.unknown();
    let written = Written {
        v: unknown.map_or(LAYOUT, |unknown| unknown.layout),
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
    let mut bytes = serde_json::to_vec(&written).unwrap_or_default();
    if let Some(unknown) = unknown.filter(|unknown| !unknown.fields.is_empty()) {
        // Before the brace that ends the object.
        bytes.pop();
        bytes.push(b',');
        bytes.extend_from_slice(unknown.fields.as_bytes());
        bytes.push(b'}');
    }
    bytes
}

/// The session that [`encode`] wrote, of this version or of a newer one; `None` for anything
/// else.
pub(super) fn decode(bytes: &[u8]) -> Option<StoredSession> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    if written.v < LAYOUT {
        return None;
    }
    let rest: Rest = serde_json::from_slice(bytes).ok()?;
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
        extra: rest.of_layout(written.v),
    })
}

/// The fields that are not [`KNOWN`].
#[derive(Default)]
struct Rest {
    names: Vec<String>,
    /// `"name":value`, with commas in between.
    fields: String,
    /// Those of [`CRITICAL`] that are not known.
    critical: Vec<String>,
}

impl Rest {
    fn of_layout(self, layout: u32) -> Extra {
        if layout == LAYOUT && self.names.is_empty() {
            return Extra::default();
        }
        let Self {
            fields, critical, ..
        } = self;
        Extra::from(Unknown {
            layout,
            fields,
            critical,
        })
    }

    /// Takes up a field. A name that stands twice is damage, as for the known ones: which of
    /// the two counts is luck.
    fn add(&mut self, name: String, value: &RawValue) -> Result<(), serde_json::Error> {
        if self.names.contains(&name) {
            return Err(serde_json::Error::custom("a field stands twice"));
        }
        if name == CRITICAL {
            self.critical = serde_json::from_str(value.get())?;
            let is_known = |name: &str| name == CRITICAL || KNOWN.contains(&name);
            self.critical.retain(|name| !is_known(name));
        }
        if !self.fields.is_empty() {
            self.fields.push(',');
        }
        self.fields.push_str(&serde_json::to_string(&name)?);
        self.fields.push(':');
        self.fields.push_str(value.get());
        self.names.push(name);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Rest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a session")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rest, A::Error> {
                let mut rest = Rest::default();
                while let Some(name) = map.next_key::<String>()? {
                    if KNOWN.contains(&name.as_str()) {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let value: &RawValue = map.next_value()?;
                    rest.add(name, value).map_err(A::Error::custom)?;
                }
                Ok(rest)
            }
        }

        deserializer.deserialize_map(Fields)
    }
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
    fn every_field_that_is_written_is_known() {
        let mut used = stored("1", 0, 1);
        used.used = Some(used.renewed);
        let written: serde_json::Value = serde_json::from_slice(&encode(&used)).unwrap();
        let mut names: Vec<_> = written.as_object().unwrap().keys().collect();
        let mut known = KNOWN;
        names.sort();
        known.sort_unstable();
        assert_eq!(names, known, "one of ours would be kept twice");
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let ours = String::from_utf8(encode(&stored("1", 0, 1))).unwrap();
        let ends_with = |more: &str| ours.replacen(r#""}"#, more, 1);
        let none: &[&str] = &[];
        for (name, record, critical) in [
            (
                "another layout",
                ours.replacen(r#""v":1"#, r#""v":2"#, 1),
                none,
            ),
            (
                "values that no number type holds",
                ends_with(
                    r#"","amr":["pwd", "otp"],"n":1.50e+400,"big":123456789012345678901234567890}"#,
                ),
                none,
            ),
            (
                "an object with spaces",
                ends_with(r#"","o":{ "a" : {} , "a":null }}"#),
                none,
            ),
            ("odd names", ends_with(r#"","\"\\":1,"":2,"zoë":3}"#), none),
            (
                "critical, and known",
                ends_with(r#"","crit":["user","crit","used"]}"#),
                none,
            ),
            ("nothing critical", ends_with(r#"","crit":[]}"#), none),
            (
                "critical",
                ends_with(r#"","bound":true,"crit":["bound"]}"#),
                &["bound"],
            ),
            (
                "critical, and not there",
                ends_with(r#"","crit":["agent","a","b"]}"#),
                &["a", "b"],
            ),
        ] {
            let session = decode(record.as_bytes()).expect(name);
            assert_eq!(session.extra.critical(), critical, "{name}");
            assert_ne!(session, stored("1", 0, 1), "{name}: taken for ours");
            let written = String::from_utf8(encode(&session)).unwrap();
            assert_eq!(written, record, "{name}");
            let mut renewed = session;
            renewed.generation = 9;
            let written = String::from_utf8(encode(&renewed)).unwrap();
            let expected = record.replacen(r#""generation":0"#, r#""generation":9"#, 1);
            assert_eq!(written, expected, "{name}: renewed");
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let record = String::from_utf8(encode(&stored("1", 0, 1))).unwrap();
        let first = record.replacen('{', r#"{"new": [1, 2] ,"#, 1);
        let last = record.replacen(r#""}"#, r#"","new":[1, 2]}"#, 1);
        let session = decode(first.as_bytes());
        assert_eq!(session, decode(last.as_bytes()));
        assert_eq!(encode(&session.unwrap()), last.as_bytes());
    }

    #[test]
    fn what_was_altered_is_not_read() {
        let text = String::from_utf8(encode(&stored("1", 0, 1))).unwrap();
        for (from, to) in [
            (r#""v":1"#, r#""v":0"#),
            (r#""v":1"#, r#""v":-2"#),
            (r#""v":1"#, r#""v":2,"v":2"#),
            (r#""v":1,"#, ""),
            (r#""seen":0,"#, ""),
            (r#""seen":0"#, r#""seen":0,"scope":"x","scope":"x""#),
            (r#""seen":0"#, r#""seen":0,"scope":x"#),
            (r#""seen":0"#, r#""seen":0,"crit":"scope""#),
            (r#""seen":0"#, r#""seen":0,"crit":[1]"#),
            (r#""seen":0"#, r#""seen":0,"crit":null"#),
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
