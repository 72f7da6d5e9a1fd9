//! The explanation for programs: its keys are stable.

use serde_json::{Value, json};

use super::explanation::{Decider, Explanation, decider};
use super::trial::{Login, Outcome};
use crate::adapters::config::settings::Access;
use crate::auth::denial::Denial;
use crate::domain::path::RequestPath;

impl Explanation<'_> {
    pub(super) fn json(&self) -> Value {
        let target = self.target;
        let blame = self.blame();
        let parsed = RequestPath::parse(target.path.as_bytes());
        let seen = parsed.map(|path| String::from_utf8_lossy(path.decoded()).into_owned());
        let (endpoint, rule, also) = self.trial.aim(|aim| match decider(aim.as_ref()) {
            Decider::Nobody => (Value::Null, Value::Null, Vec::new()),
            Decider::Endpoint(endpoint) => (json!(endpoint.name), Value::Null, Vec::new()),
            Decider::Rules { rule, access, also } => {
                let also = also.into_iter();
                let also = also.map(|(rule, access)| self.rule_json(rule, access));
                (Value::Null, self.rule_json(rule, access), also.collect())
            }
        });
        let user = self.asked.map(|asked| match self.user {
            None => json!({ "asked": asked, "known": false }),
            Some(user) => json!({
                "asked": asked,
                "known": true,
                "id": user.identity.id.as_str(),
                "username": user.identity.username.as_str(),
                "name": user.identity.name,
                "roles": user.identity.roles,
                "disabled": user.disabled,
                "verdicts": self.outcomes_json(self.login.as_ref()),
            }),
        });
        let conditions = self.conditions().into_iter().map(|(_, from, outcome)| {
            let mut condition = self.outcome_json(&outcome);
            if let Some(fields) = condition.as_object_mut() {
                fields.insert("from".into(), json!(from));
            }
            condition
        });
        json!({
            "method": target.method.as_str(),
            "host": target.host.to_string(),
            "path": {
                "sent": target.path,
                "seen": seen.ok(),
                "ambiguous": blame.map(|blame| json!({
                    "kind": blame.kind,
                    "text": blame.text,
                    "at": blame.at,
                })),
            },
            "query": target.query,
            "endpoint": endpoint,
            "rule": rule,
            "also": also,
            "nobody": { "verdicts": self.outcomes_json(None) },
            "user": user,
            "conditions": conditions.collect::<Vec<_>>(),
        })
    }

    fn rule_json(&self, rule: Option<usize>, access: &Access) -> Value {
        let Some((index, rule)) = self.rule(rule) else {
            return json!({ "index": null, "yaml": "default_access", "access": access_json(access) });
        };
        let place = self.settings.rule_places.get(index);
        json!({
            "index": index,
            "yaml": format!("rules[{index}]"),
            "place": place.map(ToString::to_string),
            "path": rule.path,
            "methods": rule.methods,
            "access": access_json(access),
            "ambiguous": rule.ambiguous.iter().map(|a| a.word()).collect::<Vec<_>>(),
        })
    }

    fn outcomes_json(&self, login: Option<&Login>) -> Value {
        let outcomes = self.outcomes(login).into_iter();
        outcomes
            .map(|(start, outcome)| (start.to_owned(), self.outcome_json(&outcome)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn outcome_json(&self, outcome: &Outcome) -> Value {
        let verdict = match outcome {
            Outcome::Forward { .. } => "forward",
            Outcome::Serve(_) => "serve",
            Outcome::Login { .. } => "login",
            Outcome::Detour(_) => "bounce",
            Outcome::Deny(_) => "deny",
            Outcome::Renew => "renew",
        };
        let (user, headers) = match outcome {
            Outcome::Forward { user, headers } => (user.clone(), headers.clone()),
            _ => (None, Vec::new()),
        };
        let location = match outcome {
            Outcome::Login { location, .. } => Some(location),
            _ => None,
        };
        let headers = headers.into_iter();
        let headers: serde_json::Map<_, _> = headers.map(|(n, v)| (n, json!(v))).collect();
        json!({
            "verdict": verdict,
            "status": outcome.status().map(|status| status.as_u16()),
            "code": outcome.denial().map(Denial::code),
            "location": location,
            "as": user,
            "headers": headers,
            "why": self.outcome_text(outcome),
        })
    }
}

fn access_json(access: &Access) -> Value {
    match access {
        Access::Public => json!("public"),
        Access::Authenticated => json!("authenticated"),
        Access::Roles(roles) => json!({ "roles": roles }),
        Access::Deny => json!("deny"),
    }
}
