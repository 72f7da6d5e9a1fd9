//! Where a request begins and ends on a client's HTTP/1 connection (RFC 9112 section 6).
//!
//! Pingora reads as much as there is, and takes what lies behind a request for the next one
//! only where that was switched on, or closes the connection. So it is given no byte that
//! does not belong to the request that it is at: the end of a head is seen here, how its
//! body ends is told by whoever read the head ([`Framing::begin`]), and what comes behind
//! waits until the answer is written and the next head is asked for ([`Framing::next`]).
//!
//! What cannot be framed without a doubt breaks the connection: nothing is read any more.

use http::header;
use pingora::http::RequestHeader;

use crate::gateway::connection::chunks::{Chunks, Doubt};

const EMPTY_LINE: &[u8] = b"\r\n\r\n";

/// What is read next.
#[derive(Debug, Default)]
pub(crate) enum Framing {
    /// Whatever comes: HTTP/2, a tunnel, the listeners of the operators.
    #[default]
    Open,
    /// A head, and how much of it and of the empty line at its end has come.
    Head {
        /// Of all of it.
        taken: usize,
        /// Of the empty line.
        end: usize,
        /// Whether a line ended in LF alone. A proxy before us may take that for a part of the
        /// value and we for a line of its own: `X: y\nTransfer-Encoding: chunked` would be one
        /// field there and two here (RFC 9112 section 2.2).
        bare: bool,
    },
    /// A body of which so much is to come.
    Length(u64),
    /// A body in chunks.
    Chunks(Chunks),
    /// Nothing until the next head: the request is whole.
    Whole,
    /// Nothing any more.
    Broken,
}

impl Framing {
    /// How much of what came belongs to the request.
    ///
    /// # Errors
    /// If it cannot be told.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Doubt> {
        match self {
            Self::Open => Ok(bytes.len()),
            Self::Head { taken, end, bare } => {
                let here = end_of_head(end, bare, bytes);
                *taken = taken.saturating_add(here);
                Ok(here)
            }
            Self::Length(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                if *left == 0 {
                    *self = Self::Whole;
                }
                Ok(here)
            }
            Self::Chunks(chunks) => match chunks.take(bytes) {
                Ok(here) => {
                    if chunks.are_done() {
                        *self = Self::Whole;
                    }
                    Ok(here)
                }
                Err(doubt) => {
                    *self = Self::Broken;
                    Err(doubt)
                }
            },
            Self::Whole => Ok(0),
            Self::Broken => Err(Doubt),
        }
    }

    /// This head was read, out of these bytes; its body comes next.
    ///
    /// # Errors
    /// If they are not the bytes that came, or its end is in doubt.
    pub(crate) fn begin(&mut self, head: &RequestHeader, raw: &[u8]) -> Result<(), Doubt> {
        // One whose lines end in LF alone is read in two ways. Octets that cannot stand in a
        // target pingora escapes, which makes it longer, and another.
        let is_what_came = matches!(
            self,
            Self::Head { taken, end, bare: false }
                if *end == EMPTY_LINE.len() && *taken == raw.len()
        );
        *self = match self {
            Self::Open => return Ok(()),
            _ if !(is_what_came && raw.ends_with(EMPTY_LINE)) => Self::Broken,
            _ if head.headers.contains_key(header::TRANSFER_ENCODING) => {
                Self::Chunks(Chunks::new())
            }
            _ => match length(head) {
                Some(0) => Self::Whole,
                Some(length) => Self::Length(length),
                None => Self::Broken,
            },
        };
        match self {
            Self::Broken => Err(Doubt),
            _ => Ok(()),
        }
    }

    /// At the beginning of a head.
    pub(crate) const fn head() -> Self {
        Self::Head {
            taken: 0,
            end: 0,
            bare: false,
        }
    }

    /// The next head is asked for.
    pub(crate) fn next(&mut self) {
        *self = match self {
            Self::Open => return,
            // At the beginning, and where the one before was read to its end.
            Self::Head { .. } | Self::Whole => Self::head(),
            Self::Length(_) | Self::Chunks(_) | Self::Broken => Self::Broken,
        };
    }
}

/// Whether bytes are a head as nearly all are: the one empty line stands at the end, and every
/// line ends in CR LF. In one walk without a stop, which the compiler makes sixteen steps at once.
fn is_one_head(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(EMPTY_LINE) else {
        return false;
    };
    let [first, second, rest @ ..] = lines else {
        return false;
    };
    let before = lines.iter().zip(lines.get(1..).unwrap_or_default());
    let is_odd = rest
        .iter()
        .zip(before)
        .fold(false, |is_odd, (byte, (start, cr))| {
            is_odd | ((*byte == b'\n') & ((*cr != b'\r') | (*start == b'\n')))
        });
    !is_odd && ![*first, *second].contains(&b'\n') && !rest.ends_with(b"\n")
}

/// Where a head ends in what came; all of it if that is further on. Notes whether a line ends in
/// LF alone.
fn end_of_head(seen: &mut usize, bare: &mut bool, bytes: &[u8]) -> usize {
    if *seen == EMPTY_LINE.len() {
        // Empty lines before a request line: that was no head yet.
        *seen = 0;
    }
    if *seen == 0 && is_one_head(bytes) {
        *seen = EMPTY_LINE.len();
        return bytes.len();
    }
    let mut from = 0_usize;
    // What came before may have ended within an empty line.
    while *seen > 0 {
        let Some(&byte) = bytes.get(from) else {
            return bytes.len();
        };
        from = from.saturating_add(1);
        *seen = match EMPTY_LINE.get(*seen) {
            Some(&expected) if expected == byte => seen.saturating_add(1),
            _ => {
                *bare |= byte == b'\n';
                usize::from(byte == b'\r')
            }
        };
        if *seen == EMPTY_LINE.len() {
            return from;
        }
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let mut next_line = usize::MAX;
    for at in memchr::memchr_iter(b'\n', rest) {
        // What came before `rest` did not end in CR.
        let Some(before) = at.checked_sub(1).filter(|at| rest.get(*at) == Some(&b'\r')) else {
            *bare = true;
            continue;
        };
        let after = at.saturating_add(1);
        if before == next_line {
            *seen = EMPTY_LINE.len();
            return from.saturating_add(after);
        }
        next_line = after;
    }
    let mut begun = (1..EMPTY_LINE.len()).rev();
    *seen = begun
        .find(|&length| {
            EMPTY_LINE
                .get(..length)
                .is_some_and(|it| rest.ends_with(it))
        })
        .unwrap_or(0);
    bytes.len()
}

/// The length of a body that is not in chunks; `None` if that is no number that everybody can
/// count, or several.
fn length(head: &RequestHeader) -> Option<u64> {
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Some(0);
    };
    let digits = length.as_bytes();
    if lengths.next().is_some() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: i64 = length.to_str().ok()?.parse().ok()?;
    u64::try_from(length).ok()
}

#[cfg(test)]
mod tests;
