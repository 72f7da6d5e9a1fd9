//! A session with an access token of ours.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::claims::Dates;
use super::principal::Principal;
use super::token_use::TokenUse;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// A session with an access token of ours: everything that its requests need.
#[derive(Debug)]
pub struct Session {
    /// Whose it is, as of today.
    pub principal: Arc<Principal>,
    /// Which one it is.
    pub id: SessionId,
    /// The refresh generation of its access token.
    pub generation: u64,
    /// From when until when its access token is good.
    pub dates: Dates,
    /// The identity headers of each of its requests.
    pub headers: Vec<(Bytes, HeaderValue)>,
    /// Of a machine token: its use. It is no login: it has no cookies and is never renewed.
    pub machine: Option<Arc<TokenUse>>,
}

impl Session {
    /// Of a token with these claims, or one that is being issued.
    pub fn new(principal: &Arc<Principal>, id: SessionId, generation: u64, dates: Dates) -> Self {
        Self {
            headers: principal.headers.with_session(id),
            principal: Arc::clone(principal),
            id,
            generation,
            dates,
            machine: None,
        }
    }

    /// Of a machine token that is good until then.
    pub fn of_token(
        principal: &Arc<Principal>,
        id: SessionId,
        expires: Timestamp,
        name: &Arc<str>,
    ) -> Self {
        let dates = Dates {
            issued: Timestamp::EPOCH,
            not_before: Timestamp::EPOCH,
            expires,
        };
        Self {
            machine: Some(Arc::new(TokenUse::new(name))),
            ..Self::new(principal, id, 0, dates)
        }
    }

    /// Whose it is.
    pub fn user(&self) -> &UserId {
        &self.principal.user.identity.id
    }

    /// Whether its token is in that last part of its life, up to a tenth, in which it
    /// may be renewed early. Where the part begins is drawn from the random bits of the
    /// session and the generation, so that a thousand browsers that signed in together
    /// do not come back together.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let lifetime = self.dates.expires.since(self.dates.issued);
        let [.., low] = self.id.as_bytes();
        let [generation, ..] = self.generation.wrapping_mul(157).to_le_bytes();
        let drawn = u32::from(low.wrapping_add(generation));
        let early = lifetime / 10 * drawn / 256;
        now >= self.dates.expires.before(early)
    }
}
