//! A session as the store keeps it: one login of one browser, and which generation of
//! its refresh token is the newest.
//!
//! It holds nothing that could be replayed: tokens are made from it and the signing key.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header;

use crate::domain::id::{SessionId, UserId};
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;

/// One session. When it was created is in its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Which one.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's version at the last renewal, as in the claim `ver`.
    pub version: String,
    /// How long it may lie unused; fixed at the login.
    pub idle: Duration,
    /// Its end, whatever happens; fixed at the login.
    pub ends: Timestamp,
    /// The newest generation of its refresh token, 0 at the login.
    pub generation: u64,
    /// When the newest generation was made. Idle time and grace count from here.
    pub renewed: Timestamp,
    /// When an access token of the newest generation was first presented, so that the
    /// answer that carried it is known to have arrived.
    pub seen: Option<Timestamp>,
    /// When somebody last sent something over an open connection of it, if anybody did:
    /// that is use, without a renewal.
    pub used: Option<Timestamp>,
    /// From here on no access token that was ever issued for it is valid: as long
    /// must its revocation be remembered.
    pub token_until: Timestamp,
    /// The address at the last renewal.
    pub client: IpAddr,
    /// The browser's own words at the last renewal, at most [`MAX_AGENT`] bytes.
    pub agent: String,
    /// What else its record says; every change of the session carries it on.
    pub extra: Extra,
}

/// The part of a session that this version does not know: written by a newer one that shares
/// the store, or shared it before. Nothing for a session of this version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Option<Arc<Unknown>>);

/// What a record says that this version does not know.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The number of the record's layout.
    pub layout: u32,
    /// The unknown fields, in the store's own notation.
    pub fields: String,
    /// Those that the record lists as critical: who does not know them must not act on the
    /// session, as a rule may hang on them.
    pub critical: Vec<String>,
}

impl From<Unknown> for Extra {
    fn from(unknown: Unknown) -> Self {
        Self(Some(Arc::new(unknown)))
    }
}

impl Extra {
    /// What is not known, if there is any.
    pub fn unknown(&self) -> Option<&Unknown> {
        self.0.as_deref()
    }

    /// The fields that must be known to act on the session, and are not.
    pub fn critical(&self) -> &[String] {
        self.unknown().map_or(&[], |unknown| &unknown.critical)
    }
}

/// The longest `User-Agent` that is kept; a guess above what browsers send.
pub const MAX_AGENT: usize = 256;

/// From where a session is used: shown to its owner, and written when it is stolen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The client's address.
    pub client: IpAddr,
    /// `User-Agent`.
    pub agent: String,
}

impl Device {
    /// Of the request's client.
    pub fn of(view: &RequestView<'_>) -> Self {
        let agent = view.headers.get(header::USER_AGENT);
        Self::new(
            view.facts.client,
            agent.map_or(b"", |agent| agent.as_bytes()),
        )
    }

    /// Of a client that calls itself `agent`: printable ASCII, cut to [`MAX_AGENT`].
    pub fn new(client: IpAddr, agent: &[u8]) -> Self {
        let printable = |byte: &&u8| (b' '..=b'~').contains(*byte);
        Self {
            client,
            agent: agent
                .iter()
                .filter(printable)
                .take(MAX_AGENT)
                .map(|&byte| char::from(byte))
                .collect(),
        }
    }
}

impl StoredSession {
    /// When it was created: what cut-offs compare with.
    pub fn created(&self) -> Timestamp {
        self.id.created()
    }

    /// When it was last used: renewed, or sent something.
    pub fn last_used(&self) -> Timestamp {
        self.used
            .map_or(self.renewed, |used| used.max(self.renewed))
    }

    /// When it ends if nobody uses it: idle or absolute end, the sooner.
    pub fn end(&self) -> Timestamp {
        self.last_used().after(self.idle).min(self.ends)
    }

    /// Whether its time has run out.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.end()
    }

    /// When an access token issued now ends: the soonest of `access`, idle and absolute end.
    pub fn token_end(&self, now: Timestamp, access: Duration) -> Timestamp {
        now.after(access).min(self.end())
    }
}
