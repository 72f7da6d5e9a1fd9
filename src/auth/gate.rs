//! The gate: one pure decision for every request, in one order.
//!
//! path → origin → rules → session → role → CSRF. The order is the security
//! property: nothing is looked up for a path that may mean two things, no session
//! is judged for a foreign origin, and a [`Pass`] is the last thing that is made.
//!
//! A request whose access token ran out leaves the gate with a [`Ticket`] instead, and
//! comes back to [`Policy::resume`] with a renewed session or without; its role is asked
//! for then, CSRF before.

mod aim;
mod destination;
mod judge;
mod ticket;

use std::sync::Arc;

use http::Method;
use http::header::{self, HeaderMap};

pub use self::aim::Aim;
use self::judge::Demand;
use self::ticket::Purpose;
pub use self::ticket::Ticket;
use super::cors::Caller;
use super::csrf::{self, CsrfMode, Token};
use super::denial::{Denial, Unproven};
use super::pass::Pass;
use super::policy::{Policy, Renewal};
use super::redirect::{self, Manners, Presentation};
use super::refresh::RefreshToken;
use super::rules::Openness;
use super::session::Session;
use super::visitor::{Presented, Visitor};
use crate::domain::cookie;
use crate::domain::cookie::SameSite;
use crate::domain::id::{SessionId, UserId};
use crate::domain::request::{Framing, Host, RequestView};
use crate::domain::time::Timestamp;

/// What becomes of a request.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub enum Decision {
    /// Refused, and how that is shown.
    Deny(Denial, Presentation),
    /// One of our own endpoints answers.
    Serve(Endpoint, Visitor),
    /// The session is to be renewed first; then [`Policy::resume`].
    Renew(Ticket),
    /// Admitted to the app.
    Forward(Pass),
}

/// A decision, and the headers that every answer to this request carries, ours or
/// the app's.
#[derive(Debug)]
#[must_use = "a decision that nobody carries out leaves a client waiting"]
pub struct Verdict {
    /// What becomes of it.
    pub decision: Decision,
    /// CORS headers for an allowed origin; `Vary: Origin` goes with every answer.
    pub cors: HeaderMap,
    /// Who was refused, if they had a session, for the audit log.
    pub refused: Option<UserId>,
}

/// A refusal on its way out of the checks.
struct Refusal {
    denial: Denial,
    user: Option<UserId>,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { denial, user: None }
    }
}

impl Refusal {
    fn of(session: &Session, denial: Denial) -> Self {
        Self {
            denial,
            user: Some(user_of(session)),
        }
    }
}

/// Our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A CORS preflight.
    Preflight,
    /// A CORS preflight for what pages of every origin may read.
    OpenPreflight,
    /// The login page.
    LoginPage,
    /// A login.
    Login,
    /// The page with one button.
    LogoutPage,
    /// A logout.
    Logout,
    /// The exchange of a refresh token.
    Refresh,
    /// RFC 7009.
    Revoke,
    /// Who am I.
    WhoAmI,
    /// My sessions.
    Sessions,
    /// Ending some of my sessions.
    EndSessions,
    /// The page that deletes the cookies with one button.
    CookiesPage,
    /// Deleting the cookies, also for a head that is too large.
    DeleteCookies,
    /// The public keys.
    Jwks,
}

impl Policy {
    /// Decides a request at `now`. Pure: no clock, no store, no lock that waits.
    pub fn decide(&self, view: &RequestView<'_>, now: Timestamp) -> Verdict {
        let mut caller = self.cors.caller(view);
        let (decision, refused) = match self.check(view, &mut caller, now) {
            Ok(decision) => (decision, None),
            Err(Refusal { denial, user }) => {
                (Decision::Deny(denial, self.present(denial, view)), user)
            }
        };
        Verdict {
            cors: self.cors.answer(&caller),
            decision,
            refused,
        }
    }

