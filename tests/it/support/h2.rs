//! HTTP/2 frames by hand, over TLS: what no client library would send.

use std::io;
use std::time::Duration;

use super::tls::Tls;

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame as it was read.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// One connection.
#[derive(Debug)]
pub struct H2 {
    tls: Tls,
    authority: String,
}

impl H2 {
    /// Connects and says hello, with no settings.
    pub fn open(port: u16) -> io::Result<Self> {
        Self::with_settings(port, &[])
    }

    /// Connects and says hello with these settings.
    pub fn with_settings(port: u16, settings: &[(u16, u32)]) -> io::Result<Self> {
        let mut tls = Tls::http2(port)?;
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
            .collect();
        tls.send(&[PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat())?;
        let authority = format!("127.0.0.1:{port}");
        Ok(Self { tls, authority })
    }

    /// Sends one frame.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.tls.send(&frame(kind, flags, stream, payload))
    }

    /// Sends bytes that are frames already.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.send(bytes)
    }

    /// Sends a whole head.
    pub fn headers(&mut self, stream: u32, flags: u8, block: &[u8]) -> io::Result<()> {
        self.frame(HEADERS, flags | END_HEADERS, stream, block)
    }

    /// The fields of a GET.
    pub fn get(&self, path: &str, cookie: &str) -> Vec<u8> {
        self.request("GET", path, cookie)
    }

    /// The fields of a request from our own origin.
    pub fn request(&self, method: &str, path: &str, cookie: &str) -> Vec<u8> {
        let origin = format!("https://{}", self.authority);
        let mut block = [
            field(":method", method),
            field(":scheme", "https"),
            field(":authority", &self.authority),
            field(":path", path),
        ]
        .concat();
        if method != "GET" {
            block.extend(field("origin", &origin));
        }
        if !cookie.is_empty() {
            block.extend(field("cookie", cookie));
        }
        block
    }

    /// Reads the next frame.
    pub fn read(&mut self) -> io::Result<Frame> {
        let head = self.tls.take(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame {
            kind: head[3],
            flags: head[4],
            stream,
            payload: self.tls.take(usize::try_from(length).unwrap())?,
        })
    }

    /// Reads frames until one is wanted.
    pub fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> io::Result<Frame> {
        loop {
            let frame = self.read()?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }

    /// Whether a GET on this stream is answered with 200.
    pub fn is_served(&mut self, stream: u32, path: &str, cookie: &str) -> bool {
        let block = self.get(path, cookie);
        let answer = self
            .headers(stream, END_STREAM, &block)
            .and_then(|()| self.until(|frame| frame.kind == HEADERS && frame.stream == stream));
        // RFC 7541 appendix A: 8 is `:status: 200`, always sent by its number.
        answer.is_ok_and(|frame| frame.payload.first() == Some(&0x88))
    }

    /// Whether the other side ends the connection: says GOAWAY for an error, or closes.
    /// Frames before that are thrown away, silence for so long is none.
    pub fn is_over(&mut self, patience: Duration) -> bool {
        self.tls.patience(patience);
        loop {
            match self.read() {
                Ok(frame) if frame.kind == GOAWAY => return true,
                Ok(_) => {}
                Err(e) => return e.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Waits so long for each byte.
    pub fn patience(&self, patience: Duration) {
        self.tls.patience(patience);
    }

    /// Gives up a write that the other side does not take for so long.
    pub fn write_patience(&self, patience: Duration) {
        self.tls.write_patience(patience);
    }
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A field as a literal that is not indexed, without Huffman (RFC 7541 section 6.2.2).
pub fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [vec![0], string(name.as_ref()), string(value.as_ref())].concat()
}

/// The same, to be indexed (RFC 7541 section 6.2.1).
pub fn indexed_field(name: &str, value: &str) -> Vec<u8> {
    [
        vec![0x40],
        string(name.as_bytes()),
        string(value.as_bytes()),
    ]
    .concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    // An integer with a prefix of seven bits (RFC 7541 section 5.1).
    let mut bytes = Vec::new();
    let mut left = text.len();
    if left < 127 {
        bytes.push(u8::try_from(left).unwrap());
    } else {
        bytes.push(127);
        left -= 127;
        while left >= 128 {
            bytes.push(u8::try_from(left % 128).unwrap() | 128);
            left /= 128;
        }
        bytes.push(u8::try_from(left).unwrap());
    }
    bytes.extend(text);
    bytes
}
