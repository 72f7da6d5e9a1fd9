//! A made-up request before the real gate, and what the gate says.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method, StatusCode};

use super::target::Target;
use crate::adapters::entropy;
use crate::auth::denial::Denial;
use crate::auth::directory::User;
use crate::auth::gate::{Decision, Endpoint};
use crate::auth::headers::OfUser;
use crate::auth::issue;
use crate::auth::policy::Policy;
use crate::auth::ports::SignError;
use crate::auth::principal::Principal;
use crate::auth::redirect::Presentation;
use crate::auth::stored::Device;
use crate::domain::time::Timestamp;

/// The cookies of somebody who has just signed in.
pub(super) struct Login {
    cookie: HeaderValue,
    csrf: HeaderValue,
    pub(super) user: Arc<User>,
}

impl Login {
    /// Signs the user in, whatever the password, as a login does.
    pub(super) fn of(policy: &Policy, user: &Arc<User>, now: Timestamp) -> Result<Self, SignError> {
        // A disabled user has no principal. A cookie from before is what they may have.
        let principal = Arc::new(Principal {
            versions: policy.tokens.version(user, 0).into_iter().collect(),
            headers: OfUser::default(),
            user: Arc::clone(user),
        });
        let device = Device::new(std::net::Ipv4Addr::LOCALHOST.into(), b"");
        let random = (entropy::random(), entropy::random());
        let issued = issue::rehearse(policy, &principal, &device, now, random)?;
        let cookie = issued.cookies.first().map(HeaderValue::as_bytes);
        let pair = cookie.and_then(|text| text.split(|&b| b == b';').next());
        let value =
            |bytes: &[u8]| HeaderValue::from_bytes(bytes).map_err(|e| SignError(e.to_string()));
        Ok(Self {
            cookie: value(pair.unwrap_or_default())?,
            csrf: value(policy.tokens.csrf_token(issued.session.id)?.as_bytes())?,
            user: Arc::clone(user),
        })
    }
}

/// Who starts a request, as its header fields tell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// A person's browser goes to a page, or posts a form of the same site.
    Page,
    /// A script of the same site.
    Script,
    /// The same, with the CSRF token of its session.
    ScriptWithToken,
    /// A script of another origin.
    Elsewhere(&'a str),
    /// The same, with the CSRF token.
    ElsewhereWithToken(&'a str),
    /// A program that says nothing of where it comes from.
    Program,
}

/// What becomes of a request.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The app gets it, with these headers.
    Forward {
        /// Whose session it has, if any.
        user: Option<String>,
        headers: Vec<(String, String)>,
    },
    /// One of our own endpoints answers.
    Serve(Endpoint),
    /// To the login page, and back.
    Login { denial: Denial, location: String },
    /// A page that leads to itself first, so that Strict cookies come along.
    Detour(Denial),
    /// Refused.
    Deny(Denial),
    /// Not with a session that has just begun.
    Renew,
}

/// A request before the gate.
pub(super) struct Trial<'a> {
    pub(super) policy: &'a Policy,
    target: &'a Target,
    now: Timestamp,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl<'a> Trial<'a> {
    pub(super) fn new(policy: &'a Policy, target: &'a Target, now: Timestamp) -> Self {
        Self {
            policy,
            target,
            now,
        }
    }

    /// What the gate says.
    pub(super) fn run(&self, login: Option<&Login>, start: Start<'_>) -> Outcome {
        let headers = self.headers(login, start);
        let view = self.target.view(&headers);
        match self.policy.decide(&view, self.now).decision {
            Decision::Serve(endpoint, _) => Outcome::Serve(endpoint),
            Decision::Renew(_) => Outcome::Renew,
            Decision::Deny(denial, Presentation::Login { location }) => {
                Outcome::Login { denial, location }
            }
            Decision::Deny(denial, Presentation::Bounce { .. } | Presentation::Confirm { .. }) => {
                Outcome::Detour(denial)
            }
            Decision::Deny(
                denial,
                Presentation::Page | Presentation::Problem | Presentation::Frame { .. },
            ) => Outcome::Deny(denial),
            Decision::Forward(pass) => {
                let mapping = &self.policy.identity_headers;
                let session: Vec<&Bytes> = mapping.session_headers().collect();
                let shown = |(name, value): &(Bytes, HeaderValue)| {
                    let text = match session.contains(&name) {
                        true => "(the id of the session)".to_owned(),
                        false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    };
                    (String::from_utf8_lossy(name).into_owned(), text)
                };
                Outcome::Forward {
                    user: pass.session().map(|session| session.user().to_string()),
                    headers: pass.identity_headers().iter().map(shown).collect(),
                }
            }
        }
    }

    /// Whose business it is, for a request that no other origin starts.
    pub(super) fn aim<T>(
        &self,
        tell: impl FnOnce(Result<crate::auth::gate::Aim<'_>, Denial>) -> T,
    ) -> T {
        let headers = self.headers(None, Start::Script);
        tell(self.policy.aim(&self.target.view(&headers)))
    }

    fn headers(&self, login: Option<&Login>, start: Start<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        let safe = self.target.method.is_safe();
        match start {
            Start::Page => {
                set(SEC_FETCH_SITE, if safe { "none" } else { "same-origin" });
                set(SEC_FETCH_MODE, "navigate");
                set(SEC_FETCH_DEST, "document");
                set(header::ACCEPT, "text/html");
            }
            Start::Script | Start::ScriptWithToken => {
                set(SEC_FETCH_SITE, "same-origin");
                set(SEC_FETCH_MODE, "cors");
            }
            Start::Elsewhere(_) | Start::ElsewhereWithToken(_) => {
                set(SEC_FETCH_SITE, "cross-site");
                set(SEC_FETCH_MODE, "cors");
                if self.target.method == Method::OPTIONS {
                    set(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
                }
            }
            Start::Program => {}
        }
        let own = self.target.origin().to_string();
        let origin = match start {
            Start::Page | Start::Script | Start::ScriptWithToken if !safe => Some(own.as_str()),
            Start::Elsewhere(origin) | Start::ElsewhereWithToken(origin) => Some(origin),
            _ => None,
        };
        if let Some(value) = origin.and_then(|origin| HeaderValue::try_from(origin).ok()) {
            headers.insert(header::ORIGIN, value);
        }
        if let Some(login) = login {
            headers.insert(header::COOKIE, login.cookie.clone());
            if matches!(start, Start::ScriptWithToken | Start::ElsewhereWithToken(_)) {
                headers.insert(self.policy.csrf.header.clone(), login.csrf.clone());
            }
        }
        headers
    }
}

impl Outcome {
    /// The status, where the gate gives it.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Login { .. } => Some(StatusCode::SEE_OTHER),
            Self::Detour(_) => Some(StatusCode::OK),
            Self::Deny(denial) => Some(denial.status()),
            Self::Forward { .. } | Self::Serve(_) | Self::Renew => None,
        }
    }

    /// The refusal behind it.
    pub(super) fn denial(&self) -> Option<Denial> {
        match self {
            Self::Login { denial, .. } | Self::Detour(denial) | Self::Deny(denial) => Some(*denial),
            Self::Forward { .. } | Self::Serve(_) | Self::Renew => None,
        }
    }
}
