//! Rules that open too much, or never decide.

use super::facts::Facts;
use super::finding::Finding;
use crate::auth::rules::{Access, Rules};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let settings = &facts.settings;
    let rules = Rules::new(settings.rules.clone(), settings.default_access.clone());
    let mut found = Vec::new();
    for hidden in rules.shadowed() {
        let (rule, by) = (hidden.rule, hidden.by);
        let path = settings
            .rules
            .get(rule)
            .map_or("", |rule| rule.path.as_str());
        let place = settings.rule_places.get(rule).map(ToString::to_string);
        let place = place.unwrap_or_default();
        let what = match hidden.is_whole {
            true => format!(
                "rules[{rule}] ({path}, {place}) never decides: rules[{by}] matches all of it before"
            ),
            false => format!(
                "rules[{rule}] ({path}, {place}) decides about odd spellings only: the public rules[{by}] matches the plain ones before"
            ),
        };
        found.push(Finding::problem(
            "rules.never_reached",
            (
                what,
                "what it was meant to protect or to open is decided by the other",
                format!("put it before rules[{by}], or remove it"),
            ),
        ));
    }
    let is_open = |access: &Access| *access == Access::Public;
    let protects = |count: usize| {
        let before = settings.rules.iter().take(count);
        before.clone().any(|rule| !is_open(&rule.access))
    };
    for (index, rule) in settings.rules.iter().enumerate() {
        if !(is_open(&rule.access) && rule.path == "/**" && rule.methods.is_empty()) {
            continue;
        }
        let words = (
            format!("rules[{index}] makes every path public that no rule before it names"),
            "nobody has to log in there: whatever the app adds later is open too",
            "name what may be public, and leave the rest to default_access: authenticated",
        );
        found.push(match protects(index) {
            true => Finding::note("rules.all_public", words),
            false => Finding::problem("rules.all_public", words),
        });
    }
    if is_open(&settings.default_access) {
        let words = (
            "default_access is public",
            "nobody has to log in where no rule says so: whatever the app adds later is open too",
            "name what may be public in rules, and write default_access: authenticated",
        );
        found.push(match protects(settings.rules.len()) {
            true => Finding::note("rules.default_public", words),
            false => Finding::problem("rules.default_public", words),
        });
    }
    found
}
