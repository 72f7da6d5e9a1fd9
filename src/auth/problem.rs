//! A refusal, and its answer as a problem (RFC 9457): for programs, and for connections that
//! have no request.

use bytes::Bytes;
use http::{HeaderValue, header};
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

/// Why we do not do what a request asks for, and the answer if it is not the usual one.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Why.
    pub denial: Denial,
    /// An answer of its own; `None`: what is said of the denial everywhere.
    pub reply: Option<Box<Reply>>,
}

impl Refusal {
    /// With an answer of its own.
    pub(crate) fn with(denial: Denial, reply: Reply) -> Self {
        let reply = Some(Box::new(decorated(reply, denial)));
        Self { denial, reply }
    }

    /// As a problem with a sentence of its own.
    pub(crate) fn because(denial: Denial, why: &str) -> Self {
        Self::with(denial, problem(denial, why, None))
    }

    /// The answer to a program.
    pub(crate) fn into_reply(self, id: Option<&str>) -> Reply {
        match self.reply {
            Some(reply) => *reply,
            None => decorated(
                problem(self.denial, self.denial.sentence(), id),
                self.denial,
            ),
        }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self {
            denial,
            reply: None,
        }
    }
}

fn problem(denial: Denial, detail: &str, id: Option<&str>) -> Reply {
    let body = problem_body(denial, detail, id).into_bytes();
    Reply::with_body(denial.status(), PROBLEM, body).unkept()
}

/// The headers that belong to a refusal, however it is shown.
pub(crate) fn decorated(mut reply: Reply, denial: Denial) -> Reply {
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

fn problem_body(denial: Denial, detail: &str, request_id: Option<&str>) -> String {
    let status = denial.status();
    let problem = Problem {
        code: denial.code(),
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
pub(crate) fn bare(denial: Denial, named: Option<&(Bytes, RequestId)>) -> String {
    let status = denial.status();
    let id = named.map(|(_, id)| id.as_str());
    let body = problem_body(denial, denial.sentence(), id);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_its_own_change_neither_the_code_nor_the_headers_of_a_refusal() {
        let denial = Denial::MethodNotAllowed { allow: "POST" };
        let usual = Refusal::from(denial).into_reply(Some("id"));
        let own = Refusal::because(denial, "Not so.").into_reply(Some("id"));
        assert_eq!(own.status, usual.status);
        assert_eq!(own.headers, usual.headers);
        assert_eq!(own.headers[header::ALLOW], "POST");
        let body: serde_json::Value = serde_json::from_slice(&own.body).unwrap();
        assert_eq!(body["code"], "method_not_allowed");
        assert_eq!(body["detail"], "Not so.");
    }
}
