//! What is a WebSocket handshake, and what only says so (RFC 6455 section 4.1).
//!
//! Pingora 0.9.1 takes any request with `Upgrade: websocket` for one, by whatever method,
//! with a body, and whether `Connection` names the field or not. A server in front of us
//! that sees an ordinary request there would go on reading requests where we carry a tunnel.

use http::header;
use http::{HeaderMap, Method, Version};
use pingora::http::RequestHeader;

use crate::domain::lists::members;

/// What a request wants to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// Nothing that we know: the field is void (RFC 9110 section 7.8).
    Void,
    /// A WebSocket.
    WebSocket,
    /// A WebSocket, in a way that others may not take for a handshake.
    Malformed,
}

impl Upgrade {
    /// Of a request with an `Upgrade`.
    pub(crate) fn of(head: &RequestHeader) -> Self {
        let headers = &head.headers;
        // HTTP/1.0 knows no upgrades, and HTTP/2 has none.
        if head.version != Version::HTTP_11 || !names(headers, &header::UPGRADE, b"websocket") {
            return Self::Void;
        }
        let mut upgrades = headers.get_all(header::UPGRADE).iter();
        let is_alone = upgrades
            .next()
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
            && upgrades.next().is_none();
        let has_body = headers.contains_key(header::CONTENT_LENGTH)
            || headers.contains_key(header::TRANSFER_ENCODING);
        let is_named = names(headers, &header::CONNECTION, b"upgrade");
        if is_alone && is_named && !has_body && head.method == Method::GET {
            Self::WebSocket
        } else {
            Self::Malformed
        }
    }
}

/// Whether a list has this member.
fn names(headers: &HeaderMap, list: &header::HeaderName, member: &[u8]) -> bool {
    members(headers, list).any(|one| one.eq_ignore_ascii_case(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    #[test]
    fn only_a_handshake_is_one() {
        use Upgrade::{Malformed, Void, WebSocket};
        const UPGRADE: (&str, &str) = ("Upgrade", "websocket");
        const CONNECTION: (&str, &str) = ("Connection", "Upgrade");
        let table: [(&str, Version, Fields, Upgrade); 17] = [
            ("GET", Version::HTTP_11, &[UPGRADE, CONNECTION], WebSocket),
            (
                "GET",
                Version::HTTP_11,
                &[
                    ("Upgrade", "WebSocket"),
                    ("Connection", "keep-alive, UPGRADE"),
                ],
                WebSocket,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[UPGRADE, ("Connection", "keep-alive"), CONNECTION],
                WebSocket,
            ),
            ("GET", Version::HTTP_11, &[UPGRADE], Malformed),
            (
                "GET",
                Version::HTTP_11,
                &[UPGRADE, ("Connection", "upgraded")],
                Malformed,
            ),
            ("POST", Version::HTTP_11, &[UPGRADE, CONNECTION], Malformed),
            ("HEAD", Version::HTTP_11, &[UPGRADE, CONNECTION], Malformed),
            (
                "GET",
                Version::HTTP_11,
                &[UPGRADE, CONNECTION, ("Content-Length", "0")],
                Malformed,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[UPGRADE, CONNECTION, ("Transfer-Encoding", "chunked")],
                Malformed,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[UPGRADE, UPGRADE, CONNECTION],
                Malformed,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[("Upgrade", "websocket, foo"), CONNECTION],
                Malformed,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[("Upgrade", "h2c"), UPGRADE, CONNECTION],
                Malformed,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[("Upgrade", "h2c"), CONNECTION],
                Void,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[("Upgrade", "websockets"), CONNECTION],
                Void,
            ),
            (
                "GET",
                Version::HTTP_11,
                &[("Upgrade", ""), CONNECTION],
                Void,
            ),
            ("GET", Version::HTTP_10, &[UPGRADE, CONNECTION], Void),
            ("GET", Version::HTTP_2, &[UPGRADE], Void),
        ];
        for (method, version, fields, expected) in table {
            let mut head = RequestHeader::build(method, b"/ws", None).unwrap();
            head.set_version(version);
            for (name, value) in fields {
                head.append_header(*name, *value).unwrap();
            }
            assert_eq!(
                Upgrade::of(&head),
                expected,
                "{method} {version:?} {fields:?}"
            );
        }
    }
}
