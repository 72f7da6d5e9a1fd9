//! Our own list: `- { id, username, name, password_hash, email, roles, disabled, token_version }`.

use crate::auth::directory::User;
use crate::config::schema::reader::{Section, Spot};
use crate::config::sections::values;
use crate::domain::fault::Fault;
use crate::domain::id::UserId;
use crate::domain::identity::Identity;

use super::{Listed, hash, username};

/// Reads the items that are right and notes what is wrong with the others.
pub(crate) fn read(spot: &Spot<'_>) -> Vec<Listed> {
    let items = spot.items().unwrap_or_default();
    items.iter().filter_map(one).collect()
}

fn one(spot: &Spot<'_>) -> Option<Listed> {
    let section = spot.section("users[]");
    // All of them first, so that one bad key does not hide another.
    let id = required(
        &section,
        "id",
        "give a stable id, which the app receives",
        |text| values::words(text).map(|text| UserId::new(&text)),
    );
    let username_spot = section.get("username");
    let name = required(
        &section,
        "username",
        "give the name that is typed at login",
        username,
    );
    let hash = match section.get("password_hash") {
        Some(spot) => hash::read(&spot),
        None => {
            section.missing(
                "password_hash",
                "paste what `doorward hash-password` prints",
            );
            None
        }
    };
    let shown = section.optional("name", values::words);
    let email = section.optional("email", values::words);
    let roles = section.list("roles", Vec::new(), values::role);
    let disabled = section.or("disabled", false, values::switch);
    let token_version = section.or("token_version", 0, |text| values::count(text, 0..=u64::MAX));
    let typed = username_spot.and_then(|spot| spot.text().ok())?.trim();
    Some(Listed {
        place: spot.node.place.clone(),
        path: spot.path.clone(),
        user: User {
            identity: Identity {
                id: id?,
                username: name?,
                name: shown.unwrap_or_else(|| typed.to_owned()),
                email,
                roles,
            },
            password_hash: hash?,
            disabled,
            token_version,
        },
    })
}

fn required<T>(
    section: &Section<'_>,
    key: &str,
    mend: &str,
    parse: impl FnOnce(&str) -> Result<T, Fault>,
) -> Option<T> {
    match section.get(key) {
        Some(spot) => spot.parse(parse),
        None => {
            section.missing(key, mend);
            None
        }
    }
}
