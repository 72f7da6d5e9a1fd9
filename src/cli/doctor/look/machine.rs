//! This machine: its addresses, and what the running gateway may open.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::MOST_ADDRESSES;
use crate::gateway::process::prepare::ADMIN_SOCKET;

/// The addresses of this machine, other than the loopback, with this port.
pub(super) fn addresses(port: u16) -> Vec<SocketAddr> {
    let interfaces = getifaddrs().into_iter().flatten();
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in interfaces.filter_map(|interface| interface.address) {
        let address: SocketAddr = if let Some(v4) = address.as_sockaddr_in() {
            SocketAddrV4::new(v4.ip(), port).into()
        } else if let Some(v6) = address.as_sockaddr_in6() {
            SocketAddrV6::new(v6.ip(), port, 0, v6.scope_id()).into()
        } else {
            continue;
        };
        if !address.ip().is_loopback() && !found.contains(&address) {
            found.push(address);
        }
    }
    found.truncate(MOST_ADDRESSES);
    found
}

/// How many files the gateway that listens on the admin socket may have open; `None` if
/// there is none, or it is another's.
pub(super) fn open_files_of_gateway(data_dir: &Path) -> Option<usize> {
    let socket = UnixStream::connect(data_dir.join(ADMIN_SOCKET)).ok()?;
    let gateway = getsockopt(&socket, PeerCredentials).ok()?;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
