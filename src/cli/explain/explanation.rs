//! What is told: who decides, and what becomes of the request for whom. The keys of the
//! serialised value are stable, and the text is made of it.

use std::sync::Arc;

use http::Method;
use serde::Serialize;

use super::decider::Decider;
use super::path::{self, Blame};
use super::target::Target;
use super::token;
use super::trial::{Login, Start, Trial, Verdict};
use crate::auth::directory::User;
use crate::domain::path::RequestPath;

/// An origin that nobody has.
const ANOTHER_SITE: &str = "https://another-site.example";

/// Everything that is told.
#[derive(Serialize)]
pub(super) struct Explanation {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: Path,
    pub(super) query: Option<String>,
    #[serde(flatten)]
    pub(super) decider: Decider,
    pub(super) nobody: Nobody,
    pub(super) user: Option<Asked>,
    /// Only where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<token::Asked>,
    /// What is asked of the origin of an unsafe request that carries a session, found by
    /// trying; of OPTIONS, what becomes of a preflight.
    pub(super) conditions: Vec<Condition>,
}

#[derive(Serialize)]
pub(super) struct Path {
    pub(super) sent: String,
    /// As the rules see it, if it is one.
    pub(super) seen: Option<String>,
    pub(super) ambiguous: Option<Blame>,
}

/// Somebody without a session.
#[derive(Serialize)]
pub(super) struct Nobody {
    pub(super) verdicts: Verdicts,
}

/// The user who was named, as typed.
#[derive(Serialize)]
pub(super) struct Asked {
    pub(super) asked: String,
    pub(super) known: bool,
    #[serde(flatten)]
    pub(super) user: Option<Known>,
}

#[derive(Serialize)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) roles: Vec<String>,
    pub(super) disabled: bool,
    pub(super) verdicts: Verdicts,
}

/// Of a page and of a script; what cannot be a page is a script alone.
#[derive(Serialize)]
pub(super) struct Verdicts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<Verdict>,
    pub(super) script: Verdict,
}

#[derive(Serialize)]
pub(super) struct Condition {
    pub(super) from: &'static str,
    /// The same for people.
    pub(super) words: String,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

impl Explanation {
    /// Tries a request for nobody and for the named user. `other` is the session of somebody
    /// who may pass, to ask about unsafe requests where the named user may not.
    pub(super) fn of(
        trial: &Trial<'_>,
        target: &Target,
        asked: Option<(&str, Option<&Login>)>,
        other: Option<&Login>,
    ) -> Self {
        let sent = target.path.clone();
        let seen = RequestPath::parse(sent.as_bytes());
        let seen = seen.map(|path| String::from_utf8_lossy(path.decoded()).into_owned());
        let ambiguous = path::blame(&trial.policy.rules, &sent, &target.method);
        let known = |login: &Login| {
            let User {
                identity, disabled, ..
            } = Arc::as_ref(&login.user);
            Known {
                id: identity.id.to_string(),
                username: identity.username.to_string(),
                name: identity.name.clone(),
                roles: identity.roles.clone(),
                disabled: *disabled,
                verdicts: Verdicts::of(trial, Some(login)),
            }
        };
        let user = asked.map(|(asked, login)| Asked {
            asked: asked.to_owned(),
            known: login.is_some(),
            user: login.map(known),
        });
        let may_pass = |asked: &Asked| {
            let verdicts = &asked.user.as_ref()?.verdicts;
            let mut all = verdicts.page.iter().chain([&verdicts.script]);
            all.any(Verdict::passes).then_some(())
        };
        let login = asked.and_then(|(_, login)| login);
        let login = match user.as_ref().and_then(may_pass) {
            Some(()) => login,
            None => other,
        };
        Self {
            method: target.method.to_string(),
            host: target.host.to_string(),
            path: Path {
                sent,
                seen: seen.ok(),
                ambiguous,
            },
            query: target.query.clone(),
            decider: trial.decider.clone(),
            nobody: Nobody {
                verdicts: Verdicts::of(trial, None),
            },
            user,
            token: None,
            conditions: login.map_or_else(Vec::new, |login| conditions(trial, target, login)),
        }
    }
}

impl Verdicts {
    fn of(trial: &Trial<'_>, login: Option<&Login>) -> Self {
        let script = match login {
            Some(_) if trial.asks_for_token() => Start::ScriptWithToken,
            _ => Start::Script,
        };
        let may_be_page = [Method::GET, Method::HEAD, Method::POST].contains(trial.method());
        Self {
            page: may_be_page.then(|| trial.run(login, Start::Page)),
            script: trial.run(login, script),
        }
    }
}

fn conditions(trial: &Trial<'_>, target: &Target, login: &Login) -> Vec<Condition> {
    let is_preflight = target.method == Method::OPTIONS;
    if target.method.is_safe() && !is_preflight {
        return Vec::new();
    }
    let allowed = trial.settings.cors.allowed_origins.first();
    let allowed = allowed.map(ToString::to_string);
    let mut found = Vec::new();
    let mut tell = |from, words: String, start| {
        let verdict = trial.run(Some(login), start);
        found.push(Condition {
            from,
            words,
            verdict,
        });
    };
    let token = trial.asks_for_token().then_some(&trial.policy.csrf.header);
    if !is_preflight {
        tell("own", "from our own pages".into(), Start::Script);
        let unsaid = "without Origin and Sec-Fetch-Site";
        tell("unsaid", unsaid.into(), Start::Program);
    }
    if let Some(header) = token {
        let words = format!("from our own pages, with {header}");
        tell("own_with_token", words, Start::ScriptWithToken);
    }
    if let Some(origin) = &allowed {
        let start = Start::Elsewhere(origin);
        tell("allowed", format!("from {origin}"), start);
        if let Some(header) = token {
            let start = Start::ElsewhereWithToken(origin);
            let words = format!("from {origin}, with {header}");
            tell("allowed_with_token", words, start);
        }
    }
    let start = Start::Elsewhere(ANOTHER_SITE);
    tell("foreign", "from any other origin".into(), start);
    found
}
