//! The claims of an access token, and what must be true of them.
//!
//! The signature is somebody else's work (`ports::Tokens`); here are dates, issuer
//! and audience. A token that fails any of them never reaches the app.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// How far in the future `nbf` and `iat` may lie: two machines' clocks.
/// `exp` gets no leeway.
pub const LEEWAY: Duration = Duration::from_secs(5);

/// What an access token says (RFC 7519 §4.1 and our own `name roles sid gen ver`).
///
/// Every field is required and of exactly this type: a missing, duplicated or
/// mistyped claim, a fractional or negative date, an `aud` list are all refused
/// by the parse (RFC 8725 §3.8–3.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: `signing.issuer`.
    pub iss: String,
    /// For whom: `signing.audience`.
    pub aud: String,
    /// The user's stable id.
    pub sub: String,
    /// The display name at the time of issue; today's is read from the directory.
    pub name: String,
    /// The roles at the time of issue; today's are read from the directory.
    pub roles: Vec<String>,
    /// Issued at, seconds.
    pub iat: u64,
    /// Not before, seconds.
    pub nbf: u64,
    /// The first second at which the token is no longer valid.
    pub exp: u64,
    /// This token's own id, for the audit trail.
    pub jti: String,
    /// The session, hyphenated UUIDv7.
    pub sid: String,
    /// The refresh generation, 0 at login.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The user's version: see `directory::Version`.
    pub ver: String,
}

/// Why claims were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// Nothing is wrong but `exp`.
    Expired,
    /// Not ours, or not yet: says nothing about an earlier session.
    Invalid,
}

impl Claims {
    /// Checks everything but the signature and the session: issuer, audience, dates.
    ///
    /// # Errors
    /// [`ClaimError::Expired`] only if everything else is right.
    pub fn check(
        &self,
        now: Timestamp,
        issuer: &str,
        audience: &str,
    ) -> Result<SessionId, ClaimError> {
        let session = self.session(issuer, audience);
        let session = session.ok_or(ClaimError::Invalid)?;
        self.dates().check(now).map(|()| session)
    }

    /// Checks what stays as it is while time goes on: issuer, audience, subject. Gives the
    /// session.
    pub fn session(&self, issuer: &str, audience: &str) -> Option<SessionId> {
        if self.iss != issuer || self.aud != audience || self.sub.is_empty() {
            return None;
        }
        SessionId::parse(&self.sid)
    }

    /// What must be looked at again on every request.
    pub fn dates(&self) -> Dates {
        Dates {
            issued: Timestamp::from_secs(self.iat),
            not_before: Timestamp::from_secs(self.nbf),
            expires: Timestamp::from_secs(self.exp),
        }
    }
}

/// When a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    /// `iat`
    pub issued: Timestamp,
    /// `nbf`
    pub not_before: Timestamp,
    /// `exp`: the first second at which it is no longer good.
    pub expires: Timestamp,
}

impl Dates {
    /// Whether the token is good at `now`. A clock that was set back makes one that was good
    /// before not yet good again.
    ///
    /// # Errors
    /// [`ClaimError::Expired`] only if everything else is right.
    pub fn check(&self, now: Timestamp) -> Result<(), ClaimError> {
        let latest = Timestamp::from_secs(now.after(LEEWAY).secs());
        if self.issued > latest || self.not_before > latest || self.expires <= self.issued {
            return Err(ClaimError::Invalid);
        }
        if now >= self.expires {
            return Err(ClaimError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn claims() -> Claims {
        Claims {
            iss: "doorward".into(),
            aud: "doorward".into(),
            sub: "1001".into(),
            name: "Alice".into(),
            roles: vec![],
            iat: NOW - 10,
            nbf: NOW - 10,
            exp: NOW + 890,
            jti: "j".into(),
            sid: SessionId::new(Timestamp::from_secs(NOW - 10), [1; 10]).to_string(),
            generation: 0,
            ver: "0.abc".into(),
        }
    }

    #[test]
    fn dates_issuer_and_audience() {
        type Change = fn(&mut Claims);
        let cases: [(&str, Change, Result<(), ClaimError>); 12] = [
            ("as issued", |_| {}, Ok(())),
            ("last valid second", |c| c.exp = NOW + 1, Ok(())),
            ("exp is exact", |c| c.exp = NOW, Err(ClaimError::Expired)),
            (
                "long expired",
                |c| c.exp = NOW - 5,
                Err(ClaimError::Expired),
            ),
            ("nbf inside the leeway", |c| c.nbf = NOW + 5, Ok(())),
            (
                "nbf beyond it",
                |c| c.nbf = NOW + 6,
                Err(ClaimError::Invalid),
            ),
            ("iat inside the leeway", |c| c.iat = NOW + 5, Ok(())),
            (
                "iat beyond it",
                |c| c.iat = NOW + 6,
                Err(ClaimError::Invalid),
            ),
            (
                "foreign issuer",
                |c| c.iss = "x".into(),
                Err(ClaimError::Invalid),
            ),
            (
                "foreign audience",
                |c| c.aud = "x".into(),
                Err(ClaimError::Invalid),
            ),
            ("no subject", |c| c.sub.clear(), Err(ClaimError::Invalid)),
            (
                "no session",
                |c| c.sid = "x".into(),
                Err(ClaimError::Invalid),
            ),
        ];
        for (name, change, expected) in cases {
            let mut c = claims();
            change(&mut c);
            let got = c
                .check(Timestamp::from_secs(NOW), "doorward", "doorward")
                .map(|_| ());
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn a_forged_token_that_is_also_expired_is_invalid_not_expired() {
        let mut c = claims();
        c.exp = NOW - 5;
        c.aud = "x".into();
        assert_eq!(
            c.check(Timestamp::from_secs(NOW), "doorward", "doorward"),
            Err(ClaimError::Invalid),
            "a foreign token could be renewed"
        );
    }

    #[test]
    fn the_parse_refuses_what_is_missing_or_mistyped() {
        let good = serde_json::to_value(claims()).unwrap();
        assert!(serde_json::from_value::<Claims>(good.clone()).is_ok());
        for key in good.as_object().unwrap().keys() {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(key);
            assert!(
                serde_json::from_value::<Claims>(bad).is_err(),
                "a token without {key} would pass"
            );
        }
        for (key, value) in [
            ("exp", serde_json::json!(1.5e9)),
            ("exp", serde_json::json!("1790000000")),
            ("iat", serde_json::json!(-1)),
            ("aud", serde_json::json!(["doorward"])),
            ("sub", serde_json::json!(1001)),
            ("roles", serde_json::json!("admin")),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            assert!(
                serde_json::from_value::<Claims>(bad).is_err(),
                "a mistyped {key} would pass"
            );
        }
        let text = serde_json::to_string(&claims()).unwrap();
        let twice = text.replacen('{', "{\"sub\":\"1\",", 1);
        assert!(
            serde_json::from_str::<Claims>(&twice).is_err(),
            "a duplicated claim would pass"
        );
    }
}
