//! One immutable snapshot of everything that a decision consults.
//!
//! It is built whole, swapped whole and loaded once a request, so that a reload
//! never gives half a request the old rules.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::client_headers::{ClientHeaders, ForwardHeaders};
use super::cors::Cors;
use super::csrf::Csrf;
use super::directory::{Directory, User};
use super::headers::IdentityHeaders;
use super::machine::MachineTokens;
use super::ports::{Revoked, Tokens, Users};
use super::principal::Principal;
use super::redirect::CrossSiteNavigation;
use super::refresh::Terms;
use super::rules::Rules;
use super::verified::TokenCache;
use crate::domain::cookie::CookieStyle;
use crate::domain::id::UserId;
use crate::domain::origin::{Authority, Origin, Scheme};
use crate::domain::time::Timestamp;

/// What the operator decides of requests.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Which hosts are served; `None`: any.
    pub hosts: Option<Hosts>,
    /// Sizes of a request.
    pub sizes: Sizes,
    /// Foreign origins.
    pub cors: Cors,
    /// Cross-site request forgery.
    pub csrf: Csrf,
    /// Our own paths.
    pub paths: Paths,
    /// Who may go where.
    pub rules: Rules,
    /// How our cookies look.
    pub cookies: CookieStyle,
    /// What the app is told.
    pub identity_headers: IdentityHeaders,
    /// What of a client's headers reaches it.
    pub forward_headers: ForwardHeaders,
    /// How sessions live.
    pub session: SessionRules,
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// `login.known_browsers`
    pub known_browsers: bool,
}

/// The snapshot: what was chosen, and what follows of it for these users and keys.
pub struct Policy {
    pub(super) choices: Choices,
    /// What of a client's headers reaches the app.
    pub client_headers: ClientHeaders,
    /// Everybody who can log in.
    pub directory: Arc<Directory>,
    /// Enabled users of the file by id, with what is computed once.
    pub principals: Arc<HashMap<UserId, Arc<Principal>>>,
    /// All users; asked for whom the file does not have.
    pub users: Arc<dyn Users>,
    /// The keys.
    pub tokens: Arc<dyn Tokens>,
    /// What was ended before its time.
    pub revoked: Arc<dyn Revoked>,
    /// Tokens that were found good under these keys, settings and users.
    pub verified: TokenCache,
    /// What programs show.
    pub machines: MachineTokens,
}

impl Deref for Policy {
    type Target = Choices;

    fn deref(&self) -> &Choices {
        &self.choices
    }
}

impl Policy {
    /// For these users, under these keys. What is computed once a snapshot is computed here, so
    /// that it belongs to them.
    pub fn new(
        choices: Choices,
        users: impl IntoIterator<Item = User>,
        tokens: Arc<dyn Tokens>,
        revoked: Arc<dyn Revoked>,
    ) -> Self {
        let directory = Directory::new(users);
        let headers = &choices.identity_headers;
        let principals = Arc::new(principals(&directory, tokens.as_ref(), headers));
        Self {
            client_headers: ClientHeaders::new(headers, &choices.forward_headers),
            choices,
            directory: Arc::new(directory),
            users: principals.clone(),
            principals,
            tokens,
            revoked,
            verified: TokenCache::default(),
            machines: MachineTokens::default(),
        }
    }

    /// Whether what is known of revocations is too old to be believed.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.session.refuse_when_stale.is_some_and(|limit| {
            let last_sync = self.revoked.last_sync();
            last_sync.is_some_and(|last_sync| now.distance(last_sync) > limit)
        })
    }
}

/// The hosts of `public_url` and `extra_hosts`.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// The scheme whose default port may be left out.
    pub scheme: Scheme,
    /// All of them.
    pub served: Vec<Authority>,
}

