//! The gate: one pure decision for every request, in one order.
//!
//! path → origin → rules → session → role → CSRF. The order is the security
//! property: nothing is looked up for a path that may mean two things, no session
//! is judged for a foreign origin, and a [`Pass`] is the last thing that is made.
//!
//! A request whose access token ran out leaves the gate with a [`PendingRenewal`] instead, and
//! comes back to [`Policy::resume`] with a renewed session or without; its role is asked
//! for then, CSRF before.

mod aim;
mod bearer;
mod destination;
mod judge;
mod own;
mod ticket;

use std::sync::Arc;

use http::header::{self, HeaderMap};

pub use self::aim::Aim;
use self::judge::Requirement;
pub use self::ticket::PendingRenewal;
use self::ticket::ResumeAt;
use super::cors::RequestOrigin;
use super::csrf::Token;
use super::denial::{Denial, Unproven};
use super::endpoint::EndpointSpec;
use super::pass::Pass;
use super::policy::Policy;
use super::redirect::{self, Presentation, PresentationContext};
use super::refresh::RefreshToken;
use super::rules::{Openness, Selected};
use super::session::Session;
use super::visitor::{AccessTokenState, Caller};
use crate::domain::cookie;
use crate::domain::cookie::SameSite;
use crate::domain::id::{SessionId, UserId};
use crate::domain::path::RequestPath;
use crate::domain::request::{Framing, Host, RequestView};
use crate::domain::time::Timestamp;

/// What becomes of a request.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub enum Decision {
    /// Refused, and how that is shown.
    Deny(Denial, Presentation),
    /// One of our own endpoints answers.
    Serve(&'static EndpointSpec, Caller),
    /// Admitted to the app.
    Forward(Pass),
}

/// How far the gate comes with a request at first.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub enum Step {
    /// To the end.
    Decided(Decision),
    /// The session is to be renewed first; then [`Policy::resume`].
    Renew(PendingRenewal),
}

impl Step {
    /// The session whose access token came with the request, where that counts.
    pub fn presented(&self) -> Option<&Session> {
        match self {
            Self::Decided(Decision::Forward(pass)) => pass.session(),
            Self::Decided(Decision::Serve(_, caller)) => caller.presented.live(),
            Self::Decided(Decision::Deny(..)) => None,
            Self::Renew(pending) => pending.holder(),
        }
    }
}

impl From<Decision> for Step {
    fn from(decision: Decision) -> Self {
        Self::Decided(decision)
    }
}

/// What the gate says, and the headers that every answer to this request carries, ours or
/// the app's.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub struct Verdict {
    /// What becomes of it.
    pub step: Step,
    /// CORS headers for an allowed origin; `Vary: Origin` goes with every answer.
    pub cors: HeaderMap,
    /// Who was refused, if they had a session, for the audit log.
    pub refused: Option<UserId>,
}

/// A refusal on its way out of the checks.
struct Rejected {
    denial: Denial,
    user: Option<UserId>,
}

impl From<Denial> for Rejected {
    fn from(denial: Denial) -> Self {
        Self { denial, user: None }
    }
}

impl Rejected {
    fn of(session: &Session, denial: Denial) -> Self {
        Self {
            denial,
            user: Some(user_of(session)),
        }
    }
}

impl Policy {
    /// Decides a request at `now`. Pure: no clock, no store, no lock that waits.
    pub fn decide(&self, view: &RequestView<'_>, now: Timestamp) -> Verdict {
        let mut origin = self.cors.caller(view);
        let checked = self.check(view, &mut origin, now);
        let (step, refused) = self.told(checked, view);
        Verdict {
            cors: self.cors.answer(&origin),
            step,
            refused,
        }
    }

    /// A refusal is shown in the way that the request asks for.
    fn told<T: From<Decision>>(
        &self,
        checked: Result<T, Rejected>,
        view: &RequestView<'_>,
    ) -> (T, Option<UserId>) {
        checked.map_or_else(
            |Rejected { denial, user }| {
                let shown = self.present(denial, view);
                (Decision::Deny(denial, shown).into(), user)
            },
            |admitted| (admitted, None),
        )
    }

