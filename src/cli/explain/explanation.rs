//! What is to be told: who decides, and what becomes of the request for whom.

use std::sync::Arc;

use http::Method;

use super::path::{self, Blame};
use super::target::Target;
use super::trial::{Login, Outcome, Start, Trial};
use crate::adapters::config::settings::{Access, Settings};
use crate::auth::denial::Denial;
use crate::auth::directory::User;
use crate::auth::endpoint::EndpointSpec;
use crate::auth::gate::Aim;
use crate::auth::rules::Rule;

/// An origin that nobody has.
const ANOTHER_SITE: &str = "https://another-site.example";

/// Everything that is told.
pub(super) struct Explanation<'a> {
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    /// The user as typed.
    pub(super) asked: Option<&'a str>,
    pub(super) user: Option<&'a Arc<User>>,
    pub(super) trial: Trial<'a>,
    /// The session of the user who was named.
    pub(super) login: Option<Login>,
    /// The session of somebody who may pass, to ask about unsafe requests.
    pub(super) other: Option<Login>,
}

/// Who decides.
pub(super) enum Decider<'a> {
    /// None of the rules: refused before, or not the app's.
    Nobody,
    Endpoint(&'static EndpointSpec),
    Rules {
        rule: Option<usize>,
        access: &'a Access,
        /// What other readings of an ambiguous path ask for as well.
        also: Vec<(Option<usize>, &'a Access)>,
    },
}

impl Explanation<'_> {
    pub(super) fn blame(&self) -> Option<Blame> {
        path::blame(
            &self.trial.policy.rules,
            &self.target.path,
            &self.target.method,
        )
    }

    pub(super) fn rule(&self, rule: Option<usize>) -> Option<(usize, &Rule)> {
        rule.and_then(|index| Some((index, self.settings.rules.get(index)?)))
    }

    /// A page and a script; what cannot be a page is a script alone.
    pub(super) fn outcomes(&self, login: Option<&Login>) -> Vec<(&'static str, Outcome)> {
        let script = match login {
            Some(_) if self.asks_for_token() => Start::ScriptWithToken,
            _ => Start::Script,
        };
        let script = ("script", self.trial.run(login, script));
        match self.target.method {
            Method::GET | Method::HEAD | Method::POST => {
                vec![("page", self.trial.run(login, Start::Page)), script]
            }
            _ => vec![script],
        }
    }

    fn asks_for_token(&self) -> bool {
        self.trial.policy.csrf.mode.uses_tokens() && !self.target.method.is_safe()
    }

    /// What is asked of the origin of an unsafe request that carries a session, found by
    /// trying; of OPTIONS, what becomes of a preflight. Each as (words, key, outcome).
    pub(super) fn conditions(&self) -> Vec<(String, &'static str, Outcome)> {
        let preflight = self.target.method == Method::OPTIONS;
        if self.target.method.is_safe() && !preflight {
            return Vec::new();
        }
        let passes = |login: &&Login| {
            let outcomes = self.outcomes(Some(*login));
            let served = |outcome: &Outcome| outcome.denial().is_none();
            outcomes.iter().any(|(_, outcome)| served(outcome))
        };
        let login = self.login.as_ref().filter(passes).or(self.other.as_ref());
        if login.is_none() {
            return Vec::new();
        }
        let token = self.asks_for_token();
        let allowed = self.settings.cors.allowed_origins.first();
        let allowed = allowed.map(ToString::to_string);
        let mut starts = Vec::new();
        if !preflight {
            starts.push(("from our own pages".to_owned(), "own", Start::Script));
            starts.push((
                "without Origin and Sec-Fetch-Site".to_owned(),
                "unsaid",
                Start::Program,
            ));
        }
        if token {
            let words = format!("from our own pages, with {}", self.trial.policy.csrf.header);
            starts.push((words, "own_with_token", Start::ScriptWithToken));
        }
        if let Some(origin) = &allowed {
            let words = format!("from {origin}");
            starts.push((words, "allowed", Start::Elsewhere(origin)));
            if token {
                let words = format!("from {origin}, with {}", self.trial.policy.csrf.header);
                starts.push((
                    words,
                    "allowed_with_token",
                    Start::ElsewhereWithToken(origin),
                ));
            }
        }
        starts.push((
            "from any other origin".to_owned(),
            "foreign",
            Start::Elsewhere(ANOTHER_SITE),
        ));
        let outcomes = starts.into_iter();
        outcomes
            .map(|(words, key, start)| (words, key, self.trial.run(login, start)))
            .collect()
    }
}

pub(super) fn decider<'a>(aim: Result<&Aim<'a>, &Denial>) -> Decider<'a> {
    match aim {
        Err(_) => Decider::Nobody,
        Ok(Aim::Preflight(endpoint)) => Decider::Endpoint(endpoint),
        Ok(Aim::Endpoint(endpoint)) => Decider::Endpoint(endpoint),
        Ok(Aim::App(selected)) => {
            let strictest = selected.strictest();
            let others = selected
                .readings()
                .map(|reading| (reading.rule, reading.access));
            Decider::Rules {
                rule: strictest.rule,
                access: strictest.access,
                also: others.filter(|(rule, _)| *rule != strictest.rule).collect(),
            }
        }
    }
}
