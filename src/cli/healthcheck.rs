//! `doorward healthcheck`: exit 0 when the gateway is ready.

use std::net::{IpAddr, SocketAddr};

use super::socket::ask_tcp;
use super::{Config, Failure};
use crate::adapters::config::{self, Environment};

pub(super) fn healthcheck(config: &Config) -> Result<(), Failure> {
    let env = Environment::from_process();
    // A configuration that cannot even be parsed was broken after the start.
    let mut address = config::admin_listen(config.file(), &env)
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9180)));
    if address.ip().is_unspecified() {
        // Listening everywhere is reached from here.
        let here: IpAddr = match address.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(here);
    }
    ask_tcp(address, "/readyz")
        .map(|_ready| ())
        .map_err(|e| Failure::new(Failure::UNAVAILABLE, e))
}
