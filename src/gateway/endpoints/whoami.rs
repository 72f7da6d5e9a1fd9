//! The demo's app: shows who the gateway says you are, and the headers it sent.

use async_trait::async_trait;
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::adapters::pages::Pages;

/// An app without a login of its own.
pub(crate) struct Whoami {
    pub(crate) pages: Pages,
}

#[async_trait]
impl ServeHttp for Whoami {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let headers = &session.req_header().headers;
        let mut shown: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect();
        // What the gateway says comes first.
        shown.sort_by_key(|(name, _)| !name.starts_with("x-"));
        let name = headers
            .get("x-user-name")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("stranger");
        let name = percent_decode_str(name).decode_utf8_lossy();
        let page = self.pages.whoami(&name, &shown);
        page.into_reply(StatusCode::OK).into_response()
    }
}
