//! A refusal as a problem (RFC 9457): for programs, and for connections that have no request.

use http::{StatusCode, header};

use super::denial::Denial;

/// The media type of a problem.
pub const PROBLEM: &str = "application/problem+json";

/// The text of a problem.
pub fn problem_body(status: StatusCode, code: &str, detail: &str) -> String {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Refused"),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    body.to_string()
}

/// A refusal as the bytes of a whole HTTP/1 answer, for a connection that has no request
/// yet or none any more. It says that the connection ends.
pub fn bare(denial: Denial) -> String {
    let status = denial.status();
    let body = problem_body(status, denial.code(), denial.sentence());
    let challenge = denial.challenge().map_or_else(String::new, |challenge| {
        format!("{}: {challenge}\r\n", header::WWW_AUTHENTICATE)
    });
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {PROBLEM}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{challenge}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
