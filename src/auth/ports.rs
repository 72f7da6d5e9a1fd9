//! What the decisions need of the world: the few traits that the outside provides.
//! Each has an in-memory twin that passes the same tests as the real one.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use super::claims::Claims;
use super::directory::{PasswordHash, User};
use super::principal::Principal;
use super::refresh::RefreshToken;
use super::revocation::Revocation;
use super::stored::StoredSession;
use super::throttle::{Attempt, AttemptLimits, Locked, Source};
use crate::domain::id::{SessionId, UserId, Username};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// A token whose signature was right and whose claims could be read.
#[derive(Clone, Debug)]
pub struct DecodedToken {
    /// What it says; dates, issuer and audience are not checked yet.
    pub claims: Claims,
    /// The place of the key that signed it in the ring, for [`Tokens::version`].
    pub key: usize,
}

/// Signs and opens tokens with the keys of this moment. Each kind has a key of its own,
/// derived from the signing key, so that none passes for another.
pub trait Tokens: Send + Sync {
    /// Signs an access token with the first key.
    ///
    /// # Errors
    /// If the crypto library fails; never because of the claims.
    fn sign(&self, claims: &Claims) -> Result<String, SignError>;

    /// Header and signature: exactly the configured algorithm, `typ` JWT, no
    /// `crit`, a key of ours chosen by `kid`. `None` for anything else.
    fn open(&self, token: &[u8]) -> Option<DecodedToken>;

    /// The user's version under the key at `key`: the configured `token_version`
    /// and a fingerprint of the password hash keyed by that signing key. It
    /// changes whenever either does.
    fn version(&self, user: &User, key: usize) -> Option<String>;

    /// Seals a refresh token with the first key. The same token gives the same text.
    ///
    /// # Errors
    /// If the crypto library fails.
    fn seal_refresh(&self, token: &RefreshToken) -> Result<String, SignError>;

    /// Opens a refresh token that was sealed with a key of ours; `None` for anything else.
    fn open_refresh(&self, token: &[u8]) -> Option<RefreshToken>;

    /// The CSRF token of a session, under the first key. One session has one.
    ///
    /// # Errors
    /// If the crypto library fails.
    fn csrf_token(&self, session: SessionId) -> Result<String, SignError>;

    /// Whether this is the CSRF token of the session under one of the keys. Compares in
    /// constant time.
    fn is_csrf_token(&self, session: SessionId, presented: &[u8]) -> bool;

    /// A seal over a text that goes through a browser and back, under the first key: 43
    /// letters. What one kind of text is sealed with opens no other.
    ///
    /// # Errors
    /// If the crypto library fails.
    fn seal(&self, what: Sealed, text: &[u8]) -> Result<String, SignError>;

    /// Whether this is the seal of the text under one of the keys. Compares in constant time.
    fn is_sealed(&self, what: Sealed, text: &[u8], seal: &[u8]) -> bool;

    /// The public keys as a JWK set, or `None` when the algorithm is symmetric.
    fn jwks(&self) -> Option<&str>;
}

/// What a seal is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The target of a bounce page, and until when.
    Bounce,
    /// A browser, a user who has signed in with it, and until when that counts.
    Known,
}

/// The crypto library could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct SignError(pub String);

/// The revocations that the gate reads: in memory, complete, on every request.
pub trait Revoked: Send + Sync {
    /// Whether the session was ended, by itself or by a cut-off of its user or of all.
    fn is_revoked(&self, session: SessionId, user: &UserId) -> bool;

    /// Up to when the sessions of this user, or of everybody, were ended, if they were.
    fn cut_off(&self, _user: &UserId) -> Option<Timestamp> {
        None
    }

    /// When the shared store was last heard of; `None` if nobody else writes to the
    /// store, so that what is in memory is the whole truth.
    fn last_sync(&self) -> Option<Timestamp> {
        None
    }
}

/// Who the subjects of tokens and sessions are: the users of the file, and of wherever else
/// users come from. The gate asks it for a subject that the file does not have, so it answers
/// from memory, at once, and for every request of that subject.
pub trait Users: Send + Sync {
    /// Who the subject is at this moment. The same [`Arc`] for as long as nothing about the
    /// user has changed: another one has the token verified anew.
    fn resolve(&self, subject: &UserId) -> Resolved;
}

/// What is known of a subject.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A user who may have sessions.
    Known(Arc<Principal>),
    /// Nobody, or nobody any more: removed or disabled. Their sessions count as revoked.
    Gone,
}

