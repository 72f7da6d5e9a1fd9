//! The whole parse: what an operator writes, and what they are told.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::settings::*;
use super::*;
use crate::domain::origin::{Authority, Origin};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM";

mod environment;
mod files;
mod problems;
mod sessions;
mod yaml;

/// A folder that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("doorward-config-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn no_env() -> Environment {
    Environment::new(Vec::<(String, String)>::new(), "/work-dir")
}

fn env<const N: usize>(vars: [(&str, &str); N]) -> Environment {
    Environment::new(vars, "/work-dir")
}

fn text(yaml: &str) -> Result<Settings, Problems> {
    load_text(yaml, Path::new("doorward.yaml"), &no_env())
}

/// A valid file with one user, and these lines.
fn with(lines: &str) -> String {
    format!(
        "upstream: http://127.0.0.1:3000\nusers: [{{ id: '1', username: a, password_hash: '{HASH}' }}]\n{lines}\n"
    )
}

fn settings(lines: &str) -> Settings {
    text(&with(lines)).unwrap_or_else(|problems| panic!("{lines}\n{problems}"))
}

/// What is said about these lines, one problem a line; empty when nothing is wrong.
fn said(lines: &str) -> String {
    text(&with(lines)).map_or_else(|problems| problems.to_string(), |_| String::new())
}

/// What the start warns of.
fn warned(settings: &Settings) -> Vec<String> {
    let lints = crate::config::lints::of(settings).into_iter();
    let problems = lints.filter(|lint| lint.severity == lints::Severity::Problem);
    problems.map(|lint| lint.to_string()).collect()
}

