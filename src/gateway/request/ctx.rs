//! The state of one request, from its first hook to its last.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderValue;
use pingora_proxy::Session;

use crate::adapters::entropy;
use crate::adapters::observe::metrics::Verdict;
use crate::auth::denial::Denial;
use crate::auth::pass::Pass;
use crate::domain::id::UserId;
use crate::domain::origin::Scheme;
use crate::domain::request_id::{RequestId, traceparent};
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::peer::Peer;
use crate::gateway::request::admission::Admission;
use crate::gateway::request::inbound::Facts;
use crate::gateway::request::versions;
use crate::gateway::shared_state::{InFlight, SharedState};
use crate::gateway::snapshot::Snapshot;
use crate::service::authorize::ReplyHeaders;

/// How far a request has come, with what belongs to that. `upstream_peer` demands
/// `Admitted`; `logging` reports whatever it ended as.
pub(crate) enum Stage {
    /// Nothing is decided.
    Arrived,
    /// On its way to the app.
    Admitted(Admission),
    /// One of our endpoints answered.
    Served,
    /// Refused, by the gate or by something that broke on the way.
    Denied(Denial),
}

impl Stage {
    /// The request on its way, if it is.
    pub(crate) fn admission(&self) -> Option<&Admission> {
        match self {
            Self::Admitted(admission) => Some(admission),
            Self::Arrived | Self::Served | Self::Denied(_) => None,
        }
    }

    /// The same, to go on with it.
    pub(crate) fn admission_mut(&mut self) -> Option<&mut Admission> {
        match self {
            Self::Admitted(admission) => Some(admission),
            Self::Arrived | Self::Served | Self::Denied(_) => None,
        }
    }

    /// The proof of admission, if there is one.
    pub(crate) fn pass(&self) -> Option<&Pass> {
        self.admission().map(|admission| &admission.pass)
    }
}

/// The context of a request.
pub(crate) struct Ctx {
    /// The rules of this request, from beginning to end.
    pub(crate) snapshot: Arc<Snapshot>,
    /// What was read of it, once somebody looked.
    pub(crate) facts: Option<Facts>,
    /// Where it stands.
    pub(crate) stage: Stage,
    /// What it is called on every hop and line.
    pub(crate) request_id: RequestId,
    /// The trace that it is a part of, by the client's word.
    pub(crate) traceparent: Option<HeaderValue>,
    /// What stands on every answer to it.
    pub(crate) reply_headers: ReplyHeaders,
    /// Whose it is, for the log.
    pub(crate) user: Option<UserId>,
    /// Who holds it can end the request; there inside of `server_app`, where every request is.
    pub(crate) handle: Option<Arc<CancelHandle>>,
    in_flight: InFlight,
}

impl Ctx {
    /// For a request that begins now.
    pub(crate) fn new(shared: &Arc<SharedState>) -> Self {
        Self {
            snapshot: shared.snapshot(),
            facts: None,
            stage: Stage::Arrived,
            request_id: RequestId::new(entropy::unique()),
            traceparent: None,
            reply_headers: ReplyHeaders::default(),
            user: None,
            handle: CancelHandle::of_this_request(),
            in_flight: shared.enter(Instant::now()),
        }
    }

    /// The head is here; from now on, how long the client may be silent.
    pub(crate) fn begin(&mut self, session: &mut Session) {
        let settings = &self.snapshot.settings;
        let header = &settings.request_id;
        // A stranger's id is not believed: it could be that of somebody else's request.
        if let Some(told) = RequestId::of_headers(&session.req_header().headers, &header.name)
            && Peer::of(session, &settings.trusted_proxies).trusted
        {
            self.request_id = told;
        }
        self.traceparent = traceparent(&session.req_header().headers).cloned();
        if let Some(handle) = &self.handle {
            handle.line.begins(session);
            let (id, trace) = (self.request_id.clone(), self.traceparent.clone());
            handle.name(header.spelled.clone(), id, trace);
        }
        versions::arrived(session);
        let limits = &settings.limits;
        session.set_read_timeout(Some(limits.client_read));
        session.set_write_timeout(Some(limits.idle_stream));
        session.set_total_drain_timeout(Some(limits.client_read));
    }

    /// Where it is being served.
    pub(crate) fn shared(&self) -> &SharedState {
        self.in_flight.shared()
    }

    /// When the request began.
    pub(crate) fn started(&self) -> Instant {
        self.in_flight.since()
    }

    /// The client, as far as a trusted proxy says.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.facts.as_ref().map(|facts| facts.request.client)
    }

    /// `Strict-Transport-Security`, where the client speaks TLS with us or with a trusted
    /// proxy.
    pub(crate) fn hsts(&self) -> Option<&HeaderValue> {
        let scheme = self.facts.as_ref().map(|facts| facts.request.scheme);
        let hsts = self.snapshot.hsts.as_ref();
        hsts.filter(|_| scheme == Some(Scheme::Https))
    }

    /// The header that carries the id, towards the app and back.
    pub(crate) fn id_header(&self) -> (Bytes, HeaderValue) {
        let header = &self.snapshot.settings.request_id;
        (header.spelled.clone(), self.request_id.as_header().clone())
    }

    /// How it ended, for the log and the metrics.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.stage {
            Stage::Arrived => Verdict::Abandoned,
            Stage::Admitted(_) => Verdict::Forwarded,
            Stage::Served => Verdict::Served,
            Stage::Denied(denial) => Verdict::Refused(denial.code()),
        }
    }
}
