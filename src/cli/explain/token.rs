//! A request that shows a machine token. Its text is known to nobody but its program, so
//! another one takes its place for the time of the question.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use super::trial::{Trial, Verdict};
use crate::adapters::entropy;
use crate::config::settings::{ActsAs, Entrance, Settings};
use crate::domain::machine_token::{TokenHash, generate};

/// The token that was named, as typed.
#[derive(Serialize)]
pub(super) struct Asked {
    asked: String,
    known: bool,
    /// As whom it acts.
    user: Option<String>,
    /// What narrows it.
    paths: Vec<String>,
    methods: Vec<String>,
    verdict: Option<Verdict>,
}

/// What its program sends.
pub(super) struct Shown {
    header: HeaderName,
    value: HeaderValue,
    user: String,
    paths: Vec<String>,
    methods: Vec<String>,
}

/// Gives the token of this name another text; `None` if there is none, or nowhere to show it.
pub(super) fn stand_in(settings: &mut Settings, name: &str) -> Option<Shown> {
    let mut tokens = settings.tokens.iter_mut();
    let token = tokens.find(|token| *token.name == *name)?;
    let text = generate(entropy::random);
    token.hash = TokenHash::of(text.as_bytes());
    token.from.clear();
    let api = settings.api.as_ref()?;
    let (header, value) = match api.accept.first()? {
        Entrance::Bearer => (header::AUTHORIZATION, format!("Bearer {text}")),
        Entrance::Basic => {
            let pair = STANDARD.encode(format!("token:{text}"));
            (header::AUTHORIZATION, format!("Basic {pair}"))
        }
        Entrance::Header => (api.header.clone()?, text),
    };
    Some(Shown {
        header,
        value: HeaderValue::try_from(value).ok()?,
        user: match &token.acts_as {
            ActsAs::User(name) => name.clone(),
            ActsAs::Machine(user) => user.identity.id.to_string(),
        },
        paths: token.paths.clone(),
        methods: token.methods.clone(),
    })
}

impl Asked {
    /// Tries the request.
    pub(super) fn of(trial: &Trial<'_>, name: &str, shown: Option<Shown>) -> Self {
        let verdict = shown.as_ref().map(|shown| {
            let mut headers = HeaderMap::new();
            headers.insert(shown.header.clone(), shown.value.clone());
            trial.judge(&headers)
        });
        let (user, paths, methods) = match shown {
            Some(shown) => (Some(shown.user), shown.paths, shown.methods),
            None => Default::default(),
        };
        Self {
            asked: name.to_owned(),
            known: verdict.is_some(),
            user,
            paths,
            methods,
            verdict,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(verdict), Some(user)) = (&self.verdict, &self.user) else {
            return write!(f, "{}: there is no such token", self.asked);
        };
        write!(f, "{} (acts as {user}", self.asked)?;
        for (key, list) in [("paths", &self.paths), ("methods", &self.methods)] {
            if !list.is_empty() {
                write!(f, "; {key}: {}", list.join(", "))?;
            }
        }
        write!(f, "): {}", verdict.why)
    }
}
