//! Access and audit lines: one a request, one an event, each under a target of its
//! own (`access`, `audit`), so that they can be filtered and shipped apart.
//!
//! The wording is an interface: log watchers match on it. Never a token, a cookie
//! value, a password, or the query of the login.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, Uri};

use super::fields::Fields;
use super::queue;
use crate::adapters::observe::fields::LogFormat;
use crate::auth::event::Event;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request_id::RequestId;
use crate::domain::time::Timestamp;

/// The target of access lines.
pub(crate) const ACCESS: &str = "access";
/// The target of audit lines.
pub(crate) const AUDIT: &str = "audit";

/// Whether access lines are written: asked on every request, so no filter is.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Whether access lines are written. Nothing has to be known of a request otherwise.
pub(crate) fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Says whether access lines are written from now on.
pub(super) fn want(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
}

/// One request that has ended. It owns what it holds: the line is made of it elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// How the line looks.
    pub format: LogFormat,
    /// When the request ended.
    pub at: Timestamp,
    /// The client.
    pub client: Option<IpAddr>,
    /// Method and target as sent; `None` of what could not be read as a request.
    pub request: Option<(Method, Uri)>,
    /// Whether the query may be shown.
    pub shows_query: bool,
    /// The status that the client got; 499: none, it was gone.
    pub status: u16,
    /// Bytes of the body that the client got.
    pub bytes: usize,
    /// From the head of the request to the end of the answer.
    pub took: Duration,
    /// How it ended.
    pub verdict: &'static str,
    /// Who was admitted.
    pub user: Option<UserId>,
    /// With which session.
    pub session: Option<SessionId>,
    /// By which rule, counted from 0.
    pub rule: Option<usize>,
    /// What the request is called; `None` of what could not be read as one.
    pub request_id: Option<RequestId>,
    /// The trace that it is a part of, by the client's word.
    pub traceparent: Option<HeaderValue>,
}

impl Access {
    /// Hands the line over to be written: soon, after those before it, and for sure as long
    /// as the process ends in its own time. Waits while too many are on their way.
    pub(crate) fn tell(self) {
        queue::put(self);
    }

    /// The fields of its line.
    pub(super) fn write(&self, fields: &mut Fields) {
        fields.begin(self.format);
        fields.optional("client", self.client);
        if let Some((method, uri)) = &self.request {
            fields.text("method", method);
            let path = uri.path();
            match uri.query().filter(|_| self.shows_query) {
                Some(query) => fields.text("path", format_args!("{path}?{query}")),
                None => fields.text("path", path),
            }
        }
        fields.number("status", self.status);
        fields.number("bytes", self.bytes);
        fields.number("duration_us", self.took.as_micros());
        fields.text("verdict", self.verdict);
        fields.optional("user", self.user.as_ref());
        fields.optional("session", self.session);
        if let Some(rule) = self.rule {
            fields.number("rule", rule);
        }
        names(fields, self.request_id.as_ref(), self.traceparent.as_ref());
    }
}

/// The end of each line: by what others know the request.
fn names(fields: &mut Fields, id: Option<&RequestId>, traceparent: Option<&HeaderValue>) {
    fields.optional("request_id", id);
    let traceparent = traceparent.and_then(|value| value.to_str().ok());
    fields.optional("traceparent", traceparent);
}

/// Writes an audit line, before it returns: whoever counts failed logins reads it. `id` and
/// `traceparent` are of the request that caused the event.
pub(crate) fn audit(
    format: LogFormat,
    event: &Event,
    id: Option<&RequestId>,
    traceparent: Option<&HeaderValue>,
) {
    let mut fields = Fields::default();
    fields.begin(format);
    fields.text("event", event.kind.name());
    fields.optional("user", event.user.as_ref());
    fields.optional("session", event.session);
    fields.optional("client", event.client);
    fields.optional("other_client", event.other_client);
    fields.optional("token", event.token.as_ref());
    fields.optional("reason", event.reason);
    names(&mut fields, id, traceparent);
    log::info!(target: AUDIT, "{}", fields.as_str());
}
