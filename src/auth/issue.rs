//! The pair of tokens of a session's newest generation, and the cookies that carry it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::claims::Claims;
use super::login_flow::Complete;
use super::policy::Policy;
use super::ports::SignError;
use super::principal::Principal;
use super::refresh::{RefreshToken, longest_token};
use super::session::Session;
use super::stored::{Device, Extra, StoredSession};
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// What a login or a renewal gives out.
#[derive(Debug)]
pub struct Issued {
    /// The session that goes on.
    pub session: Arc<Session>,
    /// The refresh token.
    pub refresh: RefreshToken,
    /// Every `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
    /// How long the access token lives.
    pub expires_in: Duration,
}

/// A new session for who has proved all that was owed. The id is always fresh: nothing that
/// the browser brought can fix it (session fixation).
///
/// # Errors
/// [`SignError`] if there is no key.
pub fn new_session(
    policy: &Policy,
    login: Complete,
    remember: bool,
    device: &Device,
    now: Timestamp,
    random: [u8; 10],
) -> Result<StoredSession, SignError> {
    begun(policy, login.principal(), remember, device, now, random)
}

/// What somebody who signed in `now` would be given, whatever they can prove: for telling what
/// the gate would say to them. No store has this session.
///
/// # Errors
/// [`SignError`] as of [`new_session`] and [`issue`], or for a session of less than a second.
pub fn rehearse(
    policy: &Policy,
    principal: &Arc<Principal>,
    device: &Device,
    now: Timestamp,
    random: ([u8; 10], [u8; 16]),
) -> Result<Issued, SignError> {
    let (of_session, of_token) = random;
    let stored = begun(policy, principal, false, device, now, of_session)?;
    let issued = issue(policy, principal, &stored, now, of_token)?;
    issued.ok_or_else(|| SignError("a session of less than a second".into()))
}

fn begun(
    policy: &Policy,
    principal: &Principal,
    remember: bool,
    device: &Device,
    now: Timestamp,
    random: [u8; 10],
) -> Result<StoredSession, SignError> {
    let (idle, absolute) = policy.session.lifetimes.of_session(remember);
    let user = principal.user.identity.id.clone();
    let mut session = StoredSession {
        id: SessionId::new(creation_time(policy.revoked.cut_off(&user), now), random),
        user,
        version: version_of(principal)?.to_owned(),
        idle,
        ends: now.after(absolute),
        generation: 0,
        renewed: now,
        seen: None,
        used: None,
        token_until: now,
        client: device.client,
        agent: device.agent.clone(),
        extra: Extra::default(),
    };
    session.token_until = longest_token(&session, now, policy.session.lifetimes.terms());
    Ok(session)
}

/// When a session of this moment counts as created: after every cut-off that is known. One
/// from ahead of the clock, which was set back since, would else end each login of its user
/// until the clock has caught up.
fn creation_time(cut_off: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match cut_off {
        Some(at) if at > now => at.after(Duration::from_millis(1)),
        _ => now,
    }
}

/// Makes the tokens of the newest generation of a session that is kept. `None` if less
/// than a second of it is left.
///
/// # Errors
/// [`SignError`] if a token cannot be made or put into a cookie.
pub fn issue(
    policy: &Policy,
    principal: &Arc<Principal>,
    stored: &StoredSession,
    now: Timestamp,
    random: [u8; 16],
) -> Result<Option<Issued>, SignError> {
    let identity = &principal.user.identity;
    let exp = stored
        .token_end(now, policy.session.lifetimes.access)
        .secs();
    if exp <= now.secs() {
        return Ok(None);
    }
    let claims = Claims {
        iss: policy.issuer.clone(),
        aud: policy.audience.clone(),
        sub: identity.id.as_str().to_owned(),
        name: identity.name.clone(),
        roles: identity.roles.clone(),
        iat: now.secs(),
        nbf: now.secs(),
        exp,
        jti: uuid::Builder::from_random_bytes(random)
            .into_uuid()
            .to_string(),
        sid: stored.id.to_string(),
        generation: stored.generation,
        ver: version_of(principal)?.to_owned(),
    };
    let refresh = RefreshToken {
        session: stored.id,
        generation: stored.generation,
        ends: stored.end(),
    };
    let session = Session::new(principal, stored.id, stored.generation, claims.dates());
    let access = policy.tokens.sign(&claims)?;
    let sealed = policy.tokens.seal_refresh(&refresh)?;
    let max_age = refresh.ends.since(now);
    let forbidden = || SignError("the cookie holds a forbidden byte".into());
    let style = &policy.cookies;
    let mut cookies = vec![
        style.set_access(&access, max_age).ok_or_else(forbidden)?,
        style.set_refresh(&sealed, max_age).ok_or_else(forbidden)?,
    ];
    if policy.csrf.mode.uses_tokens() {
        let token = policy.tokens.csrf_token(stored.id)?;
        cookies.push(style.set_csrf(&token, max_age).ok_or_else(forbidden)?);
    }
    Ok(Some(Issued {
        session: Arc::new(session),
        refresh,
        cookies,
        expires_in: Duration::from_secs(exp.saturating_sub(now.secs())),
    }))
}

/// The user's version under the key that signs: of today, not of the last renewal, since
/// the keys may have been rotated in between.
fn version_of(principal: &Principal) -> Result<&str, SignError> {
    let version = principal.versions.first().map(String::as_str);
    version.ok_or_else(|| SignError("no signing key".into()))
}
