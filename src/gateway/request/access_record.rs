//! What is left of a request when it has ended: a line, a count, perhaps an event.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, StatusCode, Uri};
use pingora::{Error, ErrorSource};
use pingora_proxy::Session;

use crate::adapters::clock;
use crate::adapters::observe::access::{self, Access};
use crate::adapters::observe::metrics::Verdict;
use crate::auth::event::{Event, EventKind};
use crate::auth::pass::Pass;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request_id::RequestId;
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::shared_state::SharedState;
use crate::gateway::snapshot::Snapshot;

/// What nginx logs of a request whose client was gone before it was answered.
pub(crate) const CLOSED: u16 = 499;

/// Records a request that has ended.
pub(crate) fn record(shared: &SharedState, session: &Session, e: Option<&Error>, ctx: &mut Ctx) {
    // Nothing is waited for, also where the answer had no body.
    if let Some(admission) = ctx.stage.admission_mut() {
        admission.attempt.answer_timer = None;
        admission.untold = None;
    }
    let request = session.req_header();
    let status = session.response_written().map(|r| r.status.as_u16());
    let verdict = match e {
        Some(e) if status.is_none() && *e.esource() == ErrorSource::Downstream => {
            Verdict::Abandoned
        }
        _ => ctx.verdict(),
    };
    let pass = ctx.stage.pass();
    let ended = RequestSummary {
        snapshot: &ctx.snapshot,
        started: ctx.started(),
        client: ctx.client(),
        method: &request.method,
        uri: &request.uri,
        status: status.unwrap_or(CLOSED),
        bytes: session.body_bytes_sent(),
        verdict,
        user: ctx.user.as_ref(),
        session: pass.and_then(|pass| Some(pass.session()?.id)),
        rule: pass.and_then(Pass::rule),
        request_id: &ctx.request_id,
        traceparent: ctx.traceparent.as_ref(),
    };
    ended.tell(shared);
    if let Stage::Denied(denial) = &ctx.stage
        && denial.is_suspicious()
    {
        let mut event = Event::new(EventKind::Denied).reason(denial.code());
        event.client = ctx.client();
        event.user = ctx.user.clone();
        shared.sessions.audit(&event);
    }
}

impl Drop for Ctx {
    fn drop(&mut self) {
        unseen(self);
    }
}

/// Records a request whose end pingora did not see, unless it ended like any other.
fn unseen(ctx: &Ctx) {
    let (Some(handle), Some(admission)) = (&ctx.handle, ctx.stage.admission()) else {
        return;
    };
    let Some(untold) = &admission.untold else {
        return;
    };
    let why = handle.why();
    if why.is_none() && !handle.is_registered() || std::thread::panicking() {
        return;
    }
    let told = untold.status.unwrap_or_else(|| match why {
        // As `ConnectionHandle::say_why` says it.
        Some(why) if handle.line.arrival.is_http1() => why.status(),
        _ => StatusCode::from_u16(CLOSED).unwrap_or_default(),
    });
    let pass = &admission.pass;
    let ended = RequestSummary {
        snapshot: &ctx.snapshot,
        started: ctx.started(),
        client: ctx.client(),
        method: &untold.method,
        uri: &untold.uri,
        status: told.as_u16(),
        bytes: admission.answer_seen,
        verdict: why.map_or(Verdict::Forwarded, |why| Verdict::Refused(why.code())),
        user: ctx.user.as_ref(),
        session: pass.session().map(|session| session.id),
        rule: pass.rule(),
        request_id: &ctx.request_id,
        traceparent: ctx.traceparent.as_ref(),
    };
    ended.tell(ctx.shared());
}

/// What there is to say of any request that has ended, by itself or cut off.
pub(crate) struct RequestSummary<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) started: Instant,
    pub(crate) client: Option<IpAddr>,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) status: u16,
    pub(crate) bytes: usize,
    pub(crate) verdict: Verdict,
    pub(crate) user: Option<&'a UserId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) rule: Option<usize>,
    pub(crate) request_id: &'a RequestId,
    pub(crate) traceparent: Option<&'a HeaderValue>,
}

impl RequestSummary<'_> {
    /// Counts the request and hands its access line over.
    pub(crate) fn tell(self, shared: &SharedState) {
        let took = self.started.elapsed();
        shared.metrics.request(self.verdict, took);
        if !access::is_wanted() {
            return;
        }
        let settings = &self.snapshot.settings;
        let line = Access {
            format: settings.log.format,
            at: clock::now(),
            client: self.client,
            request: Some((self.method.clone(), self.uri.clone())),
            // A form sent with GET by mistake has the password there.
            shows_query: settings.log.query && self.uri.path() != settings.paths.login,
            status: self.status,
            bytes: self.bytes,
            took,
            verdict: self.verdict.label(),
            user: self.user.cloned(),
            session: self.session,
            rule: self.rule,
            request_id: Some(self.request_id.clone()),
            traceparent: self.traceparent.cloned(),
        };
        line.tell();
    }
}

/// Records what was refused before it was a request: where it came from and the status,
/// and nothing of what it was.
pub(crate) fn malformed(shared: &SharedState, client: Option<IpAddr>, status: u16) {
    let took = Duration::ZERO;
    shared.metrics.request(Verdict::Malformed, took);
    if !access::is_wanted() {
        return;
    }
    let line = Access {
        format: shared.snapshot().settings.log.format,
        at: clock::now(),
        client: client.map(|client| client.to_canonical()),
        request: None,
        shows_query: false,
        status,
        bytes: 0,
        took,
        verdict: Verdict::Malformed.label(),
        user: None,
        session: None,
        rule: None,
        request_id: None,
        traceparent: None,
    };
    line.tell();
}
