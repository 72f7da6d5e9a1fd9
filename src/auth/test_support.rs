//! What the tests of this floor share: tokens that can be read with the eye, users, and
//! a policy.

use std::collections::BTreeMap;
use std::ops::DerefMut;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method};

use super::claims::Claims;
use super::client_headers::ForwardHeaders;
use super::cors::{Cors, CorsSettings};
use super::csrf::{Csrf, CsrfMode};
use super::directory::{PasswordHash, User};
use super::headers::{IdentityField, IdentityHeaders};
use super::policy::{Choices, Lifetimes, Paths, Policy, Renewal, SessionRules, Sizes};
use super::ports::{DecodedToken, Revoked, Sealed, SignError, Tokens};
use super::redirect::CrossSiteNavigation;
use super::refresh::RefreshToken;
use super::rules::{Access, Challenge, Openness, Rule, Rules};
use crate::domain::cookie::{CookieStyle, SameSite};
use crate::domain::id::{SessionId, UserId, Username};
use crate::domain::identity::Identity;
use crate::domain::origin::{Authority, Scheme};
use crate::domain::request::{RequestFacts, RequestView};
use crate::domain::time::Timestamp;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The in-memory twin of the JWT codec: the token is its claims, as JSON in hex.
pub(crate) struct PlainTokens;

impl Tokens for PlainTokens {
    fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let json = serde_json::to_vec(claims).unwrap();
        Ok(json.iter().map(|b| format!("{b:02x}")).collect())
    }

    fn open(&self, token: &[u8]) -> Option<DecodedToken> {
        let bytes: Option<Vec<u8>> = token
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
            .collect();
        let claims = serde_json::from_slice(&bytes?).ok()?;
        Some(DecodedToken { claims, key: 0 })
    }

    fn version(&self, user: &User, key: usize) -> Option<String> {
        (key == 0).then(|| format!("{}.{}", user.token_version, user.password_hash.as_str()))
    }

    fn seal_refresh(&self, token: &RefreshToken) -> Result<String, SignError> {
        let ends = token.ends.millis();
        Ok(format!("r.{}.{}.{ends}", token.session, token.generation))
    }

    fn open_refresh(&self, token: &[u8]) -> Option<RefreshToken> {
        let mut parts = std::str::from_utf8(token).ok()?.split('.');
        (parts.next()? == "r").then_some(())?;
        Some(RefreshToken {
            session: SessionId::parse(parts.next()?)?,
            generation: parts.next()?.parse().ok()?,
            ends: Timestamp::from_millis(parts.next()?.parse().ok()?),
        })
    }

    fn csrf_token(&self, session: SessionId) -> Result<String, SignError> {
        Ok(format!("csrf-{session}"))
    }

    fn is_csrf_token(&self, session: SessionId, presented: &[u8]) -> bool {
        presented == format!("csrf-{session}").as_bytes()
    }

    fn seal(&self, what: Sealed, text: &[u8]) -> Result<String, SignError> {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&(format!("{what:?}"), text), &mut hasher);
        Ok(format!("{:043}", std::hash::Hasher::finish(&hasher)))
    }

    fn is_sealed(&self, what: Sealed, text: &[u8], seal: &[u8]) -> bool {
        self.seal(what, text)
            .is_ok_and(|ours| ours.as_bytes() == seal)
    }

    fn jwks(&self) -> Option<&str> {
        None
    }
}

#[derive(Default)]
pub(crate) struct Ended(pub(crate) Mutex<Vec<SessionId>>);

impl Revoked for Ended {
    fn is_revoked(&self, session: SessionId, _user: &UserId) -> bool {
        self.0.lock().unwrap().contains(&session)
    }
}

pub(crate) fn user(id: &str, name: &str, roles: &[&str]) -> User {
    User {
        identity: Identity {
            id: UserId::new(id),
            username: Username::canonical(name),
            name: name.into(),
            email: None,
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        },
        password_hash: PasswordHash::new("hash"),
        disabled: false,
        token_version: 0,
    }
}

pub(crate) fn rule(path: &str, access: Access) -> Rule {
    Rule {
        path: path.into(),
        methods: vec![],
        access,
        ambiguous: vec![],
        openness: Openness::Session,
        challenge: Challenge::Bearer,
    }
}

/// `GET` of a path and query at `app.example`.
pub(crate) fn get<'a>(target: &'a str, headers: &'a HeaderMap) -> RequestView<'a> {
    RequestView::new(&Method::GET, target.as_bytes(), headers, &FACTS)
}

/// What is read of a request for `app.example`.
pub(crate) static FACTS: LazyLock<RequestFacts> = LazyLock::new(|| {
    let host = Authority::parse(b"app.example").unwrap();
    RequestFacts::bodiless(host, Scheme::Https, std::net::Ipv4Addr::LOCALHOST.into())
});

/// Tests may choose otherwise after the fact.
impl DerefMut for Policy {
    fn deref_mut(&mut self) -> &mut Choices {
        &mut self.choices
    }
}

pub(crate) fn policy_with(users: Vec<User>, change: impl FnOnce(&mut Policy)) -> Policy {
    let mapping = IdentityHeaders::new(BTreeMap::from([
        ("X-User-Id".to_owned(), IdentityField::Id),
        ("X-Session".to_owned(), IdentityField::Session),
    ]));
    let choices = Choices {
        hosts: None,
        sizes: Sizes {
            header_bytes: 32 * 1024,
            header_count: 100,
            cookie_bytes: 16 * 1024,
            request_body: None,
        },
        cors: Cors::new(
            None,
            &CorsSettings {
                app_origins: vec!["https://spa.example".to_owned()],
                allowed_methods: vec!["GET".to_owned(), "POST".to_owned()],
                allowed_headers: vec!["content-type".to_owned()],
                max_age: Duration::from_secs(600),
                ..CorsSettings::default()
            },
        ),
        csrf: Csrf {
            mode: CsrfMode::Origin,
            header: HeaderName::from_static("x-csrf-token"),
        },
        paths: Paths {
            login: "/login".into(),
            logout: "/logout".into(),
            refresh: "/refresh".into(),
            revoke: "/revoke".into(),
            prefix: "/_doorward".into(),
            jwks: "/.well-known/jwks.json".into(),
        },
        rules: Rules::new(
            vec![
                rule("/public/**", Access::Public),
                rule("/admin/**", Access::Roles(vec!["admin".into()])),
                rule("/never", Access::Deny),
            ],
            Access::Authenticated,
        ),
        cookies: CookieStyle::new("doorward", None, SameSite::Strict, false),
        identity_headers: mapping,
        forward_headers: ForwardHeaders::default(),
        session: SessionRules {
            lifetimes: Lifetimes {
                access: Duration::from_secs(900),
                idle: Duration::from_secs(43_200),
                absolute: Duration::from_secs(604_800),
                remember: Some(Duration::from_secs(2_592_000)),
                grace: Duration::from_secs(10),
            },
            renewal: Renewal::Silent,
            max_per_user: None,
            cross_site_navigation: CrossSiteNavigation::Bounce,
            refuse_when_stale: None,
        },
        issuer: "doorward".into(),
        audience: "doorward".into(),
        known_browsers: true,
    };
    let tokens = Arc::new(PlainTokens);
    let mut policy = Policy::new(choices, users, tokens, Arc::new(Ended::default()));
    change(&mut policy);
    policy
}
