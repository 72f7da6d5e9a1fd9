//! Authelia's `users_database.yml`, unchanged: a map from user name to
//! `{ disabled, displayname, password, email, groups }`. Its further attributes
//! (`given_name`, `address`, …) mean nothing here and are let be, and an empty text is one
//! that was not written, as Authelia has it. The id is the name.
//!
//! Source: <https://www.authelia.com/reference/guides/passwords/>

use crate::auth::directory::User;
use crate::config::schema::reader::Spot;
use crate::config::sections::values;
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;
use crate::domain::id::UserId;
use crate::domain::identity::Identity;

use super::{Listed, hash, username};

/// Reads the entries that are right and notes what is wrong with the others.
pub(super) fn read(spot: &Spot<'_>) -> Vec<Listed> {
    spot.entries()
        .into_iter()
        .flatten()
        .filter_map(|(entry, spot)| one(&entry.key, &spot))
        .collect()
}

fn one(key: &str, spot: &Spot<'_>) -> Option<Listed> {
    let name = match username(key) {
        Ok(name) => Some(name),
        Err(fault) => {
            spot.refuse(fault);
            None
        }
    };
    let (mut shown, mut email, mut password) = (None, None, None);
    let (mut roles, mut disabled) = (Vec::new(), false);
    let mut has_password = false;
    for (entry, spot) in spot.entries()? {
        has_password |= entry.key == "password";
        let is_empty = matches!(&spot.node.shape, Shape::Scalar { text, .. } if text.is_empty());
        if (spot.node.is_null() || is_empty) && entry.key != "password" {
            continue;
        }
        match entry.key.as_str() {
            "displayname" => shown = spot.parse(values::words),
            "email" => email = spot.parse(values::words),
            "groups" => roles = spot.list(values::role),
            "disabled" => disabled = spot.parse(values::switch).unwrap_or(true),
            "password" => password = hash::read(&spot),
            _ => {}
        }
    }
    if !has_password {
        spot.refuse(Fault::new(
            "has no password",
            "paste what `doorward hash-password` prints at `password`",
        ));
    }
    Some(Listed {
        place: spot.node.place.clone(),
        path: spot.path.clone(),
        user: User {
            identity: Identity {
                id: UserId::new(key),
                username: name?,
                name: shown.unwrap_or_else(|| key.to_owned()),
                email,
                roles,
            },
            password_hash: password?,
            disabled,
            token_version: 0,
        },
    })
}
