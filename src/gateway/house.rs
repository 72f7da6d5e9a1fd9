//! What all requests share: the snapshot of this moment, and the few things that
//! outlive a snapshot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::hints::Hints;
use super::open::OpenConnections;
use super::sightings::Sightings;
use super::snapshot::Snapshot;
use super::turns::Turns;
use super::unread::Unread;
use crate::adapters::observe::access;
use crate::adapters::observe::metrics::{Metrics, Verdict};
use crate::adapters::store::replica::Replica;
use crate::adapters::users::hashing::HashPool;
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::event::Event;
use crate::auth::login::Credentials;
use crate::auth::policy::Lifetimes;
use crate::auth::ports::{Attempts, Audience, Store, StoreError};
use crate::auth::revocation::{Reach, Revocation};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// How many sessions from ahead of the clock a cut-off looks for; a guess far above what
/// begins while a clock is wrong.
const AHEAD: usize = 10_000;

/// How long a revocation waits for the process before us to hear of it. A guess: that
/// takes microseconds, and a process that hangs must not hang us.
const PREDECESSOR: Duration = Duration::from_secs(1);

/// What the process before us is to hear of.
#[derive(Debug)]
pub struct News {
    /// What was revoked.
    pub revocations: Vec<Revocation>,
    /// Told when it is in force there.
    pub heard: oneshot::Sender<()>,
}

/// Shared by every service of one gateway.
pub struct House {
    current: ArcSwap<Snapshot>,
    /// Where revocations are kept.
    pub store: Arc<dyn Store>,
    /// What the gate reads of them.
    pub replica: Arc<Replica>,
    /// Failed logins.
    pub attempts: Arc<dyn Attempts>,
    /// Renewals of one session wait for each other.
    pub turns: Turns,
    /// Generations whose arrival was noted.
    pub sightings: Sightings,
    /// What has to end with its session.
    pub open: OpenConnections,
    /// What of all answers was not taken.
    pub(super) unread: Unread,
    /// Where passwords are checked; replaced when its limits change.
    pub passwords: ArcSwap<HashPool>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Keys the choice of a stand-in hash for unknown users.
    pub stand_in_seed: [u8; 32],
    /// Woken when the upstream's addresses should be looked up again now.
    pub resolve_now: Notify,
    settled: clock::Settled,
    draining: AtomicBool,
    relieved: AtomicBool,
    /// The process before us, which still serves what it began.
    predecessor: OnceLock<UnboundedSender<News>>,
    /// What the operator was told of the set-up.
    pub(super) hints: Hints,
}

impl House {
    /// Furnishes the house with its first snapshot.
    pub fn new(
        snapshot: Snapshot,
        store: Arc<dyn Store>,
        attempts: Arc<dyn Attempts>,
        replica: Arc<Replica>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let login = &snapshot.settings.login;
        Self {
            attempts,
            turns: Turns::new(),
            sightings: Sightings::new(),
            open: OpenConnections::default(),
            unread: Unread::default(),
            passwords: ArcSwap::from_pointee(HashPool::new(
                login.concurrent_hashes,
                login.hash_queue,
                Arc::clone(&metrics),
            )),
            current: ArcSwap::from_pointee(snapshot),
            store,
            replica,
            metrics,
            stand_in_seed: entropy::random(),
            resolve_now: Notify::new(),
            settled: clock::Settled::default(),
            draining: AtomicBool::new(false),
            relieved: AtomicBool::new(false),
            predecessor: OnceLock::new(),
            hints: Hints::default(),
        }
    }

    /// The settings of this moment. Load once a request and keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts a new snapshot in force, for every request that begins from now on.
    pub fn replace(&self, snapshot: Snapshot) {
        let old = self.snapshot();
        let (new, was) = (&snapshot.settings.login, &old.settings.login);
        if (new.concurrent_hashes, new.hash_queue) != (was.concurrent_hashes, was.hash_queue) {
            let pool = HashPool::new(
                new.concurrent_hashes,
                new.hash_queue,
                Arc::clone(&self.metrics),
            );
            self.passwords.store(Arc::new(pool));
        }
        self.current.store(Arc::new(snapshot));
        self.hints.begin_anew();
    }

