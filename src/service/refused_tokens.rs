//! How many machine tokens an address may have refused: nobody guesses one, but whoever tries
//! fills the audit log. Valid tokens and logins do not meet this limit.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::auth::throttle::network_of;
use crate::domain::time::Timestamp;

/// Within `login.window`. A guess: a program with a wrong token that tries every second stays
/// below.
const MOST: u32 = 200;

/// So many networks are counted, each for itself; any further ones together, so that whoever has
/// many neither forgets the counts of others nor fills the memory.
const CAPACITY: usize = 65_536;

/// How often those whose window is over may be looked for: each time all are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The counters.
#[derive(Debug, Default)]
pub(super) struct RefusedTokens(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    networks: HashMap<IpAddr, Counter>,
    /// Of all networks that found no place.
    others: Option<Counter>,
    /// When there may be a sweep again; `None`: now.
    next_sweep: Option<Timestamp>,
}

/// Since when, and how many.
#[derive(Debug)]
struct Counter {
    since: Timestamp,
    count: u32,
}

impl Counter {
    const fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            count: 0,
        }
    }

    fn is_over(&self, window: Duration, now: Timestamp) -> bool {
        now.distance(self.since) >= window
    }
}

impl Counters {
    /// Where a network is counted.
    fn of(&mut self, network: IpAddr, window: Duration, now: Timestamp) -> &mut Counter {
        let is_full = self.networks.len() >= CAPACITY && !self.networks.contains_key(&network);
        if is_full && self.next_sweep.is_none_or(|next| next <= now) {
            self.next_sweep = Some(now.after(SWEEP_INTERVAL));
            self.networks
                .retain(|_, counter| !counter.is_over(window, now));
        }
        let new = Counter::new(now);
        match is_full && self.networks.len() >= CAPACITY {
            true => self.others.get_or_insert(new),
            false => self.networks.entry(network).or_insert(new),
        }
    }
}

impl RefusedTokens {
    /// Counts one; how long the address has to wait, if it has had too many.
    pub(super) fn count(
        &self,
        client: IpAddr,
        window: Duration,
        now: Timestamp,
    ) -> Option<Duration> {
        let mut counters = self.0.lock();
        let counter = counters.of(network_of(client), window, now);
        if counter.is_over(window, now) {
            *counter = Counter::new(now);
        }
        counter.count = counter.count.saturating_add(1);
        (counter.count > MOST).then(|| counter.since.after(window).since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_hundred_in_a_window_of_its_own() {
        let counters = RefusedTokens::default();
        let window = Duration::from_secs(120);
        let start = Timestamp::from_secs(1_790_000_000);
        let at = |secs| start.after(Duration::from_secs(secs));
        let [one, other] = ["2001:db8::1", "2001:db8:0:1::1"].map(|ip| ip.parse().unwrap());
        for _ in 0..MOST {
            assert_eq!(counters.count(one, window, at(0)), None);
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        let wait = counters.count(neighbour, window, at(20));
        assert_eq!(wait, Some(Duration::from_secs(100)), "the same /64");
        assert_eq!(counters.count(other, window, at(20)), None);
        assert_eq!(counters.count(one, window, at(120)), None, "a new window");
    }

    #[test]
    fn whoever_fills_the_table_switches_nobodys_limit_off() {
        let counters = RefusedTokens::default();
        let window = Duration::from_secs(120);
        let start = Timestamp::from_secs(1_790_000_000);
        let network = |number: u32| IpAddr::from(number.to_be_bytes());
        let count = |number, secs| {
            let now = start.after(Duration::from_secs(secs));
            let wait = counters.count(network(number), window, now);
            assert!(counters.0.lock().networks.len() <= CAPACITY);
            wait
        };
        for _ in 0..MOST {
            assert_eq!(count(0, 0), None);
        }
        let full = u32::try_from(CAPACITY).unwrap();
        for number in 1..full {
            assert_eq!(count(number, 1), None);
        }
        for number in full..full + MOST {
            assert_eq!(count(number, 2), None, "all further ones have one limit");
        }
        assert!(count(full + MOST, 2).is_some(), "many networks, no limit");
        assert!(count(0, 2).is_some(), "its count was forgotten");
        assert_eq!(count(1, 2), None, "a network of the table has its own");
        // Once a second at most all are looked at: nothing was over then.
        assert!(count(full, 119).is_some());
        let swept = counters.0.lock().next_sweep;
        assert!(count(full, 119).is_some());
        assert_eq!(counters.0.lock().next_sweep, swept, "swept again");
        assert_eq!(swept, Some(start.after(Duration::from_secs(120))));
        assert_eq!(count(full, 121), None, "places that are free again");
        assert!(counters.0.lock().networks.len() < 3);
    }
}
