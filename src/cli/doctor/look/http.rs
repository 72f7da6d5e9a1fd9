//! One GET, plain or over TLS, and its answer. Carries no cookie and no secret.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::adapters::clock;
use crate::adapters::tls_probe;
use crate::domain::time::Timestamp;

/// More of an answer is not read.
const MOST_BYTES: u64 = 256 * 1024;

/// Where to ask, and for whom.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    /// For TLS.
    pub(crate) host: String,
    /// For `Host`.
    pub(crate) authority: String,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The `Date`.
    pub(crate) date: Option<Timestamp>,
    /// Our clock before the question and after the answer.
    pub(crate) between: [Timestamp; 2],
}

impl Answer {
    /// The code of a problem, as the gateway's refusals have it.
    pub(crate) fn code(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        Some(problem.get("code")?.as_str()?.to_owned())
    }
}

/// Asks.
///
/// # Errors
/// In words, why there is no answer.
pub(super) fn get(
    place: &Place,
    path: &str,
    accept: &str,
    patience: Duration,
) -> Result<Answer, String> {
    let stream = TcpStream::connect_timeout(&place.address, patience).map_err(|e| e.to_string())?;
    let patience = Some(patience);
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.set_write_timeout(patience))
        .map_err(|e| e.to_string())?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\
         User-Agent: doorward-doctor\r\nConnection: close\r\n\r\n",
        place.authority
    );
    if place.tls {
        return exchange(tls_probe::open(stream, &place.host)?, &request);
    }
    exchange(stream, &request)
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Result<Answer, String> {
    let asked = clock::now();
    let sent = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush());
    sent.map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let read = stream.take(MOST_BYTES).read_to_end(&mut bytes);
    // A TLS peer that closes without saying so has answered all the same.
    if let Err(e) = read
        && bytes.is_empty()
    {
        return Err(e.to_string());
    }
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
        .ok_or("what answers there speaks no HTTP")?;
    let field = |wanted: &str| {
        lines.clone().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let date = field("date").and_then(|value| httpdate::parse_http_date(value).ok());
    let since = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    Ok(Answer {
        status,
        body: whole(body, field("transfer-encoding")),
        date: since.map(|since| Timestamp::from_secs(since.as_secs())),
        between: [asked, clock::now()],
    })
}

/// A body without the sizes between its chunks.
fn whole(body: &str, coding: Option<&str>) -> String {
    if !coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return body.to_owned();
    }
    let mut rest = body;
    let mut out = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some((chunk, next)) = after.split_at_checked(size).filter(|_| size > 0) else {
            break;
        };
        out.push_str(chunk);
        rest = next.strip_prefix("\r\n").unwrap_or(next);
    }
    out
}
