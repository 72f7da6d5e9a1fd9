//! The settings, typed: parsed once, impossible to be wrong afterwards.
//!
//! Field for field the file's keys, which `config/doorward.yaml` explains; what is
//! said here is only what the type does not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use ipnet::IpNet;

pub use crate::adapters::jwt::Signing;
pub use crate::adapters::jwt::algorithm::Algorithm;
pub use crate::adapters::observe::fields::LogFormat;
pub use crate::adapters::observe::logger::LogSettings;
pub use crate::adapters::pages::{Branding, Logo};
pub use crate::adapters::store::redis::RedisAddress;
pub use crate::auth::client_headers::ForwardHeaders;
pub use crate::auth::cors::CorsSettings;
pub use crate::auth::csrf::{Csrf, CsrfMode};
use crate::auth::directory::User;
pub use crate::auth::headers::{IdentityField, IdentityHeaders};
pub use crate::auth::machine::{ActsAs, Entrance, Entrances, MachineToken};
pub use crate::auth::policy::{Hosts, Lifetimes, Paths, Renewal, SessionRules, Sizes};
pub use crate::auth::redirect::CrossSiteNavigation;
pub use crate::auth::rules::{Access, Ambiguity, Challenge, Openness, Rule};
pub use crate::auth::throttle::AttemptLimits;
use crate::config::lints::lint::Lint;
use crate::config::yaml::problem::Place;
use crate::domain::cookie::CookieStyle;
pub use crate::domain::cookie::SameSite;
use crate::domain::origin::{Authority, Origin, Scheme, ipv6_host};
use crate::domain::secret::Secret;

/// Everything that the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the public listener binds.
    pub listen: Vec<SocketAddr>,
    /// The sockets that the service manager passes for it, as `fd://NAME`.
    pub listen_passed: Vec<String>,
    /// The gateway's own origin as the browser sees it.
    pub public_url: Option<Origin>,
    /// Other `Host` values that are accepted beside `public_url`'s.
    pub extra_hosts: Vec<Authority>,
    /// The app.
    pub upstream: Upstream,
    /// The `Host` that the app sees; `None`: the client's.
    pub upstream_host: Option<Authority>,
    /// How an `https://` upstream is verified.
    pub upstream_tls: UpstreamTls,
    /// Keys, embedded store, admin socket.
    pub data_dir: PathBuf,
    /// Proxy workers; `None`: one a core.
    pub threads: Option<usize>,
    /// The TLS listener, if any.
    pub tls: Option<Tls>,
    /// The operators' listener.
    pub admin: Admin,
    /// All users, in the order of the file; ids and canonical names are unique.
    pub users: Vec<User>,
    /// What programs may show, in the order of the file; names and hashes are unique.
    pub tokens: Vec<MachineToken>,
    /// Where they may show it; `None`: neither this nor `tokens` is set.
    pub api: Option<Entrances>,
    /// How access tokens are signed.
    pub signing: Signing,
    /// How cookies are named and sent.
    pub cookies: Cookies,
    /// How sessions live.
    pub session: SessionRules,
    /// `session.cut_downloads`: whether an answer of known length ends with the session too.
    pub cut_downloads: bool,
    /// Where sessions and revocations are kept.
    pub store: StoreKind,
    /// Our own paths.
    pub paths: Paths,
    /// Which foreign origins may call.
    pub cors: CorsSettings,
    /// How unsafe requests prove that the user meant them.
    pub csrf: Csrf,
    /// What the app is told about the user.
    pub identity_headers: IdentityHeaders,
    /// What of a client's headers reaches the app.
    pub forward_headers: ForwardHeaders,
    /// Where the id of a request stands.
    pub request_id: RequestIdHeader,
    /// First match wins.
    pub rules: Vec<Rule>,
    /// Where each of the rules was written.
    pub rule_places: Vec<Place>,
    /// For paths that no rule matches.
    pub default_access: Access,
    /// Limits on guessing and hashing.
    pub login: Login,
    /// What a logout does beside ending the session.
    pub logout: Logout,
    /// Whose `X-Forwarded-*` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Sizes and times that a client cannot exceed.
    pub limits: Limits,
    /// What the login page shows.
    pub pages: Branding,
    /// What is logged and how.
    pub log: LogSettings,
    /// Every file that was read to make these settings (the configuration itself,
    /// users, secrets, logo, certificates): a change of any of them is a reload.
    pub sources: Vec<PathBuf>,
    /// Every file that holds a secret or password hashes.
    pub secrets: Vec<SecretFile>,
    /// What reading alone could see; [`crate::config::lints::of`] has all of them.
    pub lints: Vec<Lint>,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The key whose value it is: `signing.key`, `users`.
    pub key: String,
    /// The file.
    pub file: PathBuf,
    /// Whether it is the configuration itself, which is copied, shown and kept in
    /// repositories like no file of its own.
    pub is_literal: bool,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// `http://host:port`
    Http {
        /// A name or an address, without brackets.
        host: String,
        /// Default 80.
        port: u16,
    },
    /// `https://host:port`
    Https {
        /// A name or an address, without brackets.
        host: String,
        /// Default 443.
        port: u16,
    },
    /// `unix:/path`, at most 107 bytes
    Unix(PathBuf),
}

