//! Where users are written down: our list, Authelia's map, htpasswd, `DOORWARD_USERS`.
//!
//! Every format gives the same `Listed`; what a name, a role or a hash may be is
//! checked in one place, so that no format is laxer than another.

mod authelia;
mod cookie_size;
mod hash;
mod htpasswd;
mod list;
mod variable;

use std::sync::Arc;

use crate::auth::directory::User;
use crate::config::schema::context::Context;
use crate::config::schema::reader::Spot;
use crate::config::yaml::problem::{Place, Problem};
use crate::config::yaml::tree::{self, Shape};
use crate::domain::fault::Fault;
use crate::domain::id::{UserId, Username};
use crate::domain::identity::Identity;

pub(crate) use cookie_size::CookieShape;
pub(crate) use list::read as list;
pub(crate) use variable::read as variable;

/// A user and where they were written.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Where the entry begins.
    pub(crate) place: Place,
    /// Its YAML path.
    pub(crate) path: String,
    /// The user.
    pub(crate) user: User,
}

/// Reads a users file of any of the formats; problems are noted with their place in it.
/// `None` when it has no users to speak of because it could not be understood.
pub(crate) fn file(cx: &Context, text: &str, name: &Arc<str>) -> Option<Vec<Listed>> {
    if htpasswd::looks_like(text) {
        return Some(htpasswd::read(cx, text, name));
    }
    let root = match tree::parse(text, name) {
        Ok(root) => root,
        Err(problems) => {
            for problem in problems {
                cx.problem(problem);
            }
            return None;
        }
    };
    let spot = Spot {
        cx,
        node: &root,
        path: String::new(),
    };
    if matches!(root.shape, Shape::List(_)) {
        return Some(list(&spot));
    }
    let users = match &root.shape {
        Shape::Map(entries) => entries.iter().find(|entry| entry.key == "users"),
        _ => None,
    };
    let Some(users) = users else {
        let fault = Fault::new(
            "is not a users file",
            "write a list of users, Authelia's `users:` map, or htpasswd lines",
        );
        cx.problem(Problem::new(root.place.clone(), "", fault));
        return None;
    };
    if let Shape::Map(entries) = &root.shape {
        for entry in entries.iter().filter(|entry| entry.key != "users") {
            let fault = Fault::new(
                "is not a key of a users file",
                "keep `users` alone at the top",
            );
            cx.problem(Problem::new(entry.place.clone(), &entry.key, fault));
        }
    }
    let spot = Spot {
        cx,
        node: &users.value,
        path: "users".to_owned(),
    };
    Some(match &users.value.shape {
        _ if users.value.is_null() => Vec::new(),
        Shape::Map(_) => authelia::read(&spot),
        _ => list(&spot),
    })
}

/// A name that can be typed: something is left of it in its canonical form.
fn username(text: &str) -> Result<Username, Fault> {
    let text = crate::config::sections::values::words(text)?;
    let name = Username::canonical(&text);
    if name.as_str().is_empty() {
        return Err(Fault::new(
            "is empty once spaces and dots at its ends are removed",
            "choose another",
        ));
    }
    if name.as_str().len() > Username::MAX_BYTES {
        return Err(Fault::new(
            format!("is longer than {} bytes", Username::MAX_BYTES),
            "choose a shorter one",
        ));
    }
    Ok(name)
}

/// A user of whom nothing but a name and a hash is written; the id is the name.
fn named(name: &str, hash: &str) -> Result<User, Fault> {
    Ok(User {
        identity: Identity {
            id: UserId::new(name),
            username: username(name)?,
            name: name.to_owned(),
            email: None,
            roles: Vec::new(),
        },
        password_hash: hash::check(hash)?,
        disabled: false,
        token_version: 0,
    })
}

#[cfg(test)]
mod tests;
