//! Origins, hosts, addresses and the upstream: what is written like a URL but must
//! not have all its parts.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::problem::Fault;
use super::settings::Upstream;
use crate::domain::origin::ipv6_host;

/// The longest path of a Unix socket: `sun_path` is 108 bytes with its NUL.
const MAX_SOCKET_PATH: usize = 107;

/// A scheme, a host and a port, in the one spelling that a browser sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebOrigin {
    pub(crate) https: bool,
    /// Lower case; IPv6 in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl WebOrigin {
    /// Whether the host is this machine, where browsers treat http as secure.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Serialised as RFC 6454 §6.2: the scheme's own port left out.
impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = if self.https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == port {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

/// Whether a host is `localhost` or a loopback address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `public_url`: an origin, with or without `/` after it.
pub(crate) fn public_url(text: &str) -> Result<WebOrigin, Fault> {
    origin(text.strip_suffix('/').unwrap_or(text))
}

/// One of `cors.allowed_origins`: exactly what a browser sends in `Origin`.
pub(crate) fn allowed_origin(text: &str) -> Result<WebOrigin, Fault> {
    if text == "null" || text.is_empty() || text == "~" {
        return Err(Fault::new(
            "is not an origin: `null` is what every sandboxed page and file sends",
            "name the origin of the app that calls, such as https://app.example.com",
        ));
    }
    if text.contains('*') {
        return Err(Fault::new(
            "is a wildcard: any site could act for a signed-in user",
            "list every origin by itself, such as https://app.example.com",
        ));
    }
    origin(text)
}

fn origin(text: &str) -> Result<WebOrigin, Fault> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Fault::new(
            "is not an origin",
            "write scheme, host and, if it is unusual, the port: https://app.example.com",
        ));
    };
    let https = web_scheme(scheme)?;
    let (authority, path) = split_authority(rest);
    if !path.is_empty() {
        let mend = match authority.is_empty() {
            true => "write https://host".to_owned(),
            false => format!("write {scheme}://{authority}"),
        };
        return Err(Fault::new(
            "has something after the host: an origin ends there",
            mend,
        ));
    }
    let (host, port) = host_and_port(authority)?;
    let port = port.unwrap_or(if https { 443 } else { 80 });
    Ok(WebOrigin { https, host, port })
}

fn web_scheme(scheme: &str) -> Result<bool, Fault> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(true),
        "http" => Ok(false),
        _ => Err(Fault::new(
            "has another scheme than http or https",
            "write http://… or https://…",
        )),
    }
}

fn split_authority(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    rest.split_at(end)
}

/// `host[:port]`, the host in lower case, IPv6 in brackets and canonical.
pub(crate) fn host_and_port(authority: &str) -> Result<(String, Option<u16>), Fault> {
    if authority.contains('@') {
        return Err(Fault::new(
            "holds a user name or password",
            "remove all up to the @",
        ));
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let parsed = rest.split_once(']').and_then(|(inside, after)| {
            let ip: Ipv6Addr = inside.parse().ok()?;
            Some((ip, after))
        });
        let Some((ip, after)) = parsed else {
            return Err(Fault::new(
                "holds a broken IPv6 address",
                "write it as [2001:db8::1]",
            ));
        };
        let port = match after {
            "" => None,
            _ => Some(port(after.strip_prefix(':').unwrap_or_default())?),
        };
        return Ok((ipv6_host(ip), port));
    }
    if authority.matches(':').count() > 1 {
        return Err(Fault::new(
            "holds an IPv6 address without brackets",
            "write it as [2001:db8::1]",
        ));
    }
    let (name, port) = match authority.split_once(':') {
        Some((host, text)) => (host, Some(port(text)?)),
        None => (authority, None),
    };
    Ok((host(name)?, port))
}

fn port(text: &str) -> Result<u16, Fault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse::<u16>().ok().filter(|port| digits && *port > 0);
    parsed.ok_or_else(|| Fault::new("has a port that is none", "give between 1 and 65535"))
}

