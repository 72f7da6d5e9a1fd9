//! A refusal as a problem (RFC 9457): for programs, and for connections that have no request.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::denial::Denial;
use crate::domain::reply::Reply;
use crate::domain::request_id::RequestId;

/// The media type of a problem.
const PROBLEM: &str = "application/problem+json";

#[derive(Serialize)]
struct Problem<'a> {
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    status: u16,
    title: &'a str,
    r#type: &'a str,
}

/// A problem as an answer, with its stable code, and the id of the request that it answers, if
/// that has one.
pub fn problem(status: StatusCode, code: &str, detail: &str, id: Option<&str>) -> Reply {
    let body = problem_body(status, code, detail, id).into_bytes();
    Reply::with_body(status, PROBLEM, body).unkept()
}

/// The headers that belong to a refusal, however it is shown.
pub fn decorated(mut reply: Reply, denial: Denial) -> Reply {
    if let Some(challenge) = denial.challenge() {
        let value = HeaderValue::from_static(challenge);
        reply.headers.insert(header::WWW_AUTHENTICATE, value);
    }
    if let Some(after) = denial.retry_after() {
        // Rounded up: a client that comes back on time must not be early.
        let seconds = after.as_millis().div_ceil(1000).max(1);
        if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
            reply.headers.insert(header::RETRY_AFTER, value);
        }
    }
    if let Denial::MethodNotAllowed { allow } = denial {
        let value = HeaderValue::from_static(allow);
        reply.headers.insert(header::ALLOW, value);
    }
    reply
}

fn problem_body(status: StatusCode, code: &str, detail: &str, request_id: Option<&str>) -> String {
    let problem = Problem {
        code,
        detail,
        request_id,
        status: status.as_u16(),
        title: status.canonical_reason().unwrap_or("Refused"),
        r#type: "about:blank",
    };
    // Text and numbers cannot fail.
    serde_json::to_string(&problem).unwrap_or_default()
}

/// A refusal as the bytes of a whole HTTP/1 answer, for a connection that has no request
/// yet or none any more. It says that the connection ends. `named` is the request, if there was
/// one: the name of the header and its id.
pub fn bare(denial: Denial, named: Option<&(Bytes, RequestId)>) -> String {
    let status = denial.status();
    let id = named.map(|(_, id)| id.as_str());
    let body = problem_body(status, denial.code(), denial.sentence(), id);
    let named = named.map_or_else(String::new, |(header, id)| {
        format!("{}: {id}\r\n", String::from_utf8_lossy(header))
    });
    let challenge = denial.challenge().map_or_else(String::new, |challenge| {
        format!("{}: {challenge}\r\n", header::WWW_AUTHENTICATE)
    });
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {PROBLEM}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{named}{challenge}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
