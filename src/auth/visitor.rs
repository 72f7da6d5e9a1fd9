//! What the cookies of a request amount to.

use std::sync::Arc;

use super::claims::ClaimError;
use super::denial::Denial;
use super::policy::{Policy, Renewal};
use super::ports::Resolved;
use super::refresh::RefreshToken;
use super::session::Session;
use crate::domain::cookie;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;

/// What a request presented.
#[derive(Clone, Debug)]
pub enum AccessTokenState {
    /// No cookie, two of them, or an oversized one.
    Absent,
    /// A session that may go on.
    Live(Arc<Session>),
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
    /// Ours, but the store was not heard of for so long that it may have been ended.
    Unverifiable,
}

impl AccessTokenState {
    /// Reads the access cookie and judges it against keys, revocations and users
    /// of this moment.
    pub fn read(policy: &Policy, view: &RequestView<'_>, now: Timestamp) -> Self {
        match cookie::find(view.headers, &policy.cookies.names().access) {
            Some(token) => Self::judge(policy, token, now),
            None => Self::Absent,
        }
    }

    /// Judges one token: the same, whether it was seen before or not.
    pub fn judge(policy: &Policy, token: &[u8], now: Timestamp) -> Self {
        if let Some(session) = policy.verified.find(token, |user| policy.is_of_today(user)) {
            return Self::today(policy, session, now);
        }
        let session = match Self::verify(policy, token, now) {
            Ok(session) => Arc::new(session),
            Err(refused) => return refused,
        };
        let presented = Self::today(policy, session, now);
        if let Self::Live(session) = &presented {
            policy.verified.keep(token, session);
        }
        presented
    }

    /// Signature, claims and user: what stays true of a token while the policy is in force.
    fn verify(policy: &Policy, token: &[u8], now: Timestamp) -> Result<Session, Self> {
        let opened = policy.tokens.open(token).ok_or(Self::Invalid)?;
        let claims = opened.claims;
        let id = claims.session(&policy.issuer, &policy.audience);
        let id = id.ok_or(Self::Invalid)?;
        let dates = claims.dates();
        // Ahead of the user: what is not yet ours says nothing of who was removed.
        if dates.check(now) == Err(ClaimError::Invalid) {
            return Err(Self::Invalid);
        }
        match policy.resolve(&claims.sub) {
            Resolved::Known(user) if user.versions.get(opened.key) == Some(&claims.ver) => {
                Ok(Session::new(&user, id, claims.generation, dates))
            }
            Resolved::Known(_) | Resolved::Gone => Err(Self::Revoked),
        }
    }

    /// What may change from one request to the next: dates, revocations, and how old our
    /// knowledge of them is.
    fn today(policy: &Policy, session: Arc<Session>, now: Timestamp) -> Self {
        let dates = session.dates.check(now);
        if dates == Err(ClaimError::Invalid) {
            return Self::Invalid;
        }
        if policy.revoked.is_revoked(session.id, session.user()) {
            return Self::Revoked;
        }
        if dates == Err(ClaimError::Expired) {
            return Self::Expired {
                session: session.id,
                user: session.user().clone(),
            };
        }
        if policy.is_stale(now) {
            return Self::Unverifiable;
        }
        Self::Live(session)
    }

    /// The live session, if there is one.
    pub fn live(&self) -> Option<&Session> {
        match self {
            Self::Live(session) => Some(session),
            Self::Absent
            | Self::Expired { .. }
            | Self::Revoked
            | Self::Invalid
            | Self::Unverifiable => None,
        }
    }

    /// The live session, to be kept, if there is one.
    pub fn into_live(self) -> Option<Arc<Session>> {
        self.required().ok()
    }

    /// The session, live or expired, and whose it is.
    pub fn owner(&self) -> Option<(SessionId, &UserId)> {
        match self {
            Self::Live(session) => Some((session.id, session.user())),
            Self::Expired { session, user } => Some((*session, user)),
            Self::Absent | Self::Revoked | Self::Invalid | Self::Unverifiable => None,
        }
    }

