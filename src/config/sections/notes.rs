//! Defaults that an earlier version had otherwise, where the file leaves them to us.

use crate::config::lints::lint::{Lint, Severity};
use crate::config::schema::reader::Section;
use crate::config::settings::Settings;
use crate::config::yaml::tree::Shape;

/// Notes those that the file may rely on.
pub(crate) fn defaults(root: &Section<'_>, settings: &Settings) {
    let is_unset = |section: &str, key: &str| match root.get(section).map(|spot| &spot.node.shape) {
        Some(Shape::Map(entries)) => entries.iter().all(|entry| entry.key != key),
        _ => true,
    };
    let note = |id, what, why, mend| root.cx.lint(Lint::new(Severity::Hint, id, what, why, mend));
    if let Some(most) = settings.limits.connections_per_address
        && settings.trusted_proxies.is_empty()
        && is_unset("limits", "connections_per_address")
    {
        note(
            "limits.connections_per_address",
            format!("limits.connections_per_address is {most} now, an eighth of connections"),
            "it was unlimited",
            "if many people come through one address, a proxy of yours perhaps, list it in trusted_proxies, or set the key (null: no limit)",
        );
    }
    if let Some(most) = settings.session.max_per_user
        && is_unset("session", "max_per_user")
    {
        note(
            "session.max_per_user",
            format!("session.max_per_user is {most} now"),
            "it was unlimited: one more login ends the user's oldest session",
            "set the key where an account has more of them (null: no limit)",
        );
    }
}