    fn check(
        &self,
        view: &RequestView<'_>,
        caller: &mut Caller,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let selected = match self.aim_of(view, caller)? {
            Aim::Preflight(endpoint) => {
                let nobody = Visitor::with(Presented::Absent);
                return Ok(Decision::Serve(endpoint, nobody));
            }
            Aim::Endpoint(endpoint) => return self.own(endpoint, view, caller, now),
            Aim::App(selected) => selected,
        };
        let second = self.destination(view)?;
        let places = || std::iter::once(&selected).chain(second.as_ref());
        let openness = places().map(|place| place.openness()).min();
        // Whoever is let in for the first path alone must be one of ours for the second.
        if *caller == Caller::Anyone && openness != Some(Openness::AnyOrigin) {
            *caller = self.cors.caller(view);
            caller.admit()?;
        }
        let presented = match openness {
            None | Some(Openness::Closed) => None,
            Some(Openness::Session) => Some(Presented::read(self, view, now)),
            Some(Openness::Anonymous | Openness::AnyOrigin) => Some(Presented::Absent),
        };
        if let Some(presented) = presented {
            let pass = Pass::public(presented.into_live(), selected.strictest().rule);
            self.last_checks(view, caller, pass.session().map(|session| session.id))?;
            return Ok(Decision::Forward(pass));
        }
        let visitor = Visitor::on_the_way(self, view, now);
        if places().any(judge::is_closed) {
            return Err(judge::closed(&visitor.presented));
        }
        if let Some(refresh) = visitor.to_renew(now) {
            self.last_checks(view, caller, Some(refresh.session))
                .map_err(|denial| Refusal {
                    denial,
                    user: visitor.presented.live().map(user_of),
                })?;
            return Ok(Decision::Renew(Ticket {
                refresh,
                visitor,
                purpose: Purpose::App(Demand::of(places())),
            }));
        }
        let pass = judge::judge(places(), visitor.presented)?;
        if let Some(session) = pass.session() {
            self.last_checks(view, caller, Some(session.id))
                .map_err(|denial| Refusal::of(session, denial))?;
        }
        Ok(Decision::Forward(pass))
    }

    /// One of our own endpoints: renewed first, refused, or served.
    fn own(
        &self,
        endpoint: Endpoint,
        view: &RequestView<'_>,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let mut visitor = Visitor::read(self, view, now);
        visitor.owes_token = self.csrf_of(endpoint, view, caller, &visitor)?;
        Ok(match visitor.to_renew(now) {
            Some(refresh) if endpoint.renews() && self.renewal == Renewal::Silent => {
                Decision::Renew(Ticket {
                    refresh,
                    visitor,
                    purpose: Purpose::Endpoint(endpoint),
                })
            }
            _ => {
                if endpoint.needs_session() {
                    visitor.presented.clone().required()?;
                }
                Decision::Serve(endpoint, visitor)
            }
        })
    }

    /// Goes on with a request whose session was to be renewed: with the renewed one, or
    /// where that was refused with what there was.
    pub fn resume(
        &self,
        view: &RequestView<'_>,
        ticket: Ticket,
        renewed: Result<(Arc<Session>, RefreshToken), Denial>,
    ) -> (Decision, Option<UserId>) {
        let resumed = ticket.resume(renewed);
        resumed.map_or_else(
            |Refusal { denial, user }| (Decision::Deny(denial, self.present(denial, view)), user),
            |decision| (decision, None),
        )
    }

