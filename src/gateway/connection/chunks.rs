//! The chunks of a request's body, read along before pingora reads them, and more strictly
//! (RFC 9112 section 7.1).
//!
//! Pingora takes its grammar from `httparse`, which lets a line feed stand in an extension
//! and a space behind a size, and looks at no trailer. Where another server before us reads
//! `2;\nxx` as the line of a chunk that ends there, one body would be two requests to one of
//! us. Whatever does not follow the grammar to the letter ends the request here.

use std::io;

/// The digits of a size: more than any body has, fewer than overflow.
const DIGITS: u8 = 15;
/// The line of a chunk with its extensions. Nobody uses them. A guess.
const LINE: usize = 1024;
/// All trailers together, which are read and dropped. A guess.
const TRAILERS: usize = 8 * 1024;

/// How far the reading has come.
#[derive(Debug)]
pub(crate) struct Chunks {
    place: Place,
    /// The size of the chunk whose line or data this is; what is left of the data.
    size: u64,
    /// Bytes of this line, or of all trailers.
    seen: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a size of so many digits so far.
    Size(u8),
    /// In the extensions behind it.
    Extension(Extension),
    /// Before the line feed of that line.
    SizeEnd,
    /// In the data.
    Data,
    /// Before the carriage return behind the data, and before the line feed.
    DataReturn,
    DataEnd,
    /// At the beginning of a trailer, or of the empty line that ends them all.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    /// Before the last line feed.
    LastEnd,
    /// Behind it.
    Done,
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// Another one may follow; whether the line may also end here, without a blank before.
    Before,
    /// Behind `;`.
    Begin,
    Name,
    /// Behind a name and a blank: `=` or `;`.
    AfterName,
    /// Behind `=`.
    Equals,
    Value,
    Quoted,
    /// Behind a backslash.
    Escaped,
    /// Behind the closing quote.
    AfterQuoted,
}

impl Chunks {
    /// At the beginning of a body.
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Size(0),
            size: 0,
            seen: 0,
        }
    }

    /// Takes what came; how much of it belongs to the body.
    ///
    /// # Errors
    /// If it does not follow the grammar. Nothing more may be taken then.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Doubt> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            match self.place {
                Place::Done => break,
                Place::Data => {
                    let here = usize::try_from(self.size).map_or(rest.len(), |s| s.min(rest.len()));
                    let taken = u64::try_from(here).unwrap_or(u64::MAX);
                    self.size = self.size.saturating_sub(taken);
                    if self.size == 0 {
                        self.place = Place::DataReturn;
                    }
                    rest = rest.get(here..).unwrap_or_default();
                }
                _ => {
                    self.place = self.step(byte).ok_or(Doubt)?;
                    rest = behind;
                }
            }
        }
        Ok(bytes.len().saturating_sub(rest.len()))
    }

    /// Whether the body has come to its end.
    pub(crate) fn are_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Where a byte outside of the data leads; nowhere if it must not stand there.
    fn step(&mut self, byte: u8) -> Option<Place> {
        self.seen = self.seen.saturating_add(1);
        Some(match (self.place, byte) {
            (Place::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16)?;
                self.size = self.size << 4 | u64::from(digit);
                (digits < DIGITS).then_some(Place::Size(digits.saturating_add(1)))?
            }
            (Place::Size(1..), b'\r') => Place::SizeEnd,
            (Place::Size(1..), _) => Place::Extension(extension(Extension::Before, byte)?),
            (Place::Extension(at), b'\r') => at.may_end().then_some(Place::SizeEnd)?,
            (Place::Extension(at), _) => {
                (self.seen <= LINE).then_some(Place::Extension(extension(at, byte)?))?
            }
            (Place::SizeEnd, b'\n') if self.size == 0 => self.line(Place::Trailer),
            (Place::SizeEnd, b'\n') => Place::Data,
            (Place::DataReturn, b'\r') => Place::DataEnd,
            (Place::DataEnd, b'\n') => self.line(Place::Size(0)),
            (Place::Trailer, b'\r') => Place::LastEnd,
            (Place::LastEnd, b'\n') => Place::Done,
            (Place::Trailer | Place::TrailerName, _) if is_token(byte) => {
                (self.seen <= TRAILERS).then_some(Place::TrailerName)?
            }
            (Place::TrailerName, b':') => Place::TrailerValue,
            (Place::TrailerValue, b'\r') => Place::TrailerEnd,
            (Place::TrailerValue, _) if is_text(byte) => {
                (self.seen <= TRAILERS).then_some(Place::TrailerValue)?
            }
            (Place::TrailerEnd, b'\n') => Place::Trailer,
            _ => return None,
        })
    }

    /// Goes on to what is counted anew.
    fn line(&mut self, place: Place) -> Place {
        self.seen = 0;
        self.size = 0;
        place
    }
}

impl Extension {
    /// Whether a line may end behind it.
    const fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::AfterQuoted)
    }
}

fn extension(at: Extension, byte: u8) -> Option<Extension> {
    use Extension::{AfterName, AfterQuoted, Before, Begin, Equals, Escaped, Name, Quoted, Value};
    let is_blank = matches!(byte, b' ' | b'\t');
    Some(match (at, byte) {
        (Before | Name | AfterName | Value | AfterQuoted, b';') => Begin,
        (Before | Value | AfterQuoted, _) if is_blank => Before,
        (Begin, _) if is_blank => Begin,
        (Begin | Name, _) if is_token(byte) => Name,
        (Name | AfterName, _) if is_blank => AfterName,
        (Name | AfterName, b'=') => Equals,
        (Equals, _) if is_blank => Equals,
        (Equals, b'"') => Quoted,
        (Equals | Value, _) if is_token(byte) => Value,
        (Quoted, b'"') => AfterQuoted,
        (Quoted, b'\\') => Escaped,
        (Quoted | Escaped, _) if is_text(byte) => Quoted,
        _ => return None,
    })
}

/// `tchar` of RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        )
        || matches!(byte, b'`' | b'|' | b'~')
}

/// What may stand in a value: no control characters but the tab.
const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// What the client sent cannot be framed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the end of a request is in doubt")]
pub(crate) struct Doubt;

impl Doubt {
    /// Whether this is the reason of an error.
    pub(crate) fn is_behind(e: &io::Error) -> bool {
        e.get_ref().is_some_and(|reason| reason.is::<Self>())
    }
}

impl From<Doubt> for io::Error {
    fn from(doubt: Doubt) -> Self {
        Self::new(io::ErrorKind::InvalidData, doubt)
    }
}

#[cfg(test)]
mod tests;
