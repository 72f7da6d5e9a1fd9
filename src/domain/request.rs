//! What a decision may know of a request: its head, borrowed, and the facts that were read
//! once and are kept. No server type is in it.

use std::net::IpAddr;

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::lists::members;
use super::origin::{Authority, Origin, Scheme};

/// What a query is never written with: what browsers encode themselves (URL standard, query
/// percent-encode set) and the backslash, which they send as it is. Beyond ASCII all is.
const ODD_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\');

/// How the request says where its parts end: its body, its lines, its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In one way that everybody reads alike.
    Plain,
    /// Both `Content-Length` and `Transfer-Encoding`, or more than one length: two
    /// servers may split the bytes differently (RFC 9112 §6.1, §6.3). Refused.
    Conflicting,
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

/// What has to be parsed to be known of a request: read once when it comes, and kept as long
/// as the request lives. It borrows nothing, so that it outlives every wait.
#[derive(Clone, Debug)]
pub struct RequestFacts {
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

impl RequestFacts {
    /// Of a request without a body, for this place.
    pub const fn bodiless(host: Authority, scheme: Scheme, client: IpAddr) -> Self {
        Self {
            host: Host::At(host),
            scheme,
            client,
            framing: Framing::Plain,
            content_length: None,
        }
    }

    /// The origin of our own pages: `public`, if the operator says it, else the place that the
    /// client asked for; `None` if that is no place.
    pub fn own_origin(&self, public: Option<&Origin>) -> Option<Origin> {
        match (public, &self.host) {
            (Some(public), _) => Some(public.clone()),
            (None, Host::At(host)) => Some(Origin::new(self.scheme, host.clone())),
            (None, Host::Missing | Host::Malformed) => None,
        }
    }
}

/// A request as the decisions see it.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The path component, as received.
    pub path: &'a [u8],
    /// The query without `?`, as received.
    pub query: Option<&'a [u8]>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What was read of it.
    pub facts: &'a RequestFacts,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// The one value of a header; `None` if it is absent or repeated.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

impl<'a> RequestView<'a> {
    /// Of a request whose target, in origin form, is `target`. Nothing is parsed.
    pub fn new(
        method: &'a Method,
        target: &'a [u8],
        headers: &'a HeaderMap,
        facts: &'a RequestFacts,
    ) -> Self {
        let mut parts = target.splitn(2, |&b| b == b'?');
        Self {
            method,
            path: parts.next().unwrap_or_default(),
            query: parts.next(),
            headers,
            facts,
        }
    }

    /// GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1).
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// The one value of a header; `None` if it is absent or repeated.
    pub fn only(&self, name: &HeaderName) -> Option<&[u8]> {
        only(self.headers, name).map(HeaderValue::as_bytes)
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
    ///
    /// A service worker that passes a navigation on (`fetch(event.request)`) keeps its mode
    /// and loses its destination. No script can make a request of that mode (Fetch, `Request`
    /// constructor), so that a `fetch()` of the app's is never one.
    pub fn is_navigation(&self) -> bool {
        if let Some(mode) = self.headers.get(SEC_FETCH_MODE)
            && mode != "navigate"
        {
            return false;
        }
        let fetch = [&SEC_FETCH_SITE, &SEC_FETCH_MODE, &SEC_FETCH_DEST];
        if fetch.iter().any(|name| self.headers.contains_key(*name)) {
            return self.only(&SEC_FETCH_MODE) == Some(b"navigate")
                && match self.only(&SEC_FETCH_DEST) {
                    Some(b"document") => true,
                    // A service worker passes a navigation on.
                    Some(b"empty") => self.accepts("text/html"),
                    _ => false,
                };
        }
        matches!(*self.method, Method::GET | Method::HEAD)
            && !self.headers.contains_key(&X_REQUESTED_WITH)
            && self.accepts("text/html")
    }

    /// Whether this is a frame of a page of our own going somewhere.
    pub fn is_own_frame(&self) -> bool {
        self.fetch_site() == FetchSite::SameOrigin
            && self.only(&SEC_FETCH_MODE) == Some(b"navigate")
            && matches!(
                self.only(&SEC_FETCH_DEST),
                Some(b"iframe" | b"frame" | b"object" | b"embed")
            )
    }

    /// Path and query of the page of this host that asked, if it says so in `Referer`.
    pub fn asking_page(&self) -> Option<&str> {
        let referer = std::str::from_utf8(self.only(&header::REFERER)?).ok()?;
        let rest = referer
            .strip_prefix("https://")
            .or_else(|| referer.strip_prefix("http://"))?;
        let (authority, page) = rest.split_at_checked(rest.find('/')?)?;
        let Host::At(host) = &self.facts.host else {
            return None;
        };
        let asked = Authority::parse(authority.as_bytes())?;
        asked.same_place(host, self.facts.scheme).then_some(page)
    }

    /// Whether some `Accept` field names the media type.
    pub fn accepts(&self, media_type: &str) -> bool {
        members(self.headers, &header::ACCEPT)
            .any(|item| media_type_of(item).eq_ignore_ascii_case(media_type.as_bytes()))
    }

    /// Whether the body is declared to be of the media type.
    pub fn has_content_type(&self, media_type: &str) -> bool {
        self.only(&header::CONTENT_TYPE)
            .is_some_and(|value| media_type_of(value).eq_ignore_ascii_case(media_type.as_bytes()))
    }

    /// Whether the body is JSON, and no header is there that browsers send: a program wrote
    /// this, since a form cannot be JSON and a script of a page has an `Origin` or a `Referer`.
    pub fn is_json_of_a_program(&self) -> bool {
        let of_browsers = |name: &HeaderName| {
            name.as_str().starts_with("sec-")
                || [
                    header::ORIGIN,
                    header::REFERER,
                    header::UPGRADE_INSECURE_REQUESTS,
                ]
                .contains(name)
        };
        let is_json = self.only(&header::CONTENT_TYPE).is_some_and(|value| {
            let media_type = media_type_of(value).to_ascii_lowercase();
            media_type == b"application/json"
                || media_type.starts_with(b"application/") && media_type.ends_with(b"+json")
        });
        is_json && !self.headers.keys().any(of_browsers)
    }

    /// Path and query for `rd` and the bounce page: as received, but for what of a query
    /// cannot stand in a header or is read as two things there. Percent-encoded that means
    /// the same to whoever decodes the query.
    pub fn target(&self) -> String {
        let path = String::from_utf8_lossy(self.path);
        match self.query {
            Some(query) => format!("{path}?{}", percent_encode(query, ODD_IN_QUERY)),
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

#[cfg(test)]
mod tests;
