//! What a path may be to other programs: every way in which servers, frameworks and
//! gateways are known to read a spelling that is not plain.
//!
//! The list must hold at least what any of them does, since a request is admitted only
//! where each reading is. Each kind of doubt is one choice of a reader, made for the whole
//! path: no program cuts one parameter off and keeps the next. A path is read by making all
//! choices in this order:
//!
//! 1. decode once more, where that finds escapes (Apache before another server,
//!    `decodeURIComponent` of what was decoded);
//! 2. an encoded slash or backslash is a slash, or part of a name (Tomcat's
//!    `encodedSolidusHandling`, IIS);
//! 3. an encoded `?` or `#` ends the path, or not (whoever decodes before it splits, PHP's
//!    `parse_url`, nginx's `$uri` in a `proxy_pass`);
//! 4. what follows `;` is cut off, up to the next slash (servlets) or to the end (RFC 2396
//!    parameters of the last segment, `;jsessionid`), of plain ones and of encoded ones;
//! 5. blanks around a segment, and dots behind it, are nothing (Windows, trimming routers);
//! 6. empty segments are nothing (nginx's `merge_slashes`), or what stands behind two
//!    slashes is a host (`new URL(…)`, `urlsplit`, `parse_url`).

use std::collections::BTreeSet;

use super::{PathError, hex, is_overlong};

/// How often a path is decoded; who encodes five times means nothing good.
const DEEPEST: usize = 4;

/// The most bytes of all readings together. A request is not worth more: some milliseconds.
const MOST: usize = 2 * 1024 * 1024;

/// A byte that no path can hold (controls are refused), standing for a slash that
/// is read as part of a name.
const OPAQUE_SLASH: u8 = 1;

/// A path as some program may read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// With all else as it was sent: what public rules match.
    pub sent: Vec<u8>,
    /// Decoded: what the others match.
    pub decoded: Vec<u8>,
}

/// One byte of a path, and how it was written.
#[derive(Clone, Copy)]
struct Token {
    byte: u8,
    /// Whether an escape stood for it, at whatever depth.
    encoded: bool,
    /// How it was written before the last decoding, and how long that is.
    sent: ([u8; 3], usize),
}

impl Token {
    const fn plain(byte: u8, encoded: bool) -> Self {
        Self {
            byte,
            encoded,
            sent: ([byte, 0, 0], 1),
        }
    }

    /// A byte that a reader puts in the place of what was sent.
    const SLASH: Self = Self::plain(b'/', false);

    fn sent(&self) -> &[u8] {
        let (bytes, length) = &self.sent;
        bytes.get(..*length).unwrap_or_default()
    }
}

/// Whether an encoded slash or backslash divides segments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Divides {
    Yes,
    No,
}

/// What is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// From an encoded byte of this kind to the end.
    Query(u8),
}

/// What becomes of the parameters behind a `;`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameters {
    Kept,
    /// Cut off up to the next slash.
    OfSegment,
    /// Cut off to the end.
    ToTheEnd,
}

impl Parameters {
    const ALL: [Self; 3] = [Self::Kept, Self::OfSegment, Self::ToTheEnd];
}

/// What is taken from the ends of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trim {
    Nothing,
    Blanks,
    BlanksAndDots,
}

/// All choices of one reader.
#[derive(Clone, Copy)]
struct Reader {
    slash: Divides,
    backslash: Divides,
    cut: Cut,
    /// Behind a `;` as it was sent.
    plain: Parameters,
    /// And behind one that was encoded: two programs, one behind the other, may do two things.
    encoded: Parameters,
    trim: Trim,
}

/// Every reading of a path that begins with `/` and holds nothing that is refused by
/// itself, the plain one among them.
///
/// # Errors
/// If some reading has a dot segment, a control character or overlong UTF-8, or if there
/// are more than a request is worth.
pub(super) fn all(raw: &[u8]) -> Result<Vec<Reading>, PathError> {
    let mut found = BTreeSet::new();
    let mut tokens = tokens_of(raw)?;
    let mut spent = 0_usize;
    for _ in 0..=DEEPEST {
        for reader in readers(&tokens) {
            spent = spent.saturating_add(tokens.len());
            if spent > MOST {
                return Err(PathError::TooManyReadings);
            }
            let path = reader.read(&tokens)?;
            for reading in with_empty_segments_read(&path) {
                found.insert(reading);
            }
        }
        match decoded_once_more(&tokens)? {
            Some(deeper) => tokens = deeper,
            None => return Ok(found.into_iter().collect()),
        }
    }
    Err(PathError::TooManyReadings)
}

