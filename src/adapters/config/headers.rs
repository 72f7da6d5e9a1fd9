//! `identity_headers`: a preset and the operator's own, merged.

use std::collections::BTreeMap;

use super::names;
use super::problem::Fault;
use super::reader::Section;
use super::settings::{IdentityField, IdentityHeaders};
use super::values;

use IdentityField::{Email, Id, Name, Roles, Session, Username};

type Preset = &'static [(&'static str, IdentityField)];

const PRESETS: &[(&str, Preset)] = &[
    (
        "default",
        &[
            ("X-User-Id", Id),
            ("X-User-Name", Name),
            ("X-User-Roles", Roles),
        ],
    ),
    (
        "oauth2-proxy",
        &[
            ("X-Forwarded-User", Id),
            ("X-Forwarded-Preferred-Username", Username),
            ("X-Forwarded-Email", Email),
            ("X-Forwarded-Groups", Roles),
        ],
    ),
    (
        "authelia",
        &[
            ("Remote-User", Username),
            ("Remote-Name", Name),
            ("Remote-Email", Email),
            ("Remote-Groups", Roles),
        ],
    ),
    ("none", &[]),
];

const FIELDS: &[(&str, IdentityField)] = &[
    ("id", Id),
    ("username", Username),
    ("name", Name),
    ("email", Email),
    ("roles", Roles),
    ("session", Session),
];

/// Headers with a meaning of their own between client, gateway and app. Setting one
/// would break the framing (request smuggling), the routing, or another promise.
const TAKEN: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "host",
    "cookie",
    "set-cookie",
    "authorization",
    "content-length",
    "content-type",
    "content-encoding",
    "expect",
    "date",
    "range",
    "origin",
    "referer",
    "via",
    "accept",
    "accept-encoding",
    "user-agent",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-prefix",
    "x-forwarded-method",
    "x-real-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-csrf-token",
    "x-requested-with",
];
const TAKEN_FAMILIES: &[&str] = &["sec-", "access-control-", "proxy-"];

/// Reads the section.
pub(super) fn read(root: &Section<'_>) -> IdentityHeaders {
    let section = root.section("identity_headers", "identity_headers");
    let default: Preset = PRESETS.first().map_or(&[], |(_, preset)| *preset);
    let preset = section.or("preset", default, |text| values::choice(text, PRESETS));
    let mut set: BTreeMap<String, IdentityField> = preset
        .iter()
        .map(|(name, field)| ((*name).to_owned(), *field))
        .collect();
    let Some(own) = section.some("set") else {
        return IdentityHeaders { set };
    };
    let mut written: Vec<String> = Vec::new();
    for (entry, spot) in own.entries().into_iter().flatten() {
        let field = spot.parse(|text| values::choice(text, FIELDS));
        match names::header(&entry.key).and_then(free) {
            Ok(name) if written.contains(&folded(&name)) => spot.refuse(Fault::new(
                "sets a header that an earlier line sets in another spelling",
                "keep one of them",
            )),
            Ok(name) => {
                written.push(folded(&name));
                // The operator's own wins over the preset's.
                set.retain(|known, _| folded(known) != folded(&name));
                set.extend(field.map(|field| (name, field)));
            }
            Err(fault) => spot.refuse(fault),
        }
    }
    IdentityHeaders { set }
}

/// The spelling that CGI-like servers confuse: any case, `_` or `.` for `-`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

fn free(name: String) -> Result<String, Fault> {
    let known = folded(&name);
    let family = TAKEN_FAMILIES
        .iter()
        .any(|family| known.starts_with(family));
    if family || TAKEN.contains(&known.as_str()) {
        return Err(Fault::new(
            "sets a header that has another meaning in HTTP or to us",
            "choose a name such as X-User-Email",
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_a_meaning_are_not_free() {
        for name in [
            "Host",
            "COOKIE",
            "Transfer_Encoding",
            "Sec-Fetch-Site",
            "X.Real.IP",
        ] {
            assert!(free(name.to_owned()).is_err(), "{name}");
        }
        for (_, preset) in PRESETS {
            for (name, _) in *preset {
                assert!(free((*name).to_owned()).is_ok(), "{name}");
            }
        }
    }
}
