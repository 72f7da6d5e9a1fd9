//! Origins, hosts, addresses and the upstream: what is written like a URL but must
//! not have all its parts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net};

use crate::config::settings::Upstream;
use crate::domain::fault::Fault;
use crate::domain::origin::{Authority, Origin, Scheme, ipv6_host};

/// The longest path of a Unix socket: `sun_path` is 108 bytes with its NUL.
pub(crate) const MAX_SOCKET_PATH: usize = 107;
/// How many bits stand before an IPv4 address that is mapped into IPv6.
const MAPPED: u8 = 96;
/// How many bits of zero stand before an IPv4 address that is compatible with IPv6.
const COMPATIBLE: u8 = 96;

/// `public_url`: an origin, with or without `/` after it.
pub(crate) fn public_url(text: &str) -> Result<Origin, Fault> {
    origin(text.strip_suffix('/').unwrap_or(text))
}

/// One of `cors.allowed_origins`: exactly what a browser sends in `Origin`.
pub(crate) fn allowed_origin(text: &str) -> Result<Origin, Fault> {
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

fn origin(text: &str) -> Result<Origin, Fault> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Fault::new(
            "is not an origin",
            "write scheme, host and, if it is unusual, the port: https://app.example.com",
        ));
    };
    let scheme = web_scheme(scheme)?;
    let (authority, path) = split_authority(rest);
    if !path.is_empty() {
        return Err(Fault::proposing(
            "has something after the host: an origin ends there",
            &format!("{}://{authority}", scheme.as_str()),
            origin,
            "write https://host",
        ));
    }
    Ok(Origin::new(scheme, host_and_port(authority)?))
}

fn web_scheme(scheme: &str) -> Result<Scheme, Fault> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
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

/// `host[:port]`, in the spelling of browsers whatever the operator's was.
fn host_and_port(written: &str) -> Result<Authority, Fault> {
    let (host, port) = split_port(written)?;
    let text = match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    // What we spell, the type takes; a text that it does not take is no setting.
    Authority::parse(text.as_bytes()).ok_or_else(no_host)
}

/// The host in lower case, IPv6 in brackets and canonical.
fn split_port(authority: &str) -> Result<(String, Option<u16>), Fault> {
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
    let is_spelled_as_browsers_do =
        |name: &str| Authority::parse(name.as_bytes()).is_some_and(|host| host.is_canonical());
    if !fine || !is_spelled_as_browsers_do(&name) {
        return Err(no_host());
    }
    Ok(name)
}

fn no_host() -> Fault {
    Fault::new(
        "has no valid host",
        "write a name such as app.example.com or an address such as 10.0.0.7",
    )
}

/// One of `extra_hosts`: what a `Host` header holds.
pub(crate) fn extra_host(text: &str) -> Result<Authority, Fault> {
    if text.contains("://") || text.contains('/') {
        return Err(Fault::new(
            "is a URL",
            "write the host alone: app.internal:8080",
        ));
    }
    host_and_port(text)
}

/// One of `admin.hosts`: a name; the port of the listener does not matter.
pub(crate) fn admin_host(text: &str) -> Result<String, Fault> {
    let name = extra_host(text)?.to_string();
    if name.contains(':') {
        return Err(Fault::new(
            "is more than a name",
            "write the name alone, such as metrics.example.com; addresses need not be listed",
        ));
    }
    Ok(name)
}

/// An address to listen on.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Fault> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost").unwrap_or(text);
    let mend = match port.strip_prefix(':').unwrap_or(port).parse::<u16>() {
        Ok(port) => format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface"),
        Err(_) => "write an address and a port: 127.0.0.1:8080 or [::1]:8080".to_owned(),
    };
    Err(Fault::new("is not an address with a port", mend))
}

/// One of `listen`.
pub(crate) enum Listener {
    /// An address that we bind.
    Address(SocketAddr),
    /// A socket that the service manager passes, as `fd://NAME`.
    Passed(String),
}

/// One of `listen`: an address, or `fd://` and a name that `sd_listen_fds_with_names(3)` takes.
pub(crate) fn listener(text: &str) -> Result<Listener, Fault> {
    let Some(name) = text.strip_prefix("fd://") else {
        return listen(text).map(Listener::Address);
    };
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'#');
    match (1..=255).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(Listener::Passed(text.to_owned())),
        false => Err(Fault::new(
            "has no name of a socket behind fd://",
            "write the FileDescriptorName of the socket unit, such as fd://http",
        )),
    }
}

