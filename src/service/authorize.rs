//! The facts of a request in; the decision, and what every answer to it carries, out.
//!
//! The gate decides without waiting ([`crate::auth::gate`]). Where a session is to be renewed
//! first, that is done here, and the cookies of its new pair travel with the decision, whoever
//! writes the answer. What the request is made of, and who carries the decision out, is the
//! caller's business: a proxy, another proxy's question, a rehearsal.

use std::future::{Future, ready};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::adapters::entropy;
use crate::auth::bounce::Arrival;
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::gate::{Decision, Step};
use crate::auth::issue::Issued;
use crate::auth::policy::Policy;
use crate::auth::refresh::{RefreshToken, RefreshTrigger};
use crate::auth::session::Session;
use crate::auth::stored::Device;
use crate::domain::id::UserId;
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;
use crate::service::renewal::exchange;
use crate::service::sessions::SessionService;

/// The sessions that requests come with: those of the store, or a stand-in for them.
pub trait Sessions {
    /// A live access token of the session has arrived, or a good machine token.
    fn arrived(&self, session: &Session, view: &RequestView<'_>, now: Timestamp);

    /// A machine token was refused; what its program hears of it.
    fn refused(
        &self,
        _policy: &Policy,
        _view: &RequestView<'_>,
        denial: Denial,
        _now: Timestamp,
    ) -> Denial {
        denial
    }

    /// Exchanges the refresh token for the next pair.
    ///
    /// # Errors
    /// The denial that says why there is none.
    fn renew(
        &self,
        policy: &Policy,
        token: &RefreshToken,
        device: &Device,
        now: Timestamp,
    ) -> impl Future<Output = Result<Issued, Denial>> + Send;
}

impl Sessions for SessionService {
    fn arrived(&self, session: &Session, view: &RequestView<'_>, now: Timestamp) {
        if let Some(token) = &session.machine {
            if token.note(now) {
                let mut event = Event::new(EventKind::TokenUsed).user(session.user());
                event.token = Some(Arc::clone(token.name()));
                self.audit(&event.client(view.facts.client));
            }
            return;
        }
        let (generation, user) = (session.generation, session.user());
        self.deliveries.note(session.id, generation, user, now);
    }

    fn refused(
        &self,
        policy: &Policy,
        view: &RequestView<'_>,
        denial: Denial,
        now: Timestamp,
    ) -> Denial {
        let (client, machines) = (view.facts.client, &policy.machines);
        if let Some(retry_after) = self.refused_tokens.count(client, machines.window, now) {
            return Denial::TooManyAttempts { retry_after };
        }
        let presented = machines.presented(view.headers);
        let known = presented.and_then(|presented| machines.of(&presented));
        let mut event = Event::new(EventKind::TokenFailed).client(client);
        if let Some(known) = known {
            event.token = Some(Arc::clone(&known.token.name));
            event.user = known.session.as_ref().map(|session| session.user().clone());
        }
        self.audit(&event.reason(denial.code()));
        denial
    }

    async fn renew(
        &self,
        policy: &Policy,
        token: &RefreshToken,
        device: &Device,
        now: Timestamp,
    ) -> Result<Issued, Denial> {
        let (way, random) = (RefreshTrigger::Transparent, entropy::random());
        exchange(self, policy, token, way, device, now, random).await
    }
}

/// For a rehearsal: nothing that lasts is changed, and the function says what a renewal gives.
impl<F: Fn(&RefreshToken) -> Result<Issued, Denial>> Sessions for F {
    fn arrived(&self, _session: &Session, _view: &RequestView<'_>, _now: Timestamp) {}

    fn renew(
        &self,
        _policy: &Policy,
        token: &RefreshToken,
        _device: &Device,
        _now: Timestamp,
    ) -> impl Future<Output = Result<Issued, Denial>> + Send {
        ready(self(token))
    }
}

/// The headers that a decision gives to the answer, whoever writes it.
#[derive(Debug, Default)]
pub(crate) struct ReplyHeaders {
    /// CORS for an allowed origin; `Vary: Origin` goes with every answer.
    pub cors: HeaderMap,
    /// `Set-Cookie`s, as of a session that was opened or renewed on the way.
    pub cookies: Vec<HeaderValue>,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub(crate) struct Authorized {
    /// Refused, served or admitted.
    pub decision: Decision,
    /// What every answer carries.
    pub reply_headers: ReplyHeaders,
    /// Whose session it was, admitted or refused, for the log.
    pub user: Option<UserId>,
    /// Whether it comes from a bounce page of ours.
    pub arrival: Arrival,
}

/// Decides a request at `now`, with its session renewed where that is due.
pub(crate) async fn authorize(
    policy: &Policy,
    view: &RequestView<'_>,
    now: Timestamp,
    sessions: &impl Sessions,
) -> Authorized {
    let verdict = policy.decide(view, now);
    let arrival = policy.arrival(view, now);
    // Before any renewal: a session that is only now given out has not arrived anywhere.
    if let Some(session) = verdict.step.presented() {
        sessions.arrived(session, view, now);
    }
    let mut cookies = Vec::new();
    let (decision, refused) = match verdict.step {
        Step::Decided(Decision::Deny(denial, _)) if denial.refuses_token() => {
            let denial = sessions.refused(policy, view, denial, now);
            let shown = policy.present(denial, view);
            (Decision::Deny(denial, shown), verdict.refused)
        }
        Step::Decided(decision) => (decision, verdict.refused),
        Step::Renew(pending) => {
            let device = Device::of(view);
            let renewed = sessions.renew(policy, pending.refresh(), &device, now);
            // Rare, and large: not a part of each request's future.
            let renewed = Box::pin(renewed).await.map(|issued| {
                cookies = issued.cookies;
                (issued.session, issued.refresh)
            });
            policy.resume(view, pending, renewed)
        }
    };
    if arrival != Arrival::Direct {
        cookies.extend(policy.cookies.clear_bounce());
    }
    let user = match &decision {
        Decision::Forward(pass) => pass.session().map(|session| session.user().clone()),
        Decision::Deny(..) | Decision::Serve(..) => refused,
    };
    let cors = verdict.cors;
    Authorized {
        decision,
        reply_headers: ReplyHeaders { cors, cookies },
        user,
        arrival,
    }
}

#[cfg(test)]
mod tests;
