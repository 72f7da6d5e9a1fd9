//! When a machine token was used last. Kept in memory: a restart forgets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::time::Timestamp;

/// How often the audit log has a line of one token.
const TOLD_EVERY: Duration = Duration::from_secs(3600);

/// The use of one token. Written once a second at most, so that busy cores seldom share it.
#[derive(Debug)]
pub struct TokenUse {
    name: Arc<str>,
    /// Seconds since the epoch; 0: never.
    last: AtomicU64,
    /// When that was written to the audit log, likewise.
    told: AtomicU64,
}

impl TokenUse {
    /// Of a token that nobody has used.
    pub fn new(name: &Arc<str>) -> Self {
        Self {
            name: Arc::clone(name),
            last: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// The token's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// When it was used last, to the second.
    pub fn last(&self) -> Option<Timestamp> {
        let last = self.last.load(Ordering::Relaxed);
        (last > 0).then(|| Timestamp::from_secs(last))
    }

    /// It is used. Whether that is the first time in an hour.
    pub fn note(&self, now: Timestamp) -> bool {
        let secs = now.secs();
        if self.last.load(Ordering::Relaxed) == secs {
            return false;
        }
        self.last.store(secs, Ordering::Relaxed);
        let told = self.told.load(Ordering::Relaxed);
        let is_due = told == 0 || now.distance(Timestamp::from_secs(told)) >= TOLD_EVERY;
        let tells = |told| {
            let swapped =
                self.told
                    .compare_exchange(told, secs, Ordering::Relaxed, Ordering::Relaxed);
            swapped.is_ok()
        };
        is_due && tells(told)
    }

    /// Goes on with what was known of the same token before a reload.
    pub fn inherit(&self, before: &Self) {
        let take = |to: &AtomicU64, from: &AtomicU64| {
            to.fetch_max(from.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        take(&self.last, &before.last);
        take(&self.told, &before.told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_in_an_hour_is_told() {
        let token = TokenUse::new(&"ci".into());
        assert_eq!(token.last(), None);
        let at = Timestamp::from_secs;
        for (now, told) in [
            (1000, true),
            (1000, false),
            (1001, false),
            (4599, false),
            (4600, true),
            (4601, false),
        ] {
            assert_eq!(token.note(at(now)), told, "{now}");
            assert_eq!(token.last(), Some(at(now)));
        }
        let reloaded = TokenUse::new(&"ci".into());
        reloaded.inherit(&token);
        assert_eq!(reloaded.last(), Some(at(4601)));
        assert!(!reloaded.note(at(4602)), "told twice because of a reload");
    }
}