    fn check(
        &self,
        view: &RequestView<'_>,
        origin: &mut RequestOrigin,
        now: Timestamp,
    ) -> Result<Step, Rejected> {
        let selected = match self.aim_of(view, origin)? {
            Aim::Preflight(endpoint) => {
                let nobody = Caller::with(AccessTokenState::Absent);
                return Ok(Decision::Serve(endpoint, nobody).into());
            }
            Aim::Endpoint(endpoint) => return self.own(endpoint, view, origin, now),
            Aim::App(selected) => selected,
        };
        let bearer = self.bearer(view, now)?;
        let second = self.destination(view, bearer.as_ref())?;
        let places = || std::iter::once(&selected).chain(second.as_ref());
        let openness = places().map(|place| place.openness()).min();
        // Whoever is let in for the first path alone must be one of ours for the second.
        if *origin == RequestOrigin::Anyone && openness != Some(Openness::AnyOrigin) {
            *origin = self.cors.caller(view);
            origin.admit()?;
        }
        if let Some(bearer) = bearer {
            let path = RequestPath::parse(view.path).map_err(|_doubt| Denial::PathAmbiguous)?;
            bearer.reaches(&path, view.method)?;
            let presented = AccessTokenState::Live(Arc::clone(&bearer.session));
            let pass = match openness {
                None | Some(Openness::Closed) => judge::judge(places(), presented)?,
                Some(Openness::Session) => public(presented, &selected),
                Some(Openness::Anonymous | Openness::AnyOrigin) => {
                    public(AccessTokenState::Absent, &selected)
                }
            };
            self.token_was_meant(view, &bearer)?;
            self.last_checks(view, origin, None)?;
            return Ok(Decision::Forward(pass.without(bearer.entrance)).into());
        }
        let presented = match openness {
            None | Some(Openness::Closed) => None,
            Some(Openness::Session) => Some(AccessTokenState::read(self, view, now)),
            Some(Openness::Anonymous | Openness::AnyOrigin) => Some(AccessTokenState::Absent),
        };
        if let Some(presented) = presented {
            let pass = public(presented, &selected);
            self.last_checks(view, origin, pass.session().map(|session| session.id))?;
            return Ok(Decision::Forward(pass).into());
        }
        let caller = Caller::on_the_way(self, view, now);
        if places().any(judge::is_closed) {
            return Err(judge::closed(&caller.presented));
        }
        if let Some(refresh) = caller.to_renew(now) {
            self.last_checks(view, origin, Some(refresh.session))
                .map_err(|denial| Rejected {
                    denial,
                    user: caller.presented.live().map(user_of),
                })?;
            return Ok(Step::Renew(PendingRenewal {
                refresh,
                caller,
                purpose: ResumeAt::App(Requirement::of(places())),
            }));
        }
        let pass = judge::judge(places(), caller.presented)?;
        if let Some(session) = pass.session() {
            self.last_checks(view, origin, Some(session.id))
                .map_err(|denial| Rejected::of(session, denial))?;
        }
        Ok(Decision::Forward(pass).into())
    }

    /// Goes on with a request whose session was to be renewed: with the renewed one, or
    /// where that was refused with what there was.
    pub fn resume(
        &self,
        view: &RequestView<'_>,
        ticket: PendingRenewal,
        renewed: Result<(Arc<Session>, RefreshToken), Denial>,
    ) -> (Decision, Option<UserId>) {
        self.told(ticket.resume(renewed), view)
    }

    /// What comes after rule and role: that the request was meant, and its size.
    fn last_checks(
        &self,
        view: &RequestView<'_>,
        origin: &RequestOrigin,
        session: Option<SessionId>,
    ) -> Result<(), Denial> {
        if let Some(session) = session
            && self.csrf_check(view, origin, session)? == Token::InForm
        {
            return Err(Denial::CsrfFailed(Unproven::Token));
        }
        if self.sizes.admit_body(view.facts.content_length) {
            Ok(())
        } else {
            Err(Denial::PayloadTooLarge)
        }
    }

    /// What is too large to read.
    fn fits(&self, view: &RequestView<'_>) -> Result<(), Denial> {
        let mut size = view.path.len();
        let mut cookie_size = 0_usize;
        for (name, value) in view.headers {
            // A field line is name, colon, space, value, line end.
            let line = name.as_str().len().saturating_add(value.len());
            size = size.saturating_add(line).saturating_add(4);
            if name == header::COOKIE {
                cookie_size = cookie_size.saturating_add(value.len());
            }
        }
        let over = |size: usize, limit: u64| u64::try_from(size).map_or(true, |s| s > limit);
        if view.headers.len() > self.sizes.header_count
            || over(size, self.sizes.header_bytes)
            || over(cookie_size, self.sizes.cookie_bytes)
        {
            return Err(Denial::HeaderTooLarge);
        }
        Ok(())
    }

    /// What two servers might read differently, and what is not for us.
    fn well_formed(&self, view: &RequestView<'_>) -> Result<(), Denial> {
        match (&view.facts.host, view.facts.framing) {
            (
                _,
                Framing::Conflicting
                | Framing::UnknownCoding
                | Framing::CutTarget
                | Framing::Mended
                | Framing::UnknownExpectation
                | Framing::MalformedHandshake,
            ) => Err(Denial::BadRequest),
            (Host::Missing | Host::Malformed, _) => Err(Denial::BadRequest),
            (Host::At(authority), Framing::Plain) => match &self.hosts {
                None => Ok(()),
                Some(hosts) => {
                    let ours = |host| authority.same_place(host, hosts.scheme);
                    if hosts.served.iter().any(ours) {
                        Ok(())
                    } else {
                        Err(Denial::WrongHost)
                    }
                }
            },
        }
    }

    fn csrf_check(
        &self,
        view: &RequestView<'_>,
        origin: &RequestOrigin,
        session: SessionId,
    ) -> Result<Token, Denial> {
        let confined = self.cookies.is_confined();
        self.csrf
            .check(self.tokens.as_ref(), view, origin, confined, session)
    }

    /// How a denial of this request is shown.
    pub fn present(&self, denial: Denial, view: &RequestView<'_>) -> Presentation {
        let manners = PresentationContext {
            login_path: &self.paths.login,
            cross_site: self.session.cross_site_navigation,
            cookies_are_strict: self.cookies.same_site() == SameSite::Strict,
            has_session_cookies: cookie::has_session(view.headers, &self.cookies),
        };
        let shown = redirect::present(denial, view, manners);
        match shown == Presentation::Problem && self.asks_for_basic(denial, view) {
            true => Presentation::BasicChallenge,
            false => shown,
        }
    }
}

/// A pass for a path that everybody may see.
fn public(presented: AccessTokenState, selected: &Selected<'_>) -> Pass {
    Pass::public(presented.into_live(), selected.strictest().rule)
}

fn user_of(session: &Session) -> UserId {
    session.user().clone()
}

#[cfg(test)]
mod renewal_tests;
#[cfg(test)]
mod tests;
