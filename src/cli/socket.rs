//! Talking to a running gateway: one HTTP request over its admin socket, or over TCP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A gateway that has not answered by then is not well.
const PATIENCE: Duration = Duration::from_secs(10);
/// `healthcheck` is asked often and must answer soon.
const HEALTH_PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// No gateway listens there.
    #[error("no gateway answers: {0}")]
    NobodyThere(std::io::Error),
    /// It answered no.
    #[error("the gateway says {status}: {body}")]
    Refused { status: u16, body: String },
}

/// Asks over the admin socket.
pub(super) fn ask(socket: &Path, method: &str, path: &str) -> Result<String, AskError> {
    let stream = UnixStream::connect(socket).map_err(AskError::NobodyThere)?;
    let patience = Some(PATIENCE);
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.set_write_timeout(patience))
        .map_err(AskError::NobodyThere)?;
    exchange(stream, method, path)
}

/// Asks over TCP.
pub(super) fn ask_tcp(address: SocketAddr, path: &str) -> Result<String, AskError> {
    let stream =
        TcpStream::connect_timeout(&address, HEALTH_PATIENCE).map_err(AskError::NobodyThere)?;
    stream
        .set_read_timeout(Some(HEALTH_PATIENCE))
        .map_err(AskError::NobodyThere)?;
    exchange(stream, "GET", path)
}

fn exchange(mut stream: impl Read + Write, method: &str, path: &str) -> Result<String, AskError> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: doorward\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut answer = String::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .map_err(AskError::NobodyThere)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    match status {
        Some(200..=299) => Ok(body.to_owned()),
        status => Err(AskError::Refused {
            status: status.unwrap_or(0),
            body: body.trim_end().to_owned(),
        }),
    }
}
