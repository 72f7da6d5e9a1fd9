//! The one place that ends sessions: durable first, then in force, then told.
//!
//! Whoever ends one (its owner, an operator, a stolen token, another gateway) says what is to
//! end and why; what is written to the audit log follows from that.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::delivery::DeliveryTracker;
use super::live_connections::LiveConnections;
use super::refused_tokens::RefusedTokens;
use super::session_locks::SessionLocks;
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::store::replica::RevocationIndex;
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::machine::KnownToken;
use crate::auth::policy::{Lifetimes, Policy};
use crate::auth::ports::{RevocationListener, Store, StoreError};
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::StoredSession;
use crate::auth::visitor::AccessTokenState;
use crate::domain::id::{SessionId, UserId};
use crate::domain::machine_token::TokenHash;
use crate::domain::time::Timestamp;

/// How many sessions from ahead of the clock a cut-off looks for; a guess far above what
/// begins while a clock is wrong.
const AHEAD: usize = 10_000;

/// How many sessions are ended at once, so that the store can write them together.
const TOGETHER: usize = 64;

/// How long a revocation waits for the process before us to hear of it. A guess: that takes
/// microseconds, and a process that hangs must not hang us.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(1);

/// The last second that the index can say, which it takes for ever (in 2106).
const FOREVER: Timestamp = Timestamp::from_secs(0xffff_ffff);

/// Writes the audit log.
pub(crate) type Audit = Box<dyn Fn(&Event) + Send + Sync>;

/// Revocations for the process before us.
#[derive(Debug)]
pub struct ForwardedRevocations {
    /// What was revoked.
    pub revocations: Vec<Revocation>,
    /// Told when it is in force there.
    pub ack: oneshot::Sender<()>,
}

/// What somebody names to be ended; exactly one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationTarget {
    /// The session of a token, of either kind.
    Token(String),
    /// A machine token, by the operator's name for it.
    TokenName(String),
    /// A session.
    Session(SessionId),
    /// A user, by id, else by name.
    User(String),
    /// All sessions.
    Everybody,
}

/// What is to end, and what the audit log says of it.
#[derive(Clone, Debug)]
pub struct Ending {
    reach: RevocationScope,
    event: Option<Event>,
}

impl Ending {
    /// A user signs out of one session.
    pub fn logout(session: SessionId, user: &UserId, client: IpAddr) -> Self {
        let event = Event::new(EventKind::Logout).user(user).session(session);
        Self {
            reach: RevocationScope::Session(session),
            event: Some(event.client(client)),
        }
    }

    /// A user signs out of all sessions, in one of them.
    pub fn logout_everywhere(session: SessionId, user: &UserId, client: IpAddr) -> Self {
        let event = Event::new(EventKind::Logout).user(user).session(session);
        Self {
            reach: RevocationScope::User(user.clone()),
            event: Some(event.client(client).reason("everywhere")),
        }
    }

    /// Somebody ends what was found for a target.
    pub fn revoke(found: Found, client: Option<IpAddr>, reason: &'static str) -> Self {
        let mut event = Event::new(EventKind::Revoke).reason(reason);
        event.client = client;
        event.user = found.user;
        event.token = found.token;
        if let RevocationScope::Session(id) = found.reach {
            event.session = Some(id);
        }
        Self {
            reach: found.reach,
            event: Some(event),
        }
    }

    /// A session that ends without a line of its own: a browser signs in anew, or a refresh token
    /// was used twice, which is told also when the session cannot be ended.
    pub const fn untold(session: SessionId) -> Self {
        Self {
            reach: RevocationScope::Session(session),
            event: None,
        }
    }
}

/// What a [`RevocationTarget`] comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it reaches.
    pub reach: RevocationScope,
    /// Whose it is, where that is known.
    pub user: Option<UserId>,
    /// The name of a machine token.
    pub token: Option<Arc<str>>,
}

impl Found {
    /// A session of this user.
    pub fn session(session: &StoredSession) -> Self {
        Self {
            reach: RevocationScope::Session(session.id),
            user: Some(session.user.clone()),
            token: None,
        }
    }

    /// A machine token.
    fn token(known: &KnownToken) -> Self {
        let session = known.session.as_ref();
        Self {
            reach: RevocationScope::Session(SessionId::of_token(&known.token.hash)),
            user: session.map(|session| session.user().clone()),
            token: Some(Arc::clone(&known.token.name)),
        }
    }
}

