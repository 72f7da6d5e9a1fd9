//! What a change of the users ends: the sessions of everybody who was removed, disabled,
//! given another password or a higher `token_version`, also while the gateway was down.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::sessions::SessionService;
use crate::auth::directory::User;
use crate::auth::policy::Policy;
use crate::auth::ports::StoreError;
use crate::auth::revocation::{Revocation, cut_offs};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;

/// Ends the sessions of everybody who changed since the versions were last saved, and saves
/// today's. The cut-offs are durable before the new versions are: a crash in between cuts off
/// twice, never not at all. Gives the cut-offs.
///
/// # Errors
/// [`StoreError`]; the new users must not be put in force then.
pub(crate) async fn end_changed(
    service: &SessionService,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<Revocation>, StoreError> {
    let enabled = policy.directory.iter().filter(|user| !user.disabled);
    let today: Vec<(UserId, String)> = enabled
        .map(|user| (user.identity.id.clone(), version(user)))
        .collect();
    let known = service.store.known_users().await?;
    if known.as_ref() == Some(&today) {
        return Ok(Vec::new());
    }
    let until = now.after(policy.session.lifetimes.longest_ever());
    let cut_offs = cut_offs(&known.unwrap_or_default(), &today, now, until);
    for revocation in &cut_offs {
        service.revoke(revocation).await?;
    }
    service.store.remember_users(&today).await?;
    Ok(cut_offs)
}

/// A user's version that does not depend on the signing keys, whose rotation is no change of
/// the user. Stays in the store, never in a token.
fn version(user: &User) -> String {
    let hash = digest::digest(&digest::SHA256, user.password_hash.as_str().as_bytes());
    format!("{}.{}", user.token_version, URL_SAFE_NO_PAD.encode(hash))
}
