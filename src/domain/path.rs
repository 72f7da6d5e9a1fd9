//! The path of a request: parsed once, ambiguity named, never repaired.
//!
//! Rules see the path percent-decoded once; the bytes that are forwarded are those
//! that were received. What another program could read as a different path
//! is refused, or marked so that a rule may tolerate it.

use std::borrow::Cow;

/// A spelling of a path that another program may read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// `%2f`: one segment or two?
    EncodedSlash,
    /// `//`: an empty segment, or nothing?
    DoubleSlash,
    /// `;`: part of the name, or a parameter that is cut off?
    Semicolon,
}

/// Why a path can mean nothing safe, whatever the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not beginning with `/`, or holding a `#`.
    #[error("not an absolute path")]
    NotAbsolute,
    /// `.` or `..`, plain, encoded or before a `;`.
    #[error("a dot segment")]
    DotSegment,
    /// `\`, plain or encoded.
    #[error("a backslash")]
    Backslash,
    /// A control character, raw or encoded.
    #[error("a control character")]
    Control,
    /// `%` without two hexadecimal digits.
    #[error("a broken percent escape")]
    BrokenEscape,
    /// A raw byte above 127.
    #[error("a raw byte above 127")]
    HighByte,
    /// A character written with more bytes of UTF-8 than it needs: `%c0%ae` is `.` to
    /// careless decoders (RFC 3629 §10).
    #[error("overlong UTF-8")]
    Overlong,
}

/// A path that means one thing, or whose doubts are known.
#[derive(Clone, Debug)]
pub struct RequestPath<'a> {
    raw: &'a [u8],
    decoded: Cow<'a, [u8]>,
    encoded_slash: bool,
    double_slash: bool,
    semicolon: bool,
}

/// A byte that no path can hold (controls are refused), standing for a slash that
/// is read as part of a name.
const OPAQUE_SLASH: u8 = 1;

impl<'a> RequestPath<'a> {
    /// Parses the path component of a request target, without the query.
    ///
    /// # Errors
    /// [`PathError`] for what no rule may tolerate.
    pub fn parse(raw: &'a [u8]) -> Result<Self, PathError> {
        if is_plain(raw) {
            return Ok(Self {
                raw,
                decoded: Cow::Borrowed(raw),
                encoded_slash: false,
                double_slash: false,
                semicolon: false,
            });
        }
        Self::examine(raw)
    }

    /// Parses whatever it is, step by step.
    fn examine(raw: &'a [u8]) -> Result<Self, PathError> {
        if raw.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute);
        }
        let mut encoded_slash = false;
        let decoded = if raw.contains(&b'%') {
            Cow::Owned(decode(raw, &mut encoded_slash)?)
        } else {
            for &byte in raw {
                plain(byte)?;
            }
            Cow::Borrowed(raw)
        };
        if decoded.windows(2).any(is_overlong) {
            return Err(PathError::Overlong);
        }
        for segment in decoded.split(|&b| b == b'/') {
            // `..;x` is a dot segment to servers that cut parameters off first.
            let name = segment.split(|&b| b == b';').next().unwrap_or_default();
            if name == b"." || name == b".." {
                return Err(PathError::DotSegment);
            }
        }
        Ok(Self {
            raw,
            encoded_slash,
            double_slash: has_double_slash(&decoded),
            semicolon: decoded.contains(&b';'),
            decoded,
        })
    }

    /// The bytes as they were received.
    pub fn raw(&self) -> &[u8] {
        self.raw
    }

    /// The bytes after one percent-decoding.
    pub fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// Whether the path has this doubt.
    pub fn has(&self, ambiguity: Ambiguity) -> bool {
        match ambiguity {
            Ambiguity::EncodedSlash => self.encoded_slash,
            Ambiguity::DoubleSlash => self.double_slash,
            Ambiguity::Semicolon => self.semicolon,
        }
    }

    /// The other paths that this one might be to a program that cuts parameters
    /// off, merges slashes, or leaves an encoded slash alone: pairs of
    /// (as sent, decoded). Empty for a path without doubts.
    pub fn other_readings(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        if !(self.encoded_slash || self.double_slash || self.semicolon) {
            return Vec::new();
        }
        let mut readings = vec![(self.raw.to_vec(), self.decoded.to_vec())];
        if self.encoded_slash {
            let mut ignored = false;
            if let Ok(opaque) = decode_with(self.raw, &mut ignored, OPAQUE_SLASH) {
                readings.push((self.raw.to_vec(), opaque));
            }
        }
        if self.semicolon {
            extend_with(&mut readings, without_parameters);
        }
        // Also where leaving a parameter out leaves nothing between two slashes: `/;x/admin`.
        let is_double = |(_, decoded): &(_, Vec<u8>)| has_double_slash(decoded);
        if readings.iter().any(is_double) {
            extend_with(&mut readings, with_merged_slashes);
        }
        readings.remove(0);
        readings
    }
}

