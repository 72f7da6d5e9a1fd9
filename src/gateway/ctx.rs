//! The state of one request, from its first hook to its last.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};

use super::answer_timeout::AnswerTimer;
use super::dial::Again;
use super::house::{House, InFlight};
use super::inbound::Peer;
use super::leash::Leash;
use super::snapshot::Snapshot;
use super::untold::Untold;
use crate::adapters::observe::metrics::Verdict;
use crate::auth::bounce::Arrival;
use crate::auth::denial::Denial;
use crate::auth::pass::Pass;

/// How far a request has come. `upstream_peer` demands `Admitted`; `logging`
/// reports whatever it ended as.
pub(super) enum Stage {
    /// Nothing is decided.
    Arrived,
    /// On its way to the app.
    Admitted(Pass),
    /// One of our endpoints answered.
    Served,
    /// Refused, by the gate or by something that broke on the way.
    Denied(Denial),
}

/// The context of a request.
pub(super) struct Ctx {
    /// The rules of this request, from beginning to end.
    pub(super) snapshot: Arc<Snapshot>,
    /// Where it stands.
    pub(super) stage: Stage,
    /// CORS headers of every answer to it.
    pub(super) cors: HeaderMap,
    /// `Set-Cookie`s of a session that was renewed on the way; on every answer.
    pub(super) cookies: Vec<HeaderValue>,
    /// Whether it comes from a bounce page of ours.
    pub(super) arrival: Arrival,
    /// The client, as far as a trusted proxy says.
    pub(super) client: Option<IpAddr>,
    /// Who is on the other end of the connection, once somebody looked.
    pub(super) peer: Option<Peer>,
    /// Whether the client speaks TLS with us or with a trusted proxy.
    pub(super) over_tls: bool,
    /// Who was admitted, for the log.
    pub(super) user: Option<crate::domain::id::UserId>,
    /// Bytes of the request body that went by.
    pub(super) body_seen: u64,
    /// Bytes of the answer's body that came from the app.
    pub(super) answer_seen: usize,
    /// Connections to the app that were tried.
    pub(super) tries: u8,
    /// What the next of them heeds.
    pub(super) again: Option<Again>,
    /// Who holds it can end the request; there inside of `front`, where every request is.
    pub(super) leash: Option<Arc<Leash>>,
    /// Ends the wait for the head of the app's answer.
    pub(super) answer_timer: Option<AnswerTimer>,
    /// What to say of it if its end passes pingora by.
    pub(super) untold: Option<Untold>,
    /// When the request began.
    pub(super) started: Instant,
    in_flight: InFlight,
}

impl Ctx {
    /// For a request that begins now.
    pub(super) fn new(house: &Arc<House>) -> Self {
        let started = Instant::now();
        Self {
            snapshot: house.snapshot(),
            stage: Stage::Arrived,
            cors: HeaderMap::new(),
            cookies: Vec::new(),
            arrival: Arrival::Direct,
            client: None,
            peer: None,
            over_tls: false,
            user: None,
            body_seen: 0,
            answer_seen: 0,
            tries: 0,
            again: None,
            leash: Leash::of_this_request(),
            answer_timer: None,
            untold: None,
            started,
            in_flight: house.enter(started),
        }
    }

    /// Where it is being served.
    pub(super) fn house(&self) -> &House {
        self.in_flight.house()
    }

    /// The proof of admission, if there is one.
    pub(super) fn pass(&self) -> Option<&Pass> {
        match &self.stage {
            Stage::Admitted(pass) => Some(pass),
            Stage::Arrived | Stage::Served | Stage::Denied(_) => None,
        }
    }

    /// How it ended, for the log and the metrics.
    pub(super) fn verdict(&self) -> Verdict {
        match &self.stage {
            Stage::Arrived => Verdict::Abandoned,
            Stage::Admitted(_) => Verdict::Forwarded,
            Stage::Served => Verdict::Served,
            Stage::Denied(denial) => Verdict::Refused(denial.code()),
        }
    }
}

impl Drop for Ctx {
    fn drop(&mut self) {
        if let Some(untold) = self.untold.take() {
            untold.tell(self);
        }
    }
}
