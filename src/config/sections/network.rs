//! The listeners, the public URL and the upstream.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::adapters::regular;
use crate::domain::origin::{Authority, Origin, Scheme, ipv6_host};
use crate::domain::secret::Secret;

use crate::config::schema::context::unreadable;
use crate::config::schema::reader::{Section, Spot};
use crate::config::schema::secret_ref;
use crate::config::sections::values;
use crate::config::sections::web::{self, Listener};
use crate::config::settings::{Admin, Settings, Tls, Upstream, UpstreamTls};
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;

/// The largest PEM file: a chain of a few certificates has some 10 KiB.
const MAX_PEM: usize = 1024 * 1024;
/// It opens the admin API to whoever reaches the listener.
const MIN_ADMIN_TOKEN: usize = 16;
/// `tls.hsts`
const HSTS: Duration = Duration::from_secs(180 * 24 * 3600);

/// Reads `admin`.
pub(crate) fn admin(root: &Section<'_>) -> Admin {
    let admin = root.section("admin", "admin");
    Admin {
        listen: admin.or(
            "listen",
            SocketAddr::from((Ipv4Addr::LOCALHOST, 9180)),
            web::listen,
        ),
        token: admin.some("token").and_then(|spot| admin_token(&spot)),
        hosts: admin.list("hosts", Vec::new(), web::admin_host),
        role: admin.optional("role", values::role),
    }
}

/// Long enough not to be guessed, and of characters that a header can carry.
fn admin_token(spot: &Spot<'_>) -> Option<Secret> {
    let token = secret_ref::read(spot)?;
    let make = "make one with `openssl rand -hex 32`";
    let fault = if token.expose().len() < MIN_ADMIN_TOKEN {
        Fault::new(
            format!("is shorter than {MIN_ADMIN_TOKEN} characters"),
            make,
        )
    } else if !token.expose().iter().all(u8::is_ascii_graphic) {
        Fault::new("holds a space or a character beyond ASCII", make)
    } else {
        return Some(token);
    };
    spot.refuse_secret(fault);
    None
}

/// The addresses to bind, and the names of sockets that are passed.
pub(crate) fn listen(root: &Section<'_>) -> (Vec<SocketAddr>, Vec<String>) {
    let Some(spot) = root.get("listen") else {
        return (
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            Vec::new(),
        );
    };
    let one_or_more = match spot.node.shape {
        Shape::List(_) => spot.list(web::listener),
        _ => spot.parse(web::listener).into_iter().collect(),
    };
    let is_list = matches!(spot.node.shape, Shape::List(_));
    if is_list && spot.items().is_some_and(|items| items.is_empty()) {
        spot.refuse(Fault::new(
            "is an empty list",
            "name an address, such as 127.0.0.1:8080",
        ));
    }
    let (mut addresses, mut passed) = (Vec::new(), Vec::new());
    for one in one_or_more {
        match one {
            Listener::Address(address) => addresses.push(address),
            Listener::Passed(name) if passed.contains(&name) => {}
            Listener::Passed(name) => passed.push(name),
        }
    }
    (addresses, passed)
}

/// Reads `upstream`.
pub(crate) fn upstream(root: &Section<'_>) -> Upstream {
    if !root.has("upstream") {
        root.missing(
            "upstream",
            "say where the app is, such as `upstream: http://127.0.0.1:3000` or DOORWARD_UPSTREAM",
        );
    }
    // Never used: without a valid one there are no settings.
    let default = Upstream::Unix(PathBuf::new());
    root.or("upstream", default, web::upstream)
}

/// Reads `upstream_host`.
pub(crate) fn upstream_host(root: &Section<'_>, upstream: &Upstream) -> Option<Authority> {
    root.or("upstream_host", None, |text| match (text, upstream) {
        ("client", _) => Ok(None),
        ("upstream", Upstream::Unix(path)) if !path.as_os_str().is_empty() => Err(Fault::new(
            "asks for the host of a unix socket, which has none",
            "write the name that the app expects, or client",
        )),
        ("upstream", _) => Ok(upstream.authority()),
        (name, _) if ["client", "upstream", "null"].contains(&&*name.to_ascii_lowercase()) => {
            Err(Fault::new(
                "is no host, but nearly a word",
                "write client or upstream in small letters, or a name with a dot",
            ))
        }
        (name, _) => web::extra_host(name).map(Some),
    })
}

/// Reads `upstream_tls`.
pub(crate) fn upstream_tls(root: &Section<'_>, upstream: &Upstream) -> UpstreamTls {
    let section = root.section("upstream_tls", "upstream_tls");
    let ca = section.some("ca").and_then(|spot| {
        let path = spot.file_path()?;
        check_pem(&spot, &path, &["CERTIFICATE"], "a certificate");
        Some(path)
    });
    let server_name = section.optional("server_name", web::host);
    for key in ["ca", "server_name"] {
        if let Some(spot) = section.some(key)
            && !matches!(upstream, Upstream::Https { .. } | Upstream::Unix(_))
        {
            spot.refuse(Fault::new(
                "means nothing for an upstream without TLS",
                "remove it, or write upstream with https://",
            ));
        }
    }
    UpstreamTls { ca, server_name }
}

