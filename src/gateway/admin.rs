//! The operators' listeners: health and metrics for whoever reaches them, and the admin
//! API over `admin.sock`, or over TCP with `admin.token`. Never on the public listener.
//!
//! `config/openapi.yaml` describes all of it.

mod answer;
mod api;
mod door;
mod hosts;
mod sessions;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Method, Response, StatusCode, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use tokio::time::timeout;

use answer::text;

use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::ports::Revoked as _;
use crate::auth::problem::Refusal;
use crate::domain::reply::Reply;
use crate::gateway::connection::cancel;
use crate::gateway::process::reload::Reloader;
use crate::gateway::shared_state::SharedState;

/// How long after the last word of a shared store `/readyz` still says yes. It is heard
/// twice a second.
const MAX_SYNC_AGE: Duration = Duration::from_secs(5);

/// Answers the operators.
pub(super) struct Admin {
    pub(super) shared: Arc<SharedState>,
    pub(super) reloader: Arc<Reloader>,
    /// Whether this is `admin.sock`, which only the operator can open.
    pub(super) over_socket: bool,
}

/// A scrape does not wait longer for the store: the other numbers matter too. A guess.
const COUNT_TIMEOUT: Duration = Duration::from_secs(1);

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        cancel::head_is_whole();
        self.reply(session).await.into_response()
    }
}

impl Admin {
    async fn reply(&self, session: &mut ServerSession) -> Reply {
        let request = session.req_header();
        if !self.over_socket && !hosts::answers_to(request, &self.shared.snapshot().settings.admin)
        {
            return hosts::refusal();
        }
        let path = request.uri.path().to_owned();
        if path == "/api" || path.starts_with("/api/") {
            return self.api(session, &path).await;
        }
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        match path.as_str() {
            "/healthz" | "/readyz" | "/metrics" if !reads => {
                let allow = HeaderValue::from_static("GET, HEAD");
                text(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD\n").header(header::ALLOW, allow)
            }
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready().await,
            "/metrics" => self.metrics().await,
            _ => Refusal::from(Denial::NotFound).into_reply(None),
        }
    }

    async fn ready(&self) -> Reply {
        if self.shared.is_draining() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        match self.shared.sessions.store.ready().await {
            Ok(()) if self.is_fresh() => text(StatusCode::OK, "ready\n"),
            Ok(()) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the revocations of other gateways are not heard\n",
            ),
            Err(e) => {
                log::warn!("not ready: {e}");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the store does not answer\n",
                )
            }
        }
    }

    /// Whether what is known of revocations is of this moment, or nearly.
    fn is_fresh(&self) -> bool {
        let last_sync = self.shared.sessions.index.last_sync();
        last_sync.is_none_or(|last_sync| clock::now().distance(last_sync) <= MAX_SYNC_AGE)
    }

    async fn metrics(&self) -> Reply {
        // Without an answer the last number stays.
        let count = timeout(COUNT_TIMEOUT, self.shared.sessions.store.count()).await;
        let is_up = matches!(count, Ok(Ok(_)));
        if let Ok(Ok(count)) = count {
            self.shared.metrics.sessions(count);
        }
        let last_sync = self.shared.sessions.index.last_sync();
        let lag = last_sync.map(|last_sync| clock::now().since(last_sync));
        self.shared.metrics.store(is_up, lag.unwrap_or_default());
        if let Some(left) = self.reloader.certificate_left() {
            self.shared.metrics.certificate(left);
        }
        match self.shared.metrics.render() {
            Ok(metrics) => text(StatusCode::OK, &metrics).header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
            ),
            Err(e) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{e}\n")),
        }
    }
}
