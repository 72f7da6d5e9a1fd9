//! Talking to a running gateway: one HTTP request over its admin socket, or over TCP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A gateway that has not answered by then is not well.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// `healthcheck` is asked often and must answer soon.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

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
pub(super) fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<String, AskError> {
    let stream = UnixStream::connect(socket).map_err(AskError::NobodyThere)?;
    let patience = Some(REPLY_TIMEOUT);
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.set_write_timeout(patience))
        .map_err(AskError::NobodyThere)?;
    exchange(stream, method, path, body)
}

/// Asks over TCP.
pub(super) fn ask_tcp(address: SocketAddr, path: &str) -> Result<String, AskError> {
    let stream =
        TcpStream::connect_timeout(&address, HEALTH_TIMEOUT).map_err(AskError::NobodyThere)?;
    stream
        .set_read_timeout(Some(HEALTH_TIMEOUT))
        .map_err(AskError::NobodyThere)?;
    exchange(stream, "GET", path, None)
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<String, AskError> {
    let kind = body.map_or("", |_| "Content-Type: application/json\r\n");
    let body = body.map(ToString::to_string).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: doorward\r\n{kind}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
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
            body: reason(body),
        }),
    }
}

/// The words of a problem (RFC 9457) for a person, or the body as it came.
fn reason(body: &str) -> String {
    let problem = serde_json::from_str::<serde_json::Value>(body).ok();
    let detail = problem
        .as_ref()
        .and_then(|problem| problem.get("detail")?.as_str());
    detail.unwrap_or(body).trim_end().to_owned()
}
