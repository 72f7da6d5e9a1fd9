//! What the words of the forwarding headers mean: the one table.
//!
//! Three headers are read, of `trusted_proxies` alone, and each has one meaning here:
//!
//! | header | words | read as | who says so |
//! |---|---|---|---|
//! | `X-Forwarded-Proto` | `http`, `ws`, `off` | the client came in plain | MDN; Traefik for WebSockets (`forwardedheaders`); nginx's `$https` |
//! | | `https`, `wss`, `on`, `ssl` | the client came over TLS | the same; IIS and old load balancers write `ssl` |
//! | | any other | nothing: the listener's own scheme counts | |
//! | `X-Forwarded-Host` | a host, perhaps with a port | where the client believes to be | MDN |
//! | `X-Forwarded-For` | an address, perhaps with a port, IPv6 perhaps in brackets | one hop | RFC 7239 §6 for ports and brackets |
//! | | `unknown`, `_name` and any other | the end of what is known: the hop before it is the client | RFC 7239 §6.2, §6.3 |
//!
//! Words count in any case. Of a list, and of several fields, the last word counts, since
//! proxies append (RFC 9110 §5.3 makes the two equal). A word in double quotes is the word.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;

use super::lists::members;
use super::origin::{Authority, Scheme};

/// What `X-Forwarded-Proto` may say.
const SCHEMES: [(&str, Scheme); 7] = [
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    // A proxy that was asked for a WebSocket.
    ("ws", Scheme::Http),
    ("wss", Scheme::Https),
    // `proxy_set_header X-Forwarded-Proto $https`.
    ("off", Scheme::Http),
    ("on", Scheme::Https),
    ("ssl", Scheme::Https),
];

/// The words of [`scheme`], for a person.
pub(crate) fn scheme_words() -> String {
    SCHEMES.map(|(word, _)| word).join(", ")
}

/// Headers of other proxies that carry a scheme and are not read: a stock nginx passes on
/// whatever its client wrote there.
pub(crate) const OTHER_SCHEME_HEADERS: [&str; 6] = [
    "x-forwarded-scheme",
    "x-forwarded-protocol",
    "x-forwarded-ssl",
    "x-url-scheme",
    "front-end-https",
    "forwarded",
];

/// The last word of a header; `None` without any.
pub(crate) fn last_word<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    members(headers, name).next_back().map(bare)
}

/// A word without blanks and quotes around it.
fn bare(word: &[u8]) -> &[u8] {
    let word = word.trim_ascii();
    let quoted = word.strip_prefix(b"\"").and_then(|w| w.strip_suffix(b"\""));
    quoted.unwrap_or(word)
}

/// The scheme that a word of `X-Forwarded-Proto` means.
pub(crate) fn scheme(word: &[u8]) -> Option<Scheme> {
    let mut known = SCHEMES.iter();
    known
        .find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, scheme)| *scheme)
}

/// The host that a word of `X-Forwarded-Host` means.
pub(crate) fn host(word: &[u8]) -> Option<Authority> {
    Authority::parse(word)
}

/// The address that a word of `X-Forwarded-For` means.
pub(crate) fn address(word: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bare(word)).ok()?;
    let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let parsed = bracketed.unwrap_or(text).parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn words_mean_what_the_table_says() {
        for (word, expected) in [
            ("http", Some(Scheme::Http)),
            ("https", Some(Scheme::Https)),
            ("HTTPS", Some(Scheme::Https)),
            ("ws", Some(Scheme::Http)),
            ("wss", Some(Scheme::Https)),
            ("Wss", Some(Scheme::Https)),
            ("on", Some(Scheme::Https)),
            ("off", Some(Scheme::Http)),
            ("ssl", Some(Scheme::Https)),
            ("", None),
            ("h2", None),
            ("HTTP/2.0", None),
            ("https:", None),
            ("httpss", None),
            ("1", None),
        ] {
            assert_eq!(scheme(word.as_bytes()), expected, "{word:?}");
        }
        for (word, expected) in [
            ("203.0.113.9", Some("203.0.113.9")),
            (" 203.0.113.9 ", Some("203.0.113.9")),
            ("203.0.113.9:4711", Some("203.0.113.9")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
            ("::ffff:203.0.113.9", Some("203.0.113.9")),
            ("unknown", None),
            ("_hidden", None),
            ("app.example.com", None),
            ("", None),
        ] {
            let got = address(word.as_bytes()).map(|address| address.to_string());
            assert_eq!(got.as_deref(), expected, "{word:?}");
        }
    }

    #[test]
    fn of_a_list_the_last_word_counts() {
        for (values, expected) in [
            (&["https"][..], Some("https")),
            (&["http, https"], Some("https")),
            (&["https,http "], Some("http")),
            (&["https", "http"], Some("http")),
            (&["\"https\""], Some("https")),
            (&["https,"], Some("")),
            (&[], None),
        ] {
            let name = HeaderName::from_static("x-forwarded-proto");
            let fields = values
                .iter()
                .map(|value| (name.clone(), HeaderValue::from_static(value)));
            let headers: HeaderMap = fields.collect();
            let word = last_word(&headers, &name);
            assert_eq!(word, expected.map(str::as_bytes), "{values:?}");
        }
    }
}
