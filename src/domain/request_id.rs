//! What one request is called: in what is sent, answered and logged of it.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::request::only;

/// What may be an id of a proxy's. Shorter ones are hardly unique, longer ones fill logs.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=128;

/// The length of a `traceparent` of version 00 (W3C Trace Context, section 3.2).
const TRACEPARENT: usize = 55;

/// The id of a request: 8 to 128 visible ASCII characters without quote or comma, so that it can
/// stand in a header, a log and a page as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// One of ours: 32 hexadecimal digits, of a number that no other request has.
    pub(crate) fn new(unique: u128) -> Self {
        let mut text = [b'0'; 32];
        let nibbles = unique.to_be_bytes().map(|byte| [byte >> 4, byte & 15]);
        for (digit, nibble) in text.iter_mut().zip(nibbles.as_flattened()) {
            let first = if *nibble < 10 { b'0' } else { b'a' - 10 };
            *digit = first + nibble;
        }
        // Digits and letters are a value; were they none, the request would be nameless.
        Self(HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-")))
    }

    /// What another has called the request, if it is one id.
    pub(crate) fn of_headers(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let id = only(headers, name)?;
        let fits = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',');
        let bytes = id.as_bytes();
        (LENGTHS.contains(&bytes.len()) && bytes.iter().all(fits)).then(|| Self(id.clone()))
    }

    /// As the value of a header.
    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `traceparent` of a request, if it has the shape of one (W3C Trace Context, section 3.2):
/// what is logged is text that a stranger may have written.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<&HeaderValue> {
    let value = only(headers, &HeaderName::from_static("traceparent"))?;
    let bytes = value.as_bytes();
    // Before anything else: a head may be all dashes.
    if bytes.len() != TRACEPARENT {
        return None;
    }
    let hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let mut parts = bytes.split(|b| *b == b'-');
    let parts = [(); 4].map(|()| parts.next().unwrap_or_default());
    let [version, trace, parent, _flags] = parts;
    let is_one = parts.map(<[u8]>::len) == [2, 32, 16, 2]
        && parts.iter().all(|part| part.iter().all(hex))
        && version != b"ff"
        && [trace, parent]
            .iter()
            .all(|id| id.iter().any(|b| *b != b'0'));
    is_one.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let of = |value: &&str| (HeaderName::from_static(name), value.parse().unwrap());
        values.iter().map(of).collect()
    }

    #[test]
    fn ours_are_hexadecimal_and_differ() {
        assert_eq!(RequestId::new(0).as_str(), "0".repeat(32));
        let id = RequestId::new(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(id.as_str(), "0123456789abcdeffedcba9876543210");
    }

    #[test]
    fn an_id_of_another_is_one_plain_value() {
        let name = HeaderName::from_static("x-request-id");
        let long = "a".repeat(128);
        for (values, taken) in [
            (&["12345678"][..], true),
            (&["4bf92f35-77b3:4da6/A3CE_929d.0e0e=4736'"], true),
            (&[&long], true),
            (&[], false),
            (&[""], false),
            (&["1234567"], false),
            (&[&format!("{long}a")], false),
            (&["1234 5678"], false),
            (&["12345678,9"], false),
            (&["\"12345678\""], false),
            (&["12345678\u{e4}"], false),
            (&["12345678", "12345678"], false),
        ] {
            let found = RequestId::of_headers(&headers("x-request-id", values), &name);
            let expected = taken.then(|| values[0]);
            assert_eq!(
                found.as_ref().map(RequestId::as_str),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_traceparent_has_its_shape() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let zero = good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let orphan = good.replace("00f067aa0ba902b7", &"0".repeat(16));
        for (values, logged) in [
            (&[good][..], true),
            (
                &["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"],
                true,
            ),
            (
                &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
                false,
            ),
            (
                &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
                false,
            ),
            (
                &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
                false,
            ),
            (
                &["00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"],
                false,
            ),
            (
                &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0 user=x"],
                false,
            ),
            (&[&zero], false),
            (&[&orphan], false),
            (&[good, good], false),
            (&[], false),
        ] {
            let headers = headers("traceparent", values);
            assert_eq!(traceparent(&headers).is_some(), logged, "{values:?}");
        }
    }

    #[test]
    fn a_long_traceparent_costs_no_more_than_one() {
        let quickest = |value: &str| {
            let headers = headers("traceparent", &[value]);
            let run = |_| {
                let start = std::time::Instant::now();
                std::hint::black_box(traceparent(&headers));
                start.elapsed()
            };
            (0..50).map(run).min().unwrap()
        };
        let one = quickest("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        for filling in ["-", "a"] {
            let long = quickest(&filling.repeat(1 << 20));
            assert!(long < one * 20, "{long:?} where one takes {one:?}");
        }
    }
}
