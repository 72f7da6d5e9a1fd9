//! The one table of keys: where each may stand, how it is written, what it is without a word
//! of the operator, and what it means.
//!
//! The check for unknown keys and the variables of the environment are made of it here;
//! `config/doorward.yaml`, `config/doorward.schema.json` and `docs/configuration.md` are made of it
//! by `tests/it/project/reference.rs`, which also compares it with what the readers of the sections say.

/// A key of the file.
#[derive(Debug)]
pub struct Key {
    /// Its YAML path. `[]` stands for each item of a list.
    pub path: &'static str,
    /// What may set it.
    pub kind: Kind,
    /// How it is written.
    pub value: Value,
    /// What [`Self::yaml`] is.
    pub shown: Shown,
    /// The default or an example, as YAML.
    pub yaml: &'static str,
    /// What it means: lines of text; those between two lines of ``` are examples.
    pub doc: &'static [&'static str],
}

/// What may set a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value: `DOORWARD_…` can set it.
    Scalar,
    /// A list of single values: `DOORWARD_…` can set it, comma separated.
    List,
    /// Only the file can set it, or it is but a section.
    Deep,
}

/// What stands beside a key where all of them are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// What holds when it is left out.
    Default,
    /// An example of what must be written.
    Required,
    /// An example of what may be written.
    Sample,
    /// The same, as a comment: it would change something.
    Unset,
}