/// Sessions: kept, in force, open.
pub struct SessionService {
    /// Where they and their revocations are kept.
    pub store: Arc<dyn Store>,
    /// What the gate reads of the revocations.
    pub index: Arc<RevocationIndex>,
    /// What has to end with its session.
    pub live: LiveConnections,
    /// Renewals of one session wait for each other.
    pub locks: SessionLocks,
    /// Generations whose arrival was noted.
    pub deliveries: DeliveryTracker,
    pub(super) refused_tokens: RefusedTokens,
    metrics: Arc<Metrics>,
    audit: Audit,
    /// The process before us, which still serves what it began.
    predecessor: OnceLock<UnboundedSender<ForwardedRevocations>>,
}

impl SessionService {
    /// Over this store, whose live revocations are in the index.
    pub fn new(
        store: Arc<dyn Store>,
        index: Arc<RevocationIndex>,
        metrics: Arc<Metrics>,
        audit: Audit,
    ) -> Self {
        Self {
            store,
            index,
            live: LiveConnections::default(),
            locks: SessionLocks::default(),
            deliveries: DeliveryTracker::new(),
            refused_tokens: RefusedTokens::default(),
            metrics,
            audit,
            predecessor: OnceLock::new(),
        }
    }

    /// Writes an audit line.
    pub fn audit(&self, event: &Event) {
        (self.audit)(event);
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Ends what a revocation reaches: durable first, then in force.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be made durable; it is not in force then.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let kept = self.store.revoke(revocation).await?;
        if let Some(ack) = self.apply_and_forward(&[kept]) {
            // Whoever waits for the answer may still have a connection there.
            let _gone = timeout(PREDECESSOR_TIMEOUT, ack).await;
        }
        Ok(())
    }

    /// Puts in force what is durable already, and cuts the connections that it reaches.
    pub fn apply(&self, revocations: &[Revocation]) {
        let _in_a_moment = self.apply_and_forward(revocations);
    }

    /// The same; what it gives tells when the process before us has applied it too.
    fn apply_and_forward(&self, revocations: &[Revocation]) -> Option<oneshot::Receiver<()>> {
        self.index.load(revocations);
        let acked = self.predecessor.get().map(|predecessor| {
            let (ack, acked) = oneshot::channel();
            // Once it has ended nobody listens.
            let _gone = predecessor.send(ForwardedRevocations {
                revocations: revocations.to_vec(),
                ack,
            });
            acked
        });
        // Only now: a connection is looked up in the index after it was registered.
        self.live.revoked(revocations);
        self.metrics.revocations(self.index.len());
        acked
    }

    /// From now on the process before us is told what is revoked: what it is to be told.
    pub fn forward_revocations(&self) -> UnboundedReceiver<ForwardedRevocations> {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        // There is one at most.
        let _second = self.predecessor.set(tell);
        told
    }

    /// Ends sessions as of now, and says so in the audit log.
    ///
    /// # Errors
    /// [`Denial::StoreUnavailable`]; as a rule nothing has ended then.
    pub async fn end(
        &self,
        ending: &Ending,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let failed = |e: StoreError| {
            log::error!("a session could not be ended: {e}");
            Denial::StoreUnavailable
        };
        // A token from before a reload may live longer than those of today.
        let token_until = match &ending.reach {
            RevocationScope::Session(id) => {
                let kept = self.store.find(*id).await.map_err(failed)?;
                kept.map(|session| session.token_until)
            }
            RevocationScope::User(_) | RevocationScope::Everybody => None,
        };
        let longest = match &ending.reach {
            // Its hash may stand in the file for ever.
            RevocationScope::Session(id) if id.is_of_token() => FOREVER.since(now),
            RevocationScope::Session(_) => lifetimes.longest(),
            RevocationScope::User(_) | RevocationScope::Everybody => lifetimes.longest_ever(),
        };
        let revocation = Revocation {
            reach: ending.reach.clone(),
            at: now,
            until: now.after(longest).max(token_until.unwrap_or(now)),
        };
        self.revoke(&revocation).await.map_err(failed)?;
        self.revoke_future_dated(&revocation, now)
            .await
            .map_err(failed)?;
        if let Some(event) = &ending.event {
            self.audit(event);
        }
        Ok(())
    }

