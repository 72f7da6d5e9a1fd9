//! `DOORWARD_USERS`: `name:hash` pieces, for a set-up without a file. The id is the name.

use crate::auth::directory::User;
use crate::config::schema::context::Context;
use crate::config::yaml::problem::{Place, Problem};
use crate::domain::fault::Fault;

use super::Listed;

/// Reads the pieces that are right and notes what is wrong with the others.
pub(crate) fn read(cx: &Context, text: &str, place: &Place) -> Vec<Listed> {
    let mut listed = Vec::new();
    for piece in text.lines().flat_map(pieces) {
        let (name, hash) = piece.split_once(':').unwrap_or_default();
        let path = match name.trim() {
            "" => "users".to_owned(),
            name => format!("users.{name}"),
        };
        let place = place.clone();
        // A piece may be a hash or a password: none is shown.
        match user(name.trim(), hash.trim()) {
            Ok(user) => listed.push(Listed { place, path, user }),
            Err(fault) => cx.problem(Problem::new(place, path, fault)),
        }
    }
    listed
}

/// Hashes hold commas (`m=19456,t=2,p=1`): one separates only where a new `name:` follows.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let parts = line.split(',').map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        match pieces.last_mut() {
            Some(piece) if !part.contains(':') => {
                piece.push(',');
                piece.push_str(part);
            }
            _ => pieces.push(part.to_owned()),
        }
    }
    pieces
}

fn user(name: &str, hash: &str) -> Result<User, Fault> {
    if name.is_empty() {
        return Err(Fault::new(
            "has a piece that is not `name:hash`",
            "write alice:$argon2id$…, with a hash from `doorward hash-password`",
        ));
    }
    if hash.starts_with("$$") {
        return Err(Fault::new(
            "has a hash that begins with $$",
            "write each $ once: only a Compose file doubles it",
        ));
    }
    super::named(name, hash).map_err(|fault| match hash.starts_with('$') {
        true => fault,
        false => Fault::new(
            fault.message,
            "put the value in '…', or the shell takes $ for a variable; write $$ in a Compose file",
        ),
    })
}
