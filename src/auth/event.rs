//! What happened, as data: the audit log writes it, metrics count it.
//!
//! Never a token, a cookie value, a password or a query. A name that no user has is
//! not written either: people type passwords into the wrong field.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::id::{SessionId, UserId};

/// Something that an operator wants to find again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Whose account, if known.
    pub user: Option<UserId>,
    /// Which session, if any.
    pub session: Option<SessionId>,
    /// The client's address, if a client caused it.
    pub client: Option<IpAddr>,
    /// A second address that matters: of a stolen session, where it was renewed last.
    pub other_client: Option<IpAddr>,
    /// The name of a machine token.
    pub token: Option<Arc<str>>,
    /// Why, in one word that stays the same.
    pub reason: Option<&'static str>,
}

/// The kinds of events; the names are an interface for log watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum EventKind {
    /// Signed in.
    Login,
    /// Tried to sign in.
    LoginFailed,
    /// One failure too many.
    Lockout,
    /// So many failures since the last success, however slowly they came.
    Guessing,
    /// A session renewed.
    Refresh,
    /// A refresh token that had been exchanged came back: a session was stolen.
    ReuseDetected,
    /// Signed out.
    Logout,
    /// Sessions ended by somebody.
    Revoke,
    /// A request refused that an honest client would not send.
    Denied,
    /// A machine token used, for the first time in an hour.
    TokenUsed,
    /// A machine token refused.
    TokenFailed,
    /// New settings.
    Reload,
}

impl EventKind {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Event {
    /// An event with nothing but its kind.
    pub const fn new(kind: EventKind) -> Self {
        Self {
            kind,
            user: None,
            session: None,
            client: None,
            other_client: None,
            token: None,
            reason: None,
        }
    }

    /// Names the account.
    #[must_use]
    pub fn user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Names the session.
    #[must_use]
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Names the client.
    #[must_use]
    pub fn client(mut self, client: IpAddr) -> Self {
        self.client = Some(client);
        self
    }

    /// Names a second address.
    #[must_use]
    pub fn other_client(mut self, client: IpAddr) -> Self {
        self.other_client = Some(client);
        self
    }

    /// Says why.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }
}
