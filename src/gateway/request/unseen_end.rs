//! The line in the log of a request whose end pingora did not see.

use http::{Method, StatusCode, Uri};
use pingora_proxy::Session;

use crate::adapters::observe::metrics::Verdict;
use crate::gateway::request::access_record::{CLOSED, Ended};
use crate::gateway::request::ctx::Ctx;

/// What there is to say of a request whose future was dropped, as that of a request that is
/// cut is: pingora's `logging` does not run for it.
pub(in crate::gateway) struct Untold {
    method: Method,
    uri: Uri,
    /// Of the answer, once it has begun.
    status: Option<StatusCode>,
    /// Of its body.
    bytes: usize,
}

impl Untold {
    /// A request that was admitted.
    pub(in crate::gateway) fn of(session: &Session) -> Self {
        let request = session.req_header();
        Self {
            method: request.method.clone(),
            uri: request.uri.clone(),
            status: None,
            bytes: 0,
        }
    }

    /// The answer has begun.
    pub(in crate::gateway) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Its body went on by so many bytes.
    pub(in crate::gateway) fn passed(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Writes the access line and counts the request, unless it ended like any other.
    pub(in crate::gateway) fn tell(self, ctx: &Ctx) {
        let (Some(leash), Some(pass)) = (&ctx.leash, ctx.pass()) else {
            return;
        };
        let why = leash.why();
        if why.is_none() && !leash.is_registered() || std::thread::panicking() {
            return;
        }
        let told = self.status.unwrap_or_else(|| match why {
            // As `Line::say_why` says it.
            Some(why) if leash.line.arrival.is_http1() => why.status(),
            _ => StatusCode::from_u16(CLOSED).unwrap_or_default(),
        });
        let ended = Ended {
            snapshot: &ctx.snapshot,
            started: ctx.started,
            client: ctx.client(),
            method: &self.method,
            uri: &self.uri,
            status: told.as_u16(),
            bytes: self.bytes,
            verdict: why.map_or(Verdict::Forwarded, |why| Verdict::Refused(why.code())),
            user: ctx.user.as_ref(),
            session: pass.session().map(|session| session.id),
            rule: pass.rule(),
        };
        ended.tell(ctx.house());
    }
}
