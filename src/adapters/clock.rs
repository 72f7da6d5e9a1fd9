//! The one place that reads the wall clock, and the coarse one for deadlines.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;

use crate::domain::time::Timestamp;

/// The time now. A clock before 1970 reads as the epoch, where every token is
/// from the future and therefore refused.
pub fn now() -> Timestamp {
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_millis(since.map_or(0, |span| {
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
    }))
}

/// A moment by a clock that never jumps, good to a hundredth of a second: for deadlines of
/// seconds that are noted several times a request. `Instant` is exact and costs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// The moment now.
    pub fn now() -> Self {
        // A machine without this clock does not exist; there, nothing would be late.
        let read = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE);
        let since_boot = read.map(Duration::from).unwrap_or_default();
        Self(u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX))
    }

    /// So many milliseconds after the beginning of the clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of the clock.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// This much later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// This much earlier, or the beginning of the clock.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long until then; zero if it has passed.
    pub const fn until(self, then: Self) -> Duration {
        Duration::from_millis(then.0.saturating_sub(self.0))
    }
}

/// How far the wall clock may run ahead of the time that has really passed. A guess above
/// any honest correction of a clock that runs.
const MAX_STEP: Duration = Duration::from_secs(60);
/// For how long a clock that jumped ahead is doubted.
const DOUBT_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// The time for whoever forgets things for good. A clock that jumps ahead and is set right
/// again must not have made anybody forget a revocation: the session would be back. So a
/// jump ahead is believed only when it has lasted for a day; until then time passes as it
/// really does. A jump back is believed at once.
#[derive(Debug, Default)]
pub struct StepTolerantClock(Mutex<Option<Anchor>>);

#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Timestamp,
    at: Instant,
    /// Since when the wall clock is ahead.
    ahead_since: Option<Instant>,
}

impl StepTolerantClock {
    /// The time now, or earlier.
    pub fn now(&self) -> Timestamp {
        self.judge(now(), Instant::now())
    }

    fn judge(&self, wall: Timestamp, at: Instant) -> Timestamp {
        let mut anchor = self.0.lock();
        let known = anchor.get_or_insert(Anchor {
            wall,
            at,
            ahead_since: None,
        });
        let passed = known.wall.after(at.saturating_duration_since(known.at));
        if wall > passed.after(MAX_STEP) {
            let since = *known.ahead_since.get_or_insert(at);
            if at.saturating_duration_since(since) < DOUBT_PERIOD {
                return passed;
            }
        }
        *known = Anchor {
            wall,
            at,
            ahead_since: None,
        };
        wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_ahead_is_believed_after_a_day_and_one_back_at_once() {
        let begin = Instant::now();
        let real = Timestamp::from_secs(1_800_000_000);
        let clock = StepTolerantClock::default();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        // Hours that passed, the hour that the wall clock shows, and the hour that counts.
        let years = 10 * 365 * 24;
        for (what, passed, shown, counts) in [
            ("the start", 0, 0, 0),
            ("time passes", 1, 1, 1),
            ("a jump", 2, years, 2),
            ("it lasts", 25, years, 25),
            ("it is set right", 25, 25, 25),
            ("a jump again", 26, years, 26),
            ("it lasts for less than a day", 49, years, 49),
            ("for a day", 50, years, years),
            ("a jump back", 51, 51, 51),
        ] {
            let at = begin + hours(passed);
            let judged = clock.judge(real.after(hours(shown)), at);
            assert_eq!(judged, real.after(hours(counts)), "{what}");
        }
    }
}