/// Where sessions and revocations are kept, so that they survive a restart and reach
/// every replica. `Ok` means durable, each call is atomic.
#[async_trait]
pub trait Store: Send + Sync {
    /// Keeps a new session. Where its user then has more than `most`, the oldest are
    /// revoked at `now`; gives those revocations, which are recorded like any other.
    async fn open(
        &self,
        session: &StoredSession,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// The session, unless it was ended or swept.
    async fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError>;

    /// Replaces `old` by `new`, of the same id and user, only if `old` is exactly what is
    /// kept; `false`, and nothing has changed, if it is not. What this version does not know
    /// of the session ([`StoredSession::extra`]) stays as it was written.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a part of `old` that is not known is critical.
    async fn replace(&self, old: &StoredSession, new: &StoredSession) -> Result<bool, StoreError>;

    /// Up to `most` sessions of a user, or of everybody, that are not over at `now`;
    /// those of a user are all there, the oldest first, while `most` allows.
    async fn sessions(
        &self,
        user: Option<&UserId>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError>;

    /// How many sessions are kept; some may be over and not yet swept.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Records a revocation and forgets the sessions that it reaches. Gives the record
    /// as kept: of a session that was known, it lasts no longer than its tokens
    /// ([`StoredSession::token_until`]), of one that was not, until
    /// [`Revocation::until`]. Of two records for one reach the later cut-off and the
    /// later end count.
    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError>;

    /// Every record that a token could still match at `now`.
    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError>;

    /// Forgets revocations that no token could match and sessions that are over at
    /// `now`; how many that were.
    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// The users' versions as [`Store::remember_users`] last saved them: (id, version).
    /// `None` if there never was a save.
    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError>;

    /// Replaces the saved versions, so that the next start notices what changed
    /// while the gateway was down. Disabled users are left out by the caller.
    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError>;

    /// Whether it can be used now; cheap.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Tells `audience` what other processes revoke, for as long as it is polled. Does
    /// nothing for a store of one process.
    async fn follow(&self, _audience: &dyn RevocationListener) {
        std::future::pending().await
    }
}

/// Who is told what other processes did to a shared store.
pub trait RevocationListener: Send + Sync {
    /// These are in force from now on; some may have been known.
    fn revoked(&self, revocations: &[Revocation]);

    /// The store was heard of at `now`, and everything up to then has been told.
    fn mark_synced(&self, now: Timestamp);

    /// Everything that is known to be revoked, for a store that lost entries.
    fn known(&self) -> Vec<Revocation>;
}

/// Counts failed logins, for this process or for all that share a store. What is
/// counted, and when, stands in [`super::throttle`].
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Begins an attempt, counted as failed until it is settled otherwise.
    async fn begin(
        &self,
        name: &Username,
        source: Source,
        limits: AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<Attempt, Locked>, StoreError>;

    /// The password was right.
    async fn succeeded(&self, attempt: Attempt) -> Result<(), StoreError>;

    /// No password was checked: as if the attempt never was.
    async fn withdrawn(&self, attempt: Attempt) -> Result<(), StoreError>;
}

/// The store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be used now; a later try may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What is on disk is not what we wrote. Never replaced in silence.
    #[error("the store at {path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What the library said.
        reason: String,
    },
    /// Another process has it open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// The session is of a newer version, which says that it means nothing without what this
    /// one does not know.
    #[error("session {session} is of a newer version of Doorward: not known here: {fields}")]
    Newer {
        /// Which one.
        session: SessionId,
        /// The fields.
        fields: String,
    },
}

impl StoreError {
    /// Refuses to act on a session of which a critical field is not known. To show it, to end
    /// it and to forget it when it is over needs none of them.
    ///
    /// # Errors
    /// [`StoreError::Newer`]
    pub fn if_newer(session: &StoredSession) -> Result<(), Self> {
        match session.extra.critical() {
            [] => Ok(()),
            fields => Err(Self::Newer {
                session: session.id,
                fields: fields.join(", "),
            }),
        }
    }
}

/// Checks passwords without letting logins exhaust the machine.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Whether `password` is the one that `hash` was made from.
    ///
    /// # Errors
    /// [`Overloaded`] at once when the queue is full, or when somebody needs the place whose
    /// turn is sooner.
    async fn verify(
        &self,
        hash: &PasswordHash,
        password: Secret,
        turn: Turn,
    ) -> Result<bool, Overloaded>;
}

/// With whom somebody shares the turns at the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// With everybody of the same network.
    Address(IpAddr),
    /// With every browser that is known for the same user.
    Known(Username),
}

impl Turn {
    /// That of an attempt.
    pub fn of(attempt: &Attempt) -> Self {
        match attempt.source() {
            Source::Address(address) => Self::Address(address),
            Source::Known(_) => Self::Known(attempt.name().clone()),
        }
    }
}

/// The hash queue is full: 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once")]
pub struct Overloaded;
