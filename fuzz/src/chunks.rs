//! Bodies in chunks: what ends where by the grammar of RFC 9112 section 7.1 ends there, in
//! whatever pieces it comes, and what does not follow it is refused.
//!
//! The second opinion reads line by line from the whole text, which ours never has.

use doorward::gateway::connection::rehearsal::chunked_body;

/// Where ours stops counting: digits of a size, bytes of a line and of all trailers.
const DIGITS: usize = 15;
const LINE: usize = 1024;
const TRAILERS: usize = 8 * 1024;

/// The first byte says in what pieces the rest comes. See [`super`].
pub fn check(data: &[u8]) {
    let Some((&piece, body)) = data.split_first() else {
        return;
    };
    let ours = chunked_body(body, body.len());
    assert_eq!(
        chunked_body(body, usize::from(piece)),
        ours,
        "pieces of {piece} are read otherwise"
    );
    match (ours, naive(body)) {
        (Some((taken, true)), Read::Whole(end)) => assert_eq!(taken, end, "another end"),
        (Some((taken, false)), Read::Part) => assert_eq!(taken, body.len(), "it stops before"),
        (None, Read::Broken) => {}
        // Where a line is not whole yet, ours may know already that it is none.
        (None, Read::Part) => {
            let whole = [body, b"\r\n\r\n"].concat();
            assert!(!matches!(naive(&whole), Read::Whole(_)), "refused in vain");
        }
        (ours, theirs) => panic!("read as {ours:?}, and naively as {theirs:?}"),
    }
}

/// What became of a body.
#[derive(Debug)]
enum Read {
    /// It ends here.
    Whole(usize),
    /// More must come.
    Part,
    Broken,
}

fn naive(body: &[u8]) -> Read {
    let mut at = 0;
    loop {
        let Some(line) = line(&body[at..]) else {
            return Read::Part;
        };
        at += line.len() + 2;
        let Some(size) = size(line) else {
            return Read::Broken;
        };
        if size == 0 {
            return trailers(body, at);
        }
        let Some(end) = at.checked_add(size).filter(|end| *end <= body.len()) else {
            return Read::Part;
        };
        match &body[end..] {
            [b'\r', b'\n', ..] => at = end + 2,
            [] | [b'\r'] => return Read::Part,
            _ => return Read::Broken,
        }
    }
}

fn trailers(body: &[u8], begin: usize) -> Read {
    let mut at = begin;
    loop {
        let Some(line) = line(&body[at..]) else {
            return Read::Part;
        };
        at += line.len() + 2;
        if line.is_empty() {
            return Read::Whole(at);
        }
        let colon = line.iter().position(|b| *b == b':');
        let is_field = colon.is_some_and(|colon| {
            is_token(&line[..colon]) && line[colon + 1..].iter().all(|b| is_text(*b))
        });
        // Ours looks at the count before each byte of a name and of a value.
        let ends_in_colon = colon == Some(line.len() - 1);
        let counted = at - 2 - usize::from(ends_in_colon) - begin;
        if !is_field || counted > TRAILERS {
            return Read::Broken;
        }
    }
}

/// Up to CR LF.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    Some(&bytes[..end])
}

/// `chunk-size [ chunk-ext ]`.
fn size(line: &[u8]) -> Option<usize> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 || digits > DIGITS || line.len() > LINE {
        return None;
    }
    let size = usize::from_str_radix(str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
    let mut rest = &line[digits..];
    while !rest.is_empty() {
        rest = blanks(rest).strip_prefix(b";")?;
        rest = token(blanks(rest))?;
        if let Some(value) = blanks(rest).strip_prefix(b"=") {
            let value = blanks(value);
            rest = match value.strip_prefix(b"\"") {
                Some(quoted) => unquoted(quoted)?,
                None => token(value)?,
            };
        }
    }
    Some(size)
}

fn blanks(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|b| !b" \t".contains(b));
    &bytes[end.unwrap_or(bytes.len())..]
}

/// Behind a token.
fn token(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|b| !is_token(&[*b]));
    let end = end.unwrap_or(bytes.len());
    (end > 0).then(|| &bytes[end..])
}

/// Behind the closing quote.
fn unquoted(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', next, rest @ ..] if is_text(*next) => rest,
            [b'\\', ..] => return None,
            [next, rest @ ..] if is_text(*next) => rest,
            _ => return None,
        };
    }
}

fn is_token(bytes: &[u8]) -> bool {
    let mut bytes = bytes.iter();
    bytes.len() > 0 && bytes.all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
