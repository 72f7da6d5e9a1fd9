//! The gateway, as its connections see it.

use std::net::IpAddr;

use crate::adapters::observe::metrics::Metrics;
use crate::config::settings::Limits;
use crate::gateway::connection::peer::trusts;
use crate::gateway::connection::surroundings::Surroundings;
use crate::gateway::connection::unread_answers::UnreadAnswers;
use crate::gateway::request::access_record;
use crate::gateway::shared_state::SharedState;
use crate::service::sessions::SessionService;

impl Surroundings for SharedState {
    fn limits(&self) -> Limits {
        self.snapshot().settings.limits.clone()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        trusts(&self.snapshot().settings.trusted_proxies, address)
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn unread(&self) -> &UnreadAnswers {
        &self.unread
    }

    fn sessions(&self) -> &SessionService {
        &self.sessions
    }

    /// After a take-over each of them is answered once more instead.
    fn closes_idle(&self) -> bool {
        !self.is_superseded()
    }

    fn malformed(&self, client: Option<IpAddr>, status: u16) {
        access_record::malformed(self, client, status);
    }
}
