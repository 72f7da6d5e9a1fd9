//! Password hashes, made and checked on a bounded pool.
//!
//! A hash is slow and large on purpose, so anybody who may post a login could
//! exhaust the machine with it. Here at most so many run, at most so many wait in fair
//! turns (`queue`), and one too many is turned away at once. They run on threads of their
//! own, which the system puts behind those that serve requests. Never panics over a hash
//! string.

mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use async_trait::async_trait;
use aws_lc_rs::hmac;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use self::queue::{Queue, Ticket};
use super::hashes::ParsedHash;
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::{background, entropy};
use crate::auth::directory::{Directory, PasswordHash};
use crate::auth::ports::{Overloaded, Passwords, Turn};
use crate::domain::id::Username;
use crate::domain::secret::Secret;

/// Stands for a user's hash while there are no users: random salt and output, so no
/// password is known for it. The parameters are those of [`make`].
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bHmzX4EW6Tlxf/hcHWkb6Q$NsIjFqIm2lA8l1Wo1kGrDyUoW0cCGJ0pQi4Fv0m1Fhs";

/// Checks passwords, so many at once and so many waiting.
#[derive(Debug)]
pub struct HashPool {
    desk: Arc<Mutex<Desk>>,
    /// How many run at once.
    concurrent: usize,
    /// Where they run; there until the end.
    threads: Option<Runtime>,
    metrics: Arc<Metrics>,
}

/// Who runs and who waits. While a thread is free nobody waits.
#[derive(Debug)]
struct Desk {
    running: usize,
    queue: Queue<Job>,
}

/// A check, and then what tells its caller what came of it.
struct Job(Box<dyn FnOnce() -> Answer + Send>);

struct Answer(Box<dyn FnOnce()>);

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job(…)")
    }
}

/// A place in the queue, given back when the caller goes away.
#[derive(Debug)]
struct Waits<'a> {
    desk: &'a Mutex<Desk>,
    ticket: Ticket,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let left = self.desk.lock().queue.leave(self.ticket);
        drop(left);
    }
}

impl HashPool {
    /// A pool for `login.concurrent_hashes` at once (at least one) and
    /// `login.hash_queue` waiting. Argon2id in our parameters takes 19 MiB each
    /// while it runs, nothing while it waits.
    pub fn new(concurrent: usize, queue: usize, metrics: Arc<Metrics>) -> Self {
        let concurrent = concurrent.max(1);
        Self {
            desk: Arc::new(Mutex::new(Desk {
                running: 0,
                queue: Queue::new(queue),
            })),
            concurrent,
            threads: threads(concurrent),
            metrics,
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // What runs is not waited for.
            threads.shutdown_background();
        }
    }
}

/// So many threads, each begun when there is work for it. They stay, and take the next hash
/// without a pause: to the scheduler a thread that always works is behind all others, and
/// one that has just begun is not.
fn threads(count: usize) -> Option<Runtime> {
    let threads = Builder::new_current_thread()
        .max_blocking_threads(count)
        .thread_name("hash")
        .thread_keep_alive(Duration::MAX)
        .on_thread_start(background::step_back)
        .build();
    threads
        .map_err(|error| log::error!("no threads for password checks: {error}"))
        .ok()
}

#[async_trait]
impl Passwords for HashPool {
    async fn verify(
        &self,
        hash: &PasswordHash,
        password: Secret,
        turn: Turn,
    ) -> Result<bool, Overloaded> {
        let hash = hash.clone();
        let metrics = Arc::clone(&self.metrics);
        let check = move || metrics.password_hash(|| matches(hash.as_str(), password.expose()));
        self.in_turn(turn, check).await
    }
}

