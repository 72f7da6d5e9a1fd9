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

/// When so many addresses are counted, those whose window is over go; if none is, all of them.
const CAPACITY: usize = 65_536;

/// The counters: since when, and how many.
#[derive(Debug, Default)]
pub(super) struct RefusedTokens(Mutex<HashMap<IpAddr, (Timestamp, u32)>>);

impl RefusedTokens {
    /// Counts one; how long the address has to wait, if it has had too many.
    pub(super) fn count(
        &self,
        client: IpAddr,
        window: Duration,
        now: Timestamp,
    ) -> Option<Duration> {
        let mut counters = self.0.lock();
        if counters.len() >= CAPACITY {
            counters.retain(|_, (since, _)| now.distance(*since) < window);
            if counters.len() >= CAPACITY {
                counters.clear();
            }
        }
        let (since, count) = counters.entry(network_of(client)).or_insert((now, 0));
        if now.distance(*since) >= window {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        (*count > MOST).then(|| since.after(window).since(now))
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
    fn the_table_is_bounded() {
        let counters = RefusedTokens::default();
        let now = Timestamp::from_secs(1_790_000_000);
        for number in 0..u32::try_from(CAPACITY).unwrap() + 10 {
            let client = IpAddr::from(number.to_be_bytes());
            let _wait = counters.count(client, Duration::from_secs(120), now);
            assert!(counters.0.lock().len() <= CAPACITY);
        }
    }
}
