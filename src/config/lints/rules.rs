//! Rules that open too much, that leave something open, or that never decide.

use super::Lint;
use super::Severity::{Hint, Note, Problem};
use crate::auth::rules::{Access, Hole, Openness, Rules};
use crate::config::settings::Settings;

pub(super) fn check(settings: &Settings) -> Vec<Lint> {
    let rules = Rules::new(settings.rules.clone(), settings.default_access.clone());
    let mut found = Vec::new();
    for hidden in rules.shadowed() {
        let (rule, by) = (hidden.rule, hidden.by);
        let path = settings.rules.get(rule).map_or("", |rule| &rule.path);
        let place = settings.rule_places.get(rule).map(ToString::to_string);
        let place = place.unwrap_or_default();
        let decides = match hidden.is_whole {
            true => format!("never decides: rules[{by}] matches all of it before"),
            false => format!(
                "decides about odd spellings only: the public rules[{by}] matches the plain ones before"
            ),
        };
        found.push(Lint::new(
            Problem,
            "rules.never_reached",
            format!("rules[{rule}] ({path}, {place}) {decides}"),
            "what it was meant to protect or to open is decided by the other",
            format!("put it before rules[{by}], or remove it"),
        ));
    }
    let is_open = |access: &Access| *access == Access::Public;
    // Where something is protected before, the rest may be open on purpose.
    let severity = |count: usize| {
        let mut before = settings.rules.iter().take(count);
        match before.any(|rule| !is_open(&rule.access)) {
            true => Note,
            false => Problem,
        }
    };
    for (index, rule) in settings.rules.iter().enumerate() {
        if is_open(&rule.access) && rule.path == "/**" && rule.methods.is_empty() {
            found.push(Lint::new(
                severity(index),
                "rules.all_public",
                format!("rules[{index}] makes every path public that no rule before it names"),
                "nobody has to log in there: whatever the app adds later is open too",
                "name what may be public, and leave the rest to default_access: authenticated",
            ));
        }
    }
    if is_open(&settings.default_access) {
        found.push(Lint::new(
            severity(settings.rules.len()),
            "rules.default_public",
            "default_access is public",
            "nobody has to log in where no rule says so: whatever the app adds later is open too",
            "name what may be public in rules, and write default_access: authenticated",
        ));
    }
    let holes = rules.holes();
    found.extend(holes.iter().filter_map(|hole| beside(settings, hole)));
    let asks = settings
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| is_open(&rule.access) && rule.openness == Openness::Session);
    let asks: Vec<String> = asks.map(|(number, _)| format!("rules[{number}]")).collect();
    if !asks.is_empty() {
        found.push(Lint::new(
            Hint,
            "rules.identity",
            format!(
                "{}: the app is told who is there if somebody is signed in",
                asks.join(", ")
            ),
            "such answers are private to caches",
            "write identity: off beside access: public where everybody gets the same",
        ));
    }
    found
}

/// A rule beside which something passes by asking for less.
fn beside(settings: &Settings, hole: &Hole) -> Option<Lint> {
    let named = |number: usize| {
        let rule = settings.rules.get(number)?;
        Some(format!("rules[{number}] ({})", rule.path))
    };
    let methods = &settings.rules.get(hole.rule)?.methods;
    let lists = |method: &str| methods.iter().any(|listed| listed == method);
    let restricts = match methods.join(", ") {
        none if none.is_empty() => "every method".to_owned(),
        some if lists("GET") && !lists("HEAD") => format!("{some} (GET means HEAD too)"),
        some => some,
    };
    let mut left = Vec::new();
    if !hole.methods.is_empty() {
        left.push(hole.methods.join(", "));
    }
    if hole.unnamed {
        left.push("every method that no rule names".to_owned());
    }
    let (by, mend) = match hole.left_to {
        Some(by) if by < hole.rule => (
            format!("{} before it", named(by)?),
            "put the rule that asks for more first",
        ),
        by => (
            by.map_or(Some("default_access".to_owned()), named)?,
            "leave methods out to restrict them all",
        ),
    };
    let (rule, left) = (named(hole.rule)?, left.join(" and "));
    Some(Lint::new(
        Hint,
        "rules.hole",
        format!("{rule} restricts {restricts}, and leaves {left} to {by}"),
        "that one asks for less",
        mend,
    ))
}