impl Hosts {
    /// Those of `public_url` and `extra_hosts`.
    pub fn new(public: &Origin, extra: &[Authority]) -> Self {
        let served = std::iter::once(public.authority()).chain(extra);
        Self {
            scheme: public.scheme(),
            served: served.cloned().collect(),
        }
    }
}

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of all header fields, names and values.
    pub header_bytes: u64,
    /// Header fields.
    pub header_count: usize,
    /// Bytes of all `Cookie` fields.
    pub cookie_bytes: u64,
    /// Bytes of a body that is forwarded.
    pub request_body: Option<u64>,
}

impl Sizes {
    /// Whether a body of the declared length may be forwarded; one of no declared length
    /// is counted on its way.
    pub fn admit_body(&self, declared: Option<u64>) -> bool {
        match (declared, self.request_body) {
            (Some(length), Some(limit)) => length <= limit,
            _ => true,
        }
    }
}

/// `paths`: exact, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The login page and its form.
    pub login: String,
    /// The logout page and its form.
    pub logout: String,
    /// Exchanges a refresh token.
    pub refresh: String,
    /// RFC 7009.
    pub revoke: String,
    /// Everything else of ours, without a trailing slash.
    pub prefix: String,
    /// The public keys.
    pub jwks: String,
}

impl Paths {
    /// Whether nobody else's login can be where ours is.
    pub fn login_is_under_prefix(&self) -> bool {
        let below = self.login.strip_prefix(&self.prefix);
        below.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// `session.renewal`
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Renewal {
    /// On the way through, without the client's help; by `POST /refresh` too.
    Silent,
    /// By `POST /refresh` alone.
    Endpoint,
}

/// `session`, as far as requests go.
#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    /// How long tokens and sessions live.
    pub lifetimes: Lifetimes,
    /// Who renews a session.
    pub renewal: Renewal,
    /// The most sessions of one user; a new login ends the oldest beyond.
    pub max_per_user: Option<u32>,
    /// What a cookie-less arrival from another site gets.
    pub cross_site_navigation: CrossSiteNavigation,
    /// With a shared store: how long after its last word sessions are still believed.
    pub refuse_when_stale: Option<Duration>,
}

/// How long things live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A session that nobody uses.
    pub idle: Duration,
    /// A session, whatever happens.
    pub absolute: Duration,
    /// Both limits of a session with the box ticked; `None`: there is no box.
    pub remember: Option<Duration>,
    /// How long a refresh token that was just exchanged gets the same successor.
    pub grace: Duration,
}

impl Lifetimes {
    /// The idle and the absolute limit of a new session.
    pub fn of_session(&self, remember: bool) -> (Duration, Duration) {
        match self.remember.filter(|_| remember) {
            Some(both) => (both, both),
            None => (self.idle, self.absolute),
        }
    }

    /// The terms of renewals.
    pub fn terms(&self) -> Terms {
        Terms {
            access: self.access,
            grace: self.grace,
        }
    }

    /// How long a retired key must be kept: nothing that these settings make outlives it.
    pub fn longest(&self) -> Duration {
        self.absolute
            .max(self.access)
            .max(self.remember.unwrap_or_default())
    }

    /// How long a cut-off must be remembered: tokens from before a reload or a restart may
    /// live longer than what these settings make.
    pub fn longest_ever(&self) -> Duration {
        self.longest().max(LONGEST_TOKEN)
    }
}

/// No access token lives longer, whatever the settings were when it was issued: it ends
/// with its session, and whoever stays away for so long has lost that (the longest
/// `idle_timeout` and `remember_me`).
pub const LONGEST_TOKEN: Duration = Duration::from_secs(400 * 24 * 3600);

/// Renders what is computed once a snapshot: versions under every key, and headers.
/// Disabled users have no principal, and so no session.
pub fn principals(
    directory: &Directory,
    tokens: &dyn Tokens,
    mapping: &IdentityHeaders,
) -> HashMap<UserId, Arc<Principal>> {
    directory
        .iter()
        .filter(|user| !user.disabled)
        .map(|user| {
            let principal = Principal {
                versions: (0..).map_while(|key| tokens.version(user, key)).collect(),
                headers: mapping.render(user),
                user: Arc::clone(user),
            };
            (user.identity.id.clone(), Arc::new(principal))
        })
        .collect()
}
