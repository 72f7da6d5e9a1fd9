//! What is left of a request when it has ended: a line, a count, perhaps an event.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::{Method, Uri};
use pingora::{Error, ErrorSource};
use pingora_proxy::Session;

use crate::adapters::clock;
use crate::adapters::observe::access::{self, Access};
use crate::adapters::observe::metrics::Verdict;
use crate::auth::event::{Event, EventKind};
use crate::auth::pass::Pass;
use crate::domain::id::{SessionId, UserId};
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::shared_state::House;
use crate::gateway::snapshot::Snapshot;

/// What nginx logs of a request whose client was gone before it was answered.
pub(in crate::gateway) const CLOSED: u16 = 499;

/// Records a request that has ended.
pub(in crate::gateway) fn record(
    house: &House,
    session: &Session,
    e: Option<&Error>,
    ctx: &mut Ctx,
) {
    // Nothing is waited for, also where the answer had no body.
    ctx.answer_timer = None;
    ctx.untold = None;
    let request = session.req_header();
    let status = session.response_written().map(|r| r.status.as_u16());
    let verdict = match e {
        Some(e) if status.is_none() && *e.esource() == ErrorSource::Downstream => {
            Verdict::Abandoned
        }
        _ => ctx.verdict(),
    };
    let ended = Ended {
        snapshot: &ctx.snapshot,
        started: ctx.started,
        client: ctx.client(),
        method: &request.method,
        uri: &request.uri,
        status: status.unwrap_or(CLOSED),
        bytes: session.body_bytes_sent(),
        verdict,
        user: ctx.user.as_ref(),
        session: ctx.pass().and_then(|pass| Some(pass.session()?.id)),
        rule: ctx.pass().and_then(Pass::rule),
    };
    ended.tell(house);
    if let Stage::Denied(denial) = &ctx.stage
        && denial.is_suspicious()
    {
        let mut event = Event::new(EventKind::Denied).reason(denial.code());
        event.client = ctx.client();
        event.user = ctx.user.clone();
        house.sessions.audit(&event);
    }
}

/// What there is to say of any request that has ended, by itself or cut off.
pub(in crate::gateway) struct Ended<'a> {
    pub(in crate::gateway) snapshot: &'a Snapshot,
    pub(in crate::gateway) started: Instant,
    pub(in crate::gateway) client: Option<IpAddr>,
    pub(in crate::gateway) method: &'a Method,
    pub(in crate::gateway) uri: &'a Uri,
    pub(in crate::gateway) status: u16,
    pub(in crate::gateway) bytes: usize,
    pub(in crate::gateway) verdict: Verdict,
    pub(in crate::gateway) user: Option<&'a UserId>,
    pub(in crate::gateway) session: Option<SessionId>,
    pub(in crate::gateway) rule: Option<usize>,
}

impl Ended<'_> {
    /// Counts the request and hands its access line over.
    pub(in crate::gateway) fn tell(self, house: &House) {
        let took = self.started.elapsed();
        house.metrics.request(self.verdict, took);
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
        };
        line.tell();
    }
}

/// Records what was refused before it was a request: where it came from and the status,
/// and nothing of what it was.
pub(in crate::gateway) fn malformed(house: &House, client: Option<IpAddr>, status: u16) {
    let took = Duration::ZERO;
    house.metrics.request(Verdict::Malformed, took);
    if !access::is_wanted() {
        return;
    }
    let line = Access {
        format: house.snapshot().settings.log.format,
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
    };
    line.tell();
}
