//! Refresh tokens: what one that is presented leads to.
//!
//! | presented | state | outcome |
//! |---|---|---|
//! | the newest generation | | the next one, a new pair |
//! | the one before it | inside the grace, or the newest was never seen | the newest pair again |
//! | the one before it | past the grace, and the newest was seen | reuse |
//! | an older one | | reuse |
//! | one that is newer than the store's | the store lost writes that it had acknowledged | the next one |
//!
//! The grace counts from the rotation, never slides, and never makes a second branch:
//! whoever comes inside it gets the same successor. That forgives parallel requests and
//! answers that were lost on the way; a thief who rotates first and stays silent shares
//! the branch until one of the two uses what it got after the other.

use std::time::Duration;

use super::stored::{Device, StoredSession};
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// What a refresh token says. Its authenticity is somebody else's work (`ports::Tokens`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub session: SessionId,
    /// Its generation.
    pub generation: u64,
    /// When the session ends if it is not renewed; tells one that ran out from one that
    /// was ended, once the store has forgotten both.
    pub ends: Timestamp,
}

/// What presenting a refresh token leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The session as it is to be after this rotation.
    Rotate(StoredSession),
    /// The newest pair again; nothing changes.
    Repeat,
    /// The newest pair again, for an answer that was lost long ago: the session as it is
    /// to be, since its access token is a fresh one.
    Recover(StoredSession),
    /// The session's time has run out.
    Over,
    /// Somebody has used what this token was exchanged for: one of the two is a thief.
    Reuse,
}

/// How renewals go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The lifetime of an access token.
    pub access: Duration,
    /// How long a token that was just rotated gets the same successor.
    pub grace: Duration,
}

impl StoredSession {
    /// What a token of this `generation` leads to at `now`, presented from `device` by a
    /// user whose version is `version` today.
    pub fn present(
        &self,
        generation: u64,
        now: Timestamp,
        terms: Terms,
        device: &Device,
        version: &str,
    ) -> Turn {
        if self.is_over(now) {
            return Turn::Over;
        }
        if generation >= self.generation {
            return self.rotated(generation, now, terms, device, version);
        }
        let is_last = generation.checked_add(1) == Some(self.generation);
        if is_last && now.since(self.renewed) < terms.grace {
            return Turn::Repeat;
        }
        if is_last && !self.seen {
            let mut again = self.clone();
            again.token_until = again.token_until.max(longest_token(&again, now, terms));
            return Turn::Recover(again);
        }
        Turn::Reuse
    }

    fn rotated(
        &self,
        presented: u64,
        now: Timestamp,
        terms: Terms,
        device: &Device,
        version: &str,
    ) -> Turn {
        let Some(generation) = presented.checked_add(1) else {
            return Turn::Over;
        };
        let mut next = Self {
            id: self.id,
            user: self.user.clone(),
            version: version.to_owned(),
            idle: self.idle,
            ends: self.ends,
            generation,
            renewed: now,
            seen: false,
            token_until: self.token_until,
            client: device.client,
            agent: device.agent.clone(),
        };
        next.token_until = next.token_until.max(longest_token(&next, now, terms));
        Turn::Rotate(next)
    }
}

/// When the last access token of this generation can end, one repeated at the end of the
/// grace included.
pub(super) fn longest_token(session: &StoredSession, now: Timestamp, terms: Terms) -> Timestamp {
    session.token_end(now.after(terms.grace), terms.access)
}