/// Whether a path holds nothing that could be encoded, refused or read differently: nearly
/// all do, and one look tells. No `%` and no byte above 127, so decoded it is the same; no
/// `;`; and behind a `/` neither another one nor a dot.
fn is_plain(raw: &[u8]) -> bool {
    let mut before = 0;
    let mut bytes = raw.iter();
    raw.first() == Some(&b'/')
        && bytes.all(|&byte| {
            let odd = matches!(byte, b'%' | b';' | b'\\' | b'#' | 0..=0x1f | 0x7f..);
            let doubtful = before == b'/' && matches!(byte, b'/' | b'.');
            before = byte;
            !odd && !doubtful
        })
}

fn has_double_slash(path: &[u8]) -> bool {
    path.windows(2).any(|pair| pair == b"//")
}

fn extend_with(readings: &mut Vec<(Vec<u8>, Vec<u8>)>, change: fn(&[u8]) -> Vec<u8>) {
    let changed: Vec<_> = readings
        .iter()
        .map(|(raw, decoded)| (change(raw), change(decoded)))
        .collect();
    readings.extend(changed);
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for (i, segment) in path.split(|&b| b == b'/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(segment.split(|&b| b == b';').next().unwrap_or_default());
    }
    out
}

fn with_merged_slashes(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    out
}

/// Whether two bytes begin a sequence that encodes what fewer bytes could.
fn is_overlong(pair: &[u8]) -> bool {
    matches!(
        pair,
        [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]
    )
}

fn plain(byte: u8) -> Result<u8, PathError> {
    match byte {
        b'\\' => Err(PathError::Backslash),
        b'#' => Err(PathError::NotAbsolute),
        0..=0x1f | 0x7f => Err(PathError::Control),
        0x80.. => Err(PathError::HighByte),
        _ => Ok(byte),
    }
}

fn decode(raw: &[u8], encoded_slash: &mut bool) -> Result<Vec<u8>, PathError> {
    decode_with(raw, encoded_slash, b'/')
}

