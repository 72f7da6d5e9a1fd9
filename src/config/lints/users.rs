//! Who can log in, and how hard their passwords are to guess from the hashes.

use super::Lint;
use super::Severity::{Note, Problem};
use crate::adapters::users::hashing;
use crate::auth::directory::User;
use crate::auth::rules::Access;
use crate::config::settings::Settings;

/// How many names are shown.
const SHOWN: usize = 5;

pub(crate) fn check(settings: &Settings) -> Vec<Lint> {
    let enabled: Vec<&User> = settings
        .users
        .iter()
        .filter(|user| !user.disabled)
        .collect();
    let mut found = Vec::new();
    if enabled.is_empty() {
        found.push(Lint::new(
            Problem,
            "users.nobody",
            match settings.users.len() {
                0 => "there are no users",
                _ => "every user is disabled",
            },
            "nobody can log in",
            "add a user with `doorward hash-password`",
        ));
    }
    let weak = |user: &&&User| !hashing::is_strong(user.password_hash.as_str());
    let weak = enabled.iter().filter(weak);
    let weak: Vec<&str> = weak.map(|user| user.identity.username.as_str()).collect();
    if !weak.is_empty() {
        found.push(Lint::new(
            Problem,
            "users.weak_hash",
            format!("the password hashes of {} are cheap to guess", names(&weak)),
            "whoever gets hold of the users file tries passwords by the million (OWASP asks for argon2id with 19 MiB and two passes, or bcrypt with a cost of 10)",
            "make new ones with `doorward hash-password`",
        ));
    }
    for (index, rule) in settings.rules.iter().enumerate() {
        let Access::Roles(roles) = &rule.access else {
            continue;
        };
        let has_none = |user: &&User| !user.identity.has_any_role(roles);
        if enabled.iter().all(has_none) {
            let (path, roles) = (&rule.path, roles.join(", "));
            found.push(Lint::new(
                Note,
                "users.role_of_nobody",
                format!(
                    "rules[{index}] ({path}) asks for one of the roles {roles}, and no user has any"
                ),
                "nobody gets there; often a role is misspelt",
                "give the role to a user, or write `access: deny`",
            ));
        }
    }
    found
}

fn names(all: &[&str]) -> String {
    let shown: Vec<&str> = all.iter().copied().take(SHOWN).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
