//! An app that misbehaves byte for byte: it reads each request whole, and then does what
//! the test says.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a decent app would say.
pub const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";

/// What it does with a request, given how many came before on the same connection;
/// whether the connection stays open for the next one.
pub type Manners = dyn Fn(&mut TcpStream, usize) -> io::Result<bool> + Send + Sync;

/// The app; it stops when dropped.
pub struct Wild {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    manners: Mutex<Arc<Manners>>,
    asked: AtomicUsize,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

impl Wild {
    /// Starts it, well-behaved.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manners: Mutex::new(Arc::new(well)),
            asked: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&theirs);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || serve(&mut stream.unwrap(), &shared));
            }
        });
        Self { port, shared }
    }

    /// What goes into the configuration.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets what it does from now on.
    pub fn behave(
        &self,
        manners: impl Fn(&mut TcpStream, usize) -> io::Result<bool> + Send + Sync + 'static,
    ) {
        *self.shared.manners.lock().unwrap() = Arc::new(manners);
    }

    /// From now on it says this, and closes or waits until the other side has.
    pub fn say(&self, bytes: &[u8], then: Then) {
        let bytes = bytes.to_vec();
        self.behave(move |stream, _| {
            stream.write_all(&bytes)?;
            then.act(stream)
        });
    }

    /// From now on it answers as it should.
    pub fn behave_well(&self) {
        self.behave(well);
    }

    /// How many requests have come.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// How many connections have come.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Wild {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// What it does after its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It closes.
    Closes,
    /// It waits until the other side closes.
    Waits,
    /// It takes the next request.
    GoesOn,
}

impl Then {
    fn act(self, stream: &mut TcpStream) -> io::Result<bool> {
        match self {
            Self::Closes => stream.shutdown(Shutdown::Both)?,
            Self::Waits => while stream.read(&mut [0; 1024])? > 0 {},
            Self::GoesOn => return Ok(true),
        }
        Ok(false)
    }
}

/// As a decent app answers.
pub fn well(stream: &mut TcpStream, _earlier: usize) -> io::Result<bool> {
    stream.write_all(WELL)?;
    Ok(true)
}

fn serve(stream: &mut TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut earlier = 0;
    // Being cut off is how most of these connections end.
    while read_request(stream).is_ok() {
        shared.asked.fetch_add(1, Ordering::Relaxed);
        let manners = Arc::clone(&shared.manners.lock().unwrap());
        if !manners(stream, earlier).unwrap_or(false) {
            return;
        }
        earlier += 1;
    }
}

/// Reads a head byte by byte, and as much body as `Content-Length` says, up to a megabyte.
fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0_usize);
    if length < 1 << 20 {
        stream.read_exact(&mut vec![0; length])?;
    }
    Ok(())
}
