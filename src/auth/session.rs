//! What the cookie of a request amounts to.

use std::sync::Arc;

use http::HeaderValue;

use super::claims::ClaimError;
use super::denial::Denial;
use super::directory::User;
use super::policy::Policy;
use crate::domain::cookie;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;

/// A user with everything that is computed once a snapshot.
#[derive(Debug)]
pub struct Principal {
    /// The user as configured.
    pub user: Arc<User>,
    /// The version under each key of the ring: what `ver` must be.
    pub versions: Vec<String>,
    /// The identity headers, spelled and rendered.
    pub headers: Vec<(String, HeaderValue)>,
}

/// A session that may go on.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose it is, as of today.
    pub principal: Arc<Principal>,
    /// Which one it is.
    pub id: SessionId,
    /// When its access token ends.
    pub expires: Timestamp,
}

/// What a request presented.
#[derive(Clone, Debug)]
pub enum Presented {
    /// No cookie, two of them, or an oversized one.
    Absent,
    /// A session that may go on.
    Live(Session),
    /// Ours, but its time ran out.
    Expired {
        /// Which session it was.
        session: SessionId,
        /// Whose it was.
        user: UserId,
    },
    /// Ours, but ended before its time, or its user was removed, disabled or changed.
    Revoked,
    /// Not ours, or altered.
    Invalid,
}

impl Presented {
    /// Reads the access cookie and judges it against keys, revocations and users
    /// of this moment.
    pub fn read(policy: &Policy, view: &RequestView<'_>, now: Timestamp) -> Self {
        match cookie::find(view.headers, &policy.cookies.names().access) {
            Some(token) => Self::judge(policy, token, now),
            None => Self::Absent,
        }
    }

    /// Judges one token.
    pub fn judge(policy: &Policy, token: &[u8], now: Timestamp) -> Self {
        let Some(opened) = policy.tokens.open(token) else {
            return Self::Invalid;
        };
        let claims = opened.claims;
        let user = UserId::new(&claims.sub);
        let (id, expired) = match claims.check(now, &policy.issuer, &policy.audience) {
            Ok(id) => (id, false),
            Err(ClaimError::Expired) => match SessionId::parse(&claims.sid) {
                Some(id) => (id, true),
                None => return Self::Invalid,
            },
            Err(ClaimError::Invalid) => return Self::Invalid,
        };
        if policy.revoked.is_revoked(id, &user) {
            return Self::Revoked;
        }
        let principal = policy.principals.get(&user);
        let same_version = |p: &&Arc<Principal>| p.versions.get(opened.key) == Some(&claims.ver);
        let Some(principal) = principal.filter(same_version) else {
            return Self::Revoked;
        };
        if expired {
            return Self::Expired { session: id, user };
        }
        Self::Live(Session {
            principal: Arc::clone(principal),
            id,
            expires: Timestamp::from_secs(claims.exp),
        })
    }

    /// The live session, if there is one.
    pub fn live(&self) -> Option<&Session> {
        match self {
            Self::Live(session) => Some(session),
            Self::Absent | Self::Expired { .. } | Self::Revoked | Self::Invalid => None,
        }
    }

    /// The session, for what needs one.
    ///
    /// # Errors
    /// The denial that says why there is none.
    pub fn required(self) -> Result<Session, Denial> {
        match self {
            Self::Live(session) => Ok(session),
            Self::Absent => Err(Denial::SessionRequired),
            Self::Expired { .. } => Err(Denial::SessionExpired),
            Self::Revoked => Err(Denial::SessionRevoked),
            Self::Invalid => Err(Denial::SessionInvalid),
        }
    }
}
