//! `users`: inline, by file or by variable; no id and no name twice, no cookie too large.

mod formats;

use std::collections::HashMap;
use std::sync::Arc;

use self::formats::Listed;
use crate::auth::directory::User;

use crate::config::schema::context;
use crate::config::schema::reader::Section;
use crate::config::settings::{Access, Cookies, Signing};
use crate::config::yaml::problem::{Place, Problem};
use crate::config::yaml::tree::Shape;
use crate::domain::fault::Fault;

/// The largest users file that is read. A hundred thousand users of our list with Argon2id
/// hashes take some 17 MB.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Reads all users.
pub(crate) fn read(
    root: &Section<'_>,
    cookies: &Cookies,
    signing: &Signing,
    default_access: &Access,
) -> Vec<User> {
    let listed = match root.some("users") {
        None => Some(Vec::new()),
        Some(spot) => match &spot.node.shape {
            Shape::Map(_) => from_file(&spot.section("users")),
            Shape::List(_) => {
                root.cx.literal_secret(&spot.node.place, "users");
                Some(formats::list(&spot))
            }
            Shape::Scalar { text, .. } if matches!(spot.node.place, Place::Variable(_)) => {
                Some(formats::variable(root.cx, text, &spot.node.place))
            }
            Shape::Scalar { .. } => {
                spot.refuse(Fault::new(
                    "is neither a list nor { file: … }",
                    "write a list of users, or `users: { file: users.yml }`",
                ));
                None
            }
        },
    };
    // A file that could not be read has its own problem.
    let Some(listed) = listed else {
        return Vec::new();
    };
    let nobody = listed.is_empty() && !root.cx.has_problem_below("users");
    if nobody && *default_access != Access::Public {
        root.missing(
            "users",
            "nobody could log in: add a user, name a users file, or set default_access to public",
        );
    }
    refuse_twins(root, &listed);
    let shape = formats::CookieShape {
        name: &cookies.name,
        domain: cookies.domain.as_deref(),
        issuer: &signing.issuer,
        audience: &signing.audience,
    };
    for one in &listed {
        if let Some(fault) = shape.too_large(&one.user) {
            root.cx
                .problem(Problem::new(one.place.clone(), one.path.clone(), fault));
        }
    }
    listed.into_iter().map(|one| one.user).collect()
}

fn from_file(section: &Section<'_>) -> Option<Vec<Listed>> {
    let Some(spot) = section.some("file") else {
        section.missing("file", "give the path of a users file");
        return None;
    };
    let path = spot.file_path()?;
    let written = spot.text().unwrap_or_default();
    let name: Arc<str> = Arc::from(written);
    let bytes = match spot.cx.read(&path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(fault) => {
            spot.refuse(fault);
            return None;
        }
    };
    spot.cx.secret_in(&path, "users");
    let before = spot.cx.problems_so_far();
    match context::text(bytes, &name) {
        // Where nobody is left of a file, its problems say why.
        Ok(text) => formats::file(spot.cx, &text, &name)
            .filter(|listed| !listed.is_empty() || spot.cx.problems_so_far() == before),
        Err(problem) => {
            spot.cx.problem(*problem);
            None
        }
    }
}

/// Two users with one id would share sessions; with one name, only one could log in.
fn refuse_twins(root: &Section<'_>, listed: &[Listed]) {
    let mut ids: HashMap<&str, &Listed> = HashMap::new();
    let mut names: HashMap<&str, &Listed> = HashMap::new();
    for one in listed {
        let identity = &one.user.identity;
        if let Some(twin) = ids.insert(identity.id.as_str(), one) {
            refuse_twin(root, one, twin, "id", identity.id.as_str());
        }
        // Under Authelia and htpasswd the id is the name: one problem is enough.
        let same_key = identity.id.as_str() == identity.username.as_str();
        if let Some(twin) = names.insert(identity.username.as_str(), one)
            && !(same_key && twin.user.identity.id == identity.id)
        {
            refuse_twin(root, one, twin, "username", identity.username.as_str());
        }
    }
}

fn refuse_twin(root: &Section<'_>, one: &Listed, twin: &Listed, what: &str, value: &str) {
    let fault = Fault::new(
        format!("has the {what} of {} ({})", twin.path, twin.place),
        match what {
            "id" => "give every user an id of their own, and never a former user's",
            _ => "choose another; case, width and outer spaces make no difference",
        },
    );
    let problem = Problem::new(one.place.clone(), one.path.clone(), fault);
    root.cx.problem(problem.showing(value));
}
