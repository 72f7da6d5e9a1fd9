//! The explanation for people.

use std::fmt;

use super::decider::{RuleSeen, in_words};
use super::explanation::{Explanation, Known, Path, Verdicts};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path, host) = (&self.method, printable(&self.path.sent), &self.host);
        write!(f, "{method} {path} at {host}")?;
        let mut line = |name: &str, what: &str| write!(f, "\n  {name:<9} {what}");
        line("path", &self.path.to_string())?;
        match (&self.decider.endpoint, &self.decider.rule) {
            (Some(endpoint), _) => line("rule", &format!("none: {}", endpoint.words()))?,
            (None, Some(rule)) => line("rule", &rule.to_string())?,
            (None, None) => line("rule", "none is asked")?,
        }
        for rule in &self.decider.also {
            line("and", &format!("{rule} (another reading of the path)"))?;
        }
        line("nobody", &self.nobody.verdicts.to_string())?;
        if let Some(asked) = &self.user {
            match &asked.user {
                Some(user) => {
                    line("user", &printable(&user.to_string()))?;
                    line("", &user.verdicts.to_string())?;
                    for (name, value) in user.verdicts.headers() {
                        line("", &format!("  {name}: {value}"))?;
                    }
                }
                None => {
                    let asked = printable(&asked.asked);
                    line("user", &format!("{asked}: there is no such user"))?;
                }
            }
        }
        if let Some(token) = &self.token {
            line("token", &printable(&token.to_string()))?;
        }
        for condition in &self.conditions {
            let verdict = match condition.verdict.passes() {
                true => "passes",
                false => &condition.verdict.why,
            };
            let words = &condition.words;
            line("origin", &format!("with a session, {words}: {verdict}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(blame) = &self.ambiguous else {
            let seen = self.seen.as_deref().unwrap_or_default();
            let how = match seen == self.sent {
                true => "as it was sent",
                false => "decoded once",
            };
            return write!(f, "{} for the rules, {how}", printable(seen));
        };
        write!(f, "`{}` at byte {}: {}", blame.text, blame.at, blame.what)?;
        match blame.is_tolerable {
            false => f.write_str(", which no rule can tolerate"),
            true => write!(
                f,
                ", refused to whom these rules do not treat alike (`ambiguous: [{}]` would give \
                 the strictest refusal instead)",
                blame.kind
            ),
        }
    }
}

impl fmt::Display for RuleSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = in_words(&self.access);
        let Some(rule) = &self.written else {
            return write!(f, "no rule matches; default_access: {asks}");
        };
        f.write_str(&self.yaml)?;
        if let Some(place) = &rule.place {
            write!(f, " ({place})")?;
        }
        let methods = match rule.methods.as_slice() {
            [] => "every method".to_owned(),
            some => some.join(", "),
        };
        write!(f, ": {}, {methods}: {asks}", rule.path)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = match self.roles.as_slice() {
            [] => "no roles".to_owned(),
            some => format!("roles: {}", some.join(", ")),
        };
        let state = match self.disabled {
            true => "; disabled: cannot log in, and an old session is none",
            false => "",
        };
        write!(f, "{} (id {}; {roles}{state})", self.username, self.id)
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = &self.script;
        match &self.page {
            Some(page) if page != script => {
                write!(f, "a page: {}; a script: {}", page.why, script.why)
            }
            _ => f.write_str(&script.why),
        }
    }
}

impl Verdicts {
    /// What tells the app who is there.
    fn headers(&self) -> impl Iterator<Item = (&String, &String)> {
        let page = self.page.iter().find(|page| !page.headers.is_empty());
        page.unwrap_or(&self.script).headers.iter()
    }
}

/// What was typed must not steer the terminal.
fn printable(text: &str) -> String {
    let shown = text.chars();
    shown
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