    /// Ends many, some at a time. Where one cannot be ended the others still are.
    ///
    /// # Errors
    /// The last denial, if there was any.
    pub async fn end_all(
        self: &Arc<Self>,
        endings: Vec<Ending>,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let mut result = Ok(());
        let mut running = JoinSet::new();
        let mut waiting = endings.into_iter();
        loop {
            while running.len() < TOGETHER {
                let Some(ending) = waiting.next() else { break };
                let service = Arc::clone(self);
                running.spawn(async move { service.end(&ending, lifetimes, now).await });
            }
            match running.join_next().await {
                None => return result,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(denial))) => result = Err(denial),
                Some(Err(e)) => {
                    log::error!("a session could not be ended: {e}");
                    result = Err(Denial::InternalError);
                }
            }
        }
    }

    /// A refresh token that had been exchanged came back. Which of the two that have it is the
    /// owner nobody can tell, so neither goes on.
    pub(super) async fn end_reused(
        &self,
        stored: &StoredSession,
        client: IpAddr,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Denial {
        let event = Event::new(EventKind::ReuseDetected)
            .user(&stored.user)
            .session(stored.id)
            .client(client)
            .other_client(stored.client);
        self.audit(&event);
        match self.end(&Ending::untold(stored.id), lifetimes, now).await {
            Ok(()) => Denial::SessionRevoked,
            Err(denial) => denial,
        }
    }

    /// Puts in force what a new session made surplus, and says so.
    pub fn end_surplus(&self, surplus: &[Revocation], user: &UserId, client: IpAddr) {
        self.apply(surplus);
        for ended in surplus {
            if let RevocationScope::Session(id) = ended.reach {
                let event = Event::new(EventKind::Revoke).user(user).session(id);
                self.audit(&event.client(client).reason("max_per_user"));
            }
        }
    }

    /// Ends the sessions that a cut-off ought to reach and does not, because the clock has
    /// been set back since, or that of another gateway is ahead. One by one: a later cut-off
    /// would reach the logins that follow too.
    async fn revoke_future_dated(
        &self,
        cut_off: &Revocation,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let user = match &cut_off.reach {
            RevocationScope::Session(_) => return Ok(()),
            RevocationScope::User(user) => Some(user),
            RevocationScope::Everybody => None,
        };
        let left = self.store.sessions(user, AHEAD, cut_off.at).await?;
        for ahead in left.iter().filter(|session| session.created() > now) {
            let revocation = Revocation {
                reach: RevocationScope::Session(ahead.id),
                at: cut_off.at,
                until: cut_off.until.max(ahead.token_until),
            };
            self.revoke(&revocation).await?;
        }
        Ok(())
    }

    /// The session if it is kept, and whose it is.
    ///
    /// # Errors
    /// [`Denial::StoreUnavailable`]
    pub async fn owner(&self, id: SessionId) -> Result<Option<(SessionId, UserId)>, Denial> {
        let stored = self.store.find(id).await.map_err(|e| {
            log::error!("a session could not be found to end it: {e}");
            Denial::StoreUnavailable
        })?;
        Ok(stored.map(|stored| (stored.id, stored.user)))
    }

    /// What a target comes to; `None` for a token or a user that nobody has.
    ///
    /// # Errors
    /// [`Denial::StoreUnavailable`]
    pub async fn resolve(
        &self,
        policy: &Policy,
        target: &RevocationTarget,
        now: Timestamp,
    ) -> Result<Option<Found>, Denial> {
        let of = |(id, user)| Found {
            reach: RevocationScope::Session(id),
            user: Some(user),
            token: None,
        };
        let machines = &policy.machines;
        Ok(match target {
            RevocationTarget::TokenName(name) => {
                let mut all = machines.iter();
                let known = all.find(|known| *known.token.name == **name);
                known.map(Found::token)
            }
            RevocationTarget::Token(token) => {
                let token = token.as_bytes();
                if let Some(hash) = TokenHash::of_token(token) {
                    return Ok(machines.find(&hash).map(Found::token));
                }
                let found = match policy.tokens.open_refresh(token) {
                    Some(refresh) => self.owner(refresh.session).await?,
                    None => {
                        let presented = AccessTokenState::judge(policy, token, now);
                        presented.owner().map(|(id, user)| (id, user.clone()))
                    }
                };
                found.map(of)
            }
            RevocationTarget::Session(id) => Some(Found {
                reach: RevocationScope::Session(*id),
                user: self.owner(*id).await?.map(|(_, user)| user),
                token: None,
            }),
            RevocationTarget::User(name) => policy.directory.named(name).map(|user| {
                let id = user.identity.id.clone();
                Found {
                    reach: RevocationScope::User(id.clone()),
                    user: Some(id),
                    token: None,
                }
            }),
            RevocationTarget::Everybody => Some(Found {
                reach: RevocationScope::Everybody,
                user: None,
                token: None,
            }),
        })
    }

    /// Forgets what no token could match any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        self.store.sweep(now).await?;
        self.index.forget(now);
        self.metrics.revocations(self.index.len());
        Ok(())
    }
}

impl RevocationListener for SessionService {
    fn revoked(&self, revocations: &[Revocation]) {
        self.apply(revocations);
    }

    fn mark_synced(&self, now: Timestamp) {
        self.index.mark_synced(now);
    }

    fn known(&self) -> Vec<Revocation> {
        self.index.all()
    }
}

#[cfg(test)]
mod tests;
