//! What a connection asks of the gateway around it, and all that it knows of it.

use std::fmt;
use std::net::IpAddr;

use crate::adapters::observe::metrics::Metrics;
use crate::config::settings::Limits;
use crate::gateway::connection::unread_answers::UnreadAnswers;
use crate::service::sessions::SessionService;

/// The gateway, as a connection sees it.
pub(crate) trait Surroundings: Send + Sync {
    /// Those of this moment.
    fn limits(&self) -> Limits;

    /// Whether an address is that of a trusted proxy.
    fn trusts(&self, address: IpAddr) -> bool;

    /// What is counted.
    fn metrics(&self) -> &Metrics;

    /// What of all answers was not taken.
    fn unread(&self) -> &UnreadAnswers;

    /// Where exchanges that last are registered.
    fn sessions(&self) -> &SessionService;

    /// Whether connections that wait for a request are closed when the process stops.
    fn closes_idle(&self) -> bool;

    /// Something was refused of which no hook has heard.
    fn malformed(&self, client: Option<IpAddr>, status: u16);
}

impl fmt::Debug for dyn Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}
