//! A client that sends exact bytes and reads exactly one answer.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::response::Response;

/// The longest wait for the next byte.
const READ: Duration = Duration::from_secs(10);

/// One connection.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Conn {
    /// Connects to a port on the loopback.
    pub fn open(port: u16) -> io::Result<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// Connects from another address of the loopback.
    pub fn open_from(source: [u8; 4], port: u16) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind((source, 0).into())?;
            let gateway = ([127, 0, 0, 1], port).into();
            socket.connect(gateway).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        Self::over(stream)
    }

    /// On a socket that is open already.
    pub fn of(stream: TcpStream) -> Self {
        Self::over(stream).unwrap()
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(READ))?;
        stream.set_write_timeout(Some(READ))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Waits longer for each byte.
    pub fn patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The socket itself, for protocols other than HTTP; nothing may be buffered.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.buffer.is_empty(), "bytes came after the head");
        self.stream
    }

    /// Reads until `enough` finds an end in what came, and takes that much.
    fn take_until(&mut self, enough: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; 65_536];
        loop {
            if let Some(end) = enough(&self.buffer) {
                return Ok(self.buffer.drain(..end).collect());
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads this many bytes.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.take_until(|bytes| (bytes.len() >= count).then_some(count))
    }

    /// Reads a line with its end.
    pub fn line(&mut self) -> io::Result<String> {
        let line = self.take_until(|bytes| find(bytes, b"\n").map(|at| at + 1))?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads until the text has come, and gives back everything up to its end.
    pub fn until(&mut self, text: &str) -> io::Result<Vec<u8>> {
        self.take_until(|bytes| find(bytes, text.as_bytes()).map(|at| at + text.len()))
    }

    /// Reads the head of an answer, 1xx included; the body stays on the wire.
    pub fn head(&mut self) -> io::Result<Response> {
        let head = self.until("\r\n\r\n")?;
        Ok(Response::from_head(&head))
    }

    /// Reads one final answer to a request of this method.
    pub fn answer(&mut self, method: &str) -> io::Result<Response> {
        let mut interim = Vec::new();
        let mut response = self.head()?;
        while (100..200).contains(&response.status) && response.status != 101 {
            interim.push(response.status);
            response = self.head()?;
        }
        response.interim = interim;
        if method != "HEAD" {
            response.body = self.body_of(&response)?;
        }
        Ok(response)
    }

    /// Reads the body that belongs to this head.
    pub fn body_of(&mut self, head: &Response) -> io::Result<Vec<u8>> {
        if matches!(head.status, 101 | 204 | 304) {
            return Ok(Vec::new());
        }
        if head.lists("transfer-encoding", "chunked") {
            return self.chunked();
        }
        match head.all("content-length").first() {
            Some(length) => self.take(length.parse().unwrap()),
            None => self.rest(),
        }
    }

    fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk()? {
            body.extend(chunk);
        }
        Ok(body)
    }

    /// Reads one chunk of a chunked body; `None` after the last.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let digits = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(digits, 16)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if size == 0 {
            while self.line()?.trim() != "" {}
            return Ok(None);
        }
        let mut chunk = self.take(size + 2)?;
        chunk.truncate(size);
        Ok(Some(chunk))
    }

    /// Reads until the other side closes.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.buffer);
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// A request under construction; `Host` is the address unless said otherwise.
#[derive(Clone)]
pub struct Request {
    port: u16,
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let shown = &bytes[..bytes.len().min(2000)];
        write!(f, "{}", String::from_utf8_lossy(shown))
    }
}

impl Request {
    /// Begins one to this port.
    pub fn new(port: u16, method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            port,
            method: method.into(),
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a field; the same name may be added again.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds fields.
    #[must_use]
    pub fn fields(self, fields: &[(&str, &str)]) -> Self {
        let add = |request: Self, (name, value): &(&str, &str)| request.header(name, value);
        fields.iter().fold(self, add)
    }

    /// Adds a `Cookie` field, unless the text is empty.
    #[must_use]
    pub fn cookie(self, cookie: &str) -> Self {
        if cookie.is_empty() {
            return self;
        }
        self.header("Cookie", cookie)
    }

    /// `Origin: http://127.0.0.1:<port>`, which is the gateway's own.
    #[must_use]
    pub fn own_origin(self) -> Self {
        let origin = format!("http://127.0.0.1:{}", self.port);
        self.header("Origin", origin)
    }

    /// Makes it a form post.
    #[must_use]
    pub fn form(self, body: &str) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Makes it a JSON post.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.to_string())
    }

    /// Sets the body; its length is announced.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// What a browser sends with a typed address or a link on the same site.
    #[must_use]
    pub fn navigate(self, site: &str) -> Self {
        self.header("Sec-Fetch-Site", site)
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
            .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1\r\n");
        let mut field = |name: &str, value: &[u8]| {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        };
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            field("Host", format!("127.0.0.1:{}", self.port).as_bytes());
        }
        for (name, value) in &self.headers {
            field(name, value);
        }
        let needs_length = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let length = self.body.as_ref().map_or(0, Vec::len);
        if (needs_length || length > 0) && !has("content-length") && !has("transfer-encoding") {
            field("Content-Length", length.to_string().as_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    /// Sends it over a connection of its own and reads the answer.
    #[track_caller]
    pub fn send(self) -> Response {
        self.try_send()
            .unwrap_or_else(|error| panic!("no answer to {self:?}: {error}"))
    }

    /// As [`send`](Self::send), for when the connection may be refused or cut.
    pub fn try_send(&self) -> io::Result<Response> {
        let mut connection = Conn::open(self.port)?;
        self.try_send_on(&mut connection)
    }

    /// Sends it over a connection that stays open.
    #[track_caller]
    pub fn send_on(&self, connection: &mut Conn) -> Response {
        self.try_send_on(connection)
            .unwrap_or_else(|error| panic!("no answer to {self:?}: {error}"))
    }

    /// As [`send_on`](Self::send_on), for when the connection may be cut.
    pub fn try_send_on(&self, connection: &mut Conn) -> io::Result<Response> {
        // A refusal may come, and the connection close, before the body is read.
        let sent = connection.send(self.bytes());
        connection.answer(&self.method).or_else(|error| {
            sent?;
            Err(error)
        })
    }
}
