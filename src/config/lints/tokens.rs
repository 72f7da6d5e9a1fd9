//! Machine tokens that open nothing, or travel where others can read them.

use http::Method;

use super::Lint;
use super::Severity::{Note, Problem};
use crate::adapters::clock;
use crate::auth::directory::{Directory, User};
use crate::auth::rules::Rules;
use crate::config::settings::{ActsAs, Challenge, Entrance, MachineToken, Settings};
use crate::domain::origin::Scheme;
use crate::domain::path::RequestPath;

pub(super) fn check(settings: &Settings) -> Vec<Lint> {
    let directory = Directory::new(settings.users.iter().cloned());
    let rules = Rules::new(settings.rules.clone(), settings.default_access.clone());
    let tokens = settings.tokens.iter();
    let mut found: Vec<Lint> = tokens
        .filter_map(|token| one(token, &directory, &rules))
        .collect();
    let accepted = settings.api.iter().flat_map(|api| &api.accept);
    let takes_basic = accepted
        .copied()
        .any(|entrance| entrance == Entrance::Basic);
    for (index, rule) in settings.rules.iter().enumerate() {
        if rule.challenge == Challenge::Basic && !takes_basic {
            found.push(Lint::new(
                Problem,
                "tokens.no_basic",
                format!("rules[{index}] has `challenge: basic`, and api.accept has no basic"),
                "programs are asked for what is refused when they send it",
                "write `api: { accept: [bearer, basic] }`",
            ));
        }
    }
    found.extend(in_the_clear(settings));
    found
}

fn one(token: &MachineToken, users: &Directory, rules: &Rules) -> Option<Lint> {
    let name = &token.name;
    if token.expires <= clock::now() {
        return Some(Lint::new(
            Note,
            "tokens.expired",
            format!("the token {name} has expired"),
            "every request with it gets 401 token_expired",
            "remove its entry, or make another with `doorward token new`",
        ));
    }
    let user = match &token.acts_as {
        ActsAs::Machine(user) => user,
        ActsAs::User(user) => match users.named(user) {
            Some(user) if !user.disabled => user,
            known => {
                let what = match known {
                    Some(_) => "is disabled",
                    None => "is not there",
                };
                return Some(Lint::new(
                    Problem,
                    "tokens.user",
                    format!("the user {user} of the token {name} {what}"),
                    "every request with it gets 401 token_revoked",
                    "name another user, or remove the entry",
                ));
            }
        },
    };
    (!reaches(token, user, rules)).then(|| {
        Lint::new(
            Problem,
            "tokens.reach",
            format!("the token {name} opens nothing: no rule lets its user pass at its paths and methods"),
            "every request with it gets 403 forbidden",
            "compare its paths and methods with the rules; `doorward explain --token-name` tries one",
        )
    })
}

/// Whether its user may pass at a path of each of its patterns, tried with the first below it.
fn reaches(token: &MachineToken, user: &User, rules: &Rules) -> bool {
    if token.paths.is_empty() {
        return true;
    }
    let mut methods: Vec<Method> = token
        .methods
        .iter()
        .filter_map(|m| m.parse().ok())
        .collect();
    if methods.is_empty() {
        methods = vec![Method::GET, Method::POST, Method::PUT];
    }
    let tried = token.paths.iter().flat_map(|path| {
        let path = path.replace("/**", "/*");
        methods.iter().map(move |method| (path.clone(), method))
    });
    tried.into_iter().any(|(path, method)| {
        let Ok(path) = RequestPath::parse(path.as_bytes()) else {
            return true;
        };
        let access = rules.select(&path, method).strictest().access;
        access.admits(&user.identity)
    })
}

/// Tokens over plain HTTP. A gateway on the loopback alone may have TLS before it.
fn in_the_clear(settings: &Settings) -> Option<Lint> {
    let is_plain = match &settings.public_url {
        Some(origin) => origin.scheme() == Scheme::Http && !origin.authority().is_loopback(),
        None => {
            let mut listen = settings.listen.iter();
            settings.tls.is_none()
                && settings.trusted_proxies.is_empty()
                && listen.any(|address| !address.ip().is_loopback())
        }
    };
    (is_plain && !settings.tokens.is_empty()).then(|| {
        Lint::new(
            Problem,
            "tokens.in_the_clear",
            "there are tokens, and programs reach them over plain HTTP",
            "whoever is on the way reads a token from its first request, and uses it until it expires",
            "serve https: set `tls`, or `public_url` to the https:// of the proxy before it",
        )
    })
}
