//! Rules: which paths are ours, which foreign origins may call, who may pass where.

use std::time::Duration;

use crate::auth::endpoint;
use crate::config::schema::reader::{Section, Spot};
use crate::config::sections::app_origin;
use crate::config::sections::names;
use crate::config::sections::values::{self, choice};
use crate::config::sections::web;
use crate::config::settings::{
    Access, Ambiguity, Challenge, CorsSettings, Csrf, Openness, Paths, Rule,
};
use crate::config::yaml::problem::Place;
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;
use crate::domain::origin::Origin;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Reads `cors`. The header of the CSRF token, where there is one, is asked of every origin.
pub(crate) fn cors(root: &Section<'_>, csrf: &Csrf) -> CorsSettings {
    let section = root.section("cors", "cors");
    let listed = section.some("allowed_origins");
    let (allowed_origins, app_origins) = listed.map(origins).unwrap_or_default();
    let mut allowed_headers = section.list(
        "allowed_headers",
        strings(&["content-type", "x-csrf-token"]),
        |text| Ok(names::header(text)?.to_ascii_lowercase()),
    );
    let header = csrf.header.as_str();
    if csrf.mode.uses_tokens() && allowed_headers.iter().all(|name| name != header) {
        allowed_headers.push(header.to_owned());
    }
    CorsSettings {
        allowed_origins,
        app_origins,
        allowed_methods: section.list(
            "allowed_methods",
            strings(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            names::method,
        ),
        allowed_headers,
        exposed_headers: section.list("exposed_headers", Vec::new(), names::header),
        max_age: section.or("max_age", Duration::from_secs(600), values::any_seconds),
    }
}

/// Those of the web, and those of apps and extensions.
fn origins(spot: Spot<'_>) -> (Vec<Origin>, Vec<String>) {
    let (mut web, mut apps): (Vec<Origin>, Vec<String>) = Default::default();
    let mut take = |text: &str| {
        match app_origin::parse(text) {
            Some(origin) => {
                let origin = origin?;
                if !apps.contains(&origin) {
                    apps.push(origin);
                }
            }
            None => {
                let origin = web::allowed_origin(text)?;
                if !web.contains(&origin) {
                    web.push(origin);
                }
            }
        }
        Ok(())
    };
    for item in spot.items().unwrap_or_default() {
        // Unquoted, `null` is YAML's nothing; what was meant is the origin.
        let parsed = match &item.node.shape {
            Shape::Scalar { text, .. } => take(text),
            _ => item.text().and_then(&mut take),
        };
        if let Err(fault) = parsed {
            item.refuse(fault);
        }
    }
    (web, apps)
}

/// Reads `paths`: all distinct, none in the way of another.
pub(crate) fn paths(root: &Section<'_>) -> Paths {
    let section = root.section("paths", "paths");
    let path = |key: &str, default: &str| section.or(key, default.to_owned(), names::own_path);
    let prefix = path("prefix", "/_doorward");
    let stem = match section.or("all_under_prefix", false, values::switch) {
        true => prefix.as_str(),
        false => "",
    };
    let paths = Paths {
        login: path("login", &format!("{stem}/login")),
        logout: path("logout", &format!("{stem}/logout")),
        refresh: path("refresh", &format!("{stem}/refresh")),
        revoke: path("revoke", &format!("{stem}/revoke")),
        jwks: path("jwks", "/.well-known/jwks.json"),
        prefix,
    };
    let places = endpoint::Place::all();
    let mut all: Vec<_> = places
        .iter()
        .map(|place| (place.key(), place.path(&paths)))
        .collect();
    all.dedup();
    let refuse = |key: &str, what: &str| {
        let spot = section.get(key);
        if let Some(spot) = &spot {
            let fault = Fault::new(format!("is also {what}"), "give each its own path");
            spot.refuse(fault);
        }
        spot.is_some()
    };
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    for (i, (key, path)) in all.iter().enumerate() {
        for (other, earlier) in all.iter().take(i) {
            // The one that was written is to be another.
            if same(path, earlier) && !refuse(key, &format!("paths.{other}")) {
                refuse(other, &format!("paths.{key}"));
            }
        }
        for place in &places {
            let endpoint::Place::Under(page) = place else {
                continue;
            };
            let page = format!("{}{page}", paths.prefix);
            if same(path, &page) && !refuse(key, &format!("our own {page}")) {
                refuse("prefix", &format!("in the way of paths.{key}"));
            }
        }
    }
    paths
}

/// Reads `default_access`.
pub(crate) fn default_access(root: &Section<'_>) -> Access {
    root.get("default_access")
        .and_then(|spot| {
            if matches!(spot.node.shape, Shape::Map(_)) {
                spot.refuse(Fault::new(
                    "cannot ask for roles",
                    "write authenticated here, and a last rule `{ path: /**, access: { roles: [...] } }`",
                ));
                return None;
            }
            spot.parse(word_access)
        })
        .unwrap_or(Access::Authenticated)
}

/// Reads `rules`, each with its place.
pub(crate) fn rules(root: &Section<'_>) -> Vec<(Rule, Place)> {
    let Some(spot) = root.some("rules") else {
        return Vec::new();
    };
    let items = spot.items().unwrap_or_default();
    let rules = items
        .iter()
        .filter_map(|item| Some((rule(item)?, item.node.place.clone())));
    rules.collect()
}

fn rule(spot: &Spot<'_>) -> Option<Rule> {
    let section = spot.section("rules[]");
    let access = match section.get("access") {
        Some(spot) => access(&spot),
        None => {
            section.missing(
                "access",
                "write public, authenticated, deny or { roles: [...] }",
            );
            None
        }
    };
    // The stricter reading when the access is wrong, so that only real faults show.
    let pattern_access = access.clone().unwrap_or(Access::Deny);
    let path = match section.get("path") {
        Some(spot) => spot.parse(|text| names::pattern(text, &pattern_access)),
        None => {
            section.missing("path", "write a pattern such as /admin/**");
            None
        }
    };
    let methods = methods(&section);
    let ambiguous = ambiguous(&section, access.as_ref());
    let openness = openness(&section, access.as_ref());
    let challenge = challenge(&section, access.as_ref());
    Some(Rule {
        path: path?,
        methods,
        access: access?,
        ambiguous,
        openness,
        challenge,
    })
}

/// Reads `identity` and `cross_origin` of a rule: who its visitors are, and whose pages may
/// read. Neither means anything where a session is asked for.
fn openness(section: &Section<'_>, access: Option<&Access>) -> Openness {
    let identity = [("on", Openness::Session), ("off", Openness::Anonymous)];
    let identity = section.or("identity", Openness::Session, |t| choice(t, &identity));
    let cross_origin = [("checked", false), ("anyone", true)];
    let anyone = section.or("cross_origin", false, |t| choice(t, &cross_origin));
    let is_public = access.is_none_or(|access| *access == Access::Public);
    let refuse = |key: &str, what: &str, mend: &str| {
        if let Some(spot) = section.get(key) {
            spot.refuse(Fault::new(what.to_owned(), mend.to_owned()));
        }
    };
    if !is_public && identity != Openness::Session {
        refuse(
            "identity",
            "would let nobody in: the rule asks for a session",
            "remove it, or write `access: public`",
        );
    }
    match (anyone, identity) {
        (false, identity) => identity,
        (true, Openness::Anonymous) if is_public => Openness::AnyOrigin,
        (true, identity) => {
            refuse(
                "cross_origin",
                "would let every site act with the visitor's session",
                "write `access: public` and `identity: off` beside it",
            );
            identity
        }
    }
}

/// Reads `challenge` of a rule: what programs are asked for that may not pass.
fn challenge(section: &Section<'_>, access: Option<&Access>) -> Challenge {
    let words = [("bearer", Challenge::Bearer), ("basic", Challenge::Basic)];
    let asked = section.or("challenge", Challenge::Bearer, |t| choice(t, &words));
    if let Some(spot) = section.get("challenge")
        && matches!(access, Some(Access::Public | Access::Deny))
    {
        spot.refuse(Fault::new(
            "would ask nobody: the rule takes no session",
            "remove it, or let the rule ask for a session",
        ));
    }
    asked
}

fn methods(section: &Section<'_>) -> Vec<String> {
    let Some(spot) = section.some("methods") else {
        return Vec::new();
    };
    if matches!(&spot.node.shape, Shape::List(items) if items.is_empty()) {
        spot.refuse(Fault::new(
            "is an empty list, so that the rule would match nothing",
            "remove it for every method",
        ));
    }
    spot.list(names::method)
}

fn ambiguous(section: &Section<'_>, access: Option<&Access>) -> Vec<Ambiguity> {
    let Some(spot) = section.some("ambiguous") else {
        return Vec::new();
    };
    // An encoded backslash is no separator anywhere that expects one: nothing to tolerate.
    let tolerable = |doubt: &Ambiguity| *doubt != Ambiguity::EncodedBackslash;
    let words: Vec<_> = Ambiguity::ALL
        .iter()
        .filter(|doubt| tolerable(doubt))
        .map(|doubt| (doubt.word(), *doubt))
        .collect();
    let list = spot.list(|text| choice(text, &words));
    if access == Some(&Access::Public) && !list.is_empty() {
        spot.refuse(Fault::new(
            "would open a public rule to spellings that the app may read as another path",
            "remove it, or let the rule ask for a session",
        ));
    }
    list
}

fn word_access(text: &str) -> Result<Access, Fault> {
    match text {
        "public" => Ok(Access::Public),
        "authenticated" => Ok(Access::Authenticated),
        "deny" => Ok(Access::Deny),
        _ => Err(Fault::new(
            "is not an access",
            "write public, authenticated, deny, or in a rule { roles: [...] }",
        )),
    }
}

fn access(spot: &Spot<'_>) -> Option<Access> {
    if !matches!(spot.node.shape, Shape::Map(_)) {
        return spot.parse(word_access);
    }
    let section = spot.section("rules[].access");
    let Some(roles) = section.get("roles") else {
        section.missing("roles", "name the roles, of which one is enough");
        return None;
    };
    if matches!(&roles.node.shape, Shape::List(items) if items.is_empty()) {
        roles.refuse(Fault::new(
            "is an empty list, so that nobody would pass",
            "name a role, or write `access: deny`",
        ));
    }
    Some(Access::Roles(roles.list(values::role)))
}
