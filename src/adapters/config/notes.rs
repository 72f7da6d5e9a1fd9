//! What `check` says of a configuration that is good: what it leaves open, perhaps on purpose,
//! and what an earlier version did that it may rely on.

use super::settings::{Access, Openness, Settings};
use crate::auth::rules::Rules;

/// Everything worth a look, each a whole sentence.
pub(super) fn of(settings: &Settings) -> Vec<String> {
    let mut notes = holes(settings);
    if !settings.trusted_proxies.is_empty() && settings.forward_headers.from_trusted.is_empty() {
        notes.push(
            "of trusted_proxies X-Forwarded-For, -Proto and -Host are read; X-Real-IP, Forwarded and other X-Forwarded-* no longer reach the app. If it needs one that your proxy sets itself, list it in forward_headers.from_trusted."
                .to_owned(),
        );
    }
    let keeps_identity = |(_, rule): &(usize, &super::settings::Rule)| {
        rule.access == Access::Public && rule.openness == Openness::Session
    };
    let rules = settings.rules.iter().enumerate().filter(keeps_identity);
    let rules: Vec<String> = rules
        .map(|(number, _)| format!("rules[{number}]"))
        .collect();
    if !rules.is_empty() {
        notes.push(format!(
            "{}: the app is told who is there if somebody is signed in, and such answers are private to caches. Write identity: off beside access: public where everybody gets the same.",
            rules.join(", ")
        ));
    }
    notes
}

/// Rules that restrict some methods only.
fn holes(settings: &Settings) -> Vec<String> {
    let rules = Rules::new(settings.rules.clone(), settings.default_access.clone());
    let holes = rules.holes().into_iter();
    holes
        .filter_map(|hole| {
            let rule = settings.rules.get(hole.rule)?;
            let other = match hole.left_to {
                Some(other) => format!("rules[{other}]"),
                None => "default_access".to_owned(),
            };
            Some(format!(
                "rules[{}] ({}) restricts {} (GET means HEAD too); every other method goes by {other}, which asks for less. Leave methods out to restrict them all.",
                hole.rule,
                rule.path,
                rule.methods.join(", ")
            ))
        })
        .collect()
}
