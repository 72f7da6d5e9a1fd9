//! How often a password may be tried.
//!
//! Failures are counted three times: for (name, address), for the address whatever
//! the name, and for the name alone at ten times the limit, so that nobody can lock a
//! named user out from afar but a distributed guess is still bounded.
//!
//! An attempt is counted as failed when it begins and taken back when the password
//! was right: else a thousand parallel guesses would all pass before the first of
//! them had failed. A lock is answered before any hash is computed, and right or
//! wrong alike.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::domain::id::Username;
use crate::domain::time::Timestamp;

/// `login`, as far as attempts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failures of one name from one address inside the window.
    pub max_attempts: u32,
    /// How long a failure counts.
    pub window: Duration,
    /// How long a lock lasts.
    pub lockout: Duration,
    /// Failures of one address inside the window, whatever the name.
    pub address_attempts: u32,
}

/// How many times `max_attempts` a name may fail from everywhere together.
pub const NAME_FACTOR: u32 = 10;

/// The most entries of each of the three tables, some 100 bytes each (a guess).
/// When one is full the sixteenth of it that was quiet for longest goes, those
/// that are not locked first: an attacker who fills the table with fresh names
/// pays with their own address's counter.
const CAPACITY: usize = 65_536;

/// The counters of failed logins.
#[derive(Debug)]
pub struct Throttle {
    limits: AttemptLimits,
    /// The latest time that was counted.
    latest: Timestamp,
    /// How far the clock was set back in all; see [`Self::onward`].
    back: Duration,
    pairs: Table<(Username, IpAddr)>,
    addresses: Table<IpAddr>,
    names: Table<Username>,
}

/// An attempt that was admitted, counted as failed until it is said to have succeeded.
#[derive(Debug)]
#[must_use = "an attempt must be settled"]
pub struct Attempt {
    name: Username,
    address: IpAddr,
    at: Timestamp,
    /// Whether this attempt used the last of some limit.
    locks: bool,
}

impl Attempt {
    /// An attempt that some counters elsewhere admitted; `address` as [`network_of`] gives it.
    pub const fn new(name: Username, address: IpAddr, at: Timestamp, locks: bool) -> Self {
        Self {
            name,
            address,
            at,
            locks,
        }
    }

    /// The name that was typed.
    pub const fn name(&self) -> &Username {
        &self.name
    }

    /// The address that is counted.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// When it began.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether, if it fails, somebody is locked out from now on.
    pub fn locks(&self) -> bool {
        self.locks
    }
}

/// Too many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// How long the lock still lasts.
    pub retry_after: Duration,
}

impl Throttle {
    /// Empty counters.
    pub fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            latest: Timestamp::EPOCH,
            back: Duration::ZERO,
            pairs: Table::default(),
            addresses: Table::default(),
            names: Table::default(),
        }
    }

    /// Takes new limits; what was counted stays counted.
    pub fn set_limits(&mut self, limits: AttemptLimits) {
        self.limits = limits;
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// [`Locked`] while the pair, the address or the name is.
    pub fn begin(
        &mut self,
        name: &Username,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Locked> {
        let now = self.onward(now);
        let address = network_of(client);
        let pair = (name.clone(), address);
        let until = [
            self.pairs.locked_until(&pair),
            self.addresses.locked_until(&address),
            self.names.locked_until(name),
        ];
        if let Some(until) = until
            .into_iter()
            .flatten()
            .filter(|until| *until > now)
            .max()
        {
            return Err(Locked {
                retry_after: until.since(now),
            });
        }
        let AttemptLimits {
            max_attempts,
            address_attempts,
            ..
        } = self.limits;
        let by_name = max_attempts.saturating_mul(NAME_FACTOR);
        let locks = [
            self.pairs.count(pair, now, &self.limits, max_attempts),
            self.addresses
                .count(address, now, &self.limits, address_attempts),
            self.names.count(name.clone(), now, &self.limits, by_name),
        ];
        Ok(Attempt {
            name: name.clone(),
            address,
            at: now,
            locks: locks.contains(&true),
        })
    }

    /// The time as it is counted here: it never goes back. A clock that was an hour ahead
    /// and is set right would else lock people out for that hour, or for the ten years
    /// that it was ahead.
    fn onward(&mut self, now: Timestamp) -> Timestamp {
        let counted = now.after(self.back);
        if counted < self.latest {
            self.back = self.latest.since(now);
        }
        self.latest = counted.max(self.latest);
        self.latest
    }

    /// The password was right: the pair starts anew, the others forget this attempt.
    pub fn succeeded(&mut self, attempt: Attempt) {
        self.pairs
            .entries
            .remove(&(attempt.name.clone(), attempt.address));
        self.addresses.take_back(&attempt.address, attempt.at);
        self.names.take_back(&attempt.name, attempt.at);
    }

    /// No password was checked (the hash queue was full): as if it never was.
    pub fn withdrawn(&mut self, attempt: Attempt) {
        self.pairs
            .take_back(&(attempt.name.clone(), attempt.address), attempt.at);
        self.addresses.take_back(&attempt.address, attempt.at);
        self.names.take_back(&attempt.name, attempt.at);
    }
}

/// The address that is counted: IPv4 alone, IPv6 by /64, since one customer has as
/// many addresses in it as they like.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[derive(Debug)]
struct Table<K> {
    entries: HashMap<K, Counter>,
}

#[derive(Debug, Default)]
struct Counter {
    failures: VecDeque<Timestamp>,
    locked_until: Option<Timestamp>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash + Clone> Table<K> {
    fn locked_until(&self, key: &K) -> Option<Timestamp> {
        self.entries.get(key)?.locked_until
    }

    /// Counts a failure; whether it locks.
    fn count(&mut self, key: K, now: Timestamp, limits: &AttemptLimits, most: u32) -> bool {
        self.make_room(now, limits);
        let counter = self.entries.entry(key).or_default();
        if counter.locked_until.is_some_and(|until| until <= now) {
            *counter = Counter::default();
        }
        let oldest = now.before(limits.window);
        while counter.failures.front().is_some_and(|at| *at <= oldest) {
            counter.failures.pop_front();
        }
        counter.failures.push_back(now);
        let locks = u32::try_from(counter.failures.len()).unwrap_or(u32::MAX) >= most;
        if locks {
            counter.locked_until = Some(now.after(limits.lockout));
        }
        locks
    }

    fn take_back(&mut self, key: &K, at: Timestamp) {
        if let Some(counter) = self.entries.get_mut(key) {
            if let Some(place) = counter.failures.iter().rposition(|failure| *failure == at) {
                counter.failures.remove(place);
            }
            counter.locked_until = None;
            if counter.failures.is_empty() {
                self.entries.remove(key);
            }
        }
    }

    fn make_room(&mut self, now: Timestamp, limits: &AttemptLimits) {
        if self.entries.len() < CAPACITY {
            return;
        }
        let oldest = now.before(limits.window);
        self.entries.retain(|_, counter| {
            counter.locked_until.is_some_and(|until| until > now)
                || counter.failures.back().is_some_and(|at| *at > oldest)
        });
        if self.entries.len() < CAPACITY {
            return;
        }
        let mut by_quiet: Vec<_> = self
            .entries
            .iter()
            .map(|(key, c)| {
                (
                    (c.locked_until.is_some(), c.failures.back().copied()),
                    key.clone(),
                )
            })
            .collect();
        by_quiet.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, key) in by_quiet.into_iter().take(CAPACITY / 16) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
