//! An app that takes requests to the letter of RFC 9112, and keeps them byte for byte.
//!
//! What follows the letter in no way is kept as broken, answered with 400, and ends the
//! connection, as Node and others do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Response;

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub struct Taken {
    /// With the empty line.
    pub head: String,
    /// With the lines of its chunks.
    pub body: Vec<u8>,
}

impl Taken {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The target.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<String> {
        Response::from_head(format!("HTTP/1.1 200 {}", self.head).as_bytes()).all(name)
    }

    /// The body as text.
    pub fn wire(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What it says, and whether the connection stays open then.
pub type Said = (Vec<u8>, bool);

type Answers = dyn Fn(&Taken) -> Said + Send + Sync;

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<Taken>>,
    broken: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

/// The app; it stops when dropped.
pub struct Verbatim {
    port: u16,
    shared: Arc<Shared>,
}

impl Verbatim {
    /// Starts it with what it says to a request.
    pub fn start(answers: impl Fn(&Taken) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let answers: Arc<Answers> = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, answers) = (Arc::clone(&theirs), Arc::clone(&answers));
                std::thread::spawn(move || {
                    // Being cut off is how most of these connections end.
                    let _ = serve(stream.unwrap(), &shared, &*answers);
                });
            }
        });
        Self { port, shared }
    }

    /// One that says `ok` to everything.
    pub fn ok() -> Self {
        Self::start(|_| (OK.to_vec(), true))
    }

    /// What goes into the configuration.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests that were whole.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// The newest of them.
    #[track_caller]
    pub fn last(&self) -> Taken {
        self.taken().pop().expect("no whole request has come")
    }

    /// What was none.
    pub fn broken(&self) -> Vec<String> {
        self.shared.broken.lock().unwrap().clone()
    }

    /// Everything that came was a request.
    #[track_caller]
    pub fn assert_sound(&self, what: &str) {
        assert_eq!(self.broken(), [""; 0], "{what}: the app was sent garbage");
    }
}

impl Drop for Verbatim {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// What a decent app says.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn serve(mut stream: TcpStream, shared: &Shared, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut buffer = Vec::new();
    loop {
        match request(&mut stream, &mut buffer)? {
            Ok((head, body)) => {
                let taken = Taken { head, body };
                let (said, stays) = answers(&taken);
                shared.taken.lock().unwrap().push(taken);
                stream.write_all(&said)?;
                if !stays {
                    return stream.shutdown(Shutdown::Both);
                }
            }
            Err(garbage) => {
                shared.broken.lock().unwrap().push(garbage);
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
                return stream.shutdown(Shutdown::Both);
            }
        }
    }
}

/// A head and a body as they stood there, or what stood there instead. An error where the
/// connection ended before.
fn request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Result<(String, Vec<u8>), String>> {
    let head = line(stream, buffer, b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&head).into_owned();
    if !text
        .split("\r\n")
        .next()
        .is_some_and(|line| line.ends_with(" HTTP/1.1"))
    {
        return Ok(Err(text));
    }
    let fields = Response::from_head(format!("HTTP/1.1 200 {text}").as_bytes());
    let lengths = fields.all("content-length");
    let codings = fields.all("transfer-encoding");
    let mut body = Vec::new();
    match (&lengths[..], &codings[..]) {
        ([], []) => {}
        ([length], []) => {
            let length: usize = length.parse().unwrap();
            body = take(stream, buffer, length)?;
        }
        ([], [coding]) if coding == "chunked" => loop {
            let size = line(stream, buffer, b"\r\n")?;
            body.extend(&size);
            let digits = String::from_utf8_lossy(&size[..size.len() - 2]).into_owned();
            let Ok(size) = usize::from_str_radix(&digits, 16) else {
                return Ok(Err(format!("{text}{digits}")));
            };
            let data = take(stream, buffer, size + 2)?;
            body.extend(&data);
            if !data.ends_with(b"\r\n") {
                return Ok(Err(format!("{text}{}", String::from_utf8_lossy(&body))));
            }
            if size == 0 {
                break;
            }
        },
        _ => return Ok(Err(text)),
    }
    Ok(Ok((text, body)))
}

fn line(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> io::Result<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            return Ok(buffer.drain(..at + end.len()).collect());
        }
        fill(stream, buffer)?;
    }
}

fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, count: usize) -> io::Result<Vec<u8>> {
    while buffer.len() < count {
        fill(stream, buffer)?;
    }
    Ok(buffer.drain(..count).collect())
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 65_536];
    match stream.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            buffer.extend_from_slice(&chunk[..count]);
            Ok(())
        }
    }
}