impl Upstream {
    /// Host and port as a URL has them, without the scheme's own port; `None` of a socket.
    pub fn authority(&self) -> Option<Authority> {
        let (scheme, host, port) = match self {
            Self::Http { host, port } => (Scheme::Http, host, *port),
            Self::Https { host, port } => (Scheme::Https, host, *port),
            Self::Unix(_) => return None,
        };
        let host = host.parse().map_or_else(|_| host.clone(), ipv6_host);
        let text = match port == scheme.default_port() {
            true => host,
            false => format!("{host}:{port}"),
        };
        Authority::parse(text.as_bytes())
    }
}

/// `upstream_tls`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// PEM file with the CA certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name to ask for and verify instead of the upstream's host.
    pub server_name: Option<String>,
}

/// `tls`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM certificate chain.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// A plain address that answers 308 to `public_url`.
    pub redirect_from: Option<SocketAddr>,
    /// `Strict-Transport-Security`'s max-age; `None` (written `0s`): no header.
    pub hsts: Option<Duration>,
}

/// `admin`
#[derive(Clone, Debug)]
pub struct Admin {
    /// `/healthz`, `/readyz`, `/metrics`.
    pub listen: SocketAddr,
    /// Opens the admin API over TCP; `None`: only the socket has it.
    pub token: Option<Secret>,
    /// Names that it answers to over TCP, lower case, beside addresses, `localhost` and
    /// names without a dot.
    pub hosts: Vec<String>,
    /// Whose bearers may end anybody's sessions by `/revoke`; `None`: nobody.
    pub role: Option<String>,
}

/// `cookies`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// The base name, without a prefix.
    pub name: String,
    /// `Domain`, without a leading dot.
    pub domain: Option<String>,
    /// `SameSite`
    pub same_site: SameSite,
    /// `csrf.cookie`: the cookie that scripts read the token from, if it is not ours.
    pub csrf: Option<String>,
    /// `insecure.cookies_over_http`: no prefix, no `Secure`.
    pub over_http: bool,
}

impl Cookies {
    /// How they look.
    pub fn style(&self) -> CookieStyle {
        let domain = self.domain.as_deref();
        let style = CookieStyle::new(&self.name, domain, self.same_site, self.over_http);
        match &self.csrf {
            Some(name) => style.with_csrf_name(name),
            None => style,
        }
    }
}

/// `session.store`
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// A file in `data_dir`.
    Embedded,
    /// Nothing survives a restart.
    Memory,
    /// Shared by all replicas.
    Redis(RedisAddress),
}

/// `request_id`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestIdHeader {
    /// The name of the header.
    pub name: HeaderName,
    /// The same as it was written, and as it is sent.
    pub spelled: Bytes,
}

impl Default for RequestIdHeader {
    fn default() -> Self {
        Self {
            name: HeaderName::from_static("x-request-id"),
            spelled: Bytes::from_static(b"X-Request-Id"),
        }
    }
}

/// `login`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// How often a password may be tried.
    pub attempts: AttemptLimits,
    /// Password hashes computed at once.
    pub concurrent_hashes: usize,
    /// Logins that may wait for one.
    pub hash_queue: usize,
    /// Whether browsers in which a user has signed in are counted by themselves.
    pub known_browsers: bool,
}

/// `logout`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// What the browser is told to forget of the whole origin, the app's included.
    pub clear_site_data: Vec<SiteData>,
}

/// A type of `Clear-Site-Data` (W3C Clear Site Data, section 3.1).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum SiteData {
    /// The HTTP cache: in Chromium this walks all of it, and takes a second when it is large.
    Cache,
    /// Every cookie of the registrable domain.
    Cookies,
    /// `localStorage`, `IndexedDB`, service workers: the app's drafts go with them.
    Storage,
}

impl SiteData {
    /// The word that the operator writes and the browser reads.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// `limits`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a login form.
    pub login_body: u64,
    /// What a client may send.
    pub sizes: Sizes,
    /// From the first byte to the end of the head.
    pub request_head: Duration,
    /// Between two reads of a request body.
    pub client_read: Duration,
    /// An idle connection.
    pub keepalive_idle: Duration,
    /// Requests of one connection.
    pub keepalive_requests: Option<u32>,
    /// Concurrent streams of one HTTP/2 connection.
    pub h2_streams: u32,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one TCP peer, for IPv6 of one /64; trusted proxies are exempt.
    pub connections_per_address: Option<usize>,
    /// The least bytes a second of a request body, after its first ten seconds.
    pub body_min_rate: Option<u64>,
    /// Bytes of answers that clients have not taken, of all connections together.
    pub unread_answers: u64,
    /// Until the upstream accepts.
    pub upstream_connect: Duration,
    /// Until the head of the upstream's answer.
    pub upstream_read: Duration,
    /// Streaming bodies, event streams, WebSockets without a byte.
    pub idle_stream: Duration,
    /// The longest that a stop may take.
    pub drain: Duration,
}
