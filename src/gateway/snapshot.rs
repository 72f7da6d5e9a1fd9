//! Settings made into what requests use: built whole, or not at all.

use std::sync::Arc;

use http::HeaderValue;

use crate::adapters::clock;
use crate::adapters::jwt::{RingError, ring};
use crate::adapters::pages::Pages;
use crate::auth::client_headers::ForwardHeaders;
use crate::auth::cors::Cors;
use crate::auth::machine::MachineTokens;
use crate::auth::policy::{Choices, Hosts, Policy};
use crate::auth::ports::{Revoked, Tokens};
use crate::auth::principal::Principal;
use crate::auth::rules::Rules;
use crate::config::settings::{Settings, StoreKind};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::gateway::upstream::target::{PeerError, Upstream};

/// Everything that a reload replaces.
pub struct Snapshot {
    /// As the operator wrote them.
    pub settings: Settings,
    /// What the gate decides by.
    pub policy: Policy,
    /// Our HTML.
    pub pages: Pages,
    /// The app.
    pub upstream: Arc<Upstream>,
    /// `upstream_host`, if it is not the client's.
    pub upstream_host: Option<HeaderValue>,
    /// `public_url`, as the app is told of it.
    pub public: Option<PublicPlace>,
    /// The value of `Strict-Transport-Security`, for answers over TLS.
    pub hsts: Option<HeaderValue>,
    /// When a retired key is to be forgotten: a snapshot built after it is without.
    pub keys_until: Option<Timestamp>,
}

/// The values of `X-Forwarded-Proto` and `X-Forwarded-Host`.
pub struct PublicPlace {
    /// `http` or `https`.
    pub scheme: HeaderValue,
    /// Host, and port where it is not the usual one.
    pub authority: HeaderValue,
}

impl PublicPlace {
    fn of(origin: &Origin) -> Result<Self, SnapshotError> {
        Ok(Self {
            scheme: HeaderValue::from_static(origin.scheme().as_str()),
            authority: header_value(origin.authority().to_string())?,
        })
    }
}

/// Why settings that parse cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] RingError),
    /// The upstream.
    #[error(transparent)]
    Upstream(#[from] PeerError),
    /// What every answer or request would have to carry.
    #[error("{0:?} cannot stand in a header")]
    Header(String),
}

fn header_value(text: String) -> Result<HeaderValue, SnapshotError> {
    HeaderValue::try_from(&text).map_err(|_invalid| SnapshotError::Header(text))
}

impl Snapshot {
    /// Reads the keys, renders the headers, compiles the rules. Blocking.
    ///
    /// # Errors
    /// [`SnapshotError`]; the old snapshot stays in force then.
    pub fn build(settings: Settings, revoked: Arc<dyn Revoked>) -> Result<Self, SnapshotError> {
        let keyring = ring(&settings.signing, &settings.data_dir, clock::now())?;
        let keys_until = keyring.good_until();
        let tokens: Arc<dyn Tokens> = Arc::new(keyring);
        let policy = policy(&settings, tokens, revoked);
        let public = settings.public_url.as_ref();
        let public = public.map(PublicPlace::of).transpose()?;
        let upstream_host = settings.upstream_host.as_ref();
        let upstream_host = upstream_host.map(|host| header_value(host.to_string()));
        let upstream_host = upstream_host.transpose()?;
        let hsts = settings.tls.as_ref().and_then(|tls| tls.hsts);
        let hsts = hsts.map(|age| header_value(format!("max-age={}", age.as_secs())));
        let hsts = hsts.transpose()?;
        Ok(Self {
            pages: Pages::new(
                &settings.pages,
                &settings.paths,
                settings.session.lifetimes.remember,
            ),
            upstream: Arc::new(Upstream::new(
                &settings.upstream,
                &settings.upstream_tls,
                &settings.limits,
            )?),
            policy,
            upstream_host,
            public,
            hsts,
            keys_until,
            settings,
        })
    }

    /// What a restart alone can change, to be compared with a reload's. The `data_dir` is
    /// not in it: a reload puts the old one back before it reads the keys.
    pub fn restart_only(&self) -> impl PartialEq + use<> {
        let settings = &self.settings;
        let tls = settings.tls.as_ref();
        (
            (settings.listen.clone(), settings.listen_passed.clone()),
            settings.admin.listen,
            tls.map(|tls| tls.redirect_from),
            settings.threads,
            store_of(settings),
        )
    }
}

/// The operator's choice, and the header of the request id, which is written anew.
fn forward_headers(settings: &Settings) -> ForwardHeaders {
    let mut chosen = settings.forward_headers.clone();
    chosen.drop.push(settings.request_id.name.to_string());
    chosen
}

/// What the gate decides by, with these settings and keys.
pub fn policy(settings: &Settings, tokens: Arc<dyn Tokens>, revoked: Arc<dyn Revoked>) -> Policy {
    let public = settings.public_url.as_ref();
    let choices = Choices {
        hosts: public.map(|origin| Hosts::new(origin, &settings.extra_hosts)),
        sizes: settings.limits.sizes,
        cors: Cors::new(public, &settings.cors),
        csrf: settings.csrf.clone(),
        paths: settings.paths.clone(),
        rules: Rules::new(settings.rules.clone(), settings.default_access.clone()),
        cookies: settings.cookies.style(),
        identity_headers: settings.identity_headers.clone(),
        forward_headers: forward_headers(settings),
        session: settings.session,
        issuer: settings.signing.issuer.clone(),
        audience: settings.signing.audience.clone(),
        known_browsers: settings.login.known_browsers,
    };
    let mut policy = Policy::new(choices, settings.users.clone(), tokens, revoked);
    policy.machines = MachineTokens::new(
        &settings.tokens,
        settings.api.clone(),
        settings.login.attempts.window,
        (&policy.directory, &policy.principals),
        |user| {
            Arc::new(Principal {
                versions: Vec::new(),
                headers: policy.identity_headers.render(user),
                user: Arc::clone(user),
            })
        },
    );
    policy
}

/// The store, as far as two settings can name another one.
fn store_of(settings: &Settings) -> (&'static str, Vec<u8>, String) {
    match &settings.store {
        StoreKind::Embedded => ("embedded", Vec::new(), String::new()),
        StoreKind::Memory => ("memory", Vec::new(), String::new()),
        StoreKind::Redis(redis) => ("redis", redis.url.expose().to_vec(), redis.prefix.clone()),
    }
}
