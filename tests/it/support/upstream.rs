//! A real app behind the gateway: it keeps every request byte for byte.
//!
//! What it answers is in `upstream_paths`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::upstream_paths::answer;

/// A connection from the gateway, whatever carries it.
pub trait Wire: Read + Write + Send {
    /// The longest wait for a byte.
    fn patience(&self, patience: Duration) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

impl Wire for UnixStream {
    fn patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

/// A request as the app received it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Request line and fields, byte for byte, with the empty line.
    pub head: Vec<u8>,
    /// The first 64 KiB of the decoded body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The request line.
    pub fn line(&self) -> String {
        let end = self.head.iter().position(|&byte| byte == b'\r');
        String::from_utf8_lossy(&self.head[..end.unwrap_or(0)]).into_owned()
    }

    /// The second word of the request line.
    pub fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().into()
    }

    /// The head as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// Names and values in order.
    pub fn fields(&self) -> Vec<(String, Vec<u8>)> {
        super::Response::from_head(&[b"HTTP/1.1 200 x ", &self.head[..]].concat()).headers
    }

    /// Every value of a field, compared without case, as bytes.
    pub fn raw(&self, name: &str) -> Vec<Vec<u8>> {
        self.fields()
            .into_iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// Every value of a field, compared without case.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.raw(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// All `Cookie` fields, joined as RFC 9113 section 8.2.3 joins them.
    pub fn cookies(&self) -> Vec<u8> {
        self.raw("cookie").join(&b"; "[..])
    }
}

/// What the threads of one app share.
#[derive(Default)]
pub struct Shared {
    requests: Mutex<Vec<Recorded>>,
    connections: AtomicU64,
    ended: AtomicU64,
    /// Bytes of request bodies so far, also of requests that have not ended.
    pub received: AtomicU64,
    released: Mutex<bool>,
    release: Condvar,
    stopped: AtomicBool,
}

impl Shared {
    /// Blocks until the test releases the app, half a minute at most.
    pub fn hold(&self) {
        let released = self.released.lock().unwrap();
        let _ = self
            .release
            .wait_timeout_while(released, Duration::from_secs(30), |released| !*released);
    }

    /// Whether the test is over.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// The app; it stops answering when dropped.
pub struct Upstream {
    shared: Arc<Shared>,
    url: String,
    nudge: Option<u16>,
    socket: Option<PathBuf>,
}

impl Upstream {
    /// Starts it on a free port of the loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.is_stopped() {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                serve(stream, &theirs);
            }
        });
        Self {
            shared,
            url: format!("http://127.0.0.1:{port}"),
            nudge: Some(port),
            socket: None,
        }
    }

    /// Starts it on a unix socket.
    pub fn start_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.is_stopped() {
                    return;
                }
                serve(stream.unwrap(), &theirs);
            }
        });
        Self {
            shared,
            url: format!("unix:{}", path.display()),
            nudge: None,
            socket: Some(path.into()),
        }
    }

    /// What goes into the configuration.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that it has received.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The newest request.
    #[track_caller]
    pub fn last(&self) -> Recorded {
        self.requests().pop().expect("the app was never asked")
    }

    /// How many requests it has received.
    pub fn count(&self) -> usize {
        self.shared.count()
    }

    /// How many connections the gateway has opened.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them have ended, as far as the app has noticed.
    pub fn ended(&self) -> u64 {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// Bytes of request bodies so far.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Lets every `/hold` answer.
    pub fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.release();
        // One more connection, so that the accepting thread looks up.
        if let Some(port) = self.nudge {
            let _ = TcpStream::connect(("127.0.0.1", port));
        }
        if let Some(path) = &self.socket {
            let _ = UnixStream::connect(path);
        }
    }
}

fn serve(mut wire: impl Wire + 'static, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        // The gateway closing a connection, or cutting it, is how most tests end.
        let _ = wire.patience(Duration::from_secs(60));
        let _ = connection(&mut wire, &shared);
        shared.ended.fetch_add(1, Ordering::Relaxed);
    });
}

fn connection(wire: &mut dyn Wire, shared: &Shared) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let head = take_head(wire, &mut buffer)?;
        let slot = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(Recorded {
                head: head.clone(),
                body: Vec::new(),
            });
            requests.len() - 1
        };
        if upgrade(&head) {
            return super::websocket::echo(wire, &head);
        }
        let mut kept = Vec::new();
        read_body(wire, &mut buffer, &head, |bytes| {
            let count = u64::try_from(bytes.len()).unwrap();
            shared.received.fetch_add(count, Ordering::Relaxed);
            let room = 65_536_usize.saturating_sub(kept.len()).min(bytes.len());
            kept.extend_from_slice(&bytes[..room]);
        })?;
        let request = {
            let mut requests = shared.requests.lock().unwrap();
            requests[slot].body = kept;
            requests[slot].clone()
        };
        answer(wire, shared, &request)?;
    }
}

fn upgrade(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.contains("\r\nupgrade: websocket") && !text.starts_with("get /no-upgrade")
}

fn fill(wire: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 65_536];
    match wire.read(&mut chunk) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            buffer.extend_from_slice(&chunk[..count]);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error),
    }
}

fn take_head(wire: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    take_line(wire, buffer, b"\r\n\r\n")
}

fn take_line(wire: &mut dyn Wire, buffer: &mut Vec<u8>, end: &[u8]) -> io::Result<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            return Ok(buffer.drain(..at + end.len()).collect());
        }
        fill(wire, buffer)?;
    }
}

fn take_exact(
    wire: &mut dyn Wire,
    buffer: &mut Vec<u8>,
    mut left: usize,
    keep: &mut impl FnMut(&[u8]),
) -> io::Result<()> {
    while left > 0 {
        if buffer.is_empty() {
            fill(wire, buffer)?;
        }
        let count = left.min(buffer.len());
        keep(&buffer[..count]);
        buffer.drain(..count);
        left -= count;
    }
    Ok(())
}

fn read_body(
    wire: &mut dyn Wire,
    buffer: &mut Vec<u8>,
    head: &[u8],
    mut keep: impl FnMut(&[u8]),
) -> io::Result<()> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    if field("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
        loop {
            let line = take_line(wire, buffer, b"\r\n")?;
            let digits = String::from_utf8_lossy(&line);
            let digits = digits.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            take_exact(wire, buffer, size, &mut keep)?;
            take_exact(wire, buffer, 2, &mut |_| {})?;
            if size == 0 {
                return Ok(());
            }
        }
    }
    let length = field("content-length").and_then(|length| length.parse().ok());
    take_exact(wire, buffer, length.unwrap_or(0), &mut keep)
}
