//! The explanation for people.

use std::fmt::Write as _;

use super::explanation::{Decider, Explanation, decider};
use super::trial::{Login, Outcome};
use crate::adapters::config::settings::Access;
use crate::auth::denial::Denial;
use crate::auth::directory::User;
use crate::domain::path::RequestPath;

impl Explanation<'_> {
    pub(super) fn text(&self) -> String {
        let target = self.target;
        let mut text = format!(
            "{} {} at {}\n",
            target.method,
            printable(&target.path),
            target.host
        );
        let mut line = |name: &str, what: &str| {
            let _infallible = writeln!(text, "  {name:<9} {what}");
        };
        line("path", &self.path_text());
        self.trial.aim(|aim| match decider(aim.as_ref()) {
            Decider::Nobody => line("rule", "none is asked"),
            Decider::Endpoint(endpoint) => line("rule", &format!("none: {}", endpoint.title)),
            Decider::Rules { rule, access, also } => {
                line("rule", &self.rule_text(rule, access));
                for (rule, access) in also {
                    let other = self.rule_text(rule, access);
                    line("and", &format!("{other} (another reading of the path)"));
                }
            }
        });
        line("nobody", &self.outcomes_text(None));
        if let Some(login) = &self.login {
            line("user", &self.user_text(&login.user));
            line("", &self.outcomes_text(Some(login)));
            for (name, value) in self.identity_headers(login) {
                line("", &format!("  {name}: {value}"));
            }
        } else if let Some(asked) = self.asked {
            line(
                "user",
                &format!("{}: there is no such user", printable(asked)),
            );
        }
        for (from, _, outcome) in self.conditions() {
            let verdict = match &outcome {
                Outcome::Forward { .. } | Outcome::Serve(_) | Outcome::Renew => "passes".into(),
                Outcome::Login { .. } | Outcome::Detour(_) | Outcome::Deny(_) => {
                    self.outcome_text(&outcome)
                }
            };
            line("origin", &format!("with a session, {from}: {verdict}"));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn path_text(&self) -> String {
        if let Some(blame) = self.blame() {
            let place = format!("`{}` at byte {}: {}", blame.text, blame.at, blame.what);
            return match blame.is_tolerable {
                false => format!("{place}, which no rule can tolerate"),
                true => format!(
                    "{place}, refused to whom these rules do not treat alike (`ambiguous: [{}]` \
                     would give the strictest refusal instead)",
                    blame.kind
                ),
            };
        }
        let decoded = RequestPath::parse(self.target.path.as_bytes())
            .map(|path| String::from_utf8_lossy(path.decoded()).into_owned());
        match decoded {
            Ok(decoded) if decoded == self.target.path => {
                format!("{} for the rules, as it was sent", printable(&decoded))
            }
            Ok(decoded) => format!("{} for the rules, decoded once", printable(&decoded)),
            Err(error) => error.to_string(),
        }
    }

    fn rule_text(&self, rule: Option<usize>, access: &Access) -> String {
        let asks = access_text(access);
        let Some((index, rule)) = self.rule(rule) else {
            return format!("no rule matches; default_access: {asks}");
        };
        let place = self.settings.rule_places.get(index);
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        let methods = match rule.methods.as_slice() {
            [] => "every method".to_owned(),
            some => some.join(", "),
        };
        format!("rules[{index}]{place}: {}, {methods}: {asks}", rule.path)
    }

    fn user_text(&self, user: &User) -> String {
        let identity = &user.identity;
        let roles = match identity.roles.as_slice() {
            [] => "no roles".to_owned(),
            some => format!("roles: {}", some.join(", ")),
        };
        let state = match user.disabled {
            true => "; disabled: cannot log in, and an old session is none",
            false => "",
        };
        printable(&format!(
            "{} (id {}; {roles}{state})",
            identity.username, identity.id
        ))
    }

    fn outcomes_text(&self, login: Option<&Login>) -> String {
        let outcomes = self.outcomes(login);
        match outcomes.as_slice() {
            [(_, page), (_, script)] if page != script => format!(
                "a page: {}; a script: {}",
                self.outcome_text(page),
                self.outcome_text(script)
            ),
            [(_, one), ..] => self.outcome_text(one),
            [] => String::new(),
        }
    }

    pub(super) fn outcome_text(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Forward { user: None, .. } => "forwarded, as nobody".into(),
            Outcome::Forward {
                user: Some(user), ..
            } => format!("forwarded as {user}"),
            Outcome::Serve(endpoint) => endpoint.title.into(),
            Outcome::Login { denial, location } => format!("303 to {location} ({})", denial.code()),
            Outcome::Detour(denial) => format!(
                "200, a page that leads to itself, so that Strict cookies come along ({})",
                denial.code()
            ),
            Outcome::Deny(denial) => {
                let why = match denial {
                    Denial::Forbidden => self.needs(),
                    Denial::WrongHost => Some(self.served()),
                    _ => None,
                };
                format!(
                    "{} {}: {}",
                    denial.status().as_u16(),
                    denial.code(),
                    why.as_deref().unwrap_or(denial.sentence())
                )
            }
            Outcome::Renew => "the session is renewed first".into(),
        }
    }

    /// What tells the app who is there.
    fn identity_headers(&self, login: &Login) -> Vec<(String, String)> {
        let mut outcomes = self.outcomes(Some(login)).into_iter();
        let found = outcomes.find_map(|(_, outcome)| match outcome {
            Outcome::Forward { headers, .. } => Some(headers),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// Where requests are served.
    fn served(&self) -> String {
        let hosts = self.trial.policy.hosts.iter();
        let hosts = hosts.flat_map(|hosts| &hosts.served);
        let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
        format!("served are {} (public_url, extra_hosts)", hosts.join(", "))
    }

    /// What the rules ask for, for whoever has not got it.
    fn needs(&self) -> Option<String> {
        self.trial.aim(|aim| match decider(aim.as_ref()) {
            Decider::Rules { access, also, .. } => {
                let also = also.iter().map(|(_, access)| *access);
                let all = std::iter::once(access).chain(also).map(access_text);
                let all = all.collect::<Vec<_>>().join(", and ");
                Some(format!("what is asked for is: {all}"))
            }
            Decider::Nobody | Decider::Endpoint(_) => None,
        })
    }
}

fn access_text(access: &Access) -> String {
    match access {
        Access::Public => "public".into(),
        Access::Authenticated => "a session".into(),
        Access::Roles(roles) => format!("a session with one of the roles: {}", roles.join(", ")),
        Access::Deny => "nothing will do (deny)".into(),
    }
}

/// What was typed must not steer the terminal.
fn printable(text: &str) -> String {
    let shown = text.chars();
    shown
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
