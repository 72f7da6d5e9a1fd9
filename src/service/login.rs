//! Signing in: throttle, hash, session, in this order.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::sessions::{Ending, SessionService};
use crate::adapters::users::hashing::stand_in;
use crate::auth::denial::Denial;
use crate::auth::directory::PasswordHash;
use crate::auth::event::{Event, EventKind};
use crate::auth::issue::{Issued, issue, new_session};
use crate::auth::known::Browser;
use crate::auth::login::Credentials;
use crate::auth::login_flow::{LoginFlow, Proof};
use crate::auth::policy::Policy;
use crate::auth::ports::{Attempts, Passwords, SignError, StoreError, Turn};
use crate::auth::stored::Device;
use crate::auth::throttle::{AttemptLimits, Source};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// Logins, with whatever checks the passwords.
pub struct LoginService<P> {
    sessions: Arc<SessionService>,
    attempts: Arc<dyn Attempts>,
    passwords: ArcSwap<P>,
    /// Keys the choice of a stand-in hash for names that nobody has.
    stand_in_seed: [u8; 32],
}

/// From where somebody signs in.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The client's address.
    pub client: IpAddr,
    /// Who has signed in with the browser before.
    pub browser: &'a Browser,
}

impl From<'_> {
    /// Whose attempt it is: of a browser in which the user has signed in, or of an address.
    /// What the browser says is looked at for a name that nobody has too, so that the time
    /// does not tell.
    pub fn source(&self, policy: &Policy, typed: &Credentials, now: Timestamp) -> Source {
        let user = policy.directory.by_name(&typed.username);
        let nobody = UserId::new(typed.username.as_str());
        let id = user.map_or(&nobody, |user| &user.identity.id);
        let known = self.browser.known_for(policy, id, now);
        match known.filter(|_| user.is_some_and(|user| !user.disabled)) {
            Some(browser) => Source::Known(browser),
            None => Source::of(self.client),
        }
    }
}

impl<P: Passwords> LoginService<P> {
    /// With these counters and this pool of hashes.
    pub fn new(
        sessions: Arc<SessionService>,
        attempts: Arc<dyn Attempts>,
        passwords: P,
        stand_in_seed: [u8; 32],
    ) -> Self {
        Self {
            sessions,
            attempts,
            passwords: ArcSwap::from_pointee(passwords),
            stand_in_seed,
        }
    }

    /// Checks passwords here from now on; those under way are checked where they are.
    pub fn replace_passwords(&self, passwords: P) {
        self.passwords.store(Arc::new(passwords));
    }

    /// The login once name and password are right. A locked pair is told so before any hash is
    /// computed; a name that nobody has costs the same hash as one that somebody has.
    ///
    /// # Errors
    /// Why not, as the person may know it.
    pub async fn authenticate(
        &self,
        policy: &Policy,
        limits: AttemptLimits,
        typed: &Credentials,
        from: From<'_>,
        now: Timestamp,
    ) -> Result<LoginFlow, Denial> {
        let flow = LoginFlow::begin(policy, &typed.username);
        let user = policy.directory.by_name(&typed.username);
        let tell = |kind, reason| {
            let event = Event::new(kind).client(from.client).reason(reason);
            self.sessions.audit(&match user {
                Some(user) => event.user(&user.identity.id),
                None => event,
            });
        };
        let away = |e: StoreError| {
            log::error!("a login could not be counted: {e}");
            Denial::StoreUnavailable
        };
        let attempts = self.attempts.as_ref();
        let source = from.source(policy, typed, now);
        let begun = attempts.begin(&typed.username, source, limits, now);
        let attempt = match begun.await.map_err(away)? {
            Ok(attempt) => attempt,
            Err(locked) => {
                tell(EventKind::LoginFailed, "locked");
                return Err(Denial::TooManyAttempts {
                    retry_after: locked.retry_after,
                });
            }
        };
        let hash = self.hash_for(policy, typed);
        let passwords = self.passwords.load_full();
        let verified = passwords.verify(&hash, typed.password.clone(), Turn::of(&attempt));
        let Ok(right) = verified.await else {
            attempts.withdrawn(attempt).await.map_err(away)?;
            tell(EventKind::LoginFailed, "overloaded");
            return Err(Denial::Overloaded);
        };
        match flow.advance(Proof::Password(right.into())) {
            Ok(proved) => {
                attempts.succeeded(attempt).await.map_err(away)?;
                Ok(proved)
            }
            Err(failure) => {
                tell(EventKind::LoginFailed, failure.reason());
                if attempt.locks() {
                    tell(EventKind::Lockout, "too_many_attempts");
                }
                if let Some(milestone) = attempt.milestone().filter(|_| user.is_some()) {
                    tell(EventKind::Guessing, milestone);
                }
                Err(failure.into())
            }
        }
    }

    /// The hash to check a typed password against: the user's, or for a name that nobody has
    /// somebody's, so that the time does not tell.
    fn hash_for(&self, policy: &Policy, typed: &Credentials) -> PasswordHash {
        match policy.directory.by_name(&typed.username) {
            Some(user) => user.password_hash.clone(),
            None => stand_in(&policy.directory, &typed.username, &self.stand_in_seed),
        }
    }

    /// Opens the session, and ends those that this browser had before (oauth2-proxy
    /// CVE-2026-34454): durable before the new cookies are given out. `today` is the policy of
    /// this moment.
    ///
    /// # Errors
    /// Why there is no session.
    pub async fn open(
        &self,
        today: &Policy,
        proved: LoginFlow,
        opening: Opening<'_>,
        now: Timestamp,
        random: Random,
    ) -> Result<Issued, Denial> {
        let Opening {
            earlier,
            remember,
            device,
        } = opening;
        let login = proved.complete(today)?;
        let principal = Arc::clone(login.principal());
        for earlier in earlier {
            let ending = Ending::untold(*earlier);
            self.sessions
                .end(&ending, today.session.lifetimes, now)
                .await?;
        }
        let failed = |e: SignError| {
            log::error!("a session could not be opened: {e}");
            Denial::InternalError
        };
        let stored =
            new_session(today, login, remember, device, now, random.session).map_err(failed)?;
        let issued = issue(today, &principal, &stored, now, random.token)
            .map_err(failed)?
            .ok_or(Denial::InternalError)?;
        let store = self.sessions.store.as_ref();
        let surplus = store.open(&stored, today.session.max_per_user, now).await;
        let surplus = surplus.map_err(|e| {
            log::error!("a session could not be kept: {e}");
            Denial::StoreUnavailable
        })?;
        let user = &stored.user;
        self.sessions.end_surplus(&surplus, user, device.client);
        let event = Event::new(EventKind::Login).user(user).session(stored.id);
        self.sessions.audit(&event.client(device.client));
        Ok(issued)
    }
}

/// What is asked of a new session.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The sessions that the browser has had.
    pub earlier: &'a [SessionId],
    /// Whether it lasts beyond the browser (`session.remember_me`).
    pub remember: bool,
    /// Where it is opened.
    pub device: &'a Device,
}

/// What makes a session and its first token like no other.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    /// Of the session's id.
    pub session: [u8; 10],
    /// Of the token's.
    pub token: [u8; 16],
}

#[cfg(test)]
mod tests;
