//! The browsers in which a user has signed in before (the device cookie of OWASP).
//!
//! Whoever guesses at a name from afar uses up what the name and its guesser's addresses may
//! fail. The owner must not pay for that: her browser holds a cookie that only a right
//! password can have put there, and is counted by itself ([`super::throttle::Source`]).
//!
//! The cookie is the number of the browser and, for each of up to five users, a date and a
//! seal over number, date and user id. It names nobody, so it tells the next person at the
//! browser nothing; it opens nothing; and it ends with its user: a removed or disabled one is
//! not looked up, and another id has another seal. Copied, it gives the guesses of one browser.

use std::time::Duration;

use http::HeaderValue;

use super::policy::Policy;
use super::ports::Sealed;
use crate::domain::cookie;
use crate::domain::id::{BrowserId, UserId};
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;

/// How long a sign-in makes a browser known: what browsers keep at most (RFC 6265bis §5.5).
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The most users of one browser; the one who signed in longest ago goes.
const MOST: usize = 5;

/// The length of a seal as text.
const SEAL: usize = 43;

/// What a browser says of itself. Nothing of it is believed before a seal was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    id: Option<BrowserId>,
    /// The newest first.
    marks: Vec<Mark>,
}

/// That some user has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    until: u64,
    seal: String,
}

impl Browser {
    /// Reads the cookie. One that cannot be read, and any while `login.known_browsers` is
    /// off, is none.
    pub fn read(policy: &Policy, view: &RequestView<'_>) -> Self {
        if !policy.known_browsers {
            return Self::default();
        }
        cookie::find(view.headers, &policy.cookies.names().known)
            .and_then(|value| Self::parse(std::str::from_utf8(value).ok()?))
            .unwrap_or_default()
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('.');
        let id = BrowserId::parse(parts.next()?)?;
        let mut marks = Vec::new();
        while let Some(until) = parts.next() {
            let seal = parts.next().filter(|seal| seal.len() == SEAL)?;
            if marks.len() == MOST {
                return None;
            }
            marks.push(Mark {
                until: until.parse().ok()?,
                seal: seal.to_owned(),
            });
        }
        let id = Some(id);
        Some(Self { id, marks })
    }

    /// The browser's number, if this user has signed in with it and that still counts.
    pub fn known_for(&self, policy: &Policy, user: &UserId, now: Timestamp) -> Option<BrowserId> {
        let id = self.id?;
        let mut marks = self.marks.iter();
        let is_known = marks.any(|mark| now.secs() < mark.until && is_of(policy, mark, id, user));
        is_known.then_some(id)
    }

    /// The `Set-Cookie` after this user's sign-in: the same number, or one of `random`.
    /// `None` while `login.known_browsers` is off, and if the crypto library fails: the
    /// sign-in itself goes on.
    pub fn remember(
        &self,
        policy: &Policy,
        user: &UserId,
        now: Timestamp,
        random: [u8; 16],
    ) -> Option<HeaderValue> {
        if !policy.known_browsers {
            return None;
        }
        let id = self.id.unwrap_or(BrowserId::new(random));
        let until = now.after(KEPT).secs();
        let text = text(id, until, user);
        let seal = policy.tokens.seal(Sealed::Known, &text).ok()?;
        let others = self
            .marks
            .iter()
            .filter(|mark| now.secs() < mark.until && !is_of(policy, mark, id, user))
            .take(MOST.saturating_sub(1));
        let value = others.fold(format!("{id}.{until}.{seal}"), |value, mark| {
            format!("{value}.{}.{}", mark.until, mark.seal)
        });
        policy.cookies.set_known(&value, KEPT)
    }
}

fn is_of(policy: &Policy, mark: &Mark, id: BrowserId, user: &UserId) -> bool {
    let text = text(id, mark.until, user);
    policy
        .tokens
        .is_sealed(Sealed::Known, &text, mark.seal.as_bytes())
}

/// Two numbers of fixed length, then the user: no two of them make one text.
fn text(id: BrowserId, until: u64, user: &UserId) -> Vec<u8> {
    let user = user.as_str().as_bytes();
    [&id.to_bytes()[..], &until.to_be_bytes(), user].concat()
}

#[cfg(test)]
mod tests;
