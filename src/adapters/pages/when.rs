//! Points in time as people and programs read them, in UTC: the server does not know
//! where its reader is.

use std::time::{Duration, SystemTime};

use crate::domain::time::Timestamp;

/// The last second of the year 9999, the last that RFC 3339 can say.
const LAST: u64 = 253_402_300_799;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `2026-11-21T16:20:00Z`
#[must_use]
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(at.secs().min(LAST));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// `21 Nov 2026, 16:20 UTC`
pub(super) fn date(at: Timestamp) -> String {
    let text = rfc3339(at);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().unwrap_or_default();
    let month = MONTHS.get(month.saturating_sub(1)).unwrap_or(&"");
    let day = part(8..10).trim_start_matches('0');
    format!("{day} {month} {}, {} UTC", part(0..4), part(11..16))
}

/// `5 minutes ago`; of a point that is still to come, by a clock that differs, `just now`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_said_in_words_and_for_machines() {
        for (secs, machine, said) in [
            (0, "1970-01-01T00:00:00Z", "1 Jan 1970, 00:00 UTC"),
            (
                1_795_278_059,
                "2026-11-21T16:20:59Z",
                "21 Nov 2026, 16:20 UTC",
            ),
            (
                1_835_481_599,
                "2028-02-29T23:59:59Z",
                "29 Feb 2028, 23:59 UTC",
            ),
            (LAST, "9999-12-31T23:59:59Z", "31 Dec 9999, 23:59 UTC"),
            (u64::MAX, "9999-12-31T23:59:59Z", "31 Dec 9999, 23:59 UTC"),
        ] {
            let at = Timestamp::from_secs(secs);
            assert_eq!(rfc3339(at), machine, "{secs}");
            assert_eq!(date(at), said, "{secs}");
        }
    }

    #[test]
    fn distances_are_rounded_down_to_one_unit() {
        let now = Timestamp::from_secs(10_000_000);
        for (seconds, expected) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (119, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (30 * 86_400, "30 days ago"),
        ] {
            let at = now.before(Duration::from_secs(seconds));
            assert_eq!(ago(at, now), expected, "{seconds}");
        }
        let later = now.after(Duration::from_secs(100));
        assert_eq!(ago(later, now), "just now", "a clock that runs ahead");
    }

    #[test]
    fn the_end_of_time_can_be_written() {
        for (at, expected) in [
            (Timestamp::EPOCH, "1970-01-01T00:00:00Z"),
            (Timestamp::from_millis(u64::MAX), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(at), expected);
        }
    }
}
