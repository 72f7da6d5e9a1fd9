//! Requests over HTTP/2 with fields that no client library would send.

use std::io;

use super::h2::{self, DATA, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, RST_STREAM};
use super::response::Response;

/// SETTINGS_HEADER_TABLE_SIZE: of 0, so that every status is spelled out.
const NO_TABLE: (u16, u32) = (1, 0);

/// A name and its value, as bytes.
pub type Field = (Vec<u8>, Vec<u8>);

/// A field out of text.
pub fn field(name: &str, value: &str) -> Field {
    (name.into(), value.into())
}

/// One request on stream 1 of a connection of its own.
#[derive(Clone, Debug, Default)]
pub struct H2Request {
    /// Pseudo-header fields and fields, in the order in which they go out.
    pub fields: Vec<Field>,
    /// The body, in one frame.
    pub data: Option<Vec<u8>>,
    /// Fields behind the body.
    pub trailers: Vec<Field>,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// An answer; of its head only the status is decoded.
    Answer(Response),
    /// RST_STREAM, before any answer was whole.
    Reset,
    /// The connection ended.
    Closed,
}

impl Outcome {
    /// The status; 0 when there was none.
    pub fn status(&self) -> u16 {
        match self {
            Self::Answer(response) => response.status,
            Self::Reset | Self::Closed => 0,
        }
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        match self {
            Self::Answer(response) => response.code(),
            Self::Reset | Self::Closed => String::new(),
        }
    }
}

impl H2Request {
    /// An honest one.
    pub fn new(method: &str, authority: &str, path: &str) -> Self {
        let fields = [
            (":method", method),
            (":scheme", "https"),
            (":authority", authority),
            (":path", path),
        ];
        Self {
            fields: fields.map(|(name, value)| field(name, value)).to_vec(),
            ..Self::default()
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push(field(name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn data(mut self, data: impl AsRef<[u8]>) -> Self {
        self.data = Some(data.as_ref().to_vec());
        self
    }

    /// Adds a field behind the body.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push(field(name, value));
        self
    }

    fn frames(&self) -> Vec<u8> {
        let trailing = !self.trailers.is_empty();
        let end = |last: bool| if last { END_STREAM } else { 0 };
        let flags = END_HEADERS | end(self.data.is_none() && !trailing);
        let mut frames = h2::frame(HEADERS, flags, 1, &block(&self.fields));
        if let Some(data) = &self.data {
            frames.extend(h2::frame(DATA, end(!trailing), 1, data));
        }
        if trailing {
            let flags = END_HEADERS | END_STREAM;
            frames.extend(h2::frame(HEADERS, flags, 1, &block(&self.trailers)));
        }
        frames
    }

    /// Sends it to a port on the loopback.
    pub fn send(&self, port: u16) -> io::Result<Outcome> {
        let mut connection = H2::with_settings(port, &[NO_TABLE])?;
        // The other side may hang up on what it does not like before all of it is sent.
        let _ = connection.send(&self.frames());
        match outcome(&mut connection) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            Err(_) => Ok(Outcome::Closed),
            outcome => outcome,
        }
    }
}

fn block(fields: &[Field]) -> Vec<u8> {
    let fields = fields.iter();
    fields
        .flat_map(|(name, value)| h2::field(name, value))
        .collect()
}

fn outcome(connection: &mut H2) -> io::Result<Outcome> {
    let mut status = 0;
    let mut body = Vec::new();
    loop {
        let frame = connection.read()?;
        match frame.kind {
            HEADERS if status < 200 => status = status_of(&frame.payload),
            DATA => body.extend(&frame.payload),
            RST_STREAM => return Ok(Outcome::Reset),
            GOAWAY => return Ok(Outcome::Closed),
            _ => continue,
        }
        if frame.flags & END_STREAM != 0 && matches!(frame.kind, DATA | HEADERS) {
            let mut response = Response::from_head(format!("HTTP/2 {status} \r\n\r\n").as_bytes());
            response.body = body;
            return Ok(Outcome::Answer(response));
        }
    }
}

/// `:status`, which comes first; RFC 7541 appendix A has some of them in its table.
fn status_of(block: &[u8]) -> u16 {
    let at = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    match block[at..] {
        [indexed @ 0x88..=0x8e, ..] => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]
        }
        // A literal with the name of the table, its value coded or not.
        [0x08 | 0x18 | 0x48, length, ref rest @ ..] => {
            let text = &rest[..usize::from(length & 0x7f)];
            if length & 0x80 == 0 {
                String::from_utf8_lossy(text).parse().unwrap()
            } else {
                digits(text)
            }
        }
        _ => panic!("no :status in {:02x?}", &block[..block.len().min(16)]),
    }
}

/// RFC 7541 appendix B: 0, 1 and 2 have five bits, the other digits six.
fn digits(text: &[u8]) -> u16 {
    let bits: Vec<u16> = text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)))
        .collect();
    let number = |bits: &[u16]| bits.iter().fold(0, |sum, bit| sum * 2 + bit);
    let mut at = 0;
    (0..3).fold(0, |status, _| {
        let short = number(&bits[at..at + 5]);
        let digit = if short <= 2 {
            at += 5;
            short
        } else {
            at += 6;
            number(&bits[at - 6..at]) - 0b01_0110
        };
        status * 10 + digit
    })
}
