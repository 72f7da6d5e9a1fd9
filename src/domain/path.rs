//! The path of a request: parsed once, ambiguity named, never repaired.
//!
//! Rules see the path percent-decoded once; the bytes that are forwarded are those
//! that were received. What another program could read as a different path is judged in
//! every reading that is known ([`Reading`]); what can mean nothing safe is refused.

mod readings;

use std::borrow::Cow;

pub use self::readings::Reading;

/// A spelling of a path that another program may read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Ambiguity {
    /// `%2f`: one segment or two?
    EncodedSlash,
    /// `%5c`: part of the name, or a slash to programs that come from Windows?
    EncodedBackslash,
    /// `//`: an empty segment, nothing, or the begin of a host?
    DoubleSlash,
    /// `;`: part of the name, or a parameter that is cut off?
    Semicolon,
    /// `%3f` or `%23`: part of the name, or the end of the path?
    EncodedQuery,
    /// `%25` before two digits: decoded once, or once more?
    DoubleEncoding,
    /// A blank around a segment, or a dot behind it: part of the name, or trimmed?
    Trailing,
}

impl Ambiguity {
    /// All of them, in the order in which they are named to people.
    pub const ALL: [Self; 7] = [
        Self::EncodedSlash,
        Self::EncodedBackslash,
        Self::DoubleSlash,
        Self::EncodedQuery,
        Self::DoubleEncoding,
        Self::Trailing,
        Self::Semicolon,
    ];

    /// As settings and answers spell it.
    pub fn word(self) -> &'static str {
        self.into()
    }

    const fn bit(self) -> u8 {
        match self {
            Self::EncodedSlash => 1,
            Self::EncodedBackslash => 1 << 1,
            Self::DoubleSlash => 1 << 2,
            Self::Semicolon => 1 << 3,
            Self::EncodedQuery => 1 << 4,
            Self::DoubleEncoding => 1 << 5,
            Self::Trailing => 1 << 6,
        }
    }
}

/// Why a path can mean nothing safe, whatever the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not beginning with `/`, or holding what ends a path: `?` or `#`.
    #[error("not an absolute path")]
    NotAbsolute,
    /// `.` or `..`, plain, encoded or before a `;`, in whatever reading.
    #[error("a dot segment")]
    DotSegment,
    /// A plain `\`.
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
    /// So many doubts, or so many layers of encoding, that not every reading can be judged.
    #[error("more doubts than can be judged")]
    TooManyReadings,
}

/// A path that means one thing, or whose readings are known.
///
/// ```
/// use doorward::domain::path::{Ambiguity, PathError, RequestPath};
///
/// # fn main() -> Result<(), PathError> {
/// let path = RequestPath::parse(b"/files/a%20b")?;
/// assert_eq!(path.decoded(), b"/files/a b");
/// assert!(!path.is_doubtful());
///
/// // One segment to some programs, two to others: rules judge both readings.
/// let path = RequestPath::parse(b"/files/a%2Fb")?;
/// assert!(path.has(Ambiguity::EncodedSlash));
///
/// // No rule can tolerate it.
/// let refused = RequestPath::parse(b"/public/../admin");
/// assert!(matches!(refused, Err(PathError::DotSegment)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RequestPath<'a> {
    raw: &'a [u8],
    decoded: Cow<'a, [u8]>,
    /// A bit for each [`Ambiguity`].
    doubts: u8,
    /// Beside the plain one.
    other_readings: Vec<Reading>,
}

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
                doubts: 0,
                other_readings: Vec::new(),
            });
        }
        Self::examine(raw)
    }

    /// Parses whatever it is, step by step.
    fn examine(raw: &'a [u8]) -> Result<Self, PathError> {
        if raw.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute);
        }
        let mut doubts = 0;
        let decoded = if raw.contains(&b'%') {
            Cow::Owned(decode(raw, &mut doubts)?)
        } else {
            for &byte in raw {
                plain(byte)?;
            }
            Cow::Borrowed(raw)
        };
        if decoded.windows(2).any(is_overlong) {
            return Err(PathError::Overlong);
        }
        let mut path = Self {
            raw,
            doubts: doubts | doubts_of(&decoded)?,
            decoded,
            other_readings: Vec::new(),
        };
        if path.doubts != 0 {
            path.other_readings = readings::all(raw)?;
            path.other_readings
                .retain(|reading| reading.sent != path.raw || reading.decoded != *path.decoded);
        }
        Ok(path)
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
        self.doubts & ambiguity.bit() != 0
    }

    /// Whether the path has any doubt.
    pub fn is_doubtful(&self) -> bool {
        self.doubts != 0
    }

    /// The other paths that this one might be to another program. Empty for a path without
    /// doubts.
    pub fn other_readings(&self) -> &[Reading] {
        &self.other_readings
    }
}

/// Whether a path holds nothing that could be encoded, refused or read differently: nearly
/// all do, and one look tells. No `%` and no byte above 127, so decoded it is the same; no
/// `;` and no blank; behind a `/` neither another one nor a dot, and no dot at the end of a
/// segment.
fn is_plain(raw: &[u8]) -> bool {
    let mut before = 0;
    let mut bytes = raw.iter();
    raw.first() == Some(&b'/')
        && bytes.all(|&byte| {
            let odd = matches!(byte, b'%' | b';' | b'\\' | b'#' | b'?' | 0..=0x20 | 0x7f..);
            let doubtful = matches!((before, byte), (b'/', b'/' | b'.') | (b'.', b'/'));
            before = byte;
            !odd && !doubtful
        })
        && before != b'.'
}

/// The doubts that decoded bytes show by themselves.
fn doubts_of(decoded: &[u8]) -> Result<u8, PathError> {
    let mut doubts = 0;
    let mut mark = |doubt: Ambiguity, there: bool| {
        if there {
            doubts |= doubt.bit();
        }
    };
    mark(
        Ambiguity::DoubleSlash,
        decoded.windows(2).any(|pair| pair == b"//"),
    );
    mark(Ambiguity::Semicolon, decoded.contains(&b';'));
    mark(Ambiguity::DoubleEncoding, readings::has_escape(decoded));
    for segment in decoded.split(|&b| b == b'/') {
        // `..;x` is a dot segment to servers that cut parameters off first.
        let name = segment.split(|&b| b == b';').next().unwrap_or_default();
        if name == b"." || name == b".." {
            return Err(PathError::DotSegment);
        }
        let trimmed = |name: &[u8]| matches!(name, [b' ', ..] | [.., b' ' | b'.']);
        mark(Ambiguity::Trailing, trimmed(segment) || trimmed(name));
    }
    Ok(doubts)
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
        b'#' | b'?' => Err(PathError::NotAbsolute),
        0..=0x1f | 0x7f => Err(PathError::Control),
        0x80.. => Err(PathError::HighByte),
        _ => Ok(byte),
    }
}

/// Decodes once, and marks the doubts that lie in having been encoded.
fn decode(raw: &[u8], doubts: &mut u8) -> Result<Vec<u8>, PathError> {
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
        let byte = high * 16 + low;
        match byte {
            0..=0x1f | 0x7f => return Err(PathError::Control),
            b'/' => *doubts |= Ambiguity::EncodedSlash.bit(),
            b'\\' => *doubts |= Ambiguity::EncodedBackslash.bit(),
            b'?' | b'#' => *doubts |= Ambiguity::EncodedQuery.bit(),
            _ => {}
        }
        out.push(byte);
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
mod tests;
