//! A made-up request before the real gate, and what the gate says.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::decider::{Decider, Own};
use super::target::Target;
use crate::adapters::entropy;
use crate::auth::denial::Denial;
use crate::auth::directory::User;
use crate::auth::gate::Decision;
use crate::auth::headers::OfUser;
use crate::auth::issue;
use crate::auth::policy::Policy;
use crate::auth::ports::SignError;
use crate::auth::principal::Principal;
use crate::auth::redirect::Presentation;
use crate::auth::refresh::RefreshToken;
use crate::auth::stored::Device;
use crate::config::settings::Settings;
use crate::domain::time::Timestamp;
use crate::service::authorize::authorize;

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
#[derive(PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// A stable word.
    verdict: &'static str,
    /// The status, where the gate gives it.
    status: Option<u16>,
    /// The refusal behind it.
    code: Option<&'static str>,
    /// The way to the login page, and back.
    location: Option<String>,
    /// Whose session it has, if the app gets it.
    #[serde(rename = "as")]
    user: Option<String>,
    /// With which headers.
    pub(super) headers: BTreeMap<String, String>,
    /// All of it in words.
    pub(super) why: String,
}

impl Verdict {
    fn new(verdict: &'static str, why: impl Into<String>) -> Self {
        Self {
            verdict,
            status: None,
            code: None,
            location: None,
            user: None,
            headers: BTreeMap::new(),
            why: why.into(),
        }
    }

    fn refused(verdict: &'static str, status: StatusCode, denial: Denial, why: String) -> Self {
        Self {
            status: Some(status.as_u16()),
            code: Some(denial.code()),
            ..Self::new(verdict, why)
        }
    }

    /// Whether it is not refused.
    pub(super) fn passes(&self) -> bool {
        self.code.is_none()
    }
}

/// A request before the gate.
pub(super) struct Trial<'a> {
    pub(super) policy: &'a Policy,
    pub(super) settings: &'a Settings,
    pub(super) decider: Decider,
    target: &'a Target,
    now: Timestamp,
    runtime: &'a Runtime,
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl<'a> Trial<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        settings: &'a Settings,
        target: &'a Target,
        now: Timestamp,
        runtime: &'a Runtime,
    ) -> Self {
        let mut trial = Self {
            policy,
            settings,
            decider: Decider::default(),
            target,
            now,
            runtime,
        };
        // For a request that no other origin starts.
        let headers = trial.headers(None, Start::Script);
        trial.decider = Decider::of(settings, policy.aim(&target.view(&headers)));
        trial
    }

    pub(super) fn method(&self) -> &Method {
        &self.target.method
    }

    /// Whether the request has to repeat the token of its session.
    pub(super) fn asks_for_token(&self) -> bool {
        self.policy.csrf.mode.uses_tokens() && !self.target.method.is_safe()
    }

    /// What the gate says.
    pub(super) fn run(&self, login: Option<&Login>, start: Start<'_>) -> Verdict {
        self.judge(&self.headers(login, start))
    }

    /// What the gate says of a request with these header fields.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Verdict {
        let view = self.target.view(headers);
        // No session that has just begun is renewed.
        let renew = |_: &RefreshToken| Err(Denial::StoreUnavailable);
        let authorized = authorize(self.policy, &view, self.now, &renew);
        match self.runtime.block_on(authorized).decision {
            Decision::Serve(endpoint, _) => Verdict::new("serve", Own(endpoint).words()),
            Decision::Deny(denial, Presentation::Login { location }) => {
                let why = format!("303 to {location} ({})", denial.code());
                let refused = Verdict::refused("login", StatusCode::SEE_OTHER, denial, why);
                Verdict {
                    location: Some(location),
                    ..refused
                }
            }
            Decision::Deny(denial, Presentation::Bounce { .. } | Presentation::Confirm { .. }) => {
                let why = format!(
                    "200, a page that leads to itself, so that Strict cookies come along ({})",
                    denial.code()
                );
                Verdict::refused("bounce", StatusCode::OK, denial, why)
            }
            Decision::Deny(
                denial,
                Presentation::Page
                | Presentation::Problem
                | Presentation::BasicChallenge
                | Presentation::Frame { .. },
            ) => {
                let (status, code) = (denial.status(), denial.code());
                let why = match denial {
                    Denial::Forbidden => self.decider.needs(),
                    Denial::WrongHost => Some(self.served()),
                    _ => None,
                };
                let why = why.as_deref().unwrap_or(denial.sentence());
                let why = format!("{} {code}: {why}", status.as_u16());
                Verdict::refused("deny", status, denial, why)
            }
            Decision::Forward(pass) => {
                let user = pass.session().map(|session| session.user().to_string());
                let why = match &user {
                    None => "forwarded, as nobody".into(),
                    Some(user) => format!("forwarded as {user}"),
                };
                let session = self.policy.identity_headers.session_headers();
                let session: Vec<&Bytes> = session.collect();
                let shown = |(name, value): &(Bytes, HeaderValue)| {
                    let text = match session.contains(&name) {
                        true => "(the id of the session)".to_owned(),
                        false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    };
                    (String::from_utf8_lossy(name).into_owned(), text)
                };
                Verdict {
                    headers: pass.identity_headers().iter().map(shown).collect(),
                    user,
                    ..Verdict::new("forward", why)
                }
            }
        }
    }

    /// Where requests are served.
    fn served(&self) -> String {
        let hosts = self.policy.hosts.iter();
        let hosts = hosts.flat_map(|hosts| &hosts.served);
        let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
        format!("served are {} (public_url, extra_hosts)", hosts.join(", "))
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
        let own = self.target.origin().map(|own| own.to_string());
        let origin = match start {
            Start::Page | Start::Script | Start::ScriptWithToken if !safe => own.as_deref(),
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
