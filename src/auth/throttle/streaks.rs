//! Failures since the last success, and the waits that grow with them.
//!
//! A window forgets: four wrong passwords every two minutes are never too many for it, and are
//! three thousand a day. A streak is over only with a right password, or when nobody has
//! failed for long. From ten times `max_attempts` on, each failure makes the next attempt
//! wait: a second, two, four, never longer than `lockout`. So guesses slow down to one a
//! `lockout`, and who comes honestly knows when their turn is.

use std::collections::HashMap;
use std::time::Duration;

use super::AttemptLimits;
use crate::domain::id::BrowserId;
use crate::domain::id::Username;
use crate::domain::time::Timestamp;

/// How many times `max_attempts` come before the first wait.
pub(crate) const PATIENCE_FACTOR: u32 = 10;

/// A streak of fewer failures is one of mistyped words. It goes sooner, and first.
pub(crate) const FEW: u32 = 10;

/// How long a streak of few failures lasts after the last of them.
pub(crate) const FEW_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long a longer one lasts.
pub(crate) const MANY_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The first wait.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Whose failures follow one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// Everybody's who tried this name.
    Name(Username),
    /// Those of one known browser that tried it.
    Browser(Username, BrowserId),
}

/// Streaks, as many as `CAPACITY`. When there is one too many the sixteenth of them with few
/// failures and the longest quiet goes: who fills the table with fresh names makes room for
/// the next of them, and leaves the names that are really guessed at.
#[derive(Debug, Default)]
pub(super) struct Streaks {
    entries: HashMap<Whose, Streak>,
}

#[derive(Clone, Copy, Debug)]
struct Streak {
    failures: u32,
    last: Timestamp,
    until: Timestamp,
}

impl Streak {
    fn is_over(&self, now: Timestamp) -> bool {
        let kept = if self.failures < FEW {
            FEW_KEPT
        } else {
            MANY_KEPT
        };
        self.last.after(kept) <= now && self.until <= now
    }
}

/// How long to wait after so many failures.
fn wait(failures: u32, limits: &AttemptLimits) -> Duration {
    let patience = limits.max_attempts.saturating_mul(PATIENCE_FACTOR);
    let Some(doublings) = failures.checked_sub(patience) else {
        return Duration::ZERO;
    };
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(factor).min(limits.lockout)
}

impl Streaks {
    /// Until when the next attempt waits.
    pub(super) fn waits_until(&self, whose: &Whose) -> Option<Timestamp> {
        Some(self.entries.get(whose)?.until)
    }

    /// Counts a failure; how many they are, and whether the next attempt waits.
    pub(super) fn count(
        &mut self,
        whose: Whose,
        now: Timestamp,
        limits: &AttemptLimits,
    ) -> (u32, bool) {
        self.make_room(now);
        let streak = self.entries.entry(whose).or_insert(Streak {
            failures: 0,
            last: now,
            until: now,
        });
        if streak.is_over(now) {
            streak.failures = 0;
        }
        streak.failures = streak.failures.saturating_add(1);
        streak.last = now;
        streak.until = now.after(wait(streak.failures, limits));
        (streak.failures, streak.until > now)
    }

    /// The attempt of this time was none.
    pub(super) fn take_back(&mut self, whose: &Whose, at: Timestamp) {
        let Some(streak) = self.entries.get_mut(whose) else {
            return;
        };
        streak.failures = streak.failures.saturating_sub(1);
        if streak.last == at {
            streak.until = at;
        }
        if streak.failures == 0 {
            self.entries.remove(whose);
        }
    }

    /// The password was right.
    pub(super) fn end(&mut self, whose: &Whose) {
        self.entries.remove(whose);
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.entries.len() < super::CAPACITY {
            return;
        }
        self.entries.retain(|_, streak| !streak.is_over(now));
        if self.entries.len() < super::CAPACITY {
            return;
        }
        let mut ranks: Vec<_> = self
            .entries
            .iter()
            .map(|(whose, streak)| ((streak.failures >= FEW, streak.last), whose.clone()))
            .collect();
        ranks.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, whose) in ranks.into_iter().take(super::CAPACITY / 16) {
            self.entries.remove(&whose);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_second_and_end_at_the_lockout() {
        let limits = AttemptLimits {
            max_attempts: 5,
            window: Duration::from_secs(120),
            lockout: Duration::from_secs(300),
            address_attempts: 20,
        };
        for (failures, seconds) in [
            (0, 0),
            (49, 0),
            (50, 1),
            (51, 2),
            (52, 4),
            (57, 128),
            (58, 256),
            (59, 300),
            (82, 300),
            (1000, 300),
            (u32::MAX, 300),
        ] {
            let expected = Duration::from_secs(seconds);
            assert_eq!(wait(failures, &limits), expected, "after {failures}");
        }
    }

    #[test]
    fn a_streak_of_few_lasts_a_day_and_of_many_a_month() {
        for (failures, kept) in [(9, FEW_KEPT), (10, MANY_KEPT)] {
            let streak = Streak {
                failures,
                last: Timestamp::EPOCH,
                until: Timestamp::EPOCH,
            };
            let end = Timestamp::EPOCH.after(kept);
            assert!(streak.is_over(end), "{failures} stay");
            let moment = Duration::from_millis(1);
            assert!(!streak.is_over(end.before(moment)), "{failures} go");
        }
    }
}
