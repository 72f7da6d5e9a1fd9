//! What stands on every answer to a request, the app's and our own.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{self, HeaderName};
use pingora::http::ResponseHeader;

use crate::auth::pass::Pass;
use crate::auth::ports::Revoked as _;
use crate::service::authorize::ReplyHeaders;
use crate::service::sessions::SessionService;

impl ReplyHeaders {
    /// CORS for an allowed origin, `Vary`, the id of the request, and HSTS where there is to be
    /// one.
    ///
    /// # Errors
    /// If a header cannot be set.
    pub(crate) fn stamp(
        &self,
        head: &mut ResponseHeader,
        (id_header, id): (Bytes, HeaderValue),
        hsts: Option<&HeaderValue>,
    ) -> pingora::Result<()> {
        head.insert_header(id_header, id)?;
        for (name, value) in &self.cors {
            head.insert_header(name, value)?;
        }
        head.append_header("Vary", HeaderValue::from_static("Origin"))?;
        if let Some(hsts) = hsts {
            head.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts)?;
        }
        Ok(())
    }

    /// The cookies. An answer that carries them is for one browser: whatever the app said of
    /// caching, no shared cache may keep it.
    ///
    /// # Errors
    /// If a header cannot be set.
    pub(crate) fn give_cookies(&self, head: &mut ResponseHeader) -> pingora::Result<()> {
        if self.cookies.is_empty() {
            return Ok(());
        }
        for cookie in &self.cookies {
            head.append_header(header::SET_COOKIE, cookie)?;
        }
        drop_words_to_shared_caches(head);
        let said = head.headers.get_all(header::CACHE_CONTROL).iter();
        let forbids = said
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.to_ascii_lowercase().contains("no-store"));
        let value = match forbids {
            true => "private, no-cache, no-store",
            false => "private, no-cache",
        };
        head.insert_header(header::CACHE_CONTROL, value)?;
        Ok(())
    }

    /// Drops the cookies of a renewal that time has passed by. The app may take a minute to
    /// answer, and meanwhile the browser got a later pair, or signed out and in again: the
    /// older pair would replace it, and its refresh token be taken for a thief's.
    pub(crate) fn drop_late_cookies(&mut self, sessions: &SessionService, pass: Option<&Pass>) {
        if self.cookies.is_empty() {
            return;
        }
        let Some(session) = pass.and_then(Pass::session) else {
            return;
        };
        let (deliveries, generation) = (&sessions.deliveries, session.generation);
        if sessions.index.is_revoked(session.id, session.user())
            || deliveries.superseded(session.id, generation)
        {
            self.cookies.clear();
        }
    }
}

/// Whether a field speaks to shared caches alone, which heed it before `Cache-Control`: nginx
/// its own, Akamai and older ones theirs, and all others a name that ends like it (RFC 9213).
pub(crate) fn is_for_shared_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "surrogate-control" | "x-accel-expires" | "edge-control" | "x-varnish-ttl"
    ) || name.ends_with("-cache-control")
        || name.ends_with("-surrogate-control")
}

/// Takes out what is said to shared caches alone.
pub(crate) fn drop_words_to_shared_caches(answer: &mut ResponseHeader) {
    let names = answer
        .headers
        .keys()
        .filter(|name| is_for_shared_caches(name));
    for name in names.cloned().collect::<Vec<_>>() {
        answer.remove_header(&name);
    }
}
