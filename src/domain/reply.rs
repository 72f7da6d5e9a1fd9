//! An answer that we give ourselves, before it is written to a client.

use std::borrow::Cow;

use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// A whole answer: status, headers, body. Turned into bytes by the gateway alone.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status line's code.
    pub status: StatusCode,
    /// Headers but `Content-Length`, which follows from the body.
    pub headers: HeaderMap,
    /// The body; empty for 204 and redirects.
    pub body: Cow<'static, [u8]>,
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Cow::Borrowed(&[]),
        }
    }

    /// An answer with a body of the given media type.
    pub fn with_body(
        status: StatusCode,
        media_type: &'static str,
        body: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        let mut reply = Self::empty(status);
        reply
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        reply.body = body.into();
        reply
    }

    /// JSON, which nobody keeps.
    pub fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::with_body(status, "application/json", body.to_string().into_bytes()).unkept()
    }

    /// Sets a header, replacing what was there.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Lets nobody keep it, or take it for anything but what it is.
    #[must_use]
    pub fn unkept(self) -> Self {
        self.header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }

    /// The whole answer with its length.
    pub fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.body.into_owned());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.status != StatusCode::NO_CONTENT {
            let length = response.body().len().into();
            response.headers_mut().insert(CONTENT_LENGTH, length);
        }
        response
    }
}
