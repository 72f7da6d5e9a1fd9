//! Walks the tree of a configuration leaf by leaf, so that one bad value never hides
//! another: whoever reads a bad one gets the default and a problem is noted.

use std::path::PathBuf;

use crate::config::schema::context::Context;
use crate::config::schema::keys;
use crate::config::yaml::problem::{Place, Problem};
use crate::config::yaml::tree::{Entry, Node, Shape};
use crate::domain::fault::Fault;

/// A value at its YAML path.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) node: &'a Node,
    /// The YAML path, `rules[2].path`.
    pub(crate) path: String,
}

impl<'a> Spot<'a> {
    /// The scalar as written.
    pub(crate) fn text(&self) -> Result<&'a str, Fault> {
        if self.node.is_null() {
            return Err(Fault::new("has no value", "write one or remove the key"));
        }
        match &self.node.shape {
            Shape::Scalar { text, .. } => Ok(text),
            Shape::List(_) => Err(Fault::new("is a list", "write a single value")),
            Shape::Map(_) => Err(Fault::new("is a map", "write a single value")),
        }
    }

    /// The scalar, parsed; a problem is noted and `None` returned if it is wrong.
    pub(crate) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        match self.text().and_then(parse) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.refuse(fault);
                None
            }
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Spot<'a>>> {
        let Shape::List(items) = &self.node.shape else {
            self.refuse(Fault::new(
                "is not a list",
                "write `[…]` or one `- …` a line",
            ));
            return None;
        };
        let spots = items.iter().enumerate().map(|(i, node)| Spot {
            cx: self.cx,
            node,
            path: format!("{}[{i}]", self.path),
        });
        Some(spots.collect())
    }

    /// The items of a list, each parsed; bad ones are noted and left out.
    pub(crate) fn list<T>(&self, parse: impl Fn(&str) -> Result<T, Fault>) -> Vec<T> {
        let items = self.items().unwrap_or_default();
        items.iter().filter_map(|item| item.parse(&parse)).collect()
    }

    /// The entries of a map whose keys are the operator's own.
    pub(crate) fn entries(&self) -> Option<impl Iterator<Item = (&'a Entry, Spot<'a>)>> {
        let Shape::Map(entries) = &self.node.shape else {
            self.refuse(Fault::new("is not a map", "write `key: value`"));
            return None;
        };
        let (cx, path) = (self.cx, self.path.clone());
        Some(entries.iter().map(move |entry| {
            let path = join(&path, &entry.key);
            let node = &entry.value;
            (entry, Spot { cx, node, path })
        }))
    }

    /// The map with the keys that `schema` has in [`keys::KEYS`]; others are noted.
    pub(crate) fn section(&self, schema: &'static str) -> Section<'a> {
        let entries = match &self.node.shape {
            Shape::Map(entries) => Some(entries.as_slice()),
            _ => {
                self.refuse(Fault::new("is not a map", "write `key: value` below it"));
                None
            }
        };
        let section = Section {
            cx: self.cx,
            entries,
            path: self.path.clone(),
            schema,
            place: self.node.place.clone(),
        };
        section.refuse_unknown();
        section
    }

    /// Notes a problem and shows the value.
    pub(crate) fn refuse(&self, fault: Fault) {
        let problem = self.problem(fault);
        self.cx.problem(match &self.node.shape {
            Shape::Scalar { text, .. } => problem.showing(text),
            Shape::List(_) => problem.showing("[…]"),
            Shape::Map(_) => problem.showing("{…}"),
        });
    }

    /// Notes a problem about a secret.
    pub(crate) fn refuse_secret(&self, fault: Fault) {
        self.cx.problem(self.problem(fault).showing("redacted"));
    }

    /// The file path, absolute.
    pub(crate) fn file_path(&self) -> Option<PathBuf> {
        self.parse(|text| {
            if text.starts_with("-----BEGIN") {
                return Err(Fault::new(
                    "is the content of a file",
                    "give the path of the file; a variable ending in _FILE is read and its content taken as the value",
                ));
            }
            if text.contains('\0') {
                return Err(Fault::new("is not a path", "remove the NUL character"));
            }
            Ok(self.cx.resolve(&self.node.place, text))
        })
    }

    fn problem(&self, fault: Fault) -> Problem {
        Problem::new(self.node.place.clone(), self.path.clone(), fault)
    }
}