/// How a value is written. A key with keys below it can also be a map of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A map of the keys below it, and nothing else.
    Section,
    /// A list of maps, whose keys are those below `[]`.
    Items,
    /// Any text.
    Text,
    /// A secret: itself, or where it is.
    Secret,
    /// Text of a shape: its name, and a regular expression that takes at least all that is right.
    Match(&'static str, &'static str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A whole number from the first to the last.
    Count(u64, u64),
    /// A duration, such as `15m`.
    Duration,
    /// Bytes from the first to the last, such as `16KiB`.
    Size(u64, u64),
    /// A list.
    List(&'static Value),
    /// A list, or one by itself.
    OneOrMore(&'static Value),
    /// A map from names that the operator chooses.
    Map(&'static Value),
    /// The same, or `null`.
    Maybe(&'static Value),
}

use Kind::{Deep, List, Scalar};
use Value::{
    Count, Duration, Items, List as ListOf, Map, Match, Maybe, OneOrMore, Secret, Section, Size,
    Switch, Text, Words,
};

const ADDRESS: Value = Match(
    "address:port",
    r"^(\[[0-9A-Fa-f:.]+(%[0-9]+)?\]|[0-9.]+):[0-9]{1,5}$",
);
const LISTENER: Value = Match(
    "address:port or fd://NAME",
    r"^((\[[0-9A-Fa-f:.]+(%[0-9]+)?\]|[0-9.]+):[0-9]{1,5}|fd://[!-~]+)$",
);
const UPSTREAM: Value = Match(
    "URL of the app",
    r"^([Hh][Tt][Tt][Pp][Ss]?://[^/?#\\@\s]+/?|unix:/.+)$",
);
const PUBLIC_URL: Value = Match("origin", r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#\\@\s]+/?$");
const ORIGIN: Value = Match("origin", r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\@*\s]+$");
const HOST: Value = Match("host", r"^[^/@\s]+$");
const NETWORK: Value = Match("network or address", r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");
const OWN_PATH: Value = Match("path", r"^/[A-Za-z0-9/._~!$&'()+,=:@-]+$");
const PATTERN: Value = Match("pattern of paths", r"^/[^?#\\]*$");
const METHOD: Value = Match("method", r"^[!#$%&'*+.^_`|~0-9A-Z-]+$");
const HEADER: Value = Match("header name", r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
const TOKEN_HASH: Value = Match("hash of a token", r"^sha256:[0-9A-Fa-f]{64}$");
const DATE: Value = Match("date", r"^(never|[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].+)?)$");
const COOKIE: Value = Match("cookie name", r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
const ACCESS: Value = Words(&["public", "authenticated", "deny"]);
const FIELD: Value = Words(&["id", "username", "name", "email", "roles", "session"]);
const MIB: u64 = 1024 * 1024;

/// One row a key: its documentation, its path, what may set it, its value, and what is shown.
macro_rules! keys {
    ($($(#[doc = $line:literal])* $path:literal $kind:ident $value:expr, $shown:ident $yaml:literal;)*) => {
        &[$(Key {
            path: $path,
            kind: $kind,
            value: $value,
            shown: Shown::$shown,
            yaml: $yaml,
            doc: &[$($line),*],
        }),*]
    };
}

/// Every key of the file, in the order in which they are shown.
pub const KEYS: &[Key] = keys! {
    /// Where we listen: one address or a list. 0.0.0.0:8080 for every interface; fd://NAME for
    /// the sockets that systemd passes under this FileDescriptorName.
    "listen" List OneOrMore(&LISTENER), Default "[127.0.0.1:8080]";

    /// The origin that browsers see, such as https://app.example.com. Set it in production:
    /// requests for other hosts are then refused (421) unless they are listed in extra_hosts.
    "public_url" Scalar Maybe(&PUBLIC_URL), Default "null";
    /// further hosts that are served, such as app.internal:8080
    "extra_hosts" List Maybe(&ListOf(&HOST)), Default "[]";

    /// The app: http://host:port, https://host:port or unix:/path. No path behind the host.
    "upstream" Scalar UPSTREAM, Required "http://127.0.0.1:3000";
    /// TLS to the app, where upstream is https:// (or unix:, with server_name).
    "upstream_tls" Deep Section, Default "";
    /// PEM file of the CA to trust instead of the system's (or of the app's own certificate, if
    /// that says CA:FALSE)
    "upstream_tls.ca" Scalar Maybe(&Text), Default "null";
    /// the name to verify instead of the upstream's host
    "upstream_tls.server_name" Scalar Maybe(&Text), Default "null";
    /// The Host that the app sees: client (as the browser sent it), upstream (that of the URL
    /// above), or a name; an app that compares Origin with it must know its public origin.
    "upstream_host" Scalar Text, Default "client";

    /// Generated keys and the embedded store, for one gateway at a time (mode 0700).
    "data_dir" Scalar Text, Default "./doorward-data";

    /// proxy workers; null: one for each core.
    "threads" Scalar Maybe(&Count(1, 1024)), Default "null";

    /// TLS on the listeners above. Both files are read again when they change.
    "tls" Deep Maybe(&Section), Default "null";
    /// PEM file of the certificate and its intermediates
    "tls.cert" Scalar Text, Required "tls.crt";
    /// PEM file of its private key
    "tls.key" Scalar Text, Required "tls.key";
    /// a plain listener that answers 308 to public_url
    "tls.redirect_from" Scalar Maybe(&ADDRESS), Unset "0.0.0.0:80";
    /// Strict-Transport-Security; left out: 180d; 0s or null: no header
    "tls.hsts" Scalar Maybe(&Duration), Unset "180d";

    /// The operators' listener.
    "admin" Deep Section, Default "";
    /// /healthz /readyz /metrics; keep it private
    "admin.listen" Scalar ADDRESS, Default "127.0.0.1:9180";
    /// a secret of 16 characters or more: opens the admin API here too; data_dir/admin.sock needs
    /// none
    "admin.token" Scalar Maybe(&Secret), Default "null";
    /// names that it answers to beside addresses, localhost and names without a dot, such as
    /// metrics.example.com; others get 421
    "admin.hosts" List Maybe(&ListOf(&HOST)), Default "[]";
    /// who has this role may end anybody's sessions by /revoke; null: nobody can by the web
    "admin.role" Scalar Maybe(&Text), Default "null";

    /// Required, unless default_access is public. A list as here, or { file: users.yml } with such
    /// a list, Authelia's users map, or htpasswd lines. Hashes of other programs are verified as
    /// they are: argon2, bcrypt, SHA-crypt ($5$, $6$), PBKDF2 and scrypt. bcrypt reads 72 bytes of a
    /// password, here as everywhere. DOORWARD_USERS takes name:hash instead, one a line or comma
    /// separated; the id is the name.
    "users" Scalar Maybe(&Items), Default "";
    /// instead of the list: the path of a users file
    "users.file" Scalar Text, Unset "users.yml";
    /// goes to the app; never give it to somebody else
    "users[].id" Deep Text, Required "\"1001\"";
    /// typed at login; case makes no difference
    "users[].username" Deep Text, Required "alice";
    /// left out: the username
    "users[].name" Deep Maybe(&Text), Sample "Alice Example";
    /// From `doorward hash-password`. The one here is of the password change-me.
    "users[].password_hash" Deep Text, Required "\"$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM\"";
    "users[].email" Deep Maybe(&Text), Unset "alice@example.com";
    /// what rules may ask for, and the app is told
    "users[].roles" Deep Maybe(&ListOf(&Text)), Unset "[admin]";
    /// ends every session of the user
    "users[].disabled" Deep Switch, Unset "true";
    /// raise it to end every session of the user
    "users[].token_version" Deep Count(0, u64::MAX), Unset "1";

    /// What programs show instead of a password and a cookie (docs/programs.md). A list, or
    /// { file: tokens.yml } with such a list; `doorward token new` makes an entry. Once this or api
    /// is set, what begins with dw_ in Authorization is ours.
    "tokens" Deep Maybe(&Items), Default "null";
    /// instead of the list: the path of a tokens file
    "tokens.file" Scalar Text, Unset "tokens.yml";
    /// what operators and the log call it
    "tokens[].name" Deep Text, Required "ci";
    /// as whom it acts: the id or the name of a user, whose roles of today it has
    "tokens[].user" Deep Text, Unset "alice";
    /// instead of user: a machine of its own, which cannot log in
    "tokens[].id" Deep Text, Unset "svc-scraper";
    /// of such a machine
    "tokens[].roles" Deep Maybe(&ListOf(&Text)), Unset "[metrics]";
    /// all that is kept of the token
    "tokens[].hash" Deep TOKEN_HASH, Required "\"sha256:4d7dfe99ded78b97fffd7419c0e8469125d9b8f5e0392a11d6a07336f19984ad\"";
    /// a date (its end in UTC), a time (2027-03-01T12:00:00Z), or never
    "tokens[].expires" Deep DATE, Required "2027-03-01";
    /// narrows what rules allow; matches exactly as sent
    "tokens[].paths" Deep Maybe(&ListOf(&PATTERN)), Unset "[/api/**]";
    /// narrows it too
    "tokens[].methods" Deep Maybe(&ListOf(&METHOD)), Unset "[GET, HEAD]";
    /// networks or addresses of the program
    "tokens[].from" Deep Maybe(&ListOf(&NETWORK)), Unset "[10.0.0.0/8]";
    /// Where programs show a token.
    "api" Deep Maybe(&Section), Default "null";
    /// any of bearer, basic (the token as the password) and header; left out: bearer
    "api.accept" List Maybe(&ListOf(&Words(&["bearer", "basic", "header"]))), Unset "[bearer]";
    /// the header, beside header in accept
    "api.header" Scalar Maybe(&HEADER), Unset "X-API-Key";

    /// Who signs access tokens, and how.
    "signing" Deep Section, Default "";
    "signing.algorithm" Scalar Words(&["HS256", "ES256", "RS256", "EdDSA"]), Default "HS256";
    /// a secret or a list, of which the first signs; null: generated in data_dir. HS256: 32 bytes
    /// or more, or base64:…; others: a PEM private key
    "signing.key" Scalar Maybe(&OneOrMore(&Secret)), Default "null";
    "signing.issuer" Scalar Text, Default "doorward";
    "signing.audience" Scalar Text, Default "doorward";

    /// Our own cookies.
    "cookies" Deep Section, Default "";
    /// sent as __Host-doorward; cookies know no ports, so two gateways on one host need two names
    "cookies.name" Scalar COOKIE, Default "doorward";
    /// only to share a login with sibling hosts; then __Secure-doorward
    "cookies.domain" Scalar Maybe(&Text), Default "null";
    "cookies.same_site" Scalar Words(&["strict", "lax"]), Default "strict";

    /// How long somebody stays signed in, and where sessions are kept.
    "session" Deep Section, Default "";
    /// a token is checked without a look-up for this long, then renewed
    "session.access_ttl" Scalar Duration, Default "15m";
    /// the end of a session that is not renewed for this long
    "session.idle_timeout" Scalar Duration, Default "12h";
    /// the end of every session, however busy
    "session.absolute_timeout" Scalar Duration, Default "7d";
    /// both limits with the box on the login page ticked; null: no box
    "session.remember_me" Scalar Maybe(&Duration), Default "30d";
    /// a refresh token that was just exchanged gets the same answer again
    "session.refresh_grace" Scalar Duration, Default "10s";
    /// silent: on the way through; endpoint: only by POST /refresh
    "session.renewal" Scalar Words(&["silent", "endpoint"]), Default "silent";
    /// a login beyond it ends the user's oldest session; null: no limit
    "session.max_per_user" Scalar Maybe(&Count(1, 1_000_000)), Default "100";
    /// whatever goes on ends with its session; true: a download of known length too
    "session.cut_downloads" Scalar Switch, Default "false";
    /// what becomes of a link from another site
    "session.cross_site_navigation" Scalar Words(&["bounce", "confirm", "login"]), Default "bounce";
    /// embedded: in data_dir; memory: forgotten at a restart; for several gateways, which then share
    /// one signing.key: a Redis, as { redis: { url: … } }.
    "session.store" Scalar Words(&["embedded", "memory"]), Default "embedded";
    "session.store.redis" Deep Section, Unset "";
    /// a secret; rediss:// is TLS, redis+unix:///path a socket
    "session.store.redis.url" Scalar Secret, Required "\"redis://user:password@host:6379/0\"";
    /// what every key of ours begins with there; left out: doorward:
    "session.store.redis.prefix" Scalar Text, Unset "\"doorward:\"";
    /// with redis: refuse everybody after no word from it for this long, such as 30s
    "session.refuse_when_stale" Scalar Maybe(&Duration), Default "null";

    /// Our own paths; the app never sees them.
    "paths" Deep Section, Default "";
    /// true: /_doorward/login, …, for an app with a login of its own
    "paths.all_under_prefix" Scalar Switch, Default "false";
    "paths.login" Scalar OWN_PATH, Default "/login";
    "paths.logout" Scalar OWN_PATH, Default "/logout";
    "paths.refresh" Scalar OWN_PATH, Default "/refresh";
    "paths.revoke" Scalar OWN_PATH, Default "/revoke";
    "paths.prefix" Scalar OWN_PATH, Default "/_doorward";
    /// ours only when the algorithm is not HS256
    "paths.jwks" Scalar OWN_PATH, Default "/.well-known/jwks.json";

    /// Other origins whose pages may call the app with the user's cookies.
    "cors" Deep Section, Default "";
    /// exact, such as https://app.example.com, or of an app or an extension as it sends it
    /// (capacitor://localhost); no * and no null
    "cors.allowed_origins" List Maybe(&ListOf(&ORIGIN)), Default "[]";
    "cors.allowed_methods" List Maybe(&ListOf(&METHOD)), Default "[GET, HEAD, POST, PUT, PATCH, DELETE]";
    "cors.allowed_headers" List Maybe(&ListOf(&HEADER)), Default "[content-type, x-csrf-token]";
    "cors.exposed_headers" List Maybe(&ListOf(&HEADER)), Default "[]";
    "cors.max_age" Scalar Duration, Default "10m";

    /// How an unsafe request (POST and the like) proves that one of our pages or of an allowed
    /// origin sent it: by where it came from, by a token of the session in a header, or both.
    "csrf" Deep Section, Default "";
    "csrf.mode" Scalar Words(&["origin", "token", "both", "off"]), Default "origin";
    /// the header that repeats the token; a cross-origin page may send it
    "csrf.header" Scalar HEADER, Default "X-CSRF-Token";
    /// where scripts find the token; null: __Host-doorward-csrf
    "csrf.cookie" Scalar Maybe(&COOKIE), Default "null";

    /// What the app is told about the user.
    "identity_headers" Deep Section, Default "";
    /// ```
    /// default:      X-User-Id, X-User-Name, X-User-Roles
    /// oauth2-proxy: X-Forwarded-User, -Preferred-Username, -Email, -Groups
    /// authelia:     Remote-User, -Name, -Email, -Groups
    /// ```
    "identity_headers.preset" Scalar Words(&["default", "oauth2-proxy", "authelia", "none"]), Default "default";
    /// more, or others, as X-User-Email: email (id, username, name, email, roles or session)
    "identity_headers.set" Deep Maybe(&Map(&FIELD)), Default "{}";

    /// Which headers of a client the app gets. Names with `_` never, those that speak of path, host,
    /// method or user neither, and those about the client (X-Real-IP, X-Forwarded-Port, Forwarded …)
    /// not even from trusted proxies, whose X-Forwarded-For, -Proto and -Host are read and written
    /// anew.
    "forward_headers" Deep Section, Default "";
    /// names with _ that may pass
    "forward_headers.underscores" List Maybe(&ListOf(&HEADER)), Default "[]";
    /// names about the client that a trusted proxy may pass on
    "forward_headers.from_trusted" List Maybe(&ListOf(&HEADER)), Default "[]";
    /// further names that never pass
    "forward_headers.drop" List Maybe(&ListOf(&HEADER)), Default "[]";

    /// What each request is called, for who looks for it in several logs.
    "request_id" Deep Section, Default "";
    /// on the app's request, on every answer and in every line; a client's own is replaced,
    /// one of trusted_proxies is kept
    "request_id.header" Scalar HEADER, Default "X-Request-Id";

    /// Who may pass where; the first match wins. A public rule matches exactly as sent, every other
    /// ignores case.
    /// ```
    /// - { path: /public/**, methods: [GET, HEAD], access: public }
    /// - { path: /admin/**, access: { roles: [admin] } }
    /// - { path: /assets/**, access: public, identity: off, cross_origin: anyone }
    /// - { path: /files/**, access: authenticated, ambiguous: [encoded_slash, double_slash, semicolon] }
    /// ```
    "rules" Deep Maybe(&Items), Default "[]";
    /// a path; /x/** is /x and all below, * one segment
    "rules[].path" Deep PATTERN, Required "/x/**";
    /// left out: every method
    "rules[].methods" Deep Maybe(&ListOf(&METHOD)), Unset "[GET, HEAD]";
    /// or { roles: [admin] }, of which one is enough
    "rules[].access" Deep ACCESS, Required "authenticated";
    "rules[].access.roles" Deep ListOf(&Text), Required "[admin]";
    /// A spelling that programs read in several ways (//, %2f, ;, %3f, %252f, "x. ") is judged in
    /// each: if some would be refused and some not, it is 400. What is listed here gets the
    /// strictest refusal instead.
    "rules[].ambiguous" Deep Maybe(&ListOf(&Words(&["encoded_slash", "double_slash", "encoded_query", "double_encoding", "trailing", "semicolon"]))), Unset "[encoded_slash]";
    /// off, beside access: public: everybody is anonymous there, cookies of ours mean nothing, caches
    /// may keep it
    "rules[].identity" Deep Words(&["on", "off"]), Unset "on";
    /// anyone, beside identity: off: pages of every site may read, without credentials
    "rules[].cross_origin" Deep Words(&["checked", "anyone"]), Unset "checked";
    /// basic: programs are asked for a token as the password of Basic, as git and WebDAV want
    "rules[].challenge" Deep Words(&["bearer", "basic"]), Unset "basic";
    /// What holds where no rule matches.
    "default_access" Scalar ACCESS, Default "authenticated";

    /// Passwords that are guessed, and what their verification costs.
    "login" Deep Section, Default "";
    /// failures of one name from one address
    "login.max_attempts" Scalar Count(1, 100_000), Default "5";
    /// within this time
    "login.window" Scalar Duration, Default "2m";
    /// how long it is refused then
    "login.lockout" Scalar Duration, Default "5m";
    /// failures of one address, whatever the name
    "login.address_attempts" Scalar Count(1, 1_000_000), Default "20";
    /// each takes some 20 MiB
    "login.concurrent_hashes" Scalar Count(1, 256), Default "2";
    /// logins that may wait; more get 503
    "login.hash_queue" Scalar Count(0, 100_000), Default "64";
    /// who has signed in with a browser is not kept out of it by others
    "login.known_browsers" Scalar Switch, Default "true";

    /// What a logout asks of the browser.
    "logout" Deep Section, Default "";
    /// What it is to forget of this origin, the app's data too: any of cache (slow in browsers with
    /// a large one), cookies (of sibling hosts too) and storage (drafts as well); [] for none.
    "logout.clear_site_data" List Maybe(&ListOf(&Words(&["cache", "cookies", "storage"]))), Default "[storage]";

    /// Networks or addresses whose X-Forwarded-* we believe, such as 10.0.0.0/8.
    "trusted_proxies" List Maybe(&ListOf(&NETWORK)), Default "[]";

    /// What a request, a connection and all of them together may take.
    "limits" Deep Section, Default "";
    "limits.login_body" Scalar Size(64, MIB), Default "16KiB";
    /// null: no limit
    "limits.request_body" Scalar Maybe(&Size(0, 1 << 50)), Default "null";
    "limits.header_bytes" Scalar Size(256, MIB - 1), Default "32KiB";
    "limits.header_count" Scalar Count(1, 256), Default "100";
    "limits.cookie_bytes" Scalar Size(64, MIB - 1), Default "16KiB";
    /// from the first byte to the end of the head; also for a TLS handshake
    "limits.request_head" Scalar Duration, Default "10s";
    /// between two reads of a request body
    "limits.client_read" Scalar Duration, Default "60s";
    /// until the first byte of the next head; at least 1s
    "limits.keepalive_idle" Scalar Duration, Default "60s";
    /// null: no limit
    "limits.keepalive_requests" Scalar Maybe(&Count(1, 4_294_967_295)), Default "null";
    /// at once on one HTTP/2 connection
    "limits.h2_streams" Scalar Count(1, 100_000), Default "64";
    /// open at once, counted before TLS; those above are closed
    "limits.connections" Scalar Count(1, 10_000_000), Default "10000";
    /// left out: an eighth of connections; null: no limit; IPv6 by /64; trusted_proxies are exempt
    "limits.connections_per_address" Scalar Maybe(&Count(1, 10_000_000)), Default "1250";
    /// bytes a second of a request body after its first 10 s; null: no limit
    "limits.body_min_rate" Scalar Maybe(&Count(1, 1_000_000_000)), Default "100";
    /// bytes of answers that clients have not taken, of all connections together
    "limits.unread_answers" Scalar Size(MIB, 1 << 50), Default "256MiB";
    "limits.upstream_connect" Scalar Duration, Default "5s";
    /// until the head of the app's answer
    "limits.upstream_read" Scalar Duration, Default "60s";
    /// streams and WebSockets without a byte
    "limits.idle_stream" Scalar Duration, Default "1h";
    /// the longest that a stop may take
    "limits.drain" Scalar Duration, Default "8s";

    /// The login page.
    "pages" Deep Section, Default "";
    "pages.title" Scalar Text, Default "Sign in";
    /// an SVG, PNG, JPEG or WebP file of at most 256 KiB
    "pages.logo" Scalar Maybe(&Text), Default "null";

    /// What is logged.
    "log" Deep Section, Default "";
    "log.level" Scalar Words(&["off", "error", "warn", "info", "debug", "trace"]), Default "info";
    "log.format" Scalar Words(&["text", "json"]), Default "text";
    /// whether the access log has the query
    "log.query" Scalar Switch, Default "false";

    /// Every dangerous switch lives here.
    "insecure" Deep Section, Default "";
    /// session cookies without Secure: only for a closed network
    "insecure.cookies_over_http" Scalar Switch, Default "false";
};

/// The keys that may stand directly in the section (`""`: at the top).
pub(crate) fn within(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| {
        let rest = match section {
            "" => key.path,
            _ => key.path.strip_prefix(section)?.strip_prefix('.')?,
        };
        (!rest.contains(['.', '['])).then_some(rest)
    })
}

impl Key {
    /// The variable that sets it: `session.access_ttl` → `DOORWARD_SESSION_ACCESS_TTL`.
    pub fn variable(&self) -> Option<String> {
        (self.kind != Deep).then(|| variable(self.path))
    }

    /// Whether its value must not be seen by others.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.value, Secret | Maybe(Secret | OneOrMore(Secret)))
    }
}

/// The variable that sets the key at a path.
pub(crate) fn variable(path: &str) -> String {
    format!("DOORWARD_{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The candidate that was probably meant, if any is near.
pub(crate) fn nearest<'c>(
    typed: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let typed = typed.to_lowercase().replace('-', "_");
    let far = (typed.chars().count() / 3).max(1);
    candidates
        .map(|candidate| {
            let distance = strsim::levenshtein(&typed, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_key_that_was_meant() {
        for (typed, section, expected) in [
            ("upstrem", "", Some("upstream")),
            ("publicurl", "", Some("public_url")),
            ("allowed-origins", "cors", Some("allowed_origins")),
            ("password_hsah", "users[]", Some("password_hash")),
            ("banana", "", None),
            ("", "", None),
            ("x", "rules[]", None),
        ] {
            assert_eq!(nearest(typed, within(section)), expected, "{typed:?}");
        }
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut seen = std::collections::HashSet::new();
        for key in KEYS {
            if let Some(variable) = key.variable() {
                assert!(seen.insert(variable), "{key:?} cannot be told from another");
            }
        }
    }
}