    /// Ends what a revocation reaches: durable first, then in force.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be made durable; it is not in force then.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let kept = self.store.revoke(revocation).await?;
        if let Some(heard) = self.put_in_force(&[kept]) {
            // Whoever waits for the answer may still have a connection there.
            let _gone = timeout(PREDECESSOR, heard).await;
        }
        Ok(())
    }

    /// Puts in force what is durable already, and cuts the connections that it reaches.
    pub fn apply(&self, revocations: &[Revocation]) {
        let _in_a_moment = self.put_in_force(revocations);
    }

    /// The same; what it gives tells when the process before us has heard of it too.
    fn put_in_force(&self, revocations: &[Revocation]) -> Option<oneshot::Receiver<()>> {
        self.replica.load(revocations);
        let heard = self.predecessor.get().map(|predecessor| {
            let (heard, hears) = oneshot::channel();
            // Once it has ended nobody listens.
            let _gone = predecessor.send(News {
                revocations: revocations.to_vec(),
                heard,
            });
            hears
        });
        // Only now: a connection is looked up in the replica after it was registered.
        self.open.revoked(revocations);
        self.metrics.revocations(self.replica.len());
        heard
    }

    /// Ends a session, a user's sessions or everybody's, as of now, on behalf of an
    /// endpoint.
    ///
    /// # Errors
    /// [`Denial::StoreUnavailable`]; as a rule nothing has ended then.
    pub async fn end(&self, reach: Reach, lifetimes: Lifetimes) -> Result<(), Denial> {
        let failed = |e: StoreError| {
            log::error!("a session could not be ended: {e}");
            Denial::StoreUnavailable
        };
        // A token from before a reload may live longer than those of today.
        let token_until = match &reach {
            Reach::Session(id) => {
                let kept = self.store.find(*id).await.map_err(failed)?;
                kept.map(|session| session.token_until)
            }
            Reach::User(_) | Reach::Everybody => None,
        };
        let at = clock::now();
        let longest = match &reach {
            Reach::Session(_) => lifetimes.longest(),
            Reach::User(_) | Reach::Everybody => lifetimes.longest_ever(),
        };
        let until = at.after(longest).max(token_until.unwrap_or(at));
        let revocation = Revocation { reach, at, until };
        self.revoke(&revocation).await.map_err(failed)?;
        self.end_ahead(&revocation).await.map_err(failed)
    }

    /// The session if it is kept, and whose it is, on behalf of an endpoint that ends it.
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

    /// Ends the sessions that a cut-off ought to reach and does not, because the clock has
    /// been set back since, or that of another gateway is ahead. One by one: a later
    /// cut-off would reach the logins that follow too.
    async fn end_ahead(&self, cut_off: &Revocation) -> Result<(), StoreError> {
        let user = match &cut_off.reach {
            Reach::Session(_) => return Ok(()),
            Reach::User(user) => Some(user),
            Reach::Everybody => None,
        };
        let left = self.store.sessions(user, AHEAD, cut_off.at).await?;
        let now = clock::now();
        for ahead in left.iter().filter(|session| session.created() > now) {
            let revocation = Revocation {
                reach: Reach::Session(ahead.id),
                at: cut_off.at,
                until: cut_off.until.max(ahead.token_until),
            };
            self.revoke(&revocation).await?;
        }
        Ok(())
    }

    /// Writes an audit line.
    pub fn audit(&self, event: &Event) {
        access::audit(self.current.load().settings.log.format, event);
    }

    /// The hash to check a typed password against: the user's, or for a name that
    /// nobody has somebody's, so that the time does not tell.
    pub fn hash_for(
        &self,
        snapshot: &Snapshot,
        typed: &Credentials,
    ) -> crate::auth::directory::PasswordHash {
        match snapshot.policy.directory.by_name(&typed.username) {
            Some(user) => user.password_hash.clone(),
            None => crate::adapters::users::hashing::stand_in(
                &snapshot.policy.directory,
                &typed.username,
                &self.stand_in_seed,
            ),
        }
    }

    /// Counts a request that began at `since` until the guard is dropped.
    pub fn enter(self: &Arc<Self>, since: Instant) -> InFlight {
        self.metrics.begin();
        InFlight {
            house: Arc::clone(self),
            since,
        }
    }

    /// How many requests (WebSockets and streams too) are being served.
    pub fn in_flight(&self) -> usize {
        self.metrics.in_flight()
    }

    /// From now on `/readyz` says no.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Another process has our listeners from now on: whoever has a connection here shall
    /// be answered once more before it closes.
    pub fn relieve(&self) {
        self.relieved.store(true, Ordering::Release);
    }

    /// Whether another process has our listeners.
    pub fn is_relieved(&self) -> bool {
        self.relieved.load(Ordering::Acquire)
    }

    /// Tells the process before us what is revoked from now on.
    pub fn tell_predecessor(&self) -> UnboundedReceiver<News> {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        // There is one at most.
        let _second = self.predecessor.set(tell);
        told
    }

    /// Whether a stop has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Forgets what no token could match any more.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.settled.now();
        self.store.sweep(now).await?;
        self.replica.forget(now);
        self.metrics.revocations(self.replica.len());
        Ok(())
    }
}

impl Audience for House {
    fn revoked(&self, revocations: &[Revocation]) {
        self.apply(revocations);
    }

    fn in_touch(&self, now: Timestamp) {
        self.replica.in_touch(now);
    }

    fn known(&self) -> Vec<Revocation> {
        self.replica.all()
    }
}

/// A request in flight. A drop guard, since `logging` does not run for a request
/// whose future is dropped.
pub struct InFlight {
    house: Arc<House>,
    since: Instant,
}

impl InFlight {
    /// Where it is in flight.
    pub fn house(&self) -> &House {
        &self.house
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.house.metrics.end();
        // A panic in a hook: nothing else counts it.
        if std::thread::panicking() {
            let verdict = Verdict::Refused(Denial::InternalError.code());
            self.house.metrics.request(verdict, self.since.elapsed());
        }
    }
}
