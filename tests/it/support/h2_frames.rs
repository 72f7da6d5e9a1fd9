//! HTTP/2 frame by frame over TLS: fields that no client library would send.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::response::Response;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

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

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // A table of size 0, so that every status is spelled out.
        bytes.extend(frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]));
        let trailing = !self.trailers.is_empty();
        let end = |last: bool| if last { END_STREAM } else { 0 };
        let flags = END_HEADERS | end(self.data.is_none() && !trailing);
        bytes.extend(frame(HEADERS, flags, 1, &block(&self.fields)));
        if let Some(data) = &self.data {
            bytes.extend(frame(DATA, end(!trailing), 1, data));
        }
        if trailing {
            let flags = END_HEADERS | END_STREAM;
            bytes.extend(frame(HEADERS, flags, 1, &block(&self.trailers)));
        }
        bytes
    }

    /// Sends it to a port on the loopback that shows this certificate.
    pub fn send(&self, port: u16, certificate: &Path) -> io::Result<Outcome> {
        let mut tls = connect(port, certificate)?;
        // The other side may hang up on what it does not like before all of it is sent.
        let _ = tls.write_all(&self.bytes());
        let _ = tls.flush();
        match outcome(&mut tls) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            Err(_) => Ok(Outcome::Closed),
            outcome => outcome,
        }
    }
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect(port: u16, certificate: &Path) -> io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_read_timeout(Some(Duration::from_secs(15)))?;
    Ok(StreamOwned::new(tls, tcp))
}

fn outcome(tls: &mut impl Read) -> io::Result<Outcome> {
    let mut status = 0;
    let mut body = Vec::new();
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        tls.read_exact(&mut payload)?;
        match head[3] {
            HEADERS if status < 200 => status = status_of(&payload),
            DATA => body.extend(&payload),
            RST_STREAM => return Ok(Outcome::Reset),
            GOAWAY => return Ok(Outcome::Closed),
            _ => continue,
        }
        if head[4] & END_STREAM != 0 && matches!(head[3], DATA | HEADERS) {
            let mut response = Response::from_head(format!("HTTP/2 {status} \r\n\r\n").as_bytes());
            response.body = body;
            return Ok(Outcome::Answer(response));
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// RFC 7541 section 6.2.3: literals that are never indexed, without Huffman coding.
fn block(fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend(text);
        }
    }
    block
}

/// RFC 7541 section 5.1, with a prefix of 7 bits.
fn length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.push(u8::try_from(length).unwrap());
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
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
