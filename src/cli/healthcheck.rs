//! `doorward healthcheck`: exit 0 when the gateway is ready.

use std::net::SocketAddr;

use super::socket::ask_tcp;
use super::{Config, Failure};
use crate::config::{self, Environment};
use crate::gateway::process::watchdog::from_here;

pub(super) fn healthcheck(config: &Config) -> Result<(), Failure> {
    let env = Environment::from_process();
    // A configuration that cannot even be parsed was broken after the start.
    let address = config::admin_listen(config.file(), &env)
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9180)));
    ask_tcp(from_here(address), "/readyz")
        .map(|_ready| ())
        .map_err(|e| Failure::new(Failure::UNAVAILABLE, e))
}
