//! Single values: durations, sizes, numbers, choices, plain text.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use strum::VariantNames;

use crate::domain::fault::Fault;

/// Longer than any session or header makes sense, and far from every overflow.
pub(crate) const YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);

/// A duration of at least `least`, such as `15m` or `1h 30m`.
pub(crate) fn duration(text: &str, least: Duration) -> Result<Duration, Fault> {
    let Ok(span) = humantime::parse_duration(text) else {
        return Err(Fault::new(
            "is not a duration",
            "write a number and a unit, such as 10s, 15m, 12h or 7d",
        ));
    };
    if span < least || span > YEARS {
        return Err(Fault::new(
            "is out of range",
            format!(
                "give between {} and 3650d",
                humantime::format_duration(least)
            ),
        ));
    }
    Ok(span)
}

/// A duration that may be `0s`.
pub(crate) fn any_duration(text: &str) -> Result<Duration, Fault> {
    duration(text, Duration::ZERO)
}

/// A duration that is not zero.
pub(crate) fn some_duration(text: &str) -> Result<Duration, Fault> {
    duration(text, Duration::from_millis(1))
}

/// A duration that ends up in a header or a date: whole seconds, at least one.
pub(crate) fn seconds(text: &str) -> Result<Duration, Fault> {
    let span = duration(text, Duration::from_secs(1))?;
    whole(span)
}

/// A duration of whole seconds that may be `0s`.
pub(crate) fn any_seconds(text: &str) -> Result<Duration, Fault> {
    whole(any_duration(text)?)
}

fn whole(span: Duration) -> Result<Duration, Fault> {
    if span.subsec_nanos() != 0 {
        return Err(Fault::new("is not a whole number of seconds", "round it"));
    }
    Ok(span)
}

/// A size in bytes, such as `16KiB`.
pub(crate) fn size(text: &str, range: RangeInclusive<u64>) -> Result<u64, Fault> {
    let parsed = text.trim().parse::<ByteSize>();
    let Some(size) = parsed.ok().filter(|_| !text.contains('-')) else {
        return Err(Fault::new(
            "is not a size",
            "write a number of bytes or a number and a unit, such as 16KiB or 10MB",
        ));
    };
    within(size.as_u64(), range)
}

/// A whole number.
pub(crate) fn count<N>(text: &str, range: RangeInclusive<N>) -> Result<N, Fault>
where
    N: FromStr + PartialOrd + Display,
{
    let Ok(number) = text.parse::<N>() else {
        return Err(Fault::new(
            "is not a whole number that fits",
            format!("give between {} and {}", range.start(), range.end()),
        ));
    };
    within(number, range)
}

fn within<N: PartialOrd + Display>(number: N, range: RangeInclusive<N>) -> Result<N, Fault> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(
        "is out of range",
        format!("give between {} and {}", range.start(), range.end()),
    ))
}

/// `true` or `false`.
pub(crate) fn switch(text: &str) -> Result<bool, Fault> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new(
            "is neither true nor false",
            "write true or false",
        )),
    }
}

/// One of a few words.
pub(crate) fn choice<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, Fault> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        no_choice(&words)
    })
}

/// The value whose word it is.
pub(crate) fn word<T: FromStr + VariantNames>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_unknown| no_choice(T::VARIANTS))
}

fn no_choice(words: &[&str]) -> Fault {
    let give = format!("give {}", words.join(", "));
    Fault::new("is not one of the choices", give)
}

/// Text that is not blank and holds no control character.
pub(crate) fn words(text: &str) -> Result<String, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new("is empty", "write something"));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new(
            "holds a control character",
            "remove line ends, tabs and the like",
        ));
    }
    Ok(text.to_owned())
}

/// The name of a role. Roles reach the app comma separated, so that one with a comma
/// would be two.
pub(crate) fn role(text: &str) -> Result<String, Fault> {
    let role = words(text)?;
    if role.contains(',') {
        return Err(Fault::new(
            "is a role with a comma",
            "write two roles, or rename it: the app receives them comma separated",
        ));
    }
    if role.trim() != role {
        return Err(Fault::new("begins or ends with a space", "remove it"));
    }
    Ok(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("15m", Some(900)),
            ("1h 30m", Some(5400)),
            ("7d", Some(604_800)),
            ("0s", Some(0)),
            ("3650d", Some(315_360_000)),
            ("3651d", None),
            ("99999999999999999y", None),
            ("15", None),
            ("-5s", None),
            ("soon", None),
            ("", None),
        ] {
            let got = any_duration(text).ok().map(|span| span.as_secs());
            assert_eq!(got, expected, "{text:?}");
        }
        assert!(some_duration("0s").is_err());
        assert!(seconds("1500ms").is_err(), "a date would be cut");
        assert!(seconds("0s").is_err());
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("16KiB", Some(16_384)),
            ("16384", Some(16_384)),
            ("1 MB", Some(1_000_000)),
            ("-1", None),
            ("1e30", None),
            ("lots", None),
            ("", None),
            ("0", None),
        ] {
            assert_eq!(size(text, 1..=1 << 40).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(count::<u32>("5", 1..=9).ok(), Some(5));
        for text in ["0", "10", "-1", "1.5", "0x5", "", "4294967296"] {
            assert!(count::<u32>(text, 1..=9).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_role_cannot_be_two() {
        assert!(role("admin").is_ok());
        for bad in ["a,admin", "", " admin", "a\nb"] {
            assert!(role(bad).is_err(), "{bad:?}");
        }
    }
}
