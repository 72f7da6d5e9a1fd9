//! Answers to operators that are no JSON.

use http::{HeaderValue, StatusCode, header};

use crate::domain::reply::Reply;

pub(super) fn text(status: StatusCode, body: &str) -> Reply {
    let body = body.as_bytes().to_vec();
    Reply::with_body(status, "text/plain; charset=utf-8", body).unkept()
}

pub(super) fn empty() -> Reply {
    let no_store = HeaderValue::from_static("no-store");
    Reply::empty(StatusCode::NO_CONTENT).header(header::CACHE_CONTROL, no_store)
}
