//! What has been ended before its time, and for how long that must be remembered.

use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// What a revocation reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One session; to revoke a token is to end its session.
    Session(SessionId),
    /// Every session of a user that was created up to [`Revocation::at`].
    User(UserId),
    /// Every session that was created up to [`Revocation::at`].
    Everybody,
}

/// One record of the revocation log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What it reaches.
    pub reach: Reach,
    /// The cut-off: sessions created at or before it are ended. Milliseconds, so
    /// that a new login in the same second survives.
    pub at: Timestamp,
    /// From here on no token could match it, and it may be forgotten.
    pub until: Timestamp,
}
