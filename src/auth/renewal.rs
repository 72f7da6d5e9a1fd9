//! One renewal: a refresh token in, the session's next pair of tokens out.

use super::denial::Denial;
use super::issue::{Issued, issue};
use super::policy::Policy;
use super::ports::{Resolved, SignError, Store, StoreError};
use super::refresh::{RefreshToken, RefreshTrigger, RotationOutcome};
use super::stored::{Device, StoredSession};
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// How a renewal ended.
#[derive(Debug)]
pub(crate) enum Renewed {
    /// A new generation.
    Rotated(Issued),
    /// The newest generation again: a parallel request, or an answer that was lost.
    Repeated(Issued),
    /// It may not go on.
    Refused(Denial),
    /// The token had been exchanged and its successor used: the session as it stands,
    /// to be ended now.
    Reused(StoredSession),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenewalError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// How often the store's session may change under our hands. Requests of one session in
/// one process wait for each other, so these are other replicas.
const TRIES: usize = 16;

/// Exchanges a refresh token for the pair of the next generation, durable before it is
/// given out. Today's name, roles and version go into the token.
///
/// # Errors
/// [`RenewalError`]; nothing was given out then, and the token can be presented again.
pub(crate) async fn renew(
    policy: &Policy,
    store: &dyn Store,
    token: &RefreshToken,
    way: RefreshTrigger,
    device: &Device,
    now: Timestamp,
    random: [u8; 16],
) -> Result<Renewed, RenewalError> {
    let refused = |denial| Ok(Renewed::Refused(denial));
    for _ in 0..TRIES {
        let Some(stored) = store.find(token.session).await? else {
            // Ended, or swept: the token knows which.
            let ran_out = token.ends <= now;
            return refused(match ran_out {
                true => Denial::SessionExpired,
                false => Denial::SessionRevoked,
            });
        };
        if policy.revoked.is_revoked(stored.id, &stored.user) {
            return refused(Denial::SessionRevoked);
        }
        StoreError::if_newer(&stored)?;
        let principal = match policy.resolve(stored.user.as_str()) {
            Resolved::Known(user) if user.versions.contains(&stored.version) => user,
            Resolved::Known(_) | Resolved::Gone => return refused(Denial::SessionRevoked),
        };
        let Some(version) = principal.versions.first() else {
            return refused(Denial::SessionRevoked);
        };
        let terms = policy.session.lifetimes.terms();
        let (next, is_new) =
            match stored.present(token.generation, way, now, terms, device, version) {
                RotationOutcome::Over => return refused(Denial::SessionExpired),
                RotationOutcome::Reuse => return Ok(Renewed::Reused(stored)),
                RotationOutcome::Repeat => (stored, false),
                RotationOutcome::Recover(next) | RotationOutcome::Rotate(next)
                    if next == stored =>
                {
                    (next, false)
                }
                RotationOutcome::Recover(next) => {
                    if !store.replace(&stored, &next).await? {
                        continue;
                    }
                    (next, false)
                }
                RotationOutcome::Rotate(next) => {
                    if !store.replace(&stored, &next).await? {
                        continue;
                    }
                    (next, true)
                }
            };
        return match issue(policy, &principal, &next, now, random)? {
            Some(issued) if is_new => Ok(Renewed::Rotated(issued)),
            Some(issued) => Ok(Renewed::Repeated(issued)),
            None => refused(Denial::SessionExpired),
        };
    }
    Err(StoreError::Unavailable("the session changes too often".into()).into())
}

/// Notes that somebody sent something over an open connection of the session `at` this
/// moment. Gives the session as it is kept now; `None` if it is over. One with critical
/// fields that are not known stays as it is, and so ends as if nobody had sent anything.
///
/// # Errors
/// [`StoreError`]
pub(crate) async fn note_use(
    store: &dyn Store,
    session: SessionId,
    at: Timestamp,
) -> Result<Option<StoredSession>, StoreError> {
    for _ in 0..TRIES {
        let stored = store.find(session).await?;
        let Some(stored) = stored.filter(|stored| !stored.is_over(at)) else {
            return Ok(None);
        };
        if StoreError::if_newer(&stored).is_err() {
            return Ok(Some(stored));
        }
        let mut used = stored.clone();
        used.used = stored.used.max(Some(at));
        if store.replace(&stored, &used).await? {
            return Ok(Some(used));
        }
    }
    Err(StoreError::Unavailable(
        "the session changes too often".into(),
    ))
}

/// Notes that an access token of this generation was presented `at` this moment, but for a
/// session with critical fields that are not known. `false` if the store does not have the
/// session.
///
/// # Errors
/// [`StoreError`]
pub(crate) async fn note_seen(
    store: &dyn Store,
    session: SessionId,
    generation: u64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let Some(stored) = store.find(session).await? else {
            return Ok(false);
        };
        if StoreError::if_newer(&stored).is_err() {
            return Ok(true);
        }
        // Nothing comes before the generation of the login.
        if generation == 0 || stored.generation != generation || stored.seen.is_some() {
            return Ok(true);
        }
        let mut seen = stored.clone();
        seen.seen = Some(at);
        if store.replace(&stored, &seen).await? {
            return Ok(true);
        }
    }
    Ok(true)
}
