//! Pingora's session in; the facts of its request out, and a view of both. Reads headers,
//! decides nothing.

use std::net::IpAddr;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Version};
use ipnet::IpNet;
use pingora::http::RequestHeader;
use pingora_proxy::Session;

use crate::auth::client_headers::{ClientHeaders, Sender};
use crate::domain::forwarded;
use crate::domain::lists::members;
use crate::domain::origin::{Authority, Scheme};
use crate::domain::request::{Framing, Host, RequestFacts, RequestView};
use crate::gateway::connection::chunks::Doubt;
use crate::gateway::connection::peer::{Peer, trusts};
use crate::gateway::request::handshake::Upgrade;
use crate::gateway::request::versions;

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What is read of a request once, and kept with it.
pub(crate) struct Facts {
    /// Who is on the other end of the connection.
    pub(crate) peer: Peer,
    /// The way from the peer to the client as far as trusted proxies tell it, the client last;
    /// empty where the peer itself is the client.
    pub(crate) chain: Vec<IpAddr>,
    /// Whether it has a header that must not reach the app as it came.
    pub(crate) drops_headers: bool,
    /// What the gate decides by.
    pub(crate) request: RequestFacts,
}

impl Facts {
    /// Reads them.
    pub(crate) fn of(
        session: &Session,
        trusted_proxies: &[IpNet],
        client_headers: &ClientHeaders,
    ) -> Self {
        let request = session.req_header();
        let headers = &request.headers;
        let peer = Peer::of(session, trusted_proxies);
        let chain = forwarded_chain(peer, headers, trusted_proxies);
        let (framing, content_length) = body(session, headers);
        Self {
            request: RequestFacts {
                host: host(request),
                scheme: scheme(peer, headers),
                client: client(peer, &chain),
                framing,
                content_length,
            },
            drops_headers: dropped(headers, peer, client_headers).next().is_some(),
            peer,
            chain,
        }
    }

    /// The view of a request with these facts that the gate decides on.
    pub(crate) fn view<'a>(&'a self, session: &'a Session) -> RequestView<'a> {
        let head = session.req_header();
        let target = origin_form(head.raw_path());
        RequestView::new(&head.method, target, &head.headers, &self.request)
    }
}

/// The headers that must not reach the app as they came from this peer.
pub(crate) fn dropped<'a>(
    headers: &'a HeaderMap,
    peer: Peer,
    client_headers: &ClientHeaders,
) -> impl Iterator<Item = &'a HeaderName> {
    let sender = match peer.trusted {
        true => Sender::TrustedProxy,
        false => Sender::Stranger,
    };
    let names = headers.keys();
    names.filter(move |name| client_headers.drops(name.as_str(), sender))
}

/// The path and query of a target, also of an absolute-form one (`GET
/// http://host/path`), whose authority pingora has compared with `Host`.
///
/// Only what begins with a scheme of ours is absolute. The attack is
/// `GET host:80/secret?://x/public/y`: pingora takes `host:80` for an authority and
/// forwards the bytes, so a `://` further on must not choose the rule.
pub(crate) fn origin_form(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let after = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = after(b"http://").or_else(|| after(b"https://")) else {
        return target;
    };
    match rest.iter().position(|&b| b == b'/' || b == b'?') {
        Some(at) => match rest.get(at..) {
            Some(path) if path.first() == Some(&b'/') => path,
            // `http://host?query` has an empty path; no rule could see it right.
            _ => b"",
        },
        None => b"/",
    }
}

/// RFC 9112 §3.2: an HTTP/1.1 request without `Host` is refused; HTTP/2 has
/// `:authority`. HTTP/1.0 may go without, but then is nowhere, so it is refused too.
fn host(request: &RequestHeader) -> Host {
    match host_field(request) {
        None => Host::Missing,
        Some(value) => Authority::parse(value).map_or(Host::Malformed, Host::At),
    }
}

/// The value of `Host`, or of `:authority` over HTTP/2, as sent.
pub(crate) fn host_field(request: &RequestHeader) -> Option<&[u8]> {
    match (request.version, request.uri.authority()) {
        (Version::HTTP_2, Some(authority)) => Some(authority.as_str().as_bytes()),
        _ => request.headers.get(header::HOST).map(HeaderValue::as_bytes),
    }
}

fn scheme(peer: Peer, headers: &HeaderMap) -> Scheme {
    let told = peer
        .trusted
        .then(|| forwarded::last_word(headers, &X_FORWARDED_PROTO));
    match told.flatten().and_then(forwarded::scheme) {
        Some(scheme) => scheme,
        None if peer.tls => Scheme::Https,
        None => Scheme::Http,
    }
}

/// The client: the rightmost address of `X-Forwarded-For` that is not a trusted
/// proxy's. Everything to the left of it was written by somebody untrusted.
fn client(peer: Peer, chain: &[IpAddr]) -> IpAddr {
    chain.last().copied().unwrap_or(peer.address)
}

