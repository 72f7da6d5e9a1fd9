//! A request as a browser sends it, twelve fields and three cookies of the app among them.

use std::net::{IpAddr, Ipv4Addr};

use doorward::domain::origin::{Authority, Scheme};
use doorward::domain::request::{Framing, Host, RequestFacts, RequestView};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Uri};

/// Chromium on a page of the app.
const FIELDS: [(&str, &str); 11] = [
    ("host", "app.example.com"),
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://app.example.com/reports/2026"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("cache-control", "max-age=0"),
];

/// Cookies of the app.
const COOKIES: &str =
    "theme=dark; _ga=GA1.1.1234567890.1790000000; app_session=9f8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d";

/// A request that is here whole.
pub(crate) struct Request {
    method: Method,
    uri: Uri,
    /// Its fields.
    pub(crate) headers: HeaderMap,
    facts: RequestFacts,
}

impl Request {
    /// The same with this machine token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        self.headers.insert(header::AUTHORIZATION, value);
        self
    }

    /// A GET, with one more cookie, name and value, between those of the app.
    pub(crate) fn browser(target: &str, cookie: Option<(&str, &str)>) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in FIELDS {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let cookies = match cookie {
            Some((name, value)) => COOKIES.replacen("; ", &format!("; {name}={value}; "), 1),
            None => COOKIES.to_owned(),
        };
        headers.insert(header::COOKIE, HeaderValue::try_from(cookies).unwrap());
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        let facts = RequestFacts {
            host: host
                .and_then(Authority::parse)
                .map_or(Host::Missing, Host::At),
            scheme: Scheme::Https,
            client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            framing: Framing::Plain,
            content_length: None,
        };
        Self {
            method: Method::GET,
            uri: target.parse().unwrap(),
            headers,
            facts,
        }
    }

    /// As the gate sees it, with what was read of it when it came.
    pub(crate) fn view(&self) -> RequestView<'_> {
        let target = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        RequestView::new(&self.method, target.as_bytes(), &self.headers, &self.facts)
    }
}