/// Reads `tls`.
pub(crate) fn tls(root: &Section<'_>, public_url: Option<&Origin>) -> Option<Tls> {
    root.some("tls")?;
    let section = root.section("tls", "tls");
    let file = |key: &str, tags: &[&str], what: &str| {
        let Some(spot) = section.some(key) else {
            section.missing(
                key,
                "give the path of a PEM file; a TLS listener needs both cert and key",
            );
            return None;
        };
        let path = spot.file_path()?;
        check_pem(&spot, &path, tags, what);
        Some(path)
    };
    let cert = file("cert", &["CERTIFICATE"], "a certificate");
    let key = file(
        "key",
        &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"],
        "a private key",
    );
    let redirect_from = section.optional("redirect_from", web::listen);
    if let Some(spot) = section.some("redirect_from")
        && !public_url.is_some_and(|origin| origin.scheme() == Scheme::Https)
    {
        spot.refuse(Fault::new(
            "needs to know where to redirect to",
            "set public_url to the https:// origin that browsers use",
        ));
    }
    let hsts = match section.get("hsts") {
        Some(_) => section.optional("hsts", values::any_seconds),
        None => Some(HSTS),
    };
    Some(Tls {
        cert: cert?,
        key: key?,
        redirect_from,
        hsts: hsts.filter(|span| !span.is_zero()),
    })
}

/// Whether the file holds PEM blocks of the kind; noted at the key if not.
fn check_pem(spot: &Spot<'_>, path: &Path, tags: &[&str], what: &str) {
    // It is read again at the start and after each renewal, which nothing but a file allows.
    if let Err(error) = regular::open(path) {
        return spot.refuse(unreadable(path, &error));
    }
    let bytes = match spot.cx.read(path, MAX_PEM) {
        Ok(bytes) => bytes,
        Err(fault) => return spot.refuse(fault),
    };
    let blocks = pem::parse_many(&bytes).unwrap_or_default();
    if blocks.iter().any(|block| tags.contains(&block.tag())) {
        return;
    }
    if blocks
        .iter()
        .any(|block| block.tag() == "ENCRYPTED PRIVATE KEY")
    {
        return spot.refuse(Fault::new(
            "names an encrypted key, and nobody is there to type its passphrase",
            "decrypt it with `openssl pkey`",
        ));
    }
    spot.refuse(Fault::new(
        format!("names a file that does not hold {what} in PEM"),
        format!(
            "give a file with a `-----BEGIN {}-----` block",
            tags.first().copied().unwrap_or_default()
        ),
    ));
}

/// No address is used twice, and the upstream is not ourselves.
pub(crate) fn refuse_collisions(root: &Section<'_>, settings: &Settings) {
    let mut taken: Vec<SocketAddr> = Vec::new();
    let mut claim = |address: SocketAddr, spot: Option<Spot<'_>>, what: &str| {
        if let Some(other) = taken
            .iter()
            .find(|other| exclude_each_other(**other, address))
        {
            let why = match *other == address {
                true => "which another listener has".to_owned(),
                false => format!("which the listener on {other} excludes"),
            };
            let fault = Fault::new(
                format!("has {address}, {why}"),
                format!("give {what} another port"),
            );
            match spot {
                Some(spot) => spot.refuse(fault),
                None => root.missing("admin.listen", &fault.mend),
            }
        }
        taken.push(address);
    };
    for address in &settings.listen {
        claim(*address, root.get("listen"), "each listener");
    }
    let admin = root.section("admin", "admin");
    let spot = admin.get("listen").or_else(|| root.get("listen"));
    claim(settings.admin.listen, spot, "the admin listener");
    if let Some(from) = settings.tls.as_ref().and_then(|tls| tls.redirect_from) {
        let spot = root.section("tls", "tls").get("redirect_from");
        claim(from, spot, "the redirect");
    }
    let (Upstream::Http { host, port } | Upstream::Https { host, port }) = &settings.upstream
    else {
        return;
    };
    let is_us = |own: &SocketAddr| {
        own.port() == *port
            && (own.ip().to_string() == *host
                || (means_this_machine(host)
                    && (own.ip().is_unspecified() || own.ip().is_loopback())))
    };
    if settings.listen.iter().any(is_us)
        && let Some(spot) = root.get("upstream")
    {
        spot.refuse(Fault::new(
            "is the address that we listen on ourselves",
            "give the app's own address, or listen elsewhere",
        ));
    }
}

/// Whether two listeners cannot both be had: one address, or every address and one of
/// them. Port 0 is another free port every time.
fn exclude_each_other(one: SocketAddr, other: SocketAddr) -> bool {
    // `[::]` takes IPv4 too, unless the system was told otherwise.
    let takes = |all: IpAddr, one: IpAddr| {
        all.is_unspecified() && (all.is_ipv6() || all.is_ipv4() == one.is_ipv4())
    };
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    let port = one.port();
    port != 0 && port == other.port() && (a == b || takes(a, b) || takes(b, a))
}

/// Whether a host is `localhost` or a loopback address.
fn means_this_machine(host: &str) -> bool {
    let bracketed = match host.parse() {
        Ok(address) => ipv6_host(address),
        Err(_) => host.to_owned(),
    };
    Authority::parse(bracketed.as_bytes()).is_some_and(|host| host.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_that_exclude_each_other() {
        for (one, other, excluded) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "0.0.0.0:80", true),
            ("[::]:80", "[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
        ] {
            let at = |text: &str| text.parse::<SocketAddr>().unwrap();
            for (a, b) in [(one, other), (other, one)] {
                assert_eq!(exclude_each_other(at(a), at(b)), excluded, "{a} {b}");
            }
        }
    }
}
