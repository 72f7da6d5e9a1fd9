//! An answer that we give ourselves, before it is written to a client.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

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

    /// Sets a header, replacing what was there.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
