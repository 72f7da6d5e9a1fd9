//! A message made anew for the version that it goes to: what one version of HTTP says in
//! one way and another in another, or not at all.
//!
//! The app is spoken to in HTTP/1.1, whatever the client speaks. Trailers are dropped in
//! both directions, as RFC 9110 section 6.5.1 lets an intermediary do, and so are the fields
//! that announce them: pingora 0.9.1 carries none over HTTP/1, and a field that nobody looked
//! at when the request was judged must not be merged into it.

use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorType};
use pingora_proxy::Session;

use crate::domain::lists::members;
use crate::gateway::request::handshake::Upgrade;

/// A request has come, and nobody has judged it yet.
pub(crate) fn arrived(session: &mut Session) {
    let version = session.req_header().version;
    let head = session.req_header_mut();
    if version == Version::HTTP_2 {
        join_cookies(head);
    }
    if head.headers.contains_key(header::UPGRADE) && Upgrade::of(head) == Upgrade::Void {
        head.remove_header(&header::UPGRADE);
    }
    if version == Version::HTTP_10 {
        // RFC 9110 section 10.1.1: it has to be ignored.
        head.remove_header(&header::EXPECT);
        // RFC 9110 section 15.2: HTTP/1.0 knows no 1xx.
        session.set_ignore_info_resp(true);
    }
}

/// RFC 9113 section 8.2.3: a browser may send each cookie in a field of its own, which
/// compresses better, and means one field. As one it is counted against the limits.
fn join_cookies(head: &mut RequestHeader) {
    let crumbs = || head.headers.get_all(header::COOKIE).iter();
    if crumbs().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = crumbs().map(HeaderValue::as_bytes).collect();
    // What was joined of values is a value.
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        let _joined = head.insert_header(header::COOKIE, cookie);
    }
}

/// Whether what a request expects is more than a 100 (RFC 9110 section 10.1.1). What else
/// it may mean is left to each server, so that they differ about what comes next.
pub(crate) fn expects_something_else(headers: &HeaderMap) -> bool {
    let mut expected = headers.get_all(header::EXPECT).iter();
    let is_known = expected
        .next()
        .is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    !is_known || expected.next().is_some()
}

/// The request as it goes to the app.
///
/// # Errors
/// If a header cannot be set.
pub(crate) fn request(session: &mut Session, upstream: &mut RequestHeader) -> pingora::Result<()> {
    if !session.as_downstream_mut().is_body_empty() {
        return Ok(());
    }
    // Nothing comes that could be waited for.
    upstream.remove_header(&header::EXPECT);
    // RFC 9110 section 8.6: where a method has a body by nature, no body is a length of 0.
    // HTTP/2 says it by the end of the stream.
    if matches!(upstream.method, Method::POST | Method::PUT | Method::PATCH)
        && !upstream.headers.contains_key(header::CONTENT_LENGTH)
    {
        upstream.insert_header(header::CONTENT_LENGTH, "0")?;
    }
    Ok(())
}

/// The answer as it goes to the client.
///
/// # Errors
/// If a header cannot be set.
pub(crate) fn answer(session: &mut Session, answer: &mut ResponseHeader) -> pingora::Result<()> {
    let status = answer.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    // RFC 9110 section 2.5: everybody speaks of their own version.
    answer.set_version(Version::HTTP_11);
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        // RFC 9110 section 8.6, RFC 9112 section 6.1.
        answer.remove_header(&header::CONTENT_LENGTH);
        answer.remove_header(&header::TRANSFER_ENCODING);
    } else if status == StatusCode::NOT_MODIFIED || session.req_header().method == Method::HEAD {
        // There is no body to be coded.
        answer.remove_header(&header::TRANSFER_ENCODING);
    } else if session.req_header().version == Version::HTTP_10
        && answer.remove_header(&header::TRANSFER_ENCODING).is_some()
    {
        // The end of the connection is the end of the body.
        session.set_keepalive(None);
    }
    one_length(answer)?;
    if !status.is_informational() {
        end_refused_handshake(session);
    }
    Ok(())
}

/// A body in another transfer coding than chunked (RFC 9112 section 6.1) cannot be made anew
/// for a client that has not asked for it, or whose version knows none: it would take the coded
/// bytes for the body.
///
/// # Errors
/// If the app's answer has one.
pub(crate) fn refuse_codings(answer: &ResponseHeader) -> pingora::Result<()> {
    let mut codings = members(&answer.headers, &header::TRANSFER_ENCODING);
    let is_plain = codings
        .next()
        .is_none_or(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    if is_plain && codings.next().is_none() {
        return Ok(());
    }
    let e = Error::explain(
        ErrorType::InvalidHTTPHeader,
        "the app's answer has another transfer coding than chunked",
    );
    Err(e.into_up())
}

/// A client may have gone on as if its handshake had been accepted; that is no request.
pub(crate) fn end_refused_handshake(session: &mut Session) {
    if session.is_upgrade_req() {
        session.set_keepalive(None);
    }
}

/// Several lengths that agree, which pingora takes for one, become one (RFC 9110 section 8.6).
fn one_length(answer: &mut ResponseHeader) -> pingora::Result<()> {
    let mut lengths = answer.headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else {
        return Ok(());
    };
    let mut members = first.as_bytes().split(|&b| b == b',');
    let length = members.next().unwrap_or_default().trim_ascii();
    if members.next().is_none() && lengths.next().is_none() {
        return Ok(());
    }
    if let Ok(length) = HeaderValue::from_bytes(length) {
        answer.insert_header(header::CONTENT_LENGTH, length)?;
    }
    Ok(())
}
