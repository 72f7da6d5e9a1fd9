//! Who is on the other end of a connection.

use std::net::IpAddr;

use ipnet::IpNet;
use pingora::protocols::l4::socket::SocketAddr;
use pingora_proxy::Session;

/// Who is on the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The TCP peer.
    pub(crate) address: IpAddr,
    /// Whether we believe what it says about its own clients.
    pub(crate) trusted: bool,
    /// Whether it speaks TLS with us.
    pub(crate) tls: bool,
}

impl Peer {
    pub(crate) fn of(session: &Session, trusted_proxies: &[IpNet]) -> Self {
        let address = match session.client_addr() {
            Some(SocketAddr::Inet(address)) => address.ip().to_canonical(),
            // A unix socket has no address; only this machine can reach it.
            _ => IpAddr::from([127, 0, 0, 1]),
        };
        Self {
            address,
            trusted: trusts(trusted_proxies, address),
            tls: session.digest().is_some_and(|d| d.ssl_digest.is_some()),
        }
    }
}

pub(crate) fn trusts(trusted_proxies: &[IpNet], address: IpAddr) -> bool {
    trusted_proxies.iter().any(|net| net.contains(&address))
}
