//! `DOORWARD_<SECTION>_<KEY>` variables, laid over the tree of the file.
//!
//! Done before anything is parsed, so that a variable goes through the same checks as
//! a line of the file, and a problem names the variable.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::config::lints::lint::{Lint, Severity};
use crate::config::schema::context::Context;
use crate::config::schema::keys::{self, KEYS, Key, Kind};
use crate::config::schema::secret_ref::drop_newline;
use crate::config::schema::service_links;
use crate::config::yaml::problem::{Place, Problem};
use crate::config::yaml::tree::{Entry, MAX_BYTES, Node, Shape};
use crate::domain::fault::Fault;

const PREFIX: &str = "DOORWARD_";
/// Read by the command line and by tests, not settings.
const RESERVED: &[&str] = &["DOORWARD_CONFIG", "DOORWARD_VECTORS"];

/// Sets every key that a variable names.
pub(crate) fn apply(cx: &Context, root: &mut Node) {
    for (name, value) in cx.env.iter() {
        if !name.starts_with(PREFIX) {
            continue;
        }
        if RESERVED.contains(&name) {
            continue;
        }
        let place = Place::Variable(Arc::from(name));
        let set = match (find(name), name.strip_suffix("_FILE").and_then(find)) {
            (Some(key), _) => text(value).map(|text| (key, text)),
            (None, Some(key)) => from_file(cx, &place, key, value).map(|text| (key, text)),
            (None, None) if service_links::is_one(name, value, &cx.env) => continue,
            (None, None) => Err(unknown(name)),
        };
        match set {
            Ok((key, text)) => {
                if key.path == "users" && names_file(cx, root) {
                    let fault = Fault::new("is set beside a users file", "set one of the two");
                    cx.problem(Problem::new(place, "", fault));
                    continue;
                }
                if key.path.starts_with("users") && has_list(root) {
                    cx.lint(Lint::new(
                        Severity::Problem,
                        "users.replaced",
                        format!("{name} replaces the users listed in the configuration file"),
                        "none of them can log in",
                        "remove one of the two",
                    ));
                }
                put(root, key.path, &place, leaf(&place, key.kind, text));
            }
            Err(fault) => cx.problem(Problem::new(place, "", fault)),
        }
    }
}

fn find(name: &str) -> Option<&'static Key> {
    let is_it = |key: &&Key| key.variable().as_deref() == Some(name);
    KEYS.iter().find(is_it)
}

fn text(value: &OsStr) -> Result<String, Fault> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| Fault::new("is not UTF-8 text", "set it again"))
}

fn from_file(cx: &Context, place: &Place, key: &Key, value: &OsStr) -> Result<String, Fault> {
    let plain = keys::variable(key.path);
    if cx.env.get(&plain).is_some() {
        return Err(Fault::new(
            format!("is set beside {plain}"),
            "set one of the two",
        ));
    }
    let path = text(value)?;
    let resolved = cx.resolve(place, &path);
    let mut bytes = cx.read(&resolved, MAX_BYTES)?;
    if key.is_secret() {
        cx.secret_in(&resolved, key.path);
    }
    drop_newline(&mut bytes);
    String::from_utf8(bytes).map_err(|_binary| {
        Fault::new(
            "names a file that is not UTF-8 text",
            format!("for a binary secret set {plain} to file:{path}"),
        )
    })
}

fn leaf(place: &Place, kind: Kind, text: String) -> Node {
    match kind {
        Kind::List => Node {
            place: place.clone(),
            shape: Shape::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Node::plain(place.clone(), item))
                    .collect(),
            ),
        },
        Kind::Scalar | Kind::Deep => Node::plain(place.clone(), text),
    }
}

/// `users`, if the file says anything of them.
fn users(root: &Node) -> Option<&Shape> {
    let Shape::Map(entries) = &root.shape else {
        return None;
    };
    let users = entries.iter().find(|entry| entry.key == "users")?;
    Some(&users.value.shape)
}

fn has_list(root: &Node) -> bool {
    matches!(users(root), Some(Shape::List(items)) if !items.is_empty())
}

fn names_file(cx: &Context, root: &Node) -> bool {
    let by_variable = cx.env.get(&keys::variable("users.file")).is_some();
    by_variable || matches!(users(root), Some(Shape::Map(_)))
}

/// Sets `path` below `node`; what stands in the way and is no map gives way.
fn put(node: &mut Node, path: &str, place: &Place, leaf: Node) {
    let (key, rest) = match path.split_once('.') {
        Some((key, rest)) => (key, Some(rest)),
        None => (path, None),
    };
    if !matches!(node.shape, Shape::Map(_)) {
        *node = Node {
            place: place.clone(),
            shape: Shape::Map(Vec::new()),
        };
    }
    let Shape::Map(entries) = &mut node.shape else {
        return;
    };
    if !entries.iter().any(|entry| entry.key == key) {
        entries.push(Entry {
            key: key.to_owned(),
            place: place.clone(),
            value: Node::plain(place.clone(), ""),
        });
    }
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) else {
        return;
    };
    match rest {
        Some(rest) => put(&mut entry.value, rest, place, leaf),
        None => {
            entry.place = place.clone();
            entry.value = leaf;
        }
    }
}

/// What sets nothing was meant to set something, and that is not in force.
fn unknown(name: &str) -> Fault {
    let names: Vec<String> = KEYS.iter().filter_map(Key::variable).collect();
    let bare = name.strip_suffix("_FILE");
    let near = nearest_variable(name, &names)
        .map(str::to_owned)
        .or_else(|| {
            let near = nearest_variable(bare?, &names)?;
            Some(format!("{near}_FILE"))
        });
    let mend = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "remove it; DOORWARD_SECTION_KEY sets section.key".to_owned(),
    };
    Fault::new("sets nothing that we know", mend)
}

/// Variables are long and share their beginning: compare what follows it.
fn nearest_variable<'n>(name: &str, names: &'n [String]) -> Option<&'n str> {
    let rest = name.strip_prefix(PREFIX).unwrap_or(name);
    let candidates = names.iter().filter_map(|known| known.strip_prefix(PREFIX));
    let near = keys::nearest(rest, candidates)?;
    names
        .iter()
        .map(String::as_str)
        .find(|known| known.strip_prefix(PREFIX) == Some(near))
}
