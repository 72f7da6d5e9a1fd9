//! `identity_headers`: a preset and the operator's own, merged.

use std::collections::BTreeMap;

use http::HeaderName;

use crate::auth::client_headers::{self, Takes};
use crate::config::schema::reader::Section;
use crate::config::sections::names;
use crate::config::sections::values;
use crate::config::settings::{
    Csrf, ForwardHeaders, IdentityField, IdentityHeaders, RequestIdHeader,
};
use crate::domain::fault::Fault;

use IdentityField::{Email, Id, Name, Roles, Username};

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
    "x-requested-with",
];
const TAKEN_FAMILIES: &[&str] = &["sec-", "access-control-", "proxy-"];

/// Reads the section.
pub(crate) fn read(root: &Section<'_>) -> IdentityHeaders {
    let section = root.section("identity_headers", "identity_headers");
    let default: Preset = PRESETS.first().map_or(&[], |(_, preset)| *preset);
    let preset = section.or("preset", default, |text| values::choice(text, PRESETS));
    let mut set: BTreeMap<String, IdentityField> = preset
        .iter()
        .map(|(name, field)| ((*name).to_owned(), *field))
        .collect();
    let Some(own) = section.some("set") else {
        return IdentityHeaders::new(set);
    };
    let mut written: Vec<String> = Vec::new();
    for (entry, spot) in own.entries().into_iter().flatten() {
        let field = spot.parse(values::word);
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
    IdentityHeaders::new(set)
}

/// Reads `forward_headers`: which of a client's headers reach the app beside the ordinary, and
/// which do not.
pub(crate) fn forward(root: &Section<'_>, identity: &IdentityHeaders) -> ForwardHeaders {
    let section = root.section("forward_headers", "forward_headers");
    let decided = |name: &str| {
        carries_identity(name, identity) || client_headers::takes(name) == Some(Takes::Decided)
    };
    let lie = || {
        Fault::new(
            "would let a client say what the gate decides",
            "remove it: the app would believe in another path, method, host or user",
        )
    };
    let underscored = |text: &str| {
        let name = names::header(text)?;
        if !name.contains('_') {
            return Err(Fault::new(
                "has no `_`, so nothing keeps it from passing",
                "remove it",
            ));
        }
        match decided(&name) || client_headers::takes(&name).is_some() || is_ours_alone(&name) {
            true => Err(lie()),
            false => Ok(name),
        }
    };
    let of_the_way = |text: &str| {
        let name = names::header(text)?;
        if decided(&name) {
            return Err(lie());
        }
        if WRITTEN.iter().any(|written| folded(&name) == *written) {
            return Err(Fault::new(
                "is read from trusted proxies and written anew already",
                "remove it",
            ));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if client_headers::takes(&name) != Some(Takes::Way) || !name.bytes().all(plain) {
            return Err(Fault::new(
                "is no one header of the forwarding family, so this would not act",
                "write each name by itself, with `-`; what is none of them passes already",
            ));
        }
        Ok(name)
    };
    ForwardHeaders {
        underscores: section.list("underscores", Vec::new(), underscored),
        from_trusted: section.list("from_trusted", Vec::new(), of_the_way),
        drop: section.list("drop", Vec::new(), |text| {
            let name = names::header(text)?;
            if name.contains('*') {
                return Err(Fault::new("is no one name", "list each name by itself"));
            }
            match KEPT.iter().any(|kept| folded(&name) == *kept) {
                true => Err(Fault::new(
                    "is a header without which no request is one",
                    "remove it",
                )),
                false => Ok(name),
            }
        }),
    }
}

/// What an answer, or a trace, says in a field of its own.
const OF_ANSWERS: &[&str] = &[
    "age",
    "allow",
    "alt-svc",
    "clear-site-data",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "permissions-policy",
    "referrer-policy",
    "retry-after",
    "server",
    "strict-transport-security",
    "traceparent",
    "tracestate",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
];

/// Reads `request_id`: a header that means nothing else, of a request or an answer.
pub(crate) fn request_id(
    root: &Section<'_>,
    identity: &IdentityHeaders,
    csrf: &Csrf,
) -> RequestIdHeader {
    let section = root.section("request_id", "request_id");
    section.or("header", RequestIdHeader::default(), |text| {
        let spelled = names::header(text)?;
        let known = folded(&spelled);
        let is_taken = carries_identity(&spelled, identity)
            || means_something_else(&spelled)
            || client_headers::takes(&spelled).is_some()
            || OF_ANSWERS.contains(&known.as_str())
            || known == folded(csrf.header.as_str());
        match HeaderName::try_from(&spelled) {
            Ok(name) if !is_taken && !spelled.contains('_') => Ok(RequestIdHeader {
                name,
                spelled: spelled.into(),
            }),
            _ => Err(Fault::new(
                "is a header that has another meaning in HTTP or to us",
                "write X-Request-Id, or the name that your proxies send",
            )),
        }
    })
}

/// What we write ourselves.
const WRITTEN: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// What cannot be dropped: a body would have no end, and a request no host.
const KEPT: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

/// Whether a name folds to one that frames or routes a request.
fn is_ours_alone(name: &str) -> bool {
    client_headers::is_judged(name) || TAKEN.contains(&folded(name).as_str())
}

/// The spelling that CGI-like servers confuse: any case, `_` or `.` for `-`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

pub(super) fn free(name: String) -> Result<String, Fault> {
    // The CSRF header is named by its own key.
    if is_taken(&name) || folded(&name) == "x-csrf-token" {
        return Err(Fault::new(
            "sets a header that has another meaning in HTTP or to us",
            "choose a name such as X-User-Email",
        ));
    }
    Ok(name)
}

fn is_taken(name: &str) -> bool {
    let known = folded(name);
    let of_family = |families: &[&str]| families.iter().any(|family| known.starts_with(family));
    TAKEN.contains(&known.as_str()) || of_family(TAKEN_FAMILIES)
}

/// Whether a header that clients send has a meaning of its own, so that the CSRF token
/// cannot be in it. More than what may be set towards the app: preferences and
/// conditions that a browser adds of itself, and what is removed from strangers.
pub(crate) fn means_something_else(name: &str) -> bool {
    const FAMILIES: [&str; 4] = ["accept-", "content-", "if-", "x-forwarded-"];
    let known = folded(name);
    let of_family = FAMILIES.iter().any(|family| known.starts_with(family));
    of_family || is_taken(name) || matches!(known.as_str(), "cache-control" | "pragma" | "dnt")
}

/// Whether a header tells the app who the user is, under any preset or the operator's
/// own names: what a client sends of these is removed.
pub(crate) fn carries_identity(name: &str, own: &IdentityHeaders) -> bool {
    own.names().any(|known| folded(known) == folded(name))
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