/// See [`Facts::chain`].
fn forwarded_chain(peer: Peer, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Vec<IpAddr> {
    if !peer.trusted {
        return Vec::new();
    }
    let mut chain = Vec::new();
    for entry in members(headers, &X_FORWARDED_FOR).rev() {
        let Some(address) = forwarded::address(entry) else {
            break;
        };
        chain.push(address);
        if !trusts(trusted_proxies, address) {
            break;
        }
    }
    chain
}

/// The host that a trusted proxy was asked for, if it says so: the last of several, since
/// proxies append.
pub(crate) fn forwarded_host(peer: Peer, headers: &HeaderMap) -> Option<&[u8]> {
    let told = peer
        .trusted
        .then(|| forwarded::last_word(headers, &X_FORWARDED_HOST));
    told.flatten()
        .filter(|host| forwarded::host(host).is_some())
}

/// How the body is delimited, and its length if that is said.
fn body(session: &Session, headers: &HeaderMap) -> (Framing, Option<u64>) {
    let head = (!session.is_http2()).then(|| session.downstream_session.to_h1_raw());
    let head = head.as_deref().unwrap_or_default();
    if has_fragment(head) {
        return (Framing::CutTarget, None);
    }
    if session.req_header().extensions.get::<Doubt>().is_some() {
        return (Framing::Mended, None);
    }
    // Most requests have no body.
    let frames = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::EXPECT,
        header::UPGRADE,
    ];
    if !frames.iter().any(|name| headers.contains_key(name)) {
        return (Framing::Plain, None);
    }
    if versions::expects_something_else(headers) {
        return (Framing::UnknownExpectation, None);
    }
    if headers.contains_key(header::UPGRADE)
        && Upgrade::of(session.req_header()) == Upgrade::Malformed
    {
        return (Framing::MalformedHandshake, None);
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    // Others count in signed numbers, and would see a negative length.
    if length.is_some_and(|length: u64| i64::try_from(length).is_err()) {
        return (Framing::Conflicting, None);
    }
    (framing(head, headers), length)
}

/// Pingora drops `Content-Length` beside `Transfer-Encoding` before any hook, so the
/// raw head is asked; it forwards `gzip, chunked` as `chunked`, and `5, 5` or two
/// lengths that agree as they came (RFC 9110 §8.6 wants one number or a refusal).
fn framing(head: &[u8], headers: &HeaderMap) -> Framing {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next().map(HeaderValue::as_bytes);
    if lengths.next().is_some() || !length.unwrap_or_default().iter().all(u8::is_ascii_digit) {
        return Framing::Conflicting;
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Framing::Plain;
    };
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Framing::UnknownCoding;
    }
    if length.is_some() || has_length(head) {
        return Framing::Conflicting;
    }
    Framing::Plain
}

/// Whether the target in the first line of a head has a `#`: pingora cuts it off, and what
/// follows. A method may have one.
fn has_fragment(head: &[u8]) -> bool {
    if memchr::memchr(b'#', head).is_none() {
        return false;
    }
    let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    let target = memchr::memchr(b' ', line).and_then(|at| line.get(at..));
    target.is_some_and(|target| memchr::memchr(b'#', target).is_some())
}

fn has_length(head: &[u8]) -> bool {
    head.split(|&b| b == b'\n').any(|line| {
        line.get(..14)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"content-length"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_targets_are_judged_by_their_path() {
        for (target, path) in [
            (&b"/a?b"[..], &b"/a?b"[..]),
            (b"http://host/a?b", b"/a?b"),
            (b"http://host", b"/"),
            (b"http://host?x=/public/y", b""),
            (b"*", b"*"),
            (b"host:443", b"host:443"),
            (b"HTTPS://host/a", b"/a"),
            (
                b"host:80/secret?://x/public/y",
                b"host:80/secret?://x/public/y",
            ),
            (b"x://host/public/y", b"x://host/public/y"),
            (b"http:secret://x/public/y", b"http:secret://x/public/y"),
        ] {
            assert_eq!(origin_form(target), path);
        }
    }

    #[test]
    fn a_fragment_in_the_target_is_seen() {
        for (head, expected) in [
            (&b"GET /a HTTP/1.1\r\nX: #\r\n\r\n"[..], false),
            (b"G#T /a HTTP/1.1\r\n\r\n", false),
            (b"GET /a#b HTTP/1.1\r\n\r\n", true),
            (b"GET /a?b#c HTTP/1.1\r\n\r\n", true),
            (b"GET # HTTP/1.1\r\n\r\n", true),
            (b"", false),
        ] {
            assert_eq!(has_fragment(head), expected);
        }
    }

    #[test]
    fn the_client_is_the_rightmost_untrusted_address() {
        let trusted = [
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ];
        let peer = |address: &str| {
            let address = address.parse().unwrap();
            Peer {
                address,
                trusted: trusts(&trusted, address),
                tls: false,
            }
        };
        for (from, chain, expected) in [
            ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_FORWARDED_FOR, chain.parse().unwrap());
            let peer = peer(from);
            let got = client(peer, &forwarded_chain(peer, &headers, &trusted));
            assert_eq!(got.to_string(), expected, "{from} says {chain:?}");
        }
    }
}
