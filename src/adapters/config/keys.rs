//! The names of all keys: which may stand where, and which the environment can set.

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value: `DOORWARD_…` can set it.
    Scalar,
    /// A list of single values: `DOORWARD_…` can set it, comma separated.
    List,
    /// Only the file can set it, or it is but a section.
    Deep,
}

use Kind::{Deep, List, Scalar};

/// Every key of the file. `[]` stands for each item of a list.
pub(crate) const KEYS: &[(&str, Kind)] = &[
    ("listen", List),
    ("public_url", Scalar),
    ("extra_hosts", List),
    ("upstream", Scalar),
    ("upstream_host", Scalar),
    ("upstream_tls", Deep),
    ("upstream_tls.ca", Scalar),
    ("upstream_tls.server_name", Scalar),
    ("data_dir", Scalar),
    ("threads", Scalar),
    ("tls", Deep),
    ("tls.cert", Scalar),
    ("tls.key", Scalar),
    ("tls.redirect_from", Scalar),
    ("tls.hsts", Scalar),
    ("admin", Deep),
    ("admin.listen", Scalar),
    ("admin.token", Scalar),
    ("admin.hosts", List),
    ("admin.role", Scalar),
    ("users", Deep),
    ("users.file", Scalar),
    ("users[].id", Deep),
    ("users[].username", Deep),
    ("users[].name", Deep),
    ("users[].password_hash", Deep),
    ("users[].email", Deep),
    ("users[].roles", Deep),
    ("users[].disabled", Deep),
    ("users[].token_version", Deep),
    ("signing", Deep),
    ("signing.algorithm", Scalar),
    ("signing.key", Scalar),
    ("signing.issuer", Scalar),
    ("signing.audience", Scalar),
    ("cookies", Deep),
    ("cookies.name", Scalar),
    ("cookies.domain", Scalar),
    ("cookies.same_site", Scalar),
    ("session", Deep),
    ("session.access_ttl", Scalar),
    ("session.idle_timeout", Scalar),
    ("session.absolute_timeout", Scalar),
    ("session.remember_me", Scalar),
    ("session.refresh_grace", Scalar),
    ("session.renewal", Scalar),
    ("session.max_per_user", Scalar),
    ("session.cut_downloads", Scalar),
    ("session.cross_site_navigation", Scalar),
    ("session.store", Scalar),
    ("session.store.redis", Deep),
    ("session.store.redis.url", Scalar),
    ("session.store.redis.prefix", Scalar),
    ("session.refuse_when_stale", Scalar),
    ("paths", Deep),
    ("paths.all_under_prefix", Scalar),
    ("paths.login", Scalar),
    ("paths.logout", Scalar),
    ("paths.refresh", Scalar),
    ("paths.revoke", Scalar),
    ("paths.prefix", Scalar),
    ("paths.jwks", Scalar),
    ("cors", Deep),
    ("cors.allowed_origins", List),
    ("cors.allowed_methods", List),
    ("cors.allowed_headers", List),
    ("cors.exposed_headers", List),
    ("cors.max_age", Scalar),
    ("csrf", Deep),
    ("csrf.mode", Scalar),
    ("csrf.header", Scalar),
    ("csrf.cookie", Scalar),
    ("identity_headers", Deep),
    ("identity_headers.preset", Scalar),
    ("identity_headers.set", Deep),
    ("forward_headers", Deep),
    ("forward_headers.underscores", List),
    ("forward_headers.from_trusted", List),
    ("forward_headers.drop", List),
    ("rules", Deep),
    ("rules[].path", Deep),
    ("rules[].methods", Deep),
    ("rules[].access", Deep),
    ("rules[].access.roles", Deep),
    ("rules[].ambiguous", Deep),
    ("rules[].identity", Deep),
    ("rules[].cross_origin", Deep),
    ("default_access", Scalar),
    ("login", Deep),
    ("login.max_attempts", Scalar),
    ("login.window", Scalar),
    ("login.lockout", Scalar),
    ("login.address_attempts", Scalar),
    ("login.concurrent_hashes", Scalar),
    ("login.hash_queue", Scalar),
    ("login.known_browsers", Scalar),
    ("logout", Deep),
    ("logout.clear_site_data", List),
    ("trusted_proxies", List),
    ("limits", Deep),
    ("limits.login_body", Scalar),
    ("limits.request_body", Scalar),
    ("limits.header_bytes", Scalar),
    ("limits.header_count", Scalar),
    ("limits.cookie_bytes", Scalar),
    ("limits.request_head", Scalar),
    ("limits.client_read", Scalar),
    ("limits.keepalive_idle", Scalar),
    ("limits.keepalive_requests", Scalar),
    ("limits.h2_streams", Scalar),
    ("limits.connections", Scalar),
    ("limits.connections_per_address", Scalar),
    ("limits.body_min_rate", Scalar),
    ("limits.unread_answers", Scalar),
    ("limits.upstream_connect", Scalar),
    ("limits.upstream_read", Scalar),
    ("limits.idle_stream", Scalar),
    ("limits.drain", Scalar),
    ("pages", Deep),
    ("pages.title", Scalar),
    ("pages.logo", Scalar),
    ("log", Deep),
    ("log.level", Scalar),
    ("log.format", Scalar),
    ("log.query", Scalar),
    ("insecure", Deep),
    ("insecure.cookies_over_http", Scalar),
];

/// The keys whose values are secrets.
pub(crate) const SECRETS: [&str; 3] = ["signing.key", "admin.token", "session.store.redis.url"];

/// The keys that may stand directly in the section (`""`: at the top).
pub(crate) fn within(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |(key, _)| {
        let rest = match section {
            "" => key,
            _ => key.strip_prefix(section)?.strip_prefix('.')?,
        };
        (!rest.contains(['.', '['])).then_some(rest)
    })
}

/// The variable that sets the key: `session.access_ttl` → `DOORWARD_SESSION_ACCESS_TTL`.
pub(crate) fn variable(key: &str) -> String {
    format!("DOORWARD_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The candidate that was probably meant, if any is near.
pub(crate) fn nearest<'c>(
    typed: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let typed = typed.to_lowercase().replace('-', "_");
    let far = (typed.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: how many letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut before = i + 1;
        next.push(before);
        for ((right, diagonal), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != *right);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
        for (key, kind) in KEYS {
            if *kind != Deep {
                assert!(
                    seen.insert(variable(key)),
                    "{key} cannot be told from another"
                );
            }
        }
    }
}
