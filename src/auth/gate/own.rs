//! A request for one of our own endpoints: which, whether it was meant, and with whose
//! session. What there is to know of an endpoint stands in its row of [`ENDPOINTS`].

use super::ticket::{PendingRenewal, ResumeAt};
use super::{Decision, Rejected, Step};
use crate::auth::cors::RequestOrigin;
use crate::auth::csrf::{self, CsrfMode, Token};
use crate::auth::denial::{Denial, Unproven};
use crate::auth::endpoint::{
    CsrfRule, ENDPOINTS, Endpoint, EndpointSpec, Place, SessionRule, Verb,
};
use crate::auth::policy::{Policy, Renewal};
use crate::auth::visitor::{AccessTokenState, Caller};
use crate::domain::cookie;
use crate::domain::id::SessionId;
use crate::domain::request::RequestView;
use crate::domain::time::Timestamp;

impl Policy {
    /// One of our own endpoints: renewed first, refused, or served.
    pub(super) fn own(
        &self,
        endpoint: &'static EndpointSpec,
        view: &RequestView<'_>,
        origin: &RequestOrigin,
        now: Timestamp,
    ) -> Result<Step, Rejected> {
        if endpoint.id == Endpoint::WhoAmI
            && let Some(bearer) = self.bearer(view, now)?
        {
            let program = Caller::with(AccessTokenState::Live(bearer.session));
            return Ok(Decision::Serve(endpoint, program).into());
        }
        let mut caller = Caller::read(self, view, now);
        caller.csrf_token_due = self.csrf_of(endpoint.csrf, view, origin, &caller)?;
        Ok(match caller.to_renew(now) {
            Some(refresh)
                if endpoint.session.renews() && self.session.renewal == Renewal::Silent =>
            {
                Step::Renew(PendingRenewal {
                    refresh,
                    caller,
                    purpose: ResumeAt::Endpoint(endpoint),
                })
            }
            _ => {
                if endpoint.session == SessionRule::Required {
                    caller.presented.clone().required()?;
                }
                Decision::Serve(endpoint, caller).into()
            }
        })
    }

    /// Which of our endpoints a request is for; matched exactly as sent.
    pub(super) fn endpoint(
        &self,
        view: &RequestView<'_>,
    ) -> Result<Option<&'static EndpointSpec>, Denial> {
        let under_prefix = view
            .path
            .strip_prefix(self.paths.prefix.as_bytes())
            .filter(|rest| rest.is_empty() || rest.starts_with(b"/"));
        let is_here = |place: Place| match place {
            Place::Under(rest) => under_prefix == Some(rest.as_bytes()),
            Place::Anywhere => false,
            place => {
                view.path == place.path(&self.paths).as_bytes()
                    && (place != Place::Jwks || self.tokens.jwks().is_some())
            }
        };
        let verb = Verb::of(view.method);
        let mut allow = None;
        for endpoint in ENDPOINTS.iter().filter(|row| is_here(row.place)) {
            if Some(endpoint.verb) == verb {
                return Ok(Some(endpoint));
            }
            allow = Some(match allow {
                None => endpoint.verb.methods(),
                Some(_) => "GET, HEAD, POST",
            });
        }
        match (allow, under_prefix) {
            (Some(allow), _) => Err(Denial::MethodNotAllowed { allow }),
            (None, Some(_)) => Err(Denial::NotFound),
            (None, None) => Ok(None),
        }
    }

    /// The check of an endpoint; whose token its form still owes.
    fn csrf_of(
        &self,
        rule: CsrfRule,
        view: &RequestView<'_>,
        origin: &RequestOrigin,
        caller: &Caller,
    ) -> Result<Option<SessionId>, Denial> {
        let by_origin = || csrf::check_origin(view, origin, self.cookies.is_confined());
        match rule {
            CsrfRule::Unchecked => return Ok(None),
            CsrfRule::Origin => return by_origin().map(|()| None),
            CsrfRule::Header | CsrfRule::HeaderOrForm | CsrfRule::HeaderOrFormAlways => {}
        }
        let Some(session) = caller.session() else {
            let counts = rule == CsrfRule::HeaderOrFormAlways
                || cookie::has_ours_of_now(view.headers, &self.cookies);
            return match self.csrf.mode {
                CsrfMode::Off => Ok(None),
                _ if counts => by_origin().map(|()| None),
                _ => Ok(None),
            };
        };
        // A token speaks for one session. Where the cookies name two, as after a sibling host
        // put one of its own beside ours, the origin must speak for the other.
        if caller.sessions().nth(1).is_some() && self.csrf.mode == CsrfMode::Token {
            by_origin()?;
        }
        match self.csrf_check(view, origin, session)? {
            Token::Right => Ok(None),
            Token::InForm if rule == CsrfRule::Header => Err(Denial::CsrfFailed(Unproven::Token)),
            Token::InForm => Ok(Some(session)),
        }
    }
}
