//! Who decides about a request: a rule, the default, or one of our own endpoints.

use serde::{Serialize, Serializer};

use crate::auth::denial::Denial;
use crate::auth::endpoint::EndpointSpec;
use crate::auth::gate::Aim;
use crate::auth::rules::{Access, Reading};
use crate::config::settings::Settings;

/// Who decides; none of them: refused before, or not the app's.
#[derive(Clone, Default, Serialize)]
pub(super) struct Decider {
    pub(super) endpoint: Option<Own>,
    pub(super) rule: Option<RuleSeen>,
    /// What other readings of an ambiguous path ask for as well.
    pub(super) also: Vec<RuleSeen>,
}

/// One of our own endpoints.
#[derive(Clone, Copy)]
pub(super) struct Own(pub(super) &'static EndpointSpec);

/// A rule, or the default for what none matches.
#[derive(Clone, Serialize)]
pub(super) struct RuleSeen {
    index: Option<usize>,
    pub(super) yaml: String,
    pub(super) access: Access,
    #[serde(flatten)]
    pub(super) written: Option<Written>,
}

/// A rule as it was written.
#[derive(Clone, Serialize)]
pub(super) struct Written {
    pub(super) place: Option<String>,
    pub(super) path: String,
    pub(super) methods: Vec<String>,
    ambiguous: Vec<&'static str>,
}

impl Decider {
    /// As the gate aims.
    pub(super) fn of(settings: &Settings, aim: Result<Aim<'_>, Denial>) -> Self {
        match aim {
            Err(_) => Decider::default(),
            Ok(Aim::Preflight(endpoint) | Aim::Endpoint(endpoint)) => Decider {
                endpoint: Some(Own(endpoint)),
                ..Decider::default()
            },
            Ok(Aim::App(selected)) => {
                let strictest = selected.strictest();
                let seen = |reading: Reading<'_>| RuleSeen::of(settings, reading);
                let others = selected.readings();
                let others = others.filter(|reading| reading.rule != strictest.rule);
                Decider {
                    endpoint: None,
                    rule: Some(seen(strictest)),
                    also: others.map(seen).collect(),
                }
            }
        }
    }

    /// What the rules ask for, for whoever has not got it.
    pub(super) fn needs(&self) -> Option<String> {
        let first = in_words(&self.rule.as_ref()?.access);
        let also = self.also.iter().map(|rule| in_words(&rule.access));
        let all: Vec<String> = std::iter::once(first).chain(also).collect();
        Some(format!("what is asked for is: {}", all.join(", and ")))
    }
}

impl RuleSeen {
    fn of(settings: &Settings, reading: Reading<'_>) -> Self {
        let rule = |index| Some((index, settings.rules.get(index)?));
        let written = reading.rule.and_then(rule);
        Self {
            index: written.map(|(index, _)| index),
            yaml: match written {
                Some((index, _)) => format!("rules[{index}]"),
                None => "default_access".to_owned(),
            },
            access: reading.access.clone(),
            written: written.map(|(index, rule)| Written {
                place: settings.rule_places.get(index).map(ToString::to_string),
                path: rule.path.clone(),
                methods: rule.methods.clone(),
                ambiguous: rule.ambiguous.iter().map(|doubt| doubt.word()).collect(),
            }),
        }
    }
}

impl Own {
    /// What it is.
    pub(super) const fn words(self) -> &'static str {
        self.0.title
    }
}

impl Serialize for Own {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

/// What a rule asks for.
pub(super) fn in_words(access: &Access) -> String {
    match access {
        Access::Public => "public".into(),
        Access::Authenticated => "a session".into(),
        Access::Roles(roles) => format!("a session with one of the roles: {}", roles.join(", ")),
        Access::Deny => "nothing will do (deny)".into(),
    }
}
