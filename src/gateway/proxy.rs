//! Pingora's hooks: a table of contents. What each does stands in the file it names.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};

use super::ctx::{Ctx, Stage};
use super::endpoints::{self, Asked};
use super::head_timeout::HeadTimer;
use super::house::House;
use super::inbound::{self, Peer, X_FORWARDED_FOR};
use super::{failure, outbound, respond};
use crate::adapters::clock;
use crate::adapters::observe::access::{Access, Lines};
use crate::adapters::observe::metrics::Verdict;
use crate::auth::event::{Event, EventKind};
use crate::auth::gate::Decision;

/// Tries to connect to the app before giving up; nothing has been sent then, so
/// any method may be tried again.
const TRIES: u8 = 3;

/// The gateway as pingora sees it.
pub(super) struct Gateway {
    pub(super) house: Arc<House>,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::new(&self.house)
    }

    /// None: modules would run before the gate and cannot see our context.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        let limits = &ctx.snapshot.settings.limits;
        session.set_read_timeout(Some(limits.client_read));
        session.set_write_timeout(Some(limits.idle_stream));
        session.set_total_drain_timeout(Some(limits.client_read));
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        self.decide(session, ctx).await
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        count_body(body.as_ref(), ctx)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        self.choose_peer(session, ctx)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Ctx,
        e: Box<Error>,
    ) -> Box<Error> {
        self.try_again(ctx, e)
    }

    /// Pingora's rule, and one more: a wait that ran out looks like a kept connection
    /// that the app has closed, and would be waited for again.
    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut Ctx,
        client_reused: bool,
    ) -> Box<Error> {
        let mut e = e.more_context(format!("Peer: {peer}"));
        let ran_out = ctx.head_timer.as_ref().is_some_and(HeadTimer::ran_out);
        if ran_out
            || !session.req_header().method.is_idempotent()
            || session.as_ref().retry_buffer_truncated()
        {
            e.set_retry(false);
        } else {
            e.retry.decide_reuse(client_reused);
        }
        e
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        fd: std::os::unix::io::RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> Result<()> {
        let wait = ctx.snapshot.settings.limits.upstream_read;
        ctx.head_timer = Some(HeadTimer::start(fd, wait));
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        let peer = Peer::of(session, &ctx.snapshot.settings.trusted_proxies);
        match ctx.pass() {
            Some(pass) => outbound::request(session, upstream, ctx, pass, peer),
            None => not_admitted(),
        }
    }

    async fn upstream_response_filter(
        &self,
        _session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if !is_interim(answer) {
            ctx.head_timer = None;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if is_interim(answer) {
            return Ok(());
        }
        outbound::switch_protocols(session, answer, ctx);
        outbound::response(answer, ctx)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut Ctx) -> FailToProxy {
        self.report(session, e, ctx).await
    }

    async fn logging(&self, session: &mut Session, e: Option<&Error>, ctx: &mut Ctx) {
        self.log(session, e, ctx);
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, error: &Error) -> bool {
        *error.esource() == ErrorSource::Downstream
    }

    fn request_summary(&self, session: &Session, _ctx: &Ctx) -> String {
        // Pingora's own prints the query.
        session.req_header().method.to_string()
    }
}

impl Gateway {
    /// Decides, and answers whatever is not forwarded.
    async fn decide(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        let snapshot = Arc::clone(&ctx.snapshot);
        let proxies = &snapshot.settings.trusted_proxies;
        let peer = Peer::of(session, proxies);
        self.warn_of_forwarded_for(session, peer);
        let (verdict, asked) = {
            let view = inbound::view(session, peer, proxies);
            ctx.client = Some(view.client);
            ctx.over_tls = view.scheme == crate::domain::origin::Scheme::Https;
            let verdict = snapshot.policy.decide(&view, clock::now());
            let asked = matches!(verdict.decision, Decision::Serve(..))
                .then(|| Asked::of(&view, snapshot.policy.cookies.is_secure()));
            (verdict, asked)
        };
        ctx.cors = verdict.cors;
        ctx.user = verdict.refused;
        match (verdict.decision, asked) {
            (Decision::Forward(pass), _) => {
                ctx.user = pass
                    .session()
                    .map(|session| session.principal.user.identity.id.clone());
                ctx.stage = Stage::Admitted(pass);
                Ok(false)
            }
            (Decision::Serve(endpoint, presented), Some(asked)) => {
                endpoints::serve(&self.house, session, ctx, endpoint, presented, asked).await?;
                Ok(true)
            }
            (Decision::Serve(..), None) => not_admitted(),
            (Decision::Deny(denial, shown), _) => {
                respond::deny(session, ctx, denial, &shown).await?;
                Ok(true)
            }
        }
    }

    fn choose_peer(&self, session: &Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        if ctx.pass().is_none() {
            return not_admitted();
        }
        ctx.tries = ctx.tries.saturating_add(1);
        // The connection of an earlier try is gone, and its descriptor may be another's.
        ctx.head_timer = None;
        let upstream = &ctx.snapshot.upstream;
        let peer = if session.is_upgrade_req() {
            upstream.tunnel(&ctx.snapshot.settings.limits)
        } else {
            upstream.peer()
        };
        match peer {
            Some(peer) => Ok(Box::new(peer)),
            None => {
                self.house.resolve_now.notify_one();
                Err(
                    Error::explain(ErrorType::ConnectNoRoute, "the upstream has no address")
                        .into_up(),
                )
            }
        }
    }

    /// Asks for the name again, since the app may have moved, and tries another of
    /// its addresses if it has several.
    fn try_again(&self, ctx: &Ctx, mut e: Box<Error>) -> Box<Error> {
        self.house.resolve_now.notify_one();
        e.set_retry(ctx.tries < TRIES && usize::from(ctx.tries) < ctx.snapshot.upstream.places());
        e
    }

    /// Tells the client what broke, if anybody is there and nothing was said yet.
    async fn report(&self, session: &mut Session, e: &Error, ctx: &mut Ctx) -> FailToProxy {
        let timed_out = ctx.head_timer.take().is_some_and(|timer| timer.ran_out());
        let denial = if timed_out {
            Some(crate::auth::denial::Denial::UpstreamTimeout)
        } else {
            failure::denial_of(e)
        };
        let error_code = denial.map_or(499, |denial| denial.status().as_u16());
        // A 103 is no answer yet.
        let answered = session
            .response_written()
            .is_some_and(|written| !written.status.is_informational());
        if let Some(denial) = denial.filter(|_| !answered) {
            let proxies = &ctx.snapshot.settings.trusted_proxies;
            let peer = Peer::of(session, proxies);
            let shown = if inbound::view(session, peer, proxies).is_navigation() {
                crate::auth::redirect::Presentation::Page
            } else {
                crate::auth::redirect::Presentation::Problem
            };
            if let Err(e) = respond::deny(session, ctx, denial, &shown).await {
                log::debug!("the client was gone before it could be told: {e}");
            }
        }
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    fn log(&self, session: &Session, e: Option<&Error>, ctx: &Ctx) {
        let request = session.req_header();
        let status = session.response_written().map(|r| r.status.as_u16());
        let took = ctx.started.elapsed();
        let verdict = match e {
            Some(e) if status.is_none() && *e.esource() == ErrorSource::Downstream => {
                Verdict::Abandoned
            }
            _ => ctx.verdict(),
        };
        self.house.metrics.request(verdict, took);
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
            rule: ctx.pass().and_then(crate::auth::pass::Pass::rule),
        });
        if let Stage::Denied(denial) = &ctx.stage
            && denial.is_suspicious()
        {
            let mut event = Event::new(EventKind::Denied).reason(denial.code());
            event.client = ctx.client;
            event.user = ctx.user.clone();
            self.house.audit(&event);
        }
    }

    /// An `X-Forwarded-For` from somebody who is not in `trusted_proxies` is most
    /// often a proxy that the operator forgot to list.
    fn warn_of_forwarded_for(&self, session: &Session, peer: Peer) {
        use std::sync::atomic::Ordering;
        if !peer.trusted
            && session.req_header().headers.contains_key(&X_FORWARDED_FOR)
            && !self.house.forwarded_warned.swap(true, Ordering::Relaxed)
        {
            log::warn!(
                "{} sends X-Forwarded-For and is not in trusted_proxies; it is ignored",
                peer.address
            );
        }
    }
}

/// No `Pass`, no upstream. Cannot happen; if it does, it fails closed.
fn not_admitted<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "the request was not admitted")
}

/// Whether the head is a 1xx that announces another (103); a 101 is the last one.
fn is_interim(answer: &ResponseHeader) -> bool {
    answer.status.is_informational() && answer.status != http::StatusCode::SWITCHING_PROTOCOLS
}

/// A body over its limit is cut off where the limit is.
fn count_body(body: Option<&Bytes>, ctx: &mut Ctx) -> Result<()> {
    if let Some(timer) = &ctx.head_timer {
        timer.again();
    }
    let length = body.map_or(0, Bytes::len);
    ctx.body_seen = ctx
        .body_seen
        .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    match ctx.snapshot.settings.limits.request_body {
        Some(limit) if ctx.body_seen > limit => Error::e_explain(
            ErrorType::HTTPStatus(413),
            "the request body is over limits.request_body",
        ),
        _ => Ok(()),
    }
}