    /// The session, for what needs one.
    ///
    /// # Errors
    /// The denial that says why there is none.
    pub fn required(self) -> Result<Arc<Session>, Denial> {
        match self {
            Self::Live(session) => Ok(session),
            Self::Absent => Err(Denial::SessionRequired),
            Self::Expired { .. } => Err(Denial::SessionExpired),
            Self::Revoked => Err(Denial::SessionRevoked),
            Self::Invalid => Err(Denial::SessionInvalid),
            Self::Unverifiable => Err(Denial::StoreUnavailable),
        }
    }
}

/// What the refresh cookie amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// No cookie, two of them, or an oversized one.
    Absent,
    /// Not ours, or altered.
    Foreign,
    /// One that we sealed. Whether it may still be exchanged, the store knows.
    Ours(RefreshToken),
}

impl Refresh {
    fn read(policy: &Policy, view: &RequestView<'_>) -> Self {
        match cookie::find(view.headers, &policy.cookies.names().refresh) {
            None => Self::Absent,
            Some(token) => policy
                .tokens
                .open_refresh(token)
                .map_or(Self::Foreign, Self::Ours),
        }
    }

    /// The token, if it is ours.
    pub const fn ours(&self) -> Option<RefreshToken> {
        match self {
            Self::Ours(token) => Some(*token),
            Self::Absent | Self::Foreign => None,
        }
    }
}

/// Who sent a request, as far as both cookies tell.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The access cookie.
    pub presented: AccessTokenState,
    /// The refresh cookie.
    pub refresh: Refresh,
    /// The session whose CSRF token the form must still show.
    pub csrf_token_due: Option<SessionId>,
}

impl Caller {
    /// Somebody with nothing but what the access cookie amounts to.
    pub const fn with(presented: AccessTokenState) -> Self {
        Self {
            presented,
            refresh: Refresh::Absent,
            csrf_token_due: None,
        }
    }

    /// Reads both cookies.
    pub fn read(policy: &Policy, view: &RequestView<'_>, now: Timestamp) -> Self {
        let mut caller = Self::with(AccessTokenState::read(policy, view, now));
        caller.refresh = Refresh::read(policy, view);
        caller
    }

    /// Reads the access cookie, and the refresh cookie only if it could matter now.
    pub fn on_the_way(policy: &Policy, view: &RequestView<'_>, now: Timestamp) -> Self {
        let mut caller = Self::with(AccessTokenState::read(policy, view, now));
        let matters = match &caller.presented {
            AccessTokenState::Absent | AccessTokenState::Expired { .. } => true,
            AccessTokenState::Live(session) => session.is_due(now),
            AccessTokenState::Revoked
            | AccessTokenState::Invalid
            | AccessTokenState::Unverifiable => false,
        };
        if matters && policy.session.renewal == Renewal::Silent {
            caller.refresh = Refresh::read(policy, view);
        }
        caller
    }

    /// The session that the visitor names, live or not: by the access cookie if that names
    /// one.
    pub fn session(&self) -> Option<SessionId> {
        self.sessions().next()
    }

    /// Every session that the cookies name, live or not; two only where something went
    /// wrong in the browser.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        let of_access = self.presented.owner().map(|(session, _)| session);
        let of_refresh = self.refresh.ours().map(|refresh| refresh.session);
        of_access
            .into_iter()
            .chain(of_refresh.filter(move |id| Some(*id) != of_access))
    }

    /// The refresh token with which the session is to be renewed before the request
    /// goes on: where the access token is absent, refused for nothing but its `exp`, or
    /// about to end. One that was revoked, altered or of another session never is.
    pub fn to_renew(&self, now: Timestamp) -> Option<RefreshToken> {
        let refresh = self.refresh.ours()?;
        let due = match &self.presented {
            AccessTokenState::Absent => true,
            AccessTokenState::Expired { session, .. } => *session == refresh.session,
            AccessTokenState::Live(session) => session.id == refresh.session && session.is_due(now),
            AccessTokenState::Revoked
            | AccessTokenState::Invalid
            | AccessTokenState::Unverifiable => false,
        };
        due.then_some(refresh)
    }
}
