//! The demo's app: shows who the gateway says you are, and the headers it sent.

use async_trait::async_trait;
use http::{HeaderValue, Response, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::adapters::pages::whoami;

/// An app without a login of its own.
pub(super) struct WhoAmI;

#[async_trait]
impl ServeHttp for WhoAmI {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let headers = &session.req_header().headers;
        let shown: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect();
        let name = headers
            .get("x-user-name")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("nobody");
        let body = whoami(name, &shown).into_bytes();
        let mut response = Response::new(body);
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_LENGTH,
            HeaderValue::from_str(&response_len(&shown)).unwrap_or(HeaderValue::from_static("0")),
        );
        response
    }
}

fn response_len(_: &[(String, String)]) -> String {
    String::new()
}
