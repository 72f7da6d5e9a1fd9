//! `session`, `csrf` and `admin.token`: what is refused, and what is legal and odd.

use super::problems::assert_refused;
use super::*;

#[test]
fn lifetimes_and_stores_are_refused_with_their_path_and_mend() {
    for (lines, path, says) in [
        (
            "session: { access_ttl: soon }",
            "session.access_ttl",
            "not a duration",
        ),
        (
            "session: { access_ttl: 0s }",
            "session.access_ttl",
            "out of range",
        ),
        (
            "session: { access_ttl: 8d }",
            "session.access_ttl",
            "whole session",
        ),
        (
            "session: { store: disk }",
            "session.store",
            "embedded, memory",
        ),
        (
            "session: { idle_timeout: 401d }",
            "session.idle_timeout",
            "at most 400d",
        ),
        (
            "session: { idle_timeout: null }",
            "session.idle_timeout",
            "has no value",
        ),
        (
            "session: { absolute_timeout: 1500ms }",
            "session.absolute_timeout",
            "whole number of seconds",
        ),
        (
            "session: { access_ttl: 2h, absolute_timeout: 1h }",
            "session.access_ttl",
            "whole session",
        ),
        (
            "session: { remember_me: 500d }",
            "session.remember_me",
            "at most 400d",
        ),
        (
            "session: { remember_me: 0s }",
            "session.remember_me",
            "out of range",
        ),
        (
            "session: { refresh_grace: -1s }",
            "session.refresh_grace",
            "not a duration",
        ),
        (
            "session: { renewal: never }",
            "session.renewal",
            "silent, endpoint",
        ),
        (
            "session: { max_per_user: 0 }",
            "session.max_per_user",
            "between 1",
        ),
        (
            "session: { refuse_when_stale: 1m }",
            "session.refuse_when_stale",
            "means nothing",
        ),
        (
            "session: { store: memory, refuse_when_stale: 1m }",
            "session.refuse_when_stale",
            "means nothing",
        ),
        (
            "session: { refuse_when_stale: 10ms }",
            "session.refuse_when_stale",
            "between 1s",
        ),
        ("session: { store: redis }", "session.store", "redis: { url"),
    ] {
        assert_refused(lines, path, says);
    }
}

#[test]
fn tokens_of_requests_and_operators_are_refused_with_their_path_and_mend() {
    for (lines, path, says) in [
        ("csrf: { mode: maybe }", "csrf.mode", "origin, token, both"),
        ("csrf: { header: Cookie }", "csrf.header", "another meaning"),
        (
            "csrf: { header: X-User-Id }",
            "csrf.header",
            "identity header",
        ),
        (
            "csrf: { header: X-Team }\nidentity_headers: { set: { X-Team: roles } }",
            "csrf.header",
            "identity header",
        ),
        (
            "csrf: { header: 'a b' }",
            "csrf.header",
            "not a header name",
        ),
        (
            "csrf: { mode: token, cookie: 'a;b' }",
            "csrf.cookie",
            "not a cookie name",
        ),
        (
            "csrf: { mode: token, cookie: __Host-doorward }",
            "csrf.cookie",
            "another cookie of ours",
        ),
        (
            "csrf: { mode: token, cookie: __Host-csrf }\ncookies: { domain: example.com }",
            "csrf.cookie",
            "__Secure-doorward-csrf",
        ),
        (
            "csrf: { mode: token, cookie: __Secure-csrf }\ninsecure: { cookies_over_http: true }",
            "csrf.cookie",
            "wants Secure",
        ),
        (
            "admin: { token: fifteen-letters }",
            "admin.token",
            "shorter than 16",
        ),
        (
            "admin: { token: 'sixteen letters!' }",
            "admin.token",
            "holds a space",
        ),
        ("admin: { token: file:/nope }", "admin.token", "/nope"),
        ("paths: { refresh: /login }", "paths.refresh", "paths.login"),
    ] {
        assert_refused(lines, path, says);
    }
}

