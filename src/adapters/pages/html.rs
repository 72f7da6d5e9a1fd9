//! A finished page and the headers without which it must not leave the house.

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::domain::reply::Reply;

/// A rendered page.
#[derive(Clone, Debug)]
pub struct Html {
    /// The document.
    pub body: String,
    /// The `Content-Security-Policy` that admits its style sheet and nothing else.
    pub csp: HeaderValue,
    pub(super) isolation: Isolation,
    pub(super) framed: Framed,
}

/// Whose pages may show the page in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// Nobody's.
    Never,
    /// Those of our own origin: there is nothing on it to be clicked by deceit but a link.
    ByUs,
}

impl Framed {
    /// As `frame-ancestors` and as `X-Frame-Options`.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Never => ("'none'", "DENY"),
            Self::ByUs => ("'self'", "SAMEORIGIN"),
        }
    }
}

/// Whether a window that another site opened keeps its tie to its opener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Cut: who opened the window can neither watch nor steer a login.
    SameOrigin,
    /// Kept: the page only passes through to the app, which may need its opener.
    None,
}

impl Html {
    /// The whole answer: status, security headers, media type and body.
    #[must_use]
    pub fn into_reply(self, status: StatusCode) -> Reply {
        let headers = security_headers(&self);
        let mut reply =
            Reply::with_body(status, "text/html; charset=utf-8", self.body.into_bytes());
        reply.headers.extend(headers);
        reply
    }
}

/// The headers that every one of our pages is sent with.
fn security_headers(html: &Html) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_SECURITY_POLICY, html.csp.clone());
    for (name, value) in [
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, html.framed.words().1),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if html.isolation == Isolation::SameOrigin {
        headers.insert(
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        );
    }
    headers
}

/// The policy for a page whose only style sheet is `style`.
///
/// `form-action 'self'` holds for the redirects after a form post too (CSP 3,
/// section 6.4.2, as Chromium does it); ours lead to this origin. `img-src data:`
/// is for the logo and the icon, which come inside the page.
pub(super) fn content_security_policy(style: &str, framed: Framed) -> HeaderValue {
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    let (ancestors, _) = framed.words();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors {ancestors}"
    );
    // Base64 and the words above are visible ASCII, so this cannot fail; if it did,
    // a page without its style is the safe way to be wrong.
    HeaderValue::try_from(policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; form-action 'self'"))
}

/// Renders into memory, which cannot fail: the templates call nothing of ours that
/// does. If it did, the person would still be told something.
pub(super) fn render(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| {
        log::error!("a page could not be rendered: {error}");
        "<!doctype html><title>Error</title><p>This page could not be shown.".to_owned()
    })
}
