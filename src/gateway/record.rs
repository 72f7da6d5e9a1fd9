//! What is left of a request when it has ended: a line, a count, perhaps an event.

use pingora::{Error, ErrorSource};
use pingora_proxy::Session;

use super::ctx::{Ctx, Stage};
use super::house::House;
use crate::adapters::observe::access::{Access, Lines};
use crate::adapters::observe::metrics::Verdict;
use crate::auth::event::{Event, EventKind};
use crate::auth::pass::Pass;

/// Records a request that has ended.
pub(super) fn record(house: &House, session: &Session, e: Option<&Error>, ctx: &mut Ctx) {
    if let Some(open) = ctx.open.take() {
        open.ended();
    }
    let request = session.req_header();
    let status = session.response_written().map(|r| r.status.as_u16());
    let took = ctx.started.elapsed();
    let verdict = match e {
        Some(e) if status.is_none() && *e.esource() == ErrorSource::Downstream => {
            Verdict::Abandoned
        }
        _ => ctx.verdict(),
    };
    house.metrics.request(verdict, took);
    let settings = &ctx.snapshot.settings;
    Lines::new(settings.log.format).access(&Access {
        client: ctx.client,
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request
            .uri
            .query()
            .filter(|_| settings.log.query && request.uri.path() != settings.paths.login),
        status: status.unwrap_or(499),
        bytes: session.body_bytes_sent(),
        took,
        verdict: verdict.label(),
        user: ctx.user.as_ref(),
        session: ctx.pass().and_then(|pass| Some(pass.session()?.id)),
        rule: ctx.pass().and_then(Pass::rule),
    });
    if let Stage::Denied(denial) = &ctx.stage
        && denial.is_suspicious()
    {
        let mut event = Event::new(EventKind::Denied).reason(denial.code());
        event.client = ctx.client;
        event.user = ctx.user.clone();
        house.audit(&event);
    }
}
