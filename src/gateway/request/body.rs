//! Bodies of requests: those that our own endpoints answer are read here, small and
//! whole (never those that will be forwarded: pingora would forward nothing); of the
//! others the bytes are counted as they pass.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;
use tokio::time::timeout;

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::config::settings::Limits;
use crate::gateway::connection::body_rate::BodyRate;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::request::admission::not_admitted;
use crate::gateway::request::ctx::Ctx;

/// Reads the body up to `limits.login_body`, waiting `limits.client_read` for each piece
/// and for all of them as [`BodyRate`] says: pingora has a read timeout over HTTP/1 alone.
///
/// # Errors
/// [`Denial::PayloadTooLarge`] above the limit, [`Denial::RequestTimeout`] if the client
/// is too slow, [`Denial::BadRequest`] if the body breaks off.
pub(crate) async fn read(session: &mut Session, limits: &Limits) -> Result<Vec<u8>, Denial> {
    let limit = usize::try_from(limits.login_body).unwrap_or(usize::MAX);
    let declared = session
        .req_header()
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Denial::PayloadTooLarge);
    }
    // The gate lets nothing else than a 100 be expected.
    let is_awaited = session.req_header().headers.contains_key(header::EXPECT)
        && !session.as_downstream_mut().is_body_empty();
    if is_awaited {
        // Else the 100 would mark the connection to be closed.
        session.set_close_on_response_before_downstream_finish(false);
        if session.write_continue_response().await.is_err() {
            return Err(Denial::BadRequest);
        }
        go_on(session);
    }
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    let mut rate = BodyRate::begin(limits, Moment::now());
    loop {
        let left = Moment::now().until(rate.due());
        let Ok(piece) = timeout(left, session.read_request_body()).await else {
            return Err(Denial::RequestTimeout);
        };
        match piece {
            Ok(Some(chunk)) => {
                if body.len().saturating_add(chunk.len()) > limit {
                    return Err(Denial::PayloadTooLarge);
                }
                body.extend_from_slice(&chunk);
                rate.came(chunk.len(), Moment::now());
            }
            Ok(None) => return Ok(body),
            Err(e) if *e.etype() == ErrorType::ReadTimedout => {
                return Err(Denial::RequestTimeout);
            }
            Err(_) => return Err(Denial::BadRequest),
        }
    }
}

/// Says it over HTTP/2 too.
fn go_on(session: &Session) {
    let answer = ResponseHeader::build(StatusCode::CONTINUE, None);
    if let (Some(handle), Ok(answer)) = (CancelHandle::of_this_request(), answer) {
        handle.line.send_interim(session.req_header(), &answer);
    }
}

/// The most that is read of a body that nobody wants: what most clients send before
/// they look for an answer, the first window of HTTP/2.
const DISCARDED: usize = 64 * 1024;
/// And for how long; a guess.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Lets an HTTP/2 client end the request that was answered already. A stream that is
/// dropped before is reset, with `NO_ERROR` as RFC 9113 §8.1 says, and some clients
/// then throw the answer away (curl 7.88 two of three times, measured).
pub(crate) async fn discard(session: &mut Session) {
    if !session.is_http2() {
        return;
    }
    let reading = async {
        let mut left = DISCARDED;
        while let Ok(Some(chunk)) = session.read_request_body().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // A client that takes longer is reset.
    let _late = timeout(DISCARD_TIMEOUT, reading).await;
}

/// Counts a piece of a body on its way to the app. Its end has no bytes: pingora 0.9.1 would
/// write an empty last piece, as a DATA frame that only ends a stream is, as one more end of
/// the body (pingora issue 935), and the app would take that for the next request.
///
/// # Errors
/// 413 where the limit is: the body is cut off there. Or if the request was not admitted.
pub(crate) fn count(chunk: &mut Option<Bytes>, is_last: bool, ctx: &mut Ctx) -> Result<()> {
    if is_last && chunk.as_ref().is_some_and(Bytes::is_empty) {
        *chunk = None;
    }
    let Some(admission) = ctx.stage.admission_mut() else {
        return not_admitted();
    };
    let attempt = &mut admission.attempt;
    let length = chunk.as_ref().map_or(0, Bytes::len);
    if let (Some(handle), Some(chunk)) = (&ctx.handle, &chunk) {
        handle.line.note_sent(chunk);
    }
    if let Some(timer) = &attempt.answer_timer {
        let is_slow = timer.body_came(length, is_last);
        if let Some(handle) = &ctx.handle {
            handle.progress.is_app_slow.set(is_slow);
            handle.progress.is_uploading.set(!is_last);
            handle.progress.owes_body.set(!is_last);
        }
    }
    attempt.body_seen = attempt
        .body_seen
        .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    match ctx.snapshot.settings.limits.sizes.request_body {
        Some(limit) if attempt.body_seen > limit => Error::e_explain(
            ErrorType::HTTPStatus(413),
            "the request body is over limits.request_body",
        ),
        _ => Ok(()),
    }
}