/// Whether decoded bytes hold something that looks like an escape.
pub(super) fn has_escape(decoded: &[u8]) -> bool {
    let is_escape = |three: &[u8]| matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    decoded.windows(3).any(is_escape)
}

fn tokens_of(raw: &[u8]) -> Result<Vec<Token>, PathError> {
    let plain: Vec<Token> = raw.iter().map(|&byte| Token::plain(byte, false)).collect();
    Ok(decoded_once_more(&plain)?.unwrap_or(plain))
}

/// With each escape replaced by what it stands for; `None` if there is none.
fn decoded_once_more(tokens: &[Token]) -> Result<Option<Vec<Token>>, PathError> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut some = false;
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        let escape = match (first.byte, after) {
            (b'%', [high, low, ..]) => hex(high.byte).zip(hex(low.byte)).map(|(h, l)| {
                let sent = ([b'%', high.byte, low.byte], 3);
                (h.wrapping_mul(16).wrapping_add(l), sent)
            }),
            _ => None,
        };
        rest = match escape {
            Some((0..=0x1f | 0x7f, _)) => return Err(PathError::Control),
            Some((byte, sent)) => {
                some = true;
                out.push(Token {
                    byte,
                    encoded: true,
                    sent,
                });
                after.get(2..).unwrap_or_default()
            }
            None => {
                out.push(Token::plain(first.byte, first.encoded));
                after
            }
        };
    }
    let overlong = |pair: &[Token]| matches!(pair, [a, b] if is_overlong(&[a.byte, b.byte]));
    if out.windows(2).any(overlong) {
        return Err(PathError::Overlong);
    }
    Ok(some.then_some(out))
}

/// Those whose choices make a difference to this path.
fn readers(tokens: &[Token]) -> Vec<Reader> {
    let has = |byte: u8, encoded: bool| {
        let same = |token: &Token| token.byte == byte && token.encoded == encoded;
        tokens.iter().any(same)
    };
    let divides = |byte: u8| match has(byte, true) {
        true => &[Divides::Yes, Divides::No][..],
        false => &[Divides::No][..],
    };
    let mut cuts = vec![Cut::Nothing];
    cuts.extend(
        [b'?', b'#']
            .map(Cut::Query)
            .into_iter()
            .filter(|cut| match cut {
                Cut::Query(byte) => has(*byte, true),
                Cut::Nothing => false,
            }),
    );
    let parameters = |encoded: bool| match has(b';', encoded) {
        true => &Parameters::ALL[..],
        false => &[Parameters::Kept][..],
    };
    let trims = match tokens.iter().any(|token| matches!(token.byte, b' ' | b'.')) {
        true => &[Trim::Nothing, Trim::Blanks, Trim::BlanksAndDots][..],
        false => &[Trim::Nothing][..],
    };
    let mut readers = Vec::new();
    for &slash in divides(b'/') {
        for &backslash in divides(b'\\') {
            for &cut in &cuts {
                for &plain in parameters(false) {
                    for &encoded in parameters(true) {
                        readers.extend(trims.iter().map(|&trim| Reader {
                            slash,
                            backslash,
                            cut,
                            plain,
                            encoded,
                            trim,
                        }));
                    }
                }
            }
        }
    }
    readers
}

