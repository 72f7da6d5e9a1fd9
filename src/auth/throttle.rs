//! How often a password may be tried.
//!
//! A failure from an address counts three times: for (name, address), for the address
//! whatever the name, and for the name alone. The first two lock; the third makes who comes
//! next wait, longer each time ([`streaks`]), so that nobody can lock a named user out from
//! afar but a distributed guess is still bounded, however slow it is.
//!
//! A browser in which the user has signed in before ([`super::known`]) is counted by itself:
//! neither its address nor what others do to the name concerns it. It has the limits of a
//! pair, and a streak of its own, so that a stolen cookie is no way to guess on.
//!
//! An attempt is counted as failed when it begins and taken back when the password
//! was right: else a thousand parallel guesses would all pass before the first of
//! them had failed. A lock is answered before any hash is computed, and right or
//! wrong alike.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use self::streaks::{Streaks, Whose};
use crate::domain::id::BrowserId;
use crate::domain::id::Username;
use crate::domain::time::Timestamp;

pub(crate) mod streaks;

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

/// The most entries of each of the three tables, some 100 bytes each (a guess).
/// When one is full the sixteenth of it that was quiet for longest goes, those
/// that are not locked first: an attacker who fills the table with fresh names
/// pays with their own address's counter.
pub(crate) const CAPACITY: usize = 65_536;

/// The counters of failed logins.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: AttemptLimits,
    /// The latest time that was counted.
    latest: Timestamp,
    /// How far the clock was set back in all; see [`Self::onward`].
    back: Duration,
    pairs: Table<(Username, Source)>,
    addresses: Table<IpAddr>,
    streaks: Streaks,
}

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Those of an address: IPv4 alone, IPv6 by /64.
    Address(IpAddr),
    /// Those of a browser that is known for the name.
    Known(BrowserId),
}

impl Source {
    /// What a client counts as that is not known.
    pub fn of(client: IpAddr) -> Self {
        Self::Address(network_of(client))
    }
}

/// An attempt that was admitted, counted as failed until it is said to have succeeded.
#[derive(Debug)]
#[must_use = "an attempt must be settled"]
pub struct Attempt {
    name: Username,
    source: Source,
    at: Timestamp,
    count: Count,
}

/// What an attempt amounts to, should it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Whether it used the last of some limit, so that somebody must wait from now on.
    pub locks: bool,
    /// The failures of the name since its last success, this one among them.
    pub failures: u32,
}

impl Attempt {
    /// An attempt that some counters elsewhere admitted.
    pub const fn new(name: Username, source: Source, at: Timestamp, count: Count) -> Self {
        Self {
            name,
            source,
            at,
            count,
        }
    }

    /// The name that was typed.
    pub const fn name(&self) -> &Username {
        &self.name
    }

    /// Whose attempts it is counted with.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// When it began.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether, if it fails, somebody is locked out from now on.
    pub const fn locks(&self) -> bool {
        self.count.locks
    }

    /// The failures of the name since its last success, should this be one.
    #[cfg(test)]
    pub const fn failures(&self) -> u32 {
        self.count.failures
    }

    /// What is worth a line of its own if it fails: that a name has failed so often since
    /// its last success, however slowly.
    pub const fn milestone(&self) -> Option<&'static str> {
        match self.count.failures {
            10 => Some("10_failures"),
            100 => Some("100_failures"),
            1000 => Some("1000_failures"),
            _ => None,
        }
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
    pub(crate) fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            latest: Timestamp::EPOCH,
            back: Duration::ZERO,
            pairs: Table::default(),
            addresses: Table::default(),
            streaks: Streaks::default(),
        }
    }

    /// Takes new limits; what was counted stays counted.
    pub(crate) fn set_limits(&mut self, limits: AttemptLimits) {
        self.limits = limits;
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// [`Locked`] while the pair or the address is, or the streak waits.
    pub(crate) fn begin(
        &mut self,
        name: &Username,
        source: Source,
        now: Timestamp,
    ) -> Result<Attempt, Locked> {
        let now = self.onward(now);
        let pair = (name.clone(), source);
        let whose = whose(name, source);
        let until = [
            self.pairs.locked_until(&pair),
            address_of(source).and_then(|address| self.addresses.locked_until(&address)),
            self.streaks.waits_until(&whose),
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
        let mut locks = self.pairs.count(pair, now, &self.limits, max_attempts);
        if let Some(address) = address_of(source) {
            locks |= self
                .addresses
                .count(address, now, &self.limits, address_attempts);
        }
        if let Whose::Browser(..) = whose {
            locks |= self.streaks.count(whose, now, &self.limits).1;
        }
        let by_name = Whose::Name(name.clone());
        let (failures, waits) = self.streaks.count(by_name, now, &self.limits);
        let locks = locks || waits;
        let count = Count { locks, failures };
        Ok(Attempt::new(name.clone(), source, now, count))
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

    /// The password was right: pair and streak start anew, the address forgets this attempt.
    pub(crate) fn succeeded(&mut self, attempt: Attempt) {
        let Attempt {
            name, source, at, ..
        } = attempt;
        if let Some(address) = address_of(source) {
            self.addresses.take_back(&address, at);
        }
        self.streaks.end(&whose(&name, source));
        self.pairs.entries.remove(&(name.clone(), source));
        self.streaks.end(&Whose::Name(name));
    }

    /// No password was checked (the hash queue was full): as if it never was.
    pub(crate) fn withdrawn(&mut self, attempt: Attempt) {
        let Attempt {
            name, source, at, ..
        } = attempt;
        if let Some(address) = address_of(source) {
            self.addresses.take_back(&address, at);
        }
        let whose = whose(&name, source);
        if let Whose::Browser(..) = whose {
            self.streaks.take_back(&whose, at);
        }
        self.pairs.take_back(&(name.clone(), source), at);
        self.streaks.take_back(&Whose::Name(name), at);
    }
}

/// The streak that an attempt must wait for.
fn whose(name: &Username, source: Source) -> Whose {
    match source {
        Source::Address(_) => Whose::Name(name.clone()),
        Source::Known(browser) => Whose::Browser(name.clone(), browser),
    }
}

const fn address_of(source: Source) -> Option<IpAddr> {
    match source {
        Source::Address(address) => Some(address),
        Source::Known(_) => None,
    }
}

/// The address that is counted: IPv4 alone, IPv6 by /64, since one customer has as
/// many addresses in it as they like.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
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
