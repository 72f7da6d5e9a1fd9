//! The state of one request, from its first hook to its last.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use crate::adapters::observe::metrics::Verdict;
use crate::auth::bounce::Arrival;
use crate::auth::denial::Denial;
use crate::auth::pass::Pass;
use crate::domain::origin::Scheme;
use crate::gateway::connection::cancel::Leash;
use crate::gateway::connection::response_timeout::AnswerTimer;
use crate::gateway::request::inbound::Facts;
use crate::gateway::request::unseen_end::Untold;
use crate::gateway::request::versions;
use crate::gateway::shared_state::{House, InFlight};
use crate::gateway::snapshot::Snapshot;

/// How far a request has come. `upstream_peer` demands `Admitted`; `logging`
/// reports whatever it ended as.
pub(in crate::gateway) enum Stage {
    /// Nothing is decided.
    Arrived,
    /// On its way to the app.
    Admitted(Pass),
    /// One of our endpoints answered.
    Served,
    /// Refused, by the gate or by something that broke on the way.
    Denied(Denial),
}

/// How a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Again {
    /// There was no descriptor, and a moment later there may be one.
    Later,
    /// A kept connection broke under the request. Another one may break too, so this time
    /// it is none of the pool: a request is sent twice at most.
    Afresh,
}

/// The context of a request.
pub(in crate::gateway) struct Ctx {
    /// The rules of this request, from beginning to end.
    pub(in crate::gateway) snapshot: Arc<Snapshot>,
    /// Where it stands.
    pub(in crate::gateway) stage: Stage,
    /// CORS headers of every answer to it.
    pub(in crate::gateway) cors: HeaderMap,
    /// `Set-Cookie`s of a session that was renewed on the way; on every answer.
    pub(in crate::gateway) cookies: Vec<HeaderValue>,
    /// Whether it comes from a bounce page of ours.
    pub(in crate::gateway) arrival: Arrival,
    /// What was read of it, once somebody looked.
    pub(in crate::gateway) facts: Option<Facts>,
    /// Who was admitted, for the log.
    pub(in crate::gateway) user: Option<crate::domain::id::UserId>,
    /// Bytes of the request body that went by.
    pub(in crate::gateway) body_seen: u64,
    /// Bytes of the answer's body that came from the app.
    pub(in crate::gateway) answer_seen: usize,
    /// Connections to the app that were tried.
    pub(in crate::gateway) tries: u8,
    /// What the next of them heeds.
    pub(in crate::gateway) again: Option<Again>,
    /// Who holds it can end the request; there inside of `front`, where every request is.
    pub(in crate::gateway) leash: Option<Arc<Leash>>,
    /// Ends the wait for the head of the app's answer.
    pub(in crate::gateway) answer_timer: Option<AnswerTimer>,
    /// What to say of it if its end passes pingora by.
    pub(in crate::gateway) untold: Option<Untold>,
    /// When the request began.
    pub(in crate::gateway) started: Instant,
    in_flight: InFlight,
}

impl Ctx {
    /// For a request that begins now.
    pub(in crate::gateway) fn new(house: &Arc<House>) -> Self {
        let started = Instant::now();
        Self {
            snapshot: house.snapshot(),
            stage: Stage::Arrived,
            cors: HeaderMap::new(),
            cookies: Vec::new(),
            arrival: Arrival::Direct,
            facts: None,
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
    pub(in crate::gateway) fn house(&self) -> &House {
        self.in_flight.house()
    }

    /// The proof of admission, if there is one.
    pub(in crate::gateway) fn pass(&self) -> Option<&Pass> {
        match &self.stage {
            Stage::Admitted(pass) => Some(pass),
            Stage::Arrived | Stage::Served | Stage::Denied(_) => None,
        }
    }

    /// The client, as far as a trusted proxy says.
    pub(in crate::gateway) fn client(&self) -> Option<IpAddr> {
        self.facts.as_ref().map(|facts| facts.request.client)
    }

    /// Whether the client speaks TLS with us or with a trusted proxy.
    pub(in crate::gateway) fn is_over_tls(&self) -> bool {
        let facts = self.facts.as_ref();
        facts.is_some_and(|facts| facts.request.scheme == Scheme::Https)
    }

    /// How it ended, for the log and the metrics.
    pub(in crate::gateway) fn verdict(&self) -> Verdict {
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

/// No `Pass`, no upstream. Cannot happen; if it does, it fails closed.
pub(in crate::gateway) fn not_admitted<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "the request was not admitted")
}

/// The head is here; from now on, how long the client may be silent.
pub(in crate::gateway) fn begin(session: &mut Session, ctx: &Ctx) {
    if let Some(leash) = &ctx.leash {
        leash.line.begins(session);
    }
    versions::arrived(session);
    let limits = &ctx.snapshot.settings.limits;
    session.set_read_timeout(Some(limits.client_read));
    session.set_write_timeout(Some(limits.idle_stream));
    session.set_total_drain_timeout(Some(limits.client_read));
}
