//! The gate: one pure decision for every request, in one order.
//!
//! path → origin → rules → session → role → CSRF. The order is the security
//! property: nothing is looked up for a path that may mean two things, no session
//! is judged for a foreign origin, and a [`Pass`] is the last thing that is made.

use http::header::{self, HeaderMap};
use http::{HeaderValue, Method};

use super::cors::{Caller, Cors};
use super::csrf;
use super::denial::Denial;
use super::pass::Pass;
use super::policy::Policy;
use super::redirect::{self, Manners, Presentation};
use super::rules::{Access, Selected};
use super::session::{Presented, Session};
use crate::domain::cookie;
use crate::domain::cookie::SameSite;
use crate::domain::id::UserId;
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
    Serve(Endpoint, Presented),
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
            user: Some(session.principal.user.identity.id.clone()),
        }
    }
}

/// Our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A CORS preflight.
    Preflight,
    /// The login page.
    LoginPage,
    /// A login.
    Login,
    /// The page with one button.
    LogoutPage,
    /// A logout.
    Logout,
    /// RFC 7009.
    Revoke,
    /// Who am I.
    WhoAmI,
    /// The public keys.
    Jwks,
}

impl Policy {
    /// Decides a request at `now`. Pure: no clock, no store, no lock that waits.
    pub fn decide(&self, view: &RequestView<'_>, now: Timestamp) -> Verdict {
        let caller = self.cors.caller(view);
        let (decision, refused) = match self.check(view, &caller, now) {
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
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        self.well_formed(view)?;
        let path = RequestPath::parse(view.path).map_err(|_doubt| Denial::PathAmbiguous)?;
        caller.admit()?;
        if Cors::is_preflight(view) {
            return Ok(Decision::Serve(Endpoint::Preflight, Presented::Absent));
        }
        if let Some(endpoint) = self.endpoint(view)? {
            let presented = Presented::read(self, view, now);
            self.csrf_of(endpoint, view, caller)?;
            return Ok(Decision::Serve(endpoint, presented));
        }
        let selected = self.rules.select(&path, view.method)?;
        let presented = Presented::read(self, view, now);
        let pass = admit(selected, presented)?;
        if let Some(session) = pass.session() {
            self.csrf_check(view, caller)
                .map_err(|denial| Refusal::of(session, denial))?;
        }
        if !self.sizes.admit_body(view.content_length) {
            return Err(Denial::PayloadTooLarge.into());
        }
        Ok(Decision::Forward(pass))
    }

    /// What two servers might read differently, and what is too large to read.
    fn well_formed(&self, view: &RequestView<'_>) -> Result<(), Denial> {
        let bytes = |name: &http::HeaderName, value: &HeaderValue| {
            // A field line is name, colon, space, value, line end.
            name.as_str()
                .len()
                .saturating_add(value.len())
                .saturating_add(4)
        };
        let size: usize = view.headers.iter().map(|(n, v)| bytes(n, v)).sum();
        let cookies = view.headers.get_all(header::COOKIE).iter();
        let cookie_size: usize = cookies.map(HeaderValue::len).sum();
        let over = |size: usize, limit: u64| u64::try_from(size).map_or(true, |s| s > limit);
        if view.headers.len() > self.sizes.header_count
            || over(
                size.saturating_add(view.path.len()),
                self.sizes.header_bytes,
            )
            || over(cookie_size, self.sizes.cookie_bytes)
        {
            return Err(Denial::HeaderTooLarge);
        }
        match (&view.host, view.framing) {
            (_, Framing::Conflicting | Framing::UnknownCoding) => Err(Denial::BadRequest),
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
        } else if is(&paths.revoke) {
            (None, Some(Endpoint::Revoke))
        } else if is(&paths.jwks) && self.tokens.jwks().is_some() {
            (Some(Endpoint::Jwks), None)
        } else if under_prefix == Some(b"/session") {
            (Some(Endpoint::WhoAmI), None)
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

    /// A login is always checked: a forged one would sign the victim in as somebody
    /// else. So is a logout, which clears the browser also without a cookie. A
    /// revocation does nothing without our cookie.
    fn csrf_of(
        &self,
        endpoint: Endpoint,
        view: &RequestView<'_>,
        caller: &Caller,
    ) -> Result<(), Denial> {
        match endpoint {
            Endpoint::Login | Endpoint::Logout => self.csrf_check(view, caller),
            Endpoint::Revoke if cookie::has_ours(view.headers, &self.cookies) => {
                self.csrf_check(view, caller)
            }
            Endpoint::Revoke
            | Endpoint::Preflight
            | Endpoint::LoginPage
            | Endpoint::LogoutPage
            | Endpoint::WhoAmI
            | Endpoint::Jwks => Ok(()),
        }
    }

    fn csrf_check(&self, view: &RequestView<'_>, caller: &Caller) -> Result<(), Denial> {
        csrf::check(self.csrf, view, caller, self.cookies.is_confined())
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

/// Session and role: what the rule asks for, under every reading of the path.
fn admit(selected: Selected<'_>, presented: Presented) -> Result<Pass, Refusal> {
    let rule = selected.rule;
    if *selected.access == Access::Public && selected.also.is_empty() {
        return Ok(Pass::public(presented.live().cloned(), rule));
    }
    let asked = || std::iter::once(selected.access).chain(selected.also.iter().copied());
    if asked().any(|access| *access == Access::Deny) {
        let user = presented
            .live()
            .map(|s| s.principal.user.identity.id.clone());
        return Err(Refusal {
            denial: Denial::Forbidden,
            user,
        });
    }
    let session = presented.required()?;
    if asked().all(|access| satisfies(&session, access)) {
        Ok(Pass::of(session, rule))
    } else {
        Err(Refusal::of(&session, Denial::Forbidden))
    }
}

fn satisfies(session: &Session, access: &Access) -> bool {
    match access {
        Access::Public | Access::Authenticated => true,
        Access::Roles(roles) => session.principal.user.identity.has_any_role(roles),
        Access::Deny => false,
    }
}

#[cfg(test)]
mod tests;
