//! Password hashes, made and checked on a bounded pool.
//!
//! A hash is slow and large on purpose, so anybody who may post a login could
//! exhaust the machine with it. Here at most so many run, at most so many wait, and
//! the next is turned away at once. They run on threads of their own, which the system
//! puts behind those that serve requests. Never panics over a hash string.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use async_trait::async_trait;
use aws_lc_rs::hmac;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::hashes::{ParsedHash, Strength};
use crate::adapters::observe::metrics::Metrics;
use crate::adapters::{background, entropy};
use crate::auth::directory::{Directory, PasswordHash};
use crate::auth::ports::{Overloaded, Passwords};
use crate::domain::id::Username;
use crate::domain::secret::Secret;

/// Stands for a user's hash while there are no users: random salt and output, so no
/// password is known for it. The parameters are those of [`make`].
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bHmzX4EW6Tlxf/hcHWkb6Q$NsIjFqIm2lA8l1Wo1kGrDyUoW0cCGJ0pQi4Fv0m1Fhs";

/// Checks passwords, so many at once and so many waiting.
#[derive(Debug)]
pub struct HashPool {
    /// A place is held from the call until the hash is done, running or waiting.
    places: Arc<Semaphore>,
    /// Where they wait and run; there until the end.
    threads: Option<Runtime>,
    metrics: Arc<Metrics>,
}

impl HashPool {
    /// A pool for `login.concurrent_hashes` at once (at least one) and
    /// `login.hash_queue` waiting. Argon2id in our parameters takes 19 MiB each
    /// while it runs, nothing while it waits.
    pub fn new(concurrent: usize, queue: usize, metrics: Arc<Metrics>) -> Self {
        let concurrent = concurrent.clamp(1, Semaphore::MAX_PERMITS);
        let places = concurrent.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
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
    async fn verify(&self, hash: &PasswordHash, password: Secret) -> Result<bool, Overloaded> {
        let hash = hash.clone();
        let metrics = Arc::clone(&self.metrics);
        self.in_turn(move || metrics.password_hash(|| matches(hash.as_str(), password.expose())))
            .await
    }
}

impl HashPool {
    /// Runs a check when its turn comes. One that panics says nothing of the password: nobody
    /// is told that theirs was wrong, or counted for it.
    ///
    /// # Errors
    /// [`Overloaded`] at once, if all places are taken; and after a panic.
    async fn in_turn<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let threads = self.threads.as_ref().ok_or(Overloaded)?;
        // A caller who goes away while waiting drops its place with this future, and nothing
        // is checked when its turn comes. What runs cannot be stopped, so the place goes
        // with it: to give it back earlier would let abandoned logins pile up without a bound.
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = Arc::new(place.map_err(|_full| Overloaded)?);
        let waits = Arc::downgrade(&place);
        let in_its_turn = move || {
            let _place = waits.upgrade()?;
            Some(check())
        };
        // It panics where the system has no thread for the first of them.
        let begun = catch_unwind(AssertUnwindSafe(|| threads.spawn_blocking(in_its_turn)));
        let begun = begun.map_err(|_panic| {
            log::error!("no thread for a password check");
            Overloaded
        });
        let checked = begun?.await.map_err(|error| {
            log::error!("a password check did not end: {error}");
            Overloaded
        });
        drop(place);
        checked?.ok_or(Overloaded)
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
    ParsedHash::parse(hash).is_ok_and(|hash| hash.strength() == Strength::Strong)
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