impl HashPool {
    /// Runs a check when its turn comes. One that panics says nothing of the password: nobody
    /// is told that theirs was wrong, or counted for it.
    ///
    /// # Errors
    /// [`Overloaded`] at once, if there is no place; when somebody else has to have it; and
    /// after a panic.
    async fn in_turn<T: Send + 'static>(
        &self,
        turn: Turn,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let threads = self.threads.as_ref().ok_or(Overloaded)?;
        let (tell, told) = oneshot::channel();
        let job = Job(Box::new(move || {
            let checked = catch_unwind(AssertUnwindSafe(check));
            Answer(Box::new(move || match checked {
                // Its caller may be gone. What runs cannot be stopped, and keeps its thread:
                // else abandoned logins would pile up without a bound.
                Ok(checked) => drop(tell.send(checked)),
                Err(_panic) => log::error!("a password check did not end: it panicked"),
            }))
        }));
        // A caller who goes away while waiting drops the place with this future, and nothing
        // is checked when its turn comes.
        let _waits = self.begin_or_wait(threads, turn, job)?;
        told.await.map_err(|_turned_away_or_panicked| Overloaded)
    }

    fn begin_or_wait(
        &self,
        threads: &Runtime,
        turn: Turn,
        job: Job,
    ) -> Result<Option<Waits<'_>>, Overloaded> {
        let mut desk = self.desk.lock();
        if desk.running >= self.concurrent {
            let (ticket, turned_away) = desk.queue.enter(turn, job);
            drop(desk);
            drop(turned_away);
            let desk = &*self.desk;
            return Ok(Some(Waits { desk, ticket }));
        }
        desk.running = desk.running.saturating_add(1);
        drop(desk);
        let desk = Arc::clone(&self.desk);
        let work = move || work(&desk, job);
        // It panics where the system has no thread for the first of them.
        let begun = catch_unwind(AssertUnwindSafe(|| threads.spawn_blocking(work)));
        begun.map(|_its_end| None).map_err(|_panic| {
            log::error!("no thread for a password check");
            let mut desk = self.desk.lock();
            desk.running = desk.running.saturating_sub(1);
            Overloaded
        })
    }
}

/// Does this job, and then whatever waits.
fn work(desk: &Mutex<Desk>, first: Job) {
    let mut next = Some(first);
    while let Some(Job(check)) = next {
        let Answer(tell) = check();
        let mut desk = desk.lock();
        next = desk.queue.next();
        if next.is_none() {
            desk.running = desk.running.saturating_sub(1);
        }
        drop(desk);
        // Only now: who hears it finds a free thread.
        tell();
    }
}

/// Whether the password is the one that the hash was made from. What is refused
/// without regard to the hash is hashed all the same, to take the same time.
fn matches(hash: &str, password: &[u8]) -> bool {
    // The attack with NUL: functions that pad or end at it take `pw` and `pw\0` for
    // one password.
    let sane = !password.contains(&0);
    let right = ParsedHash::parse(hash).is_ok_and(|hash| hash.matches(password));
    right && sane
}

/// Whether guessing passwords against the hash costs what OWASP asks for.
pub fn is_strong(hash: &str) -> bool {
    ParsedHash::parse(hash).is_ok_and(|hash| hash.is_strong())
}

/// Hashes a password: argon2id, 19 MiB, two passes (OWASP Password Storage), a salt
/// of 16 random bytes, as a PHC string.
///
/// # Errors
/// [`HashProblem::Nul`] for a password that could never be used to log in.
pub fn make(password: &Secret) -> Result<String, HashProblem> {
    if password.expose().contains(&0) {
        return Err(HashProblem::Nul);
    }
    let salt = entropy::random::<16>();
    Params::new(19_456, 2, 1, Some(32))
        .map_err(argon2::password_hash::Error::from)
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_with_salt(password.expose(), &salt)
        })
        .map(|hash| hash.to_string())
        .map_err(|error| HashProblem::Failed(error.to_string()))
}

/// A hash to check against when nobody has the typed name, so that the answer takes
/// as long as for a real user. The result of that check must never be used.
///
/// Which user's hash stands in follows from the name and a secret seed: always the
/// same for one name, and not to be told from outside. Were it one fixed hash, its
/// time would show which names exist as soon as users' hashes differ in cost.
pub fn stand_in(users: &Directory, typed: &Username, seed: &[u8; 32]) -> PasswordHash {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    let tag = hmac::sign(&key, typed.as_str().as_bytes());
    let draw = tag
        .as_ref()
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let count = u64::try_from(users.iter().count()).unwrap_or(u64::MAX);
    draw.checked_rem(count)
        .and_then(|place| users.iter().nth(usize::try_from(place).ok()?))
        .map_or_else(
            || PasswordHash::new(NOBODY),
            |user| user.password_hash.clone(),
        )
}

/// Why a hash cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashProblem {
    /// The password holds a NUL byte.
    #[error("a password cannot hold a NUL byte")]
    Nul,
    /// The library failed.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

#[cfg(test)]
mod tests;