impl Reader {
    /// The path as it is to this one, but for empty segments.
    fn read(self, tokens: &[Token]) -> Result<Reading, PathError> {
        let mut segments: Vec<Vec<Token>> = Vec::new();
        let mut segment = Vec::new();
        let mut in_parameters = false;
        for token in tokens {
            let seen = self.sees(*token);
            if seen.byte == b'/' && !seen.encoded {
                segments.push(std::mem::take(&mut segment));
                in_parameters = false;
            } else if self.ends(seen) {
                break;
            } else if in_parameters || self.begins_parameters(seen) {
                in_parameters = true;
            } else {
                segment.push(seen);
            }
        }
        segments.push(segment);
        let mut reading = Reading {
            sent: Vec::with_capacity(tokens.len()),
            decoded: Vec::with_capacity(tokens.len()),
        };
        for (place, segment) in segments.iter().enumerate() {
            if place > 0 {
                reading.sent.push(b'/');
                reading.decoded.push(b'/');
            }
            if is_dots(segment) {
                return Err(PathError::DotSegment);
            }
            for token in self.trimmed(segment) {
                reading.sent.extend_from_slice(token.sent());
                reading.decoded.push(token.byte);
            }
        }
        Ok(reading)
    }

    /// A slash that is part of a name is no slash any more, and one that divides is as if it
    /// were not encoded.
    fn sees(self, token: Token) -> Token {
        match (token.byte, token.encoded) {
            (b'/', true) if self.slash == Divides::Yes => Token::SLASH,
            (b'/', true) => Token {
                byte: OPAQUE_SLASH,
                ..token
            },
            (b'\\', true) if self.backslash == Divides::Yes => Token::SLASH,
            _ => token,
        }
    }

    fn ends(self, token: Token) -> bool {
        let of_query = token.encoded && self.cut == Cut::Query(token.byte);
        of_query || self.parameters(token) == Some(Parameters::ToTheEnd)
    }

    fn begins_parameters(self, token: Token) -> bool {
        self.parameters(token) == Some(Parameters::OfSegment)
    }

    /// What becomes of the parameters that this token begins, if it does.
    fn parameters(self, token: Token) -> Option<Parameters> {
        (token.byte == b';').then_some(match token.encoded {
            true => self.encoded,
            false => self.plain,
        })
    }

    fn trimmed(self, segment: &[Token]) -> &[Token] {
        let is_end = |token: &Token| match self.trim {
            Trim::Nothing => false,
            Trim::Blanks => token.byte == b' ',
            Trim::BlanksAndDots => matches!(token.byte, b' ' | b'.'),
        };
        let is_start = |token: &Token| self.trim != Trim::Nothing && token.byte == b' ';
        let start = segment.iter().take_while(|token| is_start(token)).count();
        let segment = segment.get(start..).unwrap_or_default();
        let end = segment
            .iter()
            .rev()
            .take_while(|token| is_end(token))
            .count();
        let end = segment.len().saturating_sub(end);
        segment.get(..end).unwrap_or_default()
    }
}

/// `.`, `..`, and what is one of them once blanks are nothing.
fn is_dots(segment: &[Token]) -> bool {
    let dots = segment.iter().filter(|token| token.byte == b'.').count();
    let blanks = segment.iter().filter(|token| token.byte == b' ').count();
    let nothing_else = dots.saturating_add(blanks) == segment.len();
    nothing_else && (matches!(dots, 1 | 2) || (dots > 0 && blanks > 0))
}

/// A path, with empty segments merged, with a host cut off its begin, and both.
fn with_empty_segments_read(path: &Reading) -> Vec<Reading> {
    let mut all = vec![path.clone()];
    let is_double = |bytes: &[u8]| bytes.windows(2).any(|two| two == b"//");
    if !is_double(&path.decoded) {
        return all;
    }
    if path.decoded.starts_with(b"//") {
        all.push(Reading {
            sent: behind_host(&path.sent),
            decoded: behind_host(&path.decoded),
        });
    }
    for place in 0..all.len() {
        let merged = all.get(place).map(|reading| Reading {
            sent: merged(&reading.sent),
            decoded: merged(&reading.decoded),
        });
        all.extend(merged);
    }
    all
}

fn behind_host(path: &[u8]) -> Vec<u8> {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    let rest = path.get(slashes..).unwrap_or_default();
    let host = rest.iter().take_while(|&&byte| byte != b'/').count();
    match rest.get(host..) {
        Some(path) if !path.is_empty() => path.to_vec(),
        _ => b"/".to_vec(),
    }
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|b, a| *a == b'/' && *b == b'/');
    out
}