/// A map with known keys; empty when it was left out.
#[derive(Clone, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) cx: &'a Context,
    /// `None` when it was written as something else, which is problem enough.
    entries: Option<&'a [Entry]>,
    path: String,
    schema: &'static str,
    place: Place,
}

impl<'a> Section<'a> {
    /// The value of a key, if there is one; an explicit null counts.
    pub(crate) fn get(&self, key: &str) -> Option<Spot<'a>> {
        let entry = self.entries?.iter().find(|entry| entry.key == key)?;
        Some(Spot {
            cx: self.cx,
            node: &entry.value,
            path: join(&self.path, key),
        })
    }

    /// The value of a key, with null and left out alike.
    pub(crate) fn some(&self, key: &str) -> Option<Spot<'a>> {
        self.get(key).filter(|spot| !spot.node.is_null())
    }

    /// The section below, empty when it was left out.
    pub(crate) fn section(&self, key: &str, schema: &'static str) -> Section<'a> {
        match self.some(key) {
            Some(spot) => spot.section(schema),
            None => Section {
                cx: self.cx,
                entries: Some(&[]),
                path: join(&self.path, key),
                schema,
                place: self.place.clone(),
            },
        }
    }

    /// The parsed value, or the default when it was left out or is wrong.
    pub(crate) fn or<T>(
        &self,
        key: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> T {
        self.get(key)
            .and_then(|spot| spot.parse(parse))
            .unwrap_or(default)
    }

    /// The parsed value; `None` when it was left out, is null, or is wrong.
    pub(crate) fn optional<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.some(key)?.parse(parse)
    }

    /// The parsed list, or the default when it was left out or is null.
    pub(crate) fn list<T>(
        &self,
        key: &str,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Vec<T> {
        match self.some(key) {
            Some(spot) => spot.list(parse),
            None => default,
        }
    }

    /// Notes that a required key is not there.
    pub(crate) fn missing(&self, key: &str, mend: &str) {
        let mistyped = |entry: &Entry| {
            let known = || keys::within(self.schema);
            known().all(|name| name != entry.key) && keys::nearest(&entry.key, known()) == Some(key)
        };
        // Not a map, or a typo of the key: said already.
        if self
            .entries
            .is_none_or(|entries| entries.iter().any(mistyped))
        {
            return;
        }
        let fault = Fault::new("is missing", mend);
        let problem = Problem::new(self.place.clone(), join(&self.path, key), fault);
        self.cx.problem(problem);
    }

    /// Whether the file or the environment wrote the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn refuse_unknown(&self) {
        for entry in self.entries.unwrap_or_default() {
            if keys::within(self.schema).any(|known| known == entry.key) {
                continue;
            }
            let mend = match keys::nearest(&entry.key, keys::within(self.schema)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => match elsewhere(&entry.key) {
                    Some(path) => format!("the key `{path}` stands elsewhere"),
                    None => format!("known here: {}", self.known()),
                },
            };
            let fault = Fault::new("is not a key that we know", mend);
            let path = join(&self.path, &entry.key);
            self.cx
                .problem(Problem::new(entry.place.clone(), path, fault));
        }
    }

    fn known(&self) -> String {
        keys::within(self.schema).collect::<Vec<_>>().join(", ")
    }
}

/// Where a key of this name belongs, when that is one place.
fn elsewhere(key: &str) -> Option<&'static str> {
    let mut found = keys::KEYS
        .iter()
        .map(|key| key.path)
        .filter(|path| path.rsplit('.').next() == Some(key));
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

fn join(path: &str, key: &str) -> String {
    let odd = key.is_empty()
        || key
            .chars()
            .any(|c| c.is_whitespace() || matches!(c, '.' | '['));
    match (path, odd) {
        ("", false) => key.to_owned(),
        (_, false) => format!("{path}.{key}"),
        (_, true) => format!("{path}[{key:?}]"),
    }
}
