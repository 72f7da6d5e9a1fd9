//! The plain listener beside a TLS one: sends everybody to `public_url`.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderValue, Response, StatusCode, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::adapters::entropy;
use crate::domain::reply::Reply;
use crate::domain::request_id::RequestId;
use crate::gateway::connection::cancel;
use crate::gateway::shared_state::SharedState;

/// `tls.redirect_from`: every request is sent to the same path of `public_url`, 308
/// so that the method stays.
pub(crate) struct Redirect {
    pub(crate) shared: Arc<SharedState>,
}

#[async_trait]
impl ServeHttp for Redirect {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        cancel::head_is_whole();
        let target = session.req_header().uri.path_and_query();
        // `*` would become a part of the host.
        let target = target.map_or("/", http::uri::PathAndQuery::as_str);
        let target = target.starts_with('/').then_some(target);
        let snapshot = self.shared.snapshot();
        let location = target
            .zip(snapshot.settings.public_url.as_ref())
            .and_then(|(target, to)| HeaderValue::try_from(format!("{to}{target}")).ok());
        let reply = match location {
            Some(location) => {
                Reply::empty(StatusCode::PERMANENT_REDIRECT).header(header::LOCATION, location)
            }
            None => Reply::empty(StatusCode::BAD_REQUEST),
        };
        let id = RequestId::new(entropy::unique()).as_header().clone();
        let name = snapshot.settings.request_id.name.clone();
        reply.header(name, id).into_response()
    }
}
