//! Pingora's hooks: a table of contents. What each does stands in the file it names.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};

use crate::gateway::decide;
use crate::gateway::request::access_record;
use crate::gateway::request::body;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::failure;
use crate::gateway::request::outbound;
use crate::gateway::request::upstream_response;
use crate::gateway::shared_state::SharedState;
use crate::gateway::upstream::attempt;

/// The gateway as pingora sees it.
pub(super) struct Gateway {
    pub(super) shared: Arc<SharedState>,
}

#[async_trait]
impl ProxyHttp for Gateway {
    // Pingora moves it from future to future.
    type CTX = Box<Ctx>;

    fn new_ctx(&self) -> Box<Ctx> {
        Box::new(Ctx::new(&self.shared))
    }

    /// None: modules would run before the gate and cannot see our context.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Box<Ctx>) -> Result<()> {
        ctx.begin(session);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Box<Ctx>) -> Result<bool> {
        decide::decide(&self.shared, session, ctx).await
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        chunk: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        body::count(chunk, end_of_stream, ctx)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut Box<Ctx>,
    ) -> Result<Box<HttpPeer>> {
        attempt::choose_peer(&self.shared, session, ctx).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Box<Ctx>,
        e: Box<Error>,
    ) -> Box<Error> {
        attempt::try_again(&self.shared, ctx, e)
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut Box<Ctx>,
        client_reused: bool,
    ) -> Box<Error> {
        attempt::retry_policy(peer, session, e, ctx, client_reused)
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        fd: std::os::unix::io::RawFd,
        digest: Option<&Digest>,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        attempt::await_head(session, fd, digest, ctx)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        outbound::request(session, upstream, ctx)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        attempt::see_head(session, head, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        upstream_response::response(&self.shared, session, head, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        chunk: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Box<Ctx>,
    ) -> Result<Option<Duration>> {
        upstream_response::piece(session, chunk.as_ref(), end_of_stream, ctx)?;
        Ok(None)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        e: &Error,
        ctx: &mut Box<Ctx>,
    ) -> FailToProxy {
        failure::report(&self.shared, session, e, ctx).await
    }

    async fn logging(&self, session: &mut Session, e: Option<&Error>, ctx: &mut Box<Ctx>) {
        access_record::record(&self.shared, session, e, ctx);
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Box<Ctx>, error: &Error) -> bool {
        *error.esource() == ErrorSource::Downstream
    }

    fn request_summary(&self, session: &Session, _ctx: &Box<Ctx>) -> String {
        // Pingora's own prints the query.
        session.req_header().method.to_string()
    }
}
