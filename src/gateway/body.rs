//! Reading the body of a request that one of our own endpoints answers: small,
//! whole, and never of a request that will be forwarded (pingora would forward nothing).

use http::header;
use pingora_proxy::Session;

use crate::auth::denial::Denial;

/// Reads the body up to `limit` bytes.
///
/// # Errors
/// [`Denial::PayloadTooLarge`] above the limit, [`Denial::RequestTimeout`] if the client
/// is too slow, [`Denial::BadRequest`] if the body breaks off.
pub(super) async fn read(session: &mut Session, limit: u64) -> Result<Vec<u8>, Denial> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let declared = session
        .req_header()
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Denial::PayloadTooLarge);
    }
    if session.req_header().headers.contains_key(header::EXPECT) {
        // Else the 100 would mark the connection to be closed.
        session.set_close_on_response_before_downstream_finish(false);
        if session.write_continue_response().await.is_err() {
            return Err(Denial::BadRequest);
        }
    }
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    loop {
        match session.read_request_body().await {
            Ok(Some(chunk)) => {
                if body.len().saturating_add(chunk.len()) > limit {
                    return Err(Denial::PayloadTooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body),
            Err(e) if *e.etype() == pingora::ErrorType::ReadTimedout => {
                return Err(Denial::RequestTimeout);
            }
            Err(_) => return Err(Denial::BadRequest),
        }
    }
}
