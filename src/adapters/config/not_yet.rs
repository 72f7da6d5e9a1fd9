//! Keys that are promised and do not act yet: checked like all others, and refused at
//! any value but their default, so that nobody believes in a limit that is not kept.
//! What starts to act leaves this table.

use super::names;
use super::problem::Fault;
use super::reader::{Section, Spot};
use super::secret_ref;
use super::tree::Shape;
use super::values;

/// How to tell whether a key has its default.
enum Held {
    /// A duration.
    Duration(&'static str),
    /// Null, or a duration.
    MaybeDuration(Option<&'static str>),
    /// Null, or a number.
    MaybeCount,
    /// These words are known, and these of them act.
    Words(&'static [&'static str], &'static [&'static str]),
    /// A path.
    Path(&'static str),
    /// A header name, in any case.
    Header(&'static str),
    /// Null, or a cookie name.
    MaybeCookie,
    /// Null, or a secret.
    MaybeSecret,
    /// Nothing of it acts.
    Redis,
}

const HELD: &[(&str, &str, Held)] = &[
    ("session", "idle_timeout", Held::Duration("12h")),
    ("session", "absolute_timeout", Held::Duration("7d")),
    ("session", "remember_me", Held::MaybeDuration(Some("30d"))),
    ("session", "refresh_grace", Held::Duration("10s")),
    (
        "session",
        "renewal",
        Held::Words(&["silent", "endpoint"], &["silent"]),
    ),
    ("session", "max_per_user", Held::MaybeCount),
    ("session", "refuse_when_stale", Held::MaybeDuration(None)),
    ("session", "store", Held::Redis),
    (
        "csrf",
        "mode",
        Held::Words(&["origin", "token", "both", "off"], &["origin", "off"]),
    ),
    ("csrf", "header", Held::Header("X-CSRF-Token")),
    ("csrf", "cookie", Held::MaybeCookie),
    ("admin", "token", Held::MaybeSecret),
    ("paths", "refresh", Held::Path("/refresh")),
    ("limits", "request_head", Held::Duration("10s")),
];

/// Refuses every key of the table that has another value than its default.
pub(super) fn refuse(root: &Section<'_>) {
    for (section, key, held) in HELD {
        if let Some(spot) = root.section(section, section).get(key) {
            held.check(&spot);
        }
    }
}

impl Held {
    fn check(&self, spot: &Spot<'_>) {
        let null = spot.node.is_null();
        let (same, default) = match self {
            Self::Duration(default) => (spot.parse(|text| same_duration(text, default)), *default),
            Self::MaybeDuration(default) if null => {
                (Some(default.is_none()), default.unwrap_or("null"))
            }
            Self::MaybeDuration(Some(default)) => {
                (spot.parse(|text| same_duration(text, default)), *default)
            }
            Self::MaybeDuration(None) => (spot.parse(values::some_duration).map(|_| false), "null"),
            Self::MaybeCount | Self::MaybeCookie | Self::MaybeSecret if null => return,
            Self::MaybeCount => (
                spot.parse(|text| values::count::<u32>(text, 1..=u32::MAX))
                    .map(|_| false),
                "null",
            ),
            Self::MaybeCookie => (spot.parse(names::cookie).map(|_| false), "null"),
            Self::MaybeSecret => {
                if secret_ref::read(spot).is_some() {
                    spot.refuse_secret(fault("null"));
                }
                return;
            }
            Self::Words(known, acting) => (
                spot.text()
                    .ok()
                    .filter(|text| known.contains(text))
                    .map(|text| acting.contains(&text)),
                acting.first().copied().unwrap_or_default(),
            ),
            Self::Path(default) => (
                spot.parse(|text| Ok(names::own_path(text)? == **default)),
                *default,
            ),
            Self::Header(default) => (
                spot.parse(|text| Ok(names::header(text)?.eq_ignore_ascii_case(default))),
                *default,
            ),
            Self::Redis => return redis(spot),
        };
        if same == Some(false) {
            spot.refuse(fault(default));
        }
    }
}

fn fault(default: &str) -> Fault {
    Fault::new(
        "is not yet available in this version",
        format!("remove it or leave it at its default {default}"),
    )
}

fn same_duration(text: &str, default: &str) -> Result<bool, Fault> {
    Ok(values::some_duration(text)? == values::some_duration(default)?)
}

fn redis(spot: &Spot<'_>) {
    if !matches!(spot.node.shape, Shape::Map(_)) {
        return;
    }
    let Some(redis) = spot.section("session.store").get("redis") else {
        return;
    };
    let section = redis.section("session.store.redis");
    match section.some("url") {
        Some(url) => {
            let known = |text: &str| {
                ["redis://", "rediss://", "env:", "file:"]
                    .iter()
                    .any(|scheme| text.starts_with(scheme))
            };
            // It may hold a password.
            if !url.text().is_ok_and(known) {
                url.refuse_secret(Fault::new("is not a Redis URL", "write redis://host:6379"));
            }
        }
        None => section.missing("url", "write redis://host:6379"),
    }
    section.optional("prefix", values::words);
    redis.refuse(fault("embedded"));
}
