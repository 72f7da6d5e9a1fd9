//! An exchange that goes on until somebody ends it, over HTTP/1.1 or HTTP/2, both over TLS.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::h2::{DATA, END_STREAM, GOAWAY, H2, HEADERS, RST_STREAM};
use super::tls::Tls;
use super::wait::PATIENCE;
use super::{Gateway, Request, Response, websocket};

/// How often an upload goes on, and looks for an answer.
const PAUSE: Duration = Duration::from_millis(50);

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A GET of this path.
    Get(&'static str),
    /// A POST whose body comes byte by byte.
    Upload,
    /// A WebSocket.
    Tunnel,
}

/// Which HTTP the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

/// How it ended, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection or the stream broke off, and what came is not all.
    Cut,
    /// Everything came.
    Whole,
    /// Nothing but this refusal.
    Refused(u16),
    /// A close frame of this code.
    Code(u16),
}

/// An exchange under watch.
pub struct Exchange {
    pub kind: Kind,
    pub version: Version,
    end: Receiver<(Instant, End)>,
}

impl Exchange {
    /// Begins it with this cookie.
    #[track_caller]
    pub fn begin(gateway: &Gateway, cookie: &str, kind: Kind, version: Version) -> Self {
        let (tell, end) = channel();
        match version {
            Version::Http1 => {
                let mut tls = Tls::http1(gateway.port()).unwrap();
                tls.send(&request(gateway, cookie, kind).bytes()).unwrap();
                std::thread::spawn(move || {
                    let end = http1(&mut tls, kind);
                    let _ = tell.send((Instant::now(), end));
                });
            }
            Version::Http2 => {
                let mut h2 = H2::open(gateway.port()).unwrap();
                let (method, path, flags) = match kind {
                    Kind::Get(path) => ("GET", path, END_STREAM),
                    Kind::Upload | Kind::Tunnel => ("POST", "/sink", 0),
                };
                let block = h2.request(method, path, cookie);
                h2.headers(1, flags, &block).unwrap();
                std::thread::spawn(move || {
                    let end = http2(&mut h2, kind);
                    let _ = tell.send((Instant::now(), end));
                });
            }
        }
        Self { kind, version, end }
    }

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.end.try_recv() == Err(TryRecvError::Empty)
    }

    /// When and how it ended.
    #[track_caller]
    pub fn end(&self) -> (Instant, End) {
        let (kind, version) = (self.kind, self.version);
        let end = self.end.recv_timeout(PATIENCE);
        end.unwrap_or_else(|_| panic!("{kind:?} over {version:?} goes on"))
    }
}

fn request(gateway: &Gateway, cookie: &str, kind: Kind) -> Request {
    let origin = format!("https://127.0.0.1:{}", gateway.port());
    match kind {
        Kind::Get(path) => gateway.request("GET", path).cookie(cookie),
        Kind::Upload => gateway
            .request("POST", "/sink")
            .cookie(cookie)
            .header("Origin", origin)
            .header("Content-Length", "1000000"),
        Kind::Tunnel => websocket::request(gateway.port(), "/ws")
            .cookie(cookie)
            .header("Origin", origin),
    }
}

fn http1(tls: &mut Tls, kind: Kind) -> End {
    let is_upload = kind == Kind::Upload;
    tls.patience(if is_upload { PAUSE } else { 2 * PATIENCE });
    let mut came = Vec::new();
    loop {
        if is_upload {
            // It may be over, and then what was said of it is still to be read.
            let _ = tls.send(b"x");
        }
        match tls.next() {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => came.extend(bytes),
            Err(e) if is_upload && e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        if is_whole(&came) {
            break;
        }
    }
    if came.is_empty() {
        return End::Cut;
    }
    match Response::from_head(&came).status {
        101 if came.ends_with(&[0x88, 2, 3, 0xf0]) => End::Code(1008),
        200 if is_whole(&came) => End::Whole,
        200 | 101 => End::Cut,
        status => End::Refused(status),
    }
}

/// Whether these bytes are all of an answer.
fn is_whole(came: &[u8]) -> bool {
    let Some(at) = came.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = Response::from_head(&came[..at + 4]);
    match head.header("content-length") {
        Some(length) => came.len() - at - 4 >= length.parse::<usize>().unwrap(),
        None => came.ends_with(b"0\r\n\r\n"),
    }
}

fn http2(h2: &mut H2, kind: Kind) -> End {
    let is_upload = kind == Kind::Upload;
    h2.patience(if is_upload { PAUSE } else { 2 * PATIENCE });
    loop {
        if is_upload {
            let _ = h2.frame(DATA, 0, 1, b"x");
        }
        match read(h2) {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            Err(e) if is_upload && e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return End::Cut,
        }
    }
}

fn read(h2: &mut H2) -> io::Result<Option<End>> {
    let frame = h2.read()?;
    let ends = matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
    Ok(match frame.kind {
        RST_STREAM | GOAWAY => Some(End::Cut),
        _ if ends => Some(End::Whole),
        _ => None,
    })
}
