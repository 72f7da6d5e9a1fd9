//! The least rate of a request body, `limits.body_min_rate`: so many bytes a second after
//! the first ten seconds.
//!
//! A byte buys time, and nobody can buy more than ten seconds ahead: neither a byte now and
//! then nor a burst at the beginning keeps a body going.

use std::time::Duration;

use crate::adapters::clock::Moment;
use crate::config::settings::Limits;

/// How long a body may take before its rate counts, and how far ahead it can be. So does
/// Apache's `RequestReadTimeout`, which has twice that.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// One body on its way in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyRate {
    rate: Option<u64>,
    /// The longest between two pieces.
    between: Duration,
    paid: Moment,
    due: Moment,
}

impl BodyRate {
    /// A body that begins now.
    pub(crate) fn begin(limits: &Limits, now: Moment) -> Self {
        let mut body = Self {
            rate: limits.body_min_rate,
            between: limits.client_read,
            paid: now.after(GRACE),
            due: now,
        };
        body.due = body.next(now);
        body
    }

    /// So many bytes came.
    pub(crate) fn came(&mut self, bytes: usize, now: Moment) {
        if let Some(rate) = self.rate {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            let millis = bytes.saturating_mul(1000).checked_div(rate);
            let bought = Duration::from_millis(millis.unwrap_or_default());
            self.paid = self.paid.after(bought).min(now.after(GRACE));
        }
        self.due = self.next(now);
    }

    /// It was not the client who kept us waiting for so long.
    pub(crate) fn excuse(&mut self, span: Duration, now: Moment) {
        self.paid = self.paid.max(now).after(span);
        self.due = now.after(span);
    }

    /// When it is late.
    pub(crate) const fn due(&self) -> Moment {
        self.due
    }

    fn next(&self, now: Moment) -> Moment {
        let silent = now.after(self.between);
        self.rate.map_or(silent, |_| self.paid.min(silent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn begin(rate: Option<u64>) -> BodyRate {
        let second = Duration::from_secs(60);
        BodyRate {
            rate,
            between: second,
            paid: seconds(10),
            due: seconds(10),
        }
    }

    /// Sends so many bytes each second; when it was late, if within an hour.
    fn late(mut body: BodyRate, first: usize, each: usize) -> Option<u64> {
        body.came(first, seconds(0));
        (1..3600).find(|now| {
            let late = body.due() <= seconds(*now);
            body.came(each, seconds(*now));
            late
        })
    }

    #[test]
    fn a_byte_buys_time_and_nobody_buys_it_ahead() {
        for (what, rate, first, each, expected) in [
            ("as fast as it must be", Some(100), 0, 100, None),
            ("a byte now and then", Some(100), 0, 1, Some(11)),
            ("nothing", Some(100), 0, 0, Some(10)),
            ("after a burst", Some(100), 10_000_000, 1, Some(11)),
            ("half as fast", Some(100), 0, 50, Some(19)),
            ("without a rate", None, 0, 1, None),
        ] {
            assert_eq!(late(begin(rate), first, each), expected, "{what}");
        }
    }

    #[test]
    fn what_the_app_keeps_waiting_is_not_the_clients_fault() {
        let mut body = begin(Some(100));
        for now in 10..100 {
            body.excuse(Duration::from_secs(1), seconds(now));
            assert!(body.due() > seconds(now));
        }
        assert_eq!(body.due(), seconds(100));
    }
}
