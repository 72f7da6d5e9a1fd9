//! Apache's htpasswd: `name:hash` lines. bcrypt (`htpasswd -B`) and SHA-crypt (`-2`, `-5`)
//! are verified; its other hashes are as good as plain text. The id is the name.
//!
//! Source: <https://httpd.apache.org/docs/2.4/misc/password_encryptions.html>

use std::sync::Arc;

use crate::auth::directory::User;
use crate::config::schema::context::Context;
use crate::config::yaml::problem::{Place, Problem};
use crate::domain::fault::Fault;

use super::Listed;

/// Whether the first line that says anything is `name:something`, which no YAML of a
/// users file begins with: there a colon ends a key.
pub(super) fn looks_like(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().map(str::trim);
    let Some(first) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return false;
    };
    if first.starts_with(['-', '[', '{', '"', '\'', '%', '&', '!']) {
        return false;
    }
    match first.split_once(':') {
        Some((name, rest)) => !name.is_empty() && rest.starts_with(|c: char| !c.is_whitespace()),
        None => false,
    }
}

/// Reads the lines that are right and notes what is wrong with the others.
pub(super) fn read(cx: &Context, text: &str, file: &Arc<str>) -> Vec<Listed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut listed = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = Place::At {
            file: Arc::clone(file),
            line: i + 1,
            column: 1,
        };
        match user(line) {
            Ok(user) => listed.push(Listed {
                path: user.identity.id.to_string(),
                place,
                user,
            }),
            // The line holds a hash or a password: only its name is shown.
            Err((name, fault)) => cx.problem(Problem::new(place, name, fault)),
        }
    }
    listed
}

fn user(line: &str) -> Result<User, (String, Fault)> {
    let Some((name, rest)) = line.split_once(':') else {
        let fault = Fault::new(
            "is not a `name:hash` line",
            "remove it, or write # before it",
        );
        return Err((String::new(), fault));
    };
    // Some tools write more fields after another colon.
    let hash = rest.split(':').next().unwrap_or(rest);
    let is_a_hash = hash.starts_with(['$', '{']);
    super::named(name, hash).map_err(|fault| {
        let fault = match is_a_hash {
            true => Fault::new(
                fault.message,
                format!("make one with `htpasswd -B FILE {name}`"),
            ),
            false => fault,
        };
        (name.to_owned(), fault)
    })
}
