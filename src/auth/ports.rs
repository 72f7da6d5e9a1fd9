//! What the decisions need of the world: the few traits that the outside provides.
//! Each has an in-memory twin that passes the same tests as the real one.

use async_trait::async_trait;

use super::claims::Claims;
use super::directory::{PasswordHash, User};
use super::revocation::Revocation;
use crate::domain::id::{SessionId, UserId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// A token whose signature was right and whose claims could be read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it says; dates, issuer and audience are not checked yet.
    pub claims: Claims,
    /// The place of the key that signed it in the ring, for [`Tokens::version`].
    pub key: usize,
}

/// Signs and opens access tokens with the keys of this moment.
pub trait Tokens: Send + Sync {
    /// Signs with the first key.
    ///
    /// # Errors
    /// If the crypto library fails; never because of the claims.
    fn sign(&self, claims: &Claims) -> Result<String, SignError>;

    /// Header and signature: exactly the configured algorithm, `typ` JWT, no
    /// `crit`, a key of ours chosen by `kid`. `None` for anything else.
    fn open(&self, token: &[u8]) -> Option<Opened>;

    /// The user's version under the key at `key`: the configured `token_version`
    /// and a fingerprint of the password hash keyed by that signing key. It
    /// changes whenever either does.
    fn version(&self, user: &User, key: usize) -> Option<String>;

    /// The public keys as a JWK set, or `None` when the algorithm is symmetric.
    fn jwks(&self) -> Option<&str>;
}

/// The crypto library could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct SignError(pub String);

/// The revocations that the gate reads: in memory, complete, on every request.
pub trait Revoked: Send + Sync {
    /// Whether the session was ended, by itself or by a cut-off of its user or of all.
    fn is_revoked(&self, session: SessionId, user: &UserId) -> bool;
}

/// Where revocations are kept, so that they survive a restart.
#[async_trait]
pub trait Store: Send + Sync {
    /// Records a revocation. When this returns `Ok` it is durable.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// Every record that a token could still match at `now`.
    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError>;

    /// Forgets what no token could match at `now`; how many records that were.
    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// The users' versions as [`Store::remember_users`] last saved them: (id, version).
    /// `None` if there never was a save.
    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError>;

    /// Replaces the saved versions, so that the next start notices what changed
    /// while the gateway was down. Disabled users are left out by the caller.
    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError>;
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
}

/// Checks passwords without letting logins exhaust the machine.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Whether `password` is the one that `hash` was made from.
    ///
    /// # Errors
    /// [`Overloaded`] at once when the queue is full.
    async fn verify(&self, hash: &PasswordHash, password: Secret) -> Result<bool, Overloaded>;
}

/// The hash queue is full: 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many logins at once")]
pub struct Overloaded;