/// One of `trusted_proxies`: a network, or one address. Peers are compared as IPv4 where
/// their address is mapped into IPv6, and so is the network.
pub(crate) fn network(text: &str) -> Result<IpNet, Fault> {
    let Some(net) = address_and_length(text) else {
        return Err(Fault::new(
            "is neither a network nor an address",
            "write 10.0.0.0/8 or 10.1.2.3; names are not looked up",
        ));
    };
    if net != net.trunc() {
        return Err(Fault::proposing(
            "has address bits beyond its prefix length",
            &net.trunc().to_string(),
            network,
            "write a network such as 10.0.0.0/8, or the address alone",
        ));
    }
    let net = as_ipv4(net)?;
    if can_be_a_peer(&net) {
        return Ok(net);
    }
    Err(Fault::new(
        "is nothing that a connection can come from, so that it would never act",
        "write the network of the proxy, such as 10.0.0.0/8",
    ))
}

/// Read by the standard library, which takes no leading zeros: `010` is 8 to some programs.
fn address_and_length(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(IpNet::from);
    };
    let digits = length.bytes().all(|b| b.is_ascii_digit());
    let is_plain = digits && (length == "0" || !length.starts_with('0'));
    let length = is_plain.then(|| length.parse().ok())??;
    IpNet::new(address.parse().ok()?, length).ok()
}

/// The IPv4 network that is mapped into IPv6 (RFC 4291 §2.5.5.2).
fn as_ipv4(net: IpNet) -> Result<IpNet, Fault> {
    let IpNet::V6(v6) = net else { return Ok(net) };
    let (address, length) = (v6.addr().to_ipv4_mapped(), v6.prefix_len());
    if let (Some(address), Some(length)) = (address, length.checked_sub(MAPPED)) {
        let net = Ipv4Net::new(address, length).map(IpNet::V4);
        return net.map_err(|_longer| Fault::new("is not a network", "write 10.0.0.0/8"));
    }
    // All of IPv6 is written beside all of IPv4; of less, the mapped part was meant.
    if v6.contains(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()) && length > 0 {
        return Err(Fault::new(
            "holds IPv4 addresses mapped into IPv6, which are compared as IPv4",
            "write 0.0.0.0/0 or a smaller IPv4 network",
        ));
    }
    Ok(net)
}

fn can_be_a_peer(net: &IpNet) -> bool {
    let address = net.addr();
    let is_one = net.prefix_len() == net.max_prefix_len();
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    // `::10.0.0.1`: IPv4-compatible, and deprecated (RFC 4291 §2.5.5.1). `::1` is none.
    let is_compatible = match net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => {
            let of_zeros = net.addr().segments().starts_with(&[0; 6]);
            net.prefix_len() >= COMPATIBLE && of_zeros && !net.contains(&Ipv6Addr::LOCALHOST)
        }
    };
    !address.is_multicast()
        && !is_compatible
        && !(is_one && (address.is_unspecified() || is_broadcast))
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
    let scheme = web_scheme(scheme)?;
    let (authority, path) = split_authority(rest);
    if !matches!(path, "" | "/") {
        return Err(Fault::proposing(
            "has something after the host: requests keep their own path",
            &format!("{}://{authority}", scheme.as_str()),
            upstream,
            "write the place alone, such as http://127.0.0.1:3000",
        ));
    }
    let (host, port) = split_port(authority)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = port.unwrap_or(scheme.default_port());
    Ok(match scheme {
        Scheme::Https => Upstream::Https { host, port },
        Scheme::Http => Upstream::Http { host, port },
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
        return Err(no_socket_path());
    }
    Ok(Upstream::Unix(PathBuf::from(path)))
}

/// What is wrong with a path that no socket has.
pub(crate) fn no_socket_path() -> Fault {
    Fault::new(
        format!("is not a path of 2 to {MAX_SOCKET_PATH} bytes, as sockets have"),
        "move the socket to a shorter path",
    )
}

#[cfg(test)]
#[path = "web_tests.rs"]
mod tests;
