//! Points in time, as arguments. Nothing here reads a clock (see `adapters::clock`).

use std::time::Duration;

/// A point in time: milliseconds since the Unix epoch.
///
/// Milliseconds, because revocation compares a cut-off with a session's creation
/// and a login in the same second must survive; JWT dates are its whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// A point that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch (JWT's `NumericDate`, RFC 7519 §2).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// This point plus `span`, saturating at the end of time.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(span)))
    }

    /// This point minus `span`, saturating at the epoch.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(span)))
    }

    /// How long from `earlier` until this point; zero if it was not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// How far it is to `other`, whichever was earlier. For an age that a clock which was
    /// set back must not make young again.
    pub const fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

fn millis_of(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let t = Timestamp::from_secs(10);
        assert_eq!(t.after(Duration::from_millis(1500)).millis(), 11_500);
        assert_eq!(t.before(Duration::from_secs(60)), Timestamp::EPOCH);
        assert_eq!(Timestamp::EPOCH.since(t), Duration::ZERO);
        assert_eq!(
            Timestamp::from_millis(u64::MAX)
                .after(Duration::MAX)
                .millis(),
            u64::MAX
        );
        assert_eq!(Timestamp::from_millis(1999).secs(), 1);
        for (one, other) in [(t, Timestamp::EPOCH), (Timestamp::EPOCH, t)] {
            assert_eq!(one.distance(other), Duration::from_secs(10));
        }
    }
}