#[test]
fn the_defaults_are_the_contract() {
    let s = settings("");
    assert_eq!(s.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(s.public_url, None);
    assert_eq!(s.data_dir, Path::new("/work-dir/doorward-data"));
    assert_eq!(s.admin.listen, "127.0.0.1:9180".parse().unwrap());
    assert_eq!(s.signing.algorithm, Algorithm::Hs256);
    assert!(s.signing.keys.is_empty());
    assert_eq!(s.cookies.name, "doorward");
    assert_eq!(s.session.lifetimes.access.as_secs(), 900);
    assert_eq!(s.session.lifetimes.idle.as_secs(), 12 * 3600);
    assert_eq!(s.session.lifetimes.absolute.as_secs(), 7 * 86_400);
    assert_eq!(s.session.lifetimes.remember.unwrap().as_secs(), 30 * 86_400);
    assert_eq!(s.session.lifetimes.grace.as_secs(), 10);
    assert_eq!(s.session.renewal, Renewal::Silent);
    assert_eq!(s.session.max_per_user, Some(100));
    assert_eq!(s.session.refuse_when_stale, None);
    assert!(matches!(s.store, StoreKind::Embedded));
    assert_eq!(s.csrf.mode, CsrfMode::Origin);
    assert_eq!(s.csrf.header, "x-csrf-token");
    assert_eq!(s.cookies.csrf, None);
    assert!(s.admin.token.is_none());
    assert_eq!(s.admin.role, None);
    assert_eq!(s.paths.refresh, "/refresh");
    assert_eq!(s.paths.prefix, "/_doorward");
    assert_eq!(s.upstream_host, None);
    assert_eq!(s.cors.max_age.as_secs(), 600);
    assert_eq!(s.identity_headers.set[&b"X-User-Id"[..]], IdentityField::Id);
    assert_eq!(s.identity_headers.set.len(), 3);
    assert_eq!(s.default_access, Access::Authenticated);
    assert_eq!(s.login.hash_queue, 64);
    assert!(s.login.known_browsers);
    assert_eq!(s.limits.sizes.header_bytes, 32_768);
    assert_eq!(s.limits.drain.as_secs(), 8);
    assert_eq!(s.pages.title, "Sign in");
    assert_eq!(s.log.level, log::LevelFilter::Info);
    assert!(!s.cookies.over_http);
    assert_eq!(warned(&s), Vec::<String>::new());
    assert_eq!(s.users[0].identity.name, "a");
}

#[test]
fn every_key_can_be_set() {
    let s = settings(
        "listen: 0.0.0.0:80
public_url: https://App.Example.com/
extra_hosts: [app.internal:8080]
threads: 4
cookies: { name: sid, domain: .example.com, same_site: lax }
admin: { token: 0123456789abcdef }
signing: { key: 0123456789abcdef0123456789abcdef }
session:
  access_ttl: 5m
  idle_timeout: 1h
  absolute_timeout: 2d
  remember_me: null
  refresh_grace: 0s
  renewal: endpoint
  max_per_user: 3
  cross_site_navigation: confirm
  store: { redis: { url: 'redis://:hunter2@redis:6379', prefix: 'door:' } }
  refuse_when_stale: 30s
paths: { login: /auth/login, refresh: /auth/renew, prefix: /auth/ }
cors:
  allowed_origins: [https://spa.example.com:443, 'http://localhost:5173']
  allowed_headers: [X-Thing]
  max_age: 0s
csrf: { mode: both, header: X-XSRF-TOKEN, cookie: XSRF-TOKEN }
identity_headers:
  preset: authelia
  set: { remote_user: id, X-Session: session }
rules:
  - { path: /public/**, methods: [GET], access: public }
  - { path: /files/**, access: authenticated, ambiguous: [encoded_slash] }
  - { path: /admin/**, access: { roles: [admin, ops] } }
default_access: deny
login: { max_attempts: 3, window: 1m, hash_queue: 0 }
trusted_proxies: [10.0.0.0/8, '::1']
limits: { request_body: 10MiB, header_count: 50, keepalive_requests: 100, drain: 0s }
pages: { title: Hello }
log: { level: debug, format: json, query: true }
insecure: { cookies_over_http: true }",
    );
    assert!(warned(&s).iter().any(|w| w.contains("cookies_over_http")));
    assert_eq!(s.listen, ["0.0.0.0:80".parse().unwrap()]);
    assert_eq!(s.public_url, Origin::parse(b"https://app.example.com"));
    assert_eq!(
        s.extra_hosts,
        [Authority::parse(b"app.internal:8080").unwrap()]
    );
    assert_eq!(s.threads, Some(4));
    assert_eq!(s.cookies.domain.as_deref(), Some("example.com"));
    assert_eq!(s.cookies.same_site, SameSite::Lax);
    assert_eq!(s.admin.token.unwrap().expose(), b"0123456789abcdef");
    assert_eq!(s.session.lifetimes.idle.as_secs(), 3600);
    assert_eq!(s.session.lifetimes.absolute.as_secs(), 2 * 86_400);
    assert_eq!(s.session.lifetimes.remember, None);
    assert!(s.session.lifetimes.grace.is_zero());
    assert_eq!(s.session.renewal, Renewal::Endpoint);
    assert_eq!(s.session.max_per_user, Some(3));
    assert_eq!(s.session.refuse_when_stale.unwrap().as_secs(), 30);
    let StoreKind::Redis(redis) = s.store else {
        panic!("the store is not the one that was written");
    };
    assert_eq!(redis.url.expose(), b"redis://:hunter2@redis:6379");
    assert_eq!(redis.prefix, "door:");
    assert_eq!(s.paths.refresh, "/auth/renew");
    assert_eq!(s.paths.prefix, "/auth");
    assert_eq!(
        s.cors.allowed_origins,
        ["https://spa.example.com", "http://localhost:5173"]
            .map(|origin| Origin::parse(origin.as_bytes()).unwrap())
    );
    assert_eq!(
        s.cors.allowed_headers,
        ["x-thing", "x-xsrf-token"],
        "pages of other origins cannot send the token"
    );
    assert_eq!(s.csrf.mode, CsrfMode::Both);
    assert_eq!(s.csrf.header, "x-xsrf-token");
    assert_eq!(s.cookies.csrf.as_deref(), Some("XSRF-TOKEN"));
    let headers: Vec<_> = s.identity_headers.set.keys().cloned().collect();
    assert_eq!(
        headers,
        [
            "Remote-Email",
            "Remote-Groups",
            "Remote-Name",
            "X-Session",
            "remote_user"
        ],
        "the operator's own spelling replaces the preset's"
    );
    assert_eq!(s.rules.len(), 3);
    assert_eq!(s.rules[1].ambiguous, [Ambiguity::EncodedSlash]);
    assert_eq!(
        s.rules[2].access,
        Access::Roles(vec!["admin".into(), "ops".into()])
    );
    assert_eq!(s.default_access, Access::Deny);
    assert_eq!(s.login.hash_queue, 0);
    assert_eq!(s.trusted_proxies.len(), 2);
    assert_eq!(s.limits.sizes.request_body, Some(10 * 1024 * 1024));
    assert!(s.limits.drain.is_zero());
    assert_eq!(s.log.format, LogFormat::Json);
    assert!(s.cookies.over_http);
}
