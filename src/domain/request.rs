//! What a decision may know of a request: a borrowed view, no server type in it.

use std::net::IpAddr;

use http::header::{self, HeaderName};
use http::{HeaderMap, Method};

use super::origin::{Authority, Scheme};

/// How the request says where its parts end: its body, its lines, its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In one way that everybody reads alike.
    Plain,
    /// Both `Content-Length` and `Transfer-Encoding`, or more than one length: two
    /// servers may split the bytes differently (RFC 9112 §6.1, §6.3). Refused.
    Conflicting,
    /// A line of the head that ends in LF alone. A proxy before us may take it for a part
    /// of the value and we for a line of its own: `X: y\nTransfer-Encoding: chunked` would be
    /// one field there and two here (RFC 9112 §2.2). Refused.
    BareLineFeed,
    /// A `Transfer-Encoding` that is not exactly `chunked`. Refused.
    UnknownCoding,
    /// A target with a `#`, which no client may send (RFC 9112 §3.2), and what follows it
    /// is gone by the time that anybody looks: `DELETE /report#1.txt` would delete `/report`.
    /// Refused.
    CutTarget,
    /// A head that was read otherwise than it came: pingora escapes a blank or a quote in a
    /// target, which RFC 9112 §3.2 says to refuse, since it may be meant to get past a rule.
    /// Refused.
    Mended,
    /// An `Expect` other than `100-continue`: whether the body comes is anybody's guess
    /// (RFC 9110 section 10.1.1). Refused.
    UnknownExpectation,
    /// It asks for a WebSocket in a way that another server may not take for a handshake:
    /// a tunnel here would be a connection with requests there. Refused.
    MalformedHandshake,
}

/// The request's `Host`, or `:authority` over HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Not there.
    Missing,
    /// There, but not a host.
    Malformed,
    /// Where the client believes to be.
    At(Authority),
}

/// `Sec-Fetch-Site`: how the page that asked relates to us. Browsers set it and
/// scripts cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchSite {
    /// Not sent: not a browser, or not over a trustworthy origin.
    Absent,
    /// A page of our own origin.
    SameOrigin,
    /// A sibling host.
    SameSite,
    /// Another site.
    CrossSite,
    /// The person: address bar, bookmark.
    None,
    /// Something else, or several.
    Unknown,
}

/// A request as the decisions see it.
#[derive(Clone, Debug)]
pub struct RequestView<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The path component, as received.
    pub path: &'a [u8],
    /// The query without `?`, as received.
    pub query: Option<&'a [u8]>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The host the client asked for.
    pub host: Host,
    /// The client's scheme: the listener's, or a trusted proxy's word.
    pub scheme: Scheme,
    /// The client's address: the TCP peer's, or a trusted proxy's word.
    pub client: IpAddr,
    /// How the body is delimited.
    pub framing: Framing,
    /// The declared length of the body, if any.
    pub content_length: Option<u64>,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

impl RequestView<'_> {
    /// GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1).
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// The one value of a header; `None` if it is absent or repeated.
    pub fn only(&self, name: &HeaderName) -> Option<&[u8]> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        values.next().is_none().then_some(first.as_bytes())
    }

    /// How the asking page relates to us.
    pub fn fetch_site(&self) -> FetchSite {
        if !self.headers.contains_key(&SEC_FETCH_SITE) {
            return FetchSite::Absent;
        }
        match self.only(&SEC_FETCH_SITE) {
            Some(b"same-origin") => FetchSite::SameOrigin,
            Some(b"same-site") => FetchSite::SameSite,
            Some(b"cross-site") => FetchSite::CrossSite,
            Some(b"none") => FetchSite::None,
            _ => FetchSite::Unknown,
        }
    }

    /// Whether this is a person's browser going to a page, which can be shown
    /// HTML: `Sec-Fetch-Mode: navigate` to a `document`; without any `Sec-Fetch-*`,
    /// a GET or HEAD that accepts HTML and was not made by a script library.
    pub fn is_navigation(&self) -> bool {
        let fetch = [&SEC_FETCH_SITE, &SEC_FETCH_MODE, &SEC_FETCH_DEST];
        if fetch.iter().any(|name| self.headers.contains_key(*name)) {
            return self.only(&SEC_FETCH_MODE) == Some(b"navigate")
                && self.only(&SEC_FETCH_DEST) == Some(b"document");
        }
        matches!(*self.method, Method::GET | Method::HEAD)
            && !self.headers.contains_key(&X_REQUESTED_WITH)
            && self.accepts("text/html")
    }

    /// Whether some `Accept` field names the media type.
    pub fn accepts(&self, media_type: &str) -> bool {
        self.headers.get_all(header::ACCEPT).iter().any(|field| {
            field
                .as_bytes()
                .split(|&b| b == b',')
                .any(|item| media_type_of(item).eq_ignore_ascii_case(media_type.as_bytes()))
        })
    }

    /// Whether the body is declared to be of the media type.
    pub fn has_content_type(&self, media_type: &str) -> bool {
        self.only(&header::CONTENT_TYPE)
            .is_some_and(|value| media_type_of(value).eq_ignore_ascii_case(media_type.as_bytes()))
    }

    /// Path and query as received, for `rd` and the bounce page.
    pub fn target(&self) -> String {
        let path = String::from_utf8_lossy(self.path);
        match self.query {
            Some(query) => format!("{path}?{}", String::from_utf8_lossy(query)),
            None => path.into_owned(),
        }
    }
}

fn media_type_of(item: &[u8]) -> &[u8] {
    item.split(|&b| b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}
