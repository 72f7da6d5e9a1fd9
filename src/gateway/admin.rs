//! The operators' listeners: health and metrics over TCP, and over `admin.sock` also
//! what changes something. Never on the public listener.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Response, StatusCode, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use super::house::House;
use super::reload::Reloader;
use crate::adapters::clock;
use crate::auth::ports::Revoked as _;

/// How long after the last word of a shared store `/readyz` still says yes. It is heard
/// twice a second.
const FRESH: Duration = Duration::from_secs(5);

/// Answers the operators.
pub(super) struct Admin {
    pub(super) house: Arc<House>,
    pub(super) reloader: Arc<Reloader>,
    /// Whether this is `admin.sock`, which only the operator can open.
    pub(super) over_socket: bool,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let path = request.uri.path().to_owned();
        let method = request.method.clone();
        match (method, path.as_str()) {
            (Method::GET | Method::HEAD, "/healthz") => text(StatusCode::OK, "ok\n"),
            (Method::GET | Method::HEAD, "/readyz") => self.ready().await,
            (Method::GET | Method::HEAD, "/metrics") => self.metrics().await,
            (Method::POST, "/api/reload") if self.over_socket => self.reload().await,
            (_, "/healthz" | "/readyz" | "/metrics") => {
                text(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD\n")
            }
            _ => text(StatusCode::NOT_FOUND, "nothing here\n"),
        }
    }
}

impl Admin {
    async fn ready(&self) -> Response<Vec<u8>> {
        if self.house.is_draining() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        match self.house.store.ready().await {
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
        let heard = self.house.replica.heard();
        heard.is_none_or(|heard| clock::now().since(heard) <= FRESH)
    }

    async fn metrics(&self) -> Response<Vec<u8>> {
        let is_up = self.house.store.ready().await.is_ok();
        let heard = self.house.replica.heard();
        let lag = heard.map(|heard| clock::now().since(heard));
        self.house.metrics.store(is_up, lag.unwrap_or_default());
        match self.house.metrics.render() {
            Ok(metrics) => {
                let mut response = text(StatusCode::OK, &metrics);
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
                );
                response
            }
            Err(e) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{e}\n")),
        }
    }

    async fn reload(&self) -> Response<Vec<u8>> {
        match self.reloader.reload("asked").await {
            Ok(()) => text(StatusCode::OK, "reloaded\n"),
            Err(e) => text(StatusCode::UNPROCESSABLE_ENTITY, &format!("{e}\n")),
        }
    }
}

fn text(status: StatusCode, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.as_bytes().to_vec());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    headers.insert(
        header::CACHE_CONTROL,
        http::HeaderValue::from_static("no-store"),
    );
    response
}