fn decode_with(raw: &[u8], encoded_slash: &mut bool, slash: u8) -> Result<Vec<u8>, PathError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(plain(byte)?);
            continue;
        }
        let mut digit = || bytes.next().and_then(|&b| hex(b));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(PathError::BrokenEscape);
        };
        match high * 16 + low {
            b'\\' => return Err(PathError::Backslash),
            0..=0x1f | 0x7f => return Err(PathError::Control),
            b'/' => {
                *encoded_slash = true;
                out.push(slash);
            }
            byte => out.push(byte),
        }
    }
    Ok(out)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_rule_may_tolerate() {
        use PathError::*;
        for (raw, error) in [
            (&b""[..], NotAbsolute),
            (b"admin", NotAbsolute),
            (b"*", NotAbsolute),
            (b"/a#b", NotAbsolute),
            (b"/.", DotSegment),
            (b"/..", DotSegment),
            (b"/a/../b", DotSegment),
            (b"/a/./b", DotSegment),
            (b"/a/%2e%2e/b", DotSegment),
            (b"/a/.%2E/b", DotSegment),
            (b"/a%2f..%2fb", DotSegment),
            (b"/public/..;/admin", DotSegment),
            (b"/public/..;x=1/admin", DotSegment),
            (b"/public/%2e%2e%3b/admin", DotSegment),
            (b"/a\\b", Backslash),
            (b"/a%5cb", Backslash),
            (b"/a%5Cb", Backslash),
            (b"/a\x00", Control),
            (b"/a%00", Control),
            (b"/a%0d%0aX: y", Control),
            (b"/a\x7f", Control),
            (b"/a%7f", Control),
            (b"/%", BrokenEscape),
            (b"/%2", BrokenEscape),
            (b"/%zz", BrokenEscape),
            (b"/%u0041", BrokenEscape),
            (b"/caf\xc3\xa9", HighByte),
            (b"/public/%c0%ae%c0%ae/admin", Overlong),
            (b"/a%C0%AFb", Overlong),
            (b"/a%e0%80%afb", Overlong),
            (b"/a%f0%80%80%afb", Overlong),
        ] {
            assert_eq!(
                RequestPath::parse(raw).map(|_| ()),
                Err(error),
                "{:?} would reach a rule",
                String::from_utf8_lossy(raw)
            );
        }
    }

    #[test]
    fn decoded_once_and_doubts_marked() {
        use Ambiguity::*;
        for (raw, decoded, marks) in [
            (&b"/"[..], &b"/"[..], &[][..]),
            (b"/a/b", b"/a/b", &[]),
            (b"/%61dmin", b"/admin", &[]),
            (b"/%2561dmin", b"/%61dmin", &[]),
            (b"/caf%C3%A9", b"/caf\xc3\xa9", &[]),
            (b"/%E0%A4%85", b"/\xe0\xa4\x85", &[]),
            (b"/%C0", b"/\xc0", &[]),
            (b"/a/...", b"/a/...", &[]),
            (b"/a%2fb", b"/a/b", &[EncodedSlash]),
            (b"//a", b"//a", &[DoubleSlash]),
            (b"/%2fa", b"//a", &[EncodedSlash, DoubleSlash]),
            (b"/a;v=1", b"/a;v=1", &[Semicolon]),
            (b"/a%3Bv", b"/a;v", &[Semicolon]),
        ] {
            let path = RequestPath::parse(raw).unwrap();
            assert_eq!(path.decoded(), decoded);
            assert_eq!(path.raw(), raw);
            for mark in [EncodedSlash, DoubleSlash, Semicolon] {
                assert_eq!(path.has(mark), marks.contains(&mark), "{raw:?} {mark:?}");
            }
        }
    }

    #[test]
    fn every_other_reading_is_listed() {
        let of = |raw: &'static str| -> Vec<String> {
            RequestPath::parse(raw.as_bytes())
                .unwrap()
                .other_readings()
                .into_iter()
                .map(|(_, decoded)| String::from_utf8(decoded).unwrap())
                .collect()
        };
        assert_eq!(of("/a/b"), Vec::<String>::new());
        assert_eq!(of("/admin;x/y"), ["/admin/y"]);
        assert_eq!(of("//admin"), ["/admin"]);
        assert_eq!(of("/;x/admin"), ["//admin", "/;x/admin", "/admin"]);
        assert_eq!(of("/a%2fb"), ["/a\u{1}b"]);
        assert!(of("//a;x%2fb").contains(&"/a/b".to_owned()));
        assert!(of("//a;x%2fb").contains(&"/a".to_owned()));
    }

    proptest! {
        #[test]
        fn an_accepted_path_has_no_dots_controls_or_backslashes(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut raw = raw;
            raw.insert(0, b'/');
            if let Ok(path) = RequestPath::parse(&raw) {
                let text = path.decoded();
                prop_assert!(!text.contains(&b'\\'));
                prop_assert!(!text.iter().any(|b| b.is_ascii_control()));
                prop_assert!(!text.split(|&b| b == b'/').any(|s| s == b"." || s == b".."));
            }
        }

        #[test]
        fn a_plain_path_is_what_a_close_look_finds(raw in "/?([a./;%#2f5ce\u{1}\u{7f}é\\\\ ]{0,3}/?){0,4}") {
            let raw = raw.as_bytes();
            let looked = RequestPath::examine(raw);
            if is_plain(raw) {
                let looked = looked.unwrap();
                prop_assert_eq!(looked.decoded(), raw);
                let marks = [Ambiguity::EncodedSlash, Ambiguity::DoubleSlash, Ambiguity::Semicolon];
                prop_assert!(!marks.iter().any(|mark| looked.has(*mark)));
            } else if let Ok(looked) = looked {
                let parsed = RequestPath::parse(raw).unwrap();
                prop_assert_eq!(parsed.decoded(), looked.decoded());
            }
        }

        #[test]
        fn encoding_a_path_does_not_change_what_rules_see(text in "/[a-z0-9]{0,8}(/[a-z0-9]{1,8}){0,3}") {
            let encoded: String = text.bytes().map(|b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }).collect();
            let path = RequestPath::parse(encoded.as_bytes()).unwrap();
            prop_assert_eq!(path.decoded(), text.as_bytes());
        }
    }
}
