//! `doorward healthcheck`: exit 0 when the gateway is ready.

use std::net::IpAddr;

use super::socket::ask_tcp;
use super::{Config, Failure};

pub(super) fn healthcheck(config: &Config) -> Result<(), Failure> {
    let mut address = config.load()?.admin.listen;
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
