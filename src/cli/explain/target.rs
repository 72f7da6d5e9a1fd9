//! What was asked about: method, place and path, byte for byte as they would be sent.

use http::{HeaderMap, Method};

use crate::config::settings::Settings;
use crate::domain::origin::{Authority, Origin, Scheme};
use crate::domain::request::{RequestFacts, RequestView};

/// A request line and where it goes.
pub(super) struct Target {
    pub(super) method: Method,
    pub(super) host: Authority,
    pub(super) path: String,
    pub(super) query: Option<String>,
    facts: RequestFacts,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error("`{0}` is not a method")]
    Method(String),
    #[error("`{0}` is neither a path (/admin/) nor a URL (https://app.example.com/admin/)")]
    Url(String),
    #[error("a space or a line end cannot stand in a request; write %20")]
    Blank,
}

impl Target {
    /// The host of a path alone is the gateway's own. What follows a `#` is never sent.
    pub(super) fn parse(method: &str, url: &str, settings: &Settings) -> Result<Self, TargetError> {
        let bad_method = |_invalid| TargetError::Method(method.to_owned());
        let method = Method::from_bytes(method.as_bytes()).map_err(bad_method)?;
        if url.contains([' ', '\t', '\r', '\n']) {
            return Err(TargetError::Blank);
        }
        let bad_url = || TargetError::Url(url.to_owned());
        let sent = url.split('#').next().unwrap_or_default();
        let (scheme, host, target) = match split(sent) {
            Some((scheme, authority, target)) => {
                let host = Authority::parse(authority.as_bytes()).ok_or_else(bad_url)?;
                (scheme, host, target)
            }
            None if sent.starts_with('/') => {
                let (scheme, host) = own_place(settings).ok_or_else(bad_url)?;
                (scheme, host, sent)
            }
            None => return Err(bad_url()),
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Ok(Self {
            method,
            facts: RequestFacts::bodiless(
                host.clone(),
                scheme,
                std::net::Ipv4Addr::LOCALHOST.into(),
            ),
            host,
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query,
        })
    }

    /// The request, with these fields.
    pub(super) fn view<'a>(&'a self, headers: &'a HeaderMap) -> RequestView<'a> {
        RequestView {
            method: &self.method,
            path: self.path.as_bytes(),
            query: self.query.as_deref().map(str::as_bytes),
            headers,
            facts: &self.facts,
        }
    }

    /// The origin of a page at the same place.
    pub(super) fn origin(&self) -> Option<Origin> {
        self.facts.own_origin(None)
    }
}

/// Scheme, authority, and path with query. Nothing is tidied up, as a URL library would.
fn split(url: &str) -> Option<(Scheme, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    Some((scheme, authority, target))
}

/// Where a browser goes: `public_url`, or else the first listener.
fn own_place(settings: &Settings) -> Option<(Scheme, Authority)> {
    if let Some(origin) = &settings.public_url {
        return Some((origin.scheme(), origin.authority().clone()));
    }
    let scheme = match settings.tls {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    };
    let listen = settings.listen.first()?.to_string();
    Some((scheme, Authority::parse(listen.as_bytes())?))
}