/// A host name or an IPv4 address, lower case.
pub(crate) fn host(text: &str) -> Result<String, Fault> {
    if !text.is_ascii() {
        return Err(Fault::new(
            "holds letters that host names do not have",
            "write the name in its xn-- form",
        ));
    }
    let name = text.to_ascii_lowercase();
    let label_is_fine = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Docker Compose names services with underscores.
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let fine = name.len() <= 253 && name.split('.').all(label_is_fine);
    // The last label of a name is never a number: `127.1` and `0x7f.1` are addresses
    // to a browser and names to others (WHATWG URL, "ends in a number").
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = match last.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    };
    if !fine || (numeric && name.parse::<std::net::Ipv4Addr>().is_err()) {
        return Err(Fault::new(
            "has no valid host",
            "write a name such as app.example.com or an address such as 10.0.0.7",
        ));
    }
    Ok(name)
}

/// One of `extra_hosts`: what a `Host` header holds.
pub(crate) fn extra_host(text: &str) -> Result<String, Fault> {
    if text.contains("://") || text.contains('/') {
        return Err(Fault::new(
            "is a URL",
            "write the host alone: app.internal:8080",
        ));
    }
    let (host, port) = host_and_port(text)?;
    Ok(match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// An address to listen on.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Fault> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let mend = match text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        Ok(port) => format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface"),
        Err(_) => match text.strip_prefix("localhost:") {
            Some(port) => format!("write 127.0.0.1:{port}: an address, not a name"),
            None => "write an address and a port: 127.0.0.1:8080 or [::1]:8080".to_owned(),
        },
    };
    Err(Fault::new("is not an address with a port", mend))
}

/// One of `trusted_proxies`: a network, or one address.
pub(crate) fn network(text: &str) -> Result<IpNet, Fault> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(ip.into());
    }
    let Ok(net) = text.parse::<IpNet>() else {
        return Err(Fault::new(
            "is neither a network nor an address",
            "write 10.0.0.0/8 or 10.1.2.3; names are not looked up",
        ));
    };
    if net != net.trunc() {
        return Err(Fault::new(
            "has address bits beyond its prefix length",
            format!("write {} or the address alone", net.trunc()),
        ));
    }
    Ok(net)
}

/// `upstream`: `http://host:port`, `https://host:port` or `unix:/path`.
pub(crate) fn upstream(text: &str) -> Result<Upstream, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return socket_path(path);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Fault::new(
            "is not a URL",
            "write http://host:port, https://host:port or unix:/path",
        ));
    };
    let https = web_scheme(scheme)?;
    let (authority, path) = split_authority(rest);
    if !matches!(path, "" | "/") {
        return Err(Fault::new(
            "has something after the host: requests keep their own path",
            format!("write {scheme}://{authority}"),
        ));
    }
    let (host, port) = host_and_port(authority)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Ok(if https {
        Upstream::Https {
            host,
            port: port.unwrap_or(443),
        }
    } else {
        Upstream::Http {
            host,
            port: port.unwrap_or(80),
        }
    })
}

fn socket_path(path: &str) -> Result<Upstream, Fault> {
    if !path.starts_with('/') {
        return Err(Fault::new(
            "is a socket without an absolute path",
            "write unix:/run/app.sock",
        ));
    }
    // unix:///run/app.sock, as other proxies write it.
    let path = format!("/{}", path.trim_start_matches('/'));
    if path.len() > MAX_SOCKET_PATH || path.len() < 2 || path.contains('\0') {
        return Err(Fault::new(
            format!("is not a path of 2 to {MAX_SOCKET_PATH} bytes, as sockets have"),
            "move the socket to a shorter path",
        ));
    }
    Ok(Upstream::Unix(PathBuf::from(path)))
}

#[cfg(test)]
#[path = "web_tests.rs"]
mod tests;