/// With a key, so that only the store can be wrong.
const SHARED: &str = "signing: { key: 0123456789abcdef0123456789abcdef }\nsession: ";

#[test]
fn a_shared_store_needs_a_server_a_key_and_a_prefix() {
    let good = format!("{SHARED}{{ store: {{ redis: {{ url: 'redis://r' }} }} }}");
    assert_eq!(said(&good), "");
    for (store, says) in [
        (
            "{ redis: { prefix: x } }",
            "session.store.redis.url: is missing",
        ),
        ("{ redis: null }", "session.store.redis: is not a map"),
        (
            "{ redis: { url: null } }",
            "session.store.redis.url: is missing",
        ),
        (
            "{ redis: { url: 'http://r' } }",
            "not a Redis URL (redacted)",
        ),
        ("{ redis: { url: 'rediss://r/#insecure' } }", "unchecked"),
        ("{ redis: { url: env:NOPE } }", "set NOPE"),
        ("{ redis: { url: file:/nope } }", "/nope"),
        (
            "{ redis: { url: 'redis://r', prefix: '' } }",
            "session.store.redis.prefix: is not a prefix",
        ),
        (
            "{ redis: { url: 'redis://r', prefix: 'a b' } }",
            "session.store.redis.prefix: is not a prefix",
        ),
        (
            "{ redis: { url: 'redis://r', db: 1 } }",
            "known here: url, prefix",
        ),
        ("{ reddis: { url: 'redis://r' } }", "did you mean `redis`?"),
        ("{}", "session.store.redis: is missing"),
    ] {
        let said = said(&format!("{SHARED}{{ store: {store} }}"));
        assert!(said.contains(says), "{store}: {said}");
        assert_eq!(said.lines().count(), 1, "{store}: {said}");
    }
    for signing in ["", "signing: { key: null }\n"] {
        let said = said(&format!(
            "{signing}session: {{ store: {{ redis: {{ url: 'redis://r' }} }} }}"
        ));
        assert!(
            said.contains("session.store.redis: is shared by replicas, and signing.key is not set"),
            "each replica would make a key of its own: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_words_of_a_choice_are_kept_apart() {
    for (line, mode) in [
        ("origin", CsrfMode::Origin),
        ("token", CsrfMode::Token),
        ("both", CsrfMode::Both),
        ("off", CsrfMode::Off),
        ("false", CsrfMode::Off),
    ] {
        assert_eq!(
            settings(&format!("csrf: {{ mode: {line} }}")).csrf.mode,
            mode
        );
    }
    let memory = settings("session: { store: memory }");
    assert!(matches!(memory.store, StoreKind::Memory));
}

#[test]
fn odd_lifetimes_are_legal_and_said() {
    for (lines, says) in [
        (
            "session: { access_ttl: 1h, idle_timeout: 1h }",
            Some("not shorter than session.idle_timeout"),
        ),
        (
            "session: { idle_timeout: 10m }",
            Some("not shorter than session.idle_timeout"),
        ),
        (
            "session: { idle_timeout: 8d }",
            Some("longer than session.absolute_timeout"),
        ),
        ("session: { remember_me: 1h }", Some("signed out sooner")),
        (
            "session: { refresh_grace: 1h }",
            Some("stolen refresh token"),
        ),
        (
            "csrf: { cookie: XSRF-TOKEN }",
            Some("csrf.cookie does nothing"),
        ),
        (
            "session: { absolute_timeout: 10m, idle_timeout: 10m, access_ttl: 1m }",
            None,
        ),
        ("session: { idle_timeout: 7d, remember_me: 7d }", None),
        ("session: { remember_me: null, refresh_grace: 0s }", None),
        ("csrf: { mode: token, cookie: XSRF-TOKEN }", None),
    ] {
        let warnings = warned(&settings(lines));
        assert_eq!(
            warnings.len(),
            usize::from(says.is_some()),
            "{lines}: {warnings:?}"
        );
        if let Some(says) = says {
            assert!(warnings[0].contains(says), "{lines}: {warnings:?}");
        }
    }
}