    /// What comes after rule and role: that the request was meant, and its size.
    fn last_checks(
        &self,
        view: &RequestView<'_>,
        caller: &Caller,
        session: Option<SessionId>,
    ) -> Result<(), Denial> {
        if let Some(session) = session
            && self.csrf_check(view, caller, session)? == Token::InForm
        {
            return Err(Denial::CsrfFailed(Unproven::Token));
        }
        if self.sizes.admit_body(view.content_length) {
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
        match (&view.host, view.framing) {
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

    /// Which of our endpoints a request is for; matched exactly as sent.
    fn endpoint(&self, view: &RequestView<'_>) -> Result<Option<Endpoint>, Denial> {
        let paths = &self.paths;
        let is = |path: &str| view.path == path.as_bytes();
        let under_prefix = view
            .path
            .strip_prefix(paths.prefix.as_bytes())
            .filter(|rest| rest.is_empty() || rest.starts_with(b"/"));
        let (get, post) = if is(&paths.login) {
            (Some(Endpoint::LoginPage), Some(Endpoint::Login))
        } else if is(&paths.logout) {
            (Some(Endpoint::LogoutPage), Some(Endpoint::Logout))
        } else if is(&paths.refresh) {
            (None, Some(Endpoint::Refresh))
        } else if is(&paths.revoke) {
            (None, Some(Endpoint::Revoke))
        } else if is(&paths.jwks) && self.tokens.jwks().is_some() {
            (Some(Endpoint::Jwks), None)
        } else if under_prefix == Some(b"/session") {
            (Some(Endpoint::WhoAmI), None)
        } else if under_prefix == Some(b"/sessions") {
            (Some(Endpoint::Sessions), Some(Endpoint::EndSessions))
        } else if under_prefix == Some(b"/cookies") {
            (Some(Endpoint::CookiesPage), Some(Endpoint::DeleteCookies))
        } else if under_prefix.is_some() {
            return Err(Denial::NotFound);
        } else {
            return Ok(None);
        };
        let (endpoint, allow) = match *view.method {
            Method::GET | Method::HEAD => (get, "POST"),
            Method::POST => (post, "GET, HEAD"),
            _ if get.is_none() => (None, "POST"),
            _ if post.is_none() => (None, "GET, HEAD"),
            _ => (None, "GET, HEAD, POST"),
        };
        match endpoint {
            Some(endpoint) => Ok(Some(endpoint)),
            None => Err(Denial::MethodNotAllowed { allow }),
        }
    }

    /// The check of an endpoint; whose token its form still owes.
    ///
    /// A login is always checked by origin: a forged one would sign the victim in as
    /// somebody else. So is the deletion of cookies, and a logout, which clears the browser also without a session.
    /// The others do nothing without our cookie.
    fn csrf_of(
        &self,
        endpoint: Endpoint,
        view: &RequestView<'_>,
        caller: &Caller,
        visitor: &Visitor,
    ) -> Result<Option<SessionId>, Denial> {
        let by_origin = || csrf::check_origin(view, caller, self.cookies.is_confined());
        let takes_form = match endpoint {
            Endpoint::Login | Endpoint::DeleteCookies => return by_origin().map(|()| None),
            Endpoint::Logout | Endpoint::Revoke | Endpoint::EndSessions => true,
            Endpoint::Refresh => false,
            Endpoint::Preflight
            | Endpoint::OpenPreflight
            | Endpoint::LoginPage
            | Endpoint::LogoutPage
            | Endpoint::WhoAmI
            | Endpoint::Sessions
            | Endpoint::CookiesPage
            | Endpoint::Jwks => return Ok(None),
        };
        let Some(session) = visitor.session() else {
            let counts = endpoint == Endpoint::Logout
                || cookie::has_ours_of_now(view.headers, &self.cookies);
            return match self.csrf.mode {
                CsrfMode::Off => Ok(None),
                _ if counts => by_origin().map(|()| None),
                _ => Ok(None),
            };
        };
        // A token speaks for one session. Where the cookies name two, as after a sibling host
        // put one of its own beside ours, the origin must speak for the other.
        if visitor.sessions().nth(1).is_some() && self.csrf.mode == CsrfMode::Token {
            by_origin()?;
        }
        match self.csrf_check(view, caller, session)? {
            Token::Right => Ok(None),
            Token::InForm if takes_form => Ok(Some(session)),
            Token::InForm => Err(Denial::CsrfFailed(Unproven::Token)),
        }
    }

    fn csrf_check(
        &self,
        view: &RequestView<'_>,
        caller: &Caller,
        session: SessionId,
    ) -> Result<Token, Denial> {
        let confined = self.cookies.is_confined();
        self.csrf
            .check(self.tokens.as_ref(), view, caller, confined, session)
    }

    /// How a denial of this request is shown.
    pub fn present(&self, denial: Denial, view: &RequestView<'_>) -> Presentation {
        let manners = Manners {
            login_path: &self.paths.login,
            cross_site: self.cross_site,
            cookies_are_strict: self.cookies.same_site() == SameSite::Strict,
            has_session_cookies: cookie::has_session(view.headers, &self.cookies),
        };
        redirect::present(denial, view, manners)
    }
}

impl Endpoint {
    /// Whether it is a page of a signed-in person, shown like one of the app: without a
    /// session the way leads to the login and back.
    const fn needs_session(self) -> bool {
        matches!(self, Self::Sessions | Self::EndSessions)
    }

    /// Whether a session is renewed on the way to it, so that it can be used.
    const fn renews(self) -> bool {
        matches!(
            self,
            Self::LoginPage | Self::Revoke | Self::WhoAmI | Self::Sessions | Self::EndSessions
        )
    }
}

fn user_of(session: &Session) -> UserId {
    session.user().clone()
}

#[cfg(test)]
mod renewal_tests;
#[cfg(test)]
mod tests;
