//! What the table of keys promises is true: the readers take what it says and nothing else, the
//! files that are made of it are up to date, and the schema takes what `check` takes.
//!
//! `UPDATE=1 cargo test --test it reference::` writes the files anew.

mod page;
mod schema;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use doorward::config::schema::keys::{KEYS, Key, Shown, Value};
use doorward::config::{Environment, Problem, load_text};
use serde_json::{Value as Json, json};

use crate::support::process::run;
use crate::support::{TempDir, doorward, optional};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documentation of a key: its text, and the lines of its example.
fn told(key: &Key) -> (String, Vec<&'static str>) {
    let mut parts = key.doc.split(|line| line.trim() == "```");
    let words = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    };
    let before = words(parts.next().unwrap_or_default());
    let example = parts.next().unwrap_or_default().iter();
    let example = example.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let example = example.collect();
    assert!(
        parts.all(<[_]>::is_empty),
        "{}: text after an example",
        key.path
    );
    (before, example)
}

/// The key whose map or list the key stands in; `None` at the top.
fn parent(path: &str) -> Option<&str> {
    let (above, _) = path.rsplit_once('.')?;
    Some(above.strip_suffix("[]").unwrap_or(above))
}

/// Its name alone.
fn name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn key(path: &str) -> &'static Key {
    let found = KEYS.iter().find(|key| key.path == path);
    found.unwrap_or_else(|| panic!("{path} is not in the table"))
}

/// A file with what must be written, and this value at the path.
fn file(path: &str, value: &str) -> String {
    let mut text = value.to_owned();
    for part in path.rsplit('.') {
        text = match part.strip_suffix("[]") {
            Some(part) => format!("{{ {part}: [{text}] }}"),
            None => format!("{{ {part}: {text} }}"),
        };
    }
    // The outermost braces are those of the file.
    let text = text
        .strip_prefix("{ ")
        .and_then(|text| text.strip_suffix(" }"));
    let mut all = text.unwrap().to_owned();
    for (needed, value) in [
        ("upstream", "http://127.0.0.1:1"),
        ("default_access", "public"),
    ] {
        if path != needed {
            all.push_str(&format!("\n{needed}: {value}"));
        }
    }
    all
}

fn problems(text: &str) -> Vec<Problem> {
    let nothing = Environment::new(Vec::<(String, String)>::new(), "/nowhere");
    match load_text(text, Path::new("doorward.yaml"), &nothing) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().cloned().collect(),
    }
}

/// What is said of this value at the path of a key, or at an item of it.
fn said(path: &str, value: &str) -> Vec<Problem> {
    let place = path.replace("[]", "[0]");
    let mut found = problems(&file(path, value));
    found.retain(|problem| {
        let rest = problem.path.strip_prefix(&place);
        rest.is_some_and(|rest| rest.is_empty() || rest == "[0]" || rest == ".X")
    });
    found
}

/// A value that is of no use, and what a reader says that should be written instead.
fn wrong(value: Value) -> Option<(String, String)> {
    let as_list = |(wrong, mend)| (format!("[{wrong}]"), mend);
    match value {
        Value::Section | Value::Items | Value::Text | Value::Secret | Value::Match(..) => None,
        Value::Words(words) => Some(("zzz".into(), words.join(", "))),
        Value::Switch => Some(("zzz".into(), "write true or false".into())),
        Value::Count(least, most) => {
            Some(("zzz".into(), format!("give between {least} and {most}")))
        }
        Value::Size(least, most) => {
            Some(("1EiB".into(), format!("give between {least} and {most}")))
        }
        Value::Duration => Some(("zzz".into(), "write a number and a unit".into())),
        Value::List(of) => wrong(*of).map(as_list),
        Value::Map(of) => wrong(*of).map(|(wrong, mend)| (format!("{{ X: {wrong} }}"), mend)),
        Value::OneOrMore(of) | Value::Maybe(of) => wrong(*of),
    }
}

#[test]
fn the_readers_take_the_words_and_numbers_of_the_table() {
    let mut compared = 0;
    for key in KEYS {
        let Some((wrong, mend)) = wrong(key.value) else {
            continue;
        };
        let said = said(key.path, &wrong);
        let is_told = |problem: &Problem| problem.mend.contains(&mend);
        assert!(
            said.iter().any(is_told),
            "{}: {wrong}: no {mend:?} in {said:#?}",
            key.path
        );
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn null_is_taken_where_the_table_has_it() {
    // A map that has no value is one without keys.
    let is_map = |key: &Key| matches!(key.value, Value::Section | Value::Items);
    for key in KEYS.iter().filter(|key| !is_map(key)) {
        let refused = !said(key.path, "null").is_empty();
        let may_be = matches!(key.value, Value::Maybe(_));
        assert_eq!(
            !refused,
            may_be,
            "{}: {:?}",
            key.path,
            said(key.path, "null")
        );
    }
}

/// The shapes are looser than the readers, never stricter.
#[test]
fn what_the_table_shows_is_taken() {
    for key in KEYS.iter().filter(|key| !key.yaml.is_empty()) {
        let said = said(key.path, key.yaml);
        // Files that are not here, and what only means something beside another key.
        let depends = ["tls.", "users.file", "tokens.file", "session.store."];
        if !depends.iter().any(|path| key.path.starts_with(path)) {
            assert!(said.is_empty(), "{}: {} {said:#?}", key.path, key.yaml);
        }
    }
}

/// The files that are made of the table.
fn made() -> [(&'static str, String); 3] {
    [
        ("config/doorward.yaml", yaml::rendered()),
        (
            "config/doorward.schema.json",
            format!("{:#}\n", schema::rendered()),
        ),
        ("docs/configuration.md", page::rendered()),
    ]
}

#[test]
fn the_files_that_are_made_of_the_table_are_up_to_date() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for (file, text) in made() {
        let path = root().join(file);
        if update {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let odd = text
            .lines()
            .zip(committed.lines())
            .find(|(made, there)| made != there);
        assert!(
            text == committed,
            "{file} is not what the table makes ({odd:?}); UPDATE=1 writes it"
        );
    }
}

const VALIDATOR: &str = "
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given['schema'])
validator = Draft202012Validator(given['schema'])
errors = lambda text: [error.json_path + ': ' + error.message[:300] for error in validator.iter_errors(text)]
print(json.dumps({name: errors(text) for name, text in given['texts'].items()}))
";

/// What an independent validator says of each text.
fn validated(texts: &BTreeMap<String, Json>) -> Option<BTreeMap<String, Vec<String>>> {
    let python = optional::python_with_jsonschema()?;
    let given = json!({ "schema": schema::rendered(), "texts": texts });
    let output = run(
        Command::new(python).args(["-c", VALIDATOR]),
        &given.to_string(),
    );
    let told = serde_json::from_slice(&output.stdout);
    Some(told.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// The files of a folder that are configurations.
fn configurations(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let paths = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    paths
        .filter_map(|path| {
            Some((
                path.display().to_string(),
                std::fs::read_to_string(&path).ok()?,
            ))
        })
        .collect()
}

#[test]
fn the_schema_takes_what_check_takes() {
    let mut texts = BTreeMap::new();
    for folder in ["config", "examples"] {
        let files = configurations(folder);
        let is_ours = |(name, text): &(String, String)| {
            name.ends_with(".yaml") && text.contains("\nupstream: ")
        };
        texts.extend(files.into_iter().filter(is_ours));
    }
    assert!(texts.len() >= 4, "{:?}", texts.keys());
    let is_good = |(_, text): &(String, String)| problems(text).is_empty();
    texts.extend(
        configurations("fuzz/corpus/config")
            .into_iter()
            .filter(is_good),
    );
    assert!(texts.len() >= 9, "{:?}", texts.keys());
    for key in KEYS
        .iter()
        .filter(|key| !key.yaml.is_empty() && !key.path.contains("[]"))
    {
        texts.insert(key.path.to_owned(), file(key.path, key.yaml));
    }
    // What wants its neighbours.
    texts.retain(|path, _| !path.starts_with("tls.") && path != "session.store.redis.prefix");
    let parsed = |(name, text): (String, String)| {
        let value: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
        // Whether it is JSON too is asked here, and not taken for an error of the schema.
        let json = serde_json::to_value(value).unwrap_or_else(|e| panic!("{name}: {e}"));
        Some((name, json))
    };
    let texts = texts.into_iter().filter_map(parsed).collect();
    let Some(errors) = validated(&texts) else {
        return;
    };
    let refused: Vec<_> = errors
        .iter()
        .filter(|(_, errors)| !errors.is_empty())
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn the_schema_refuses_unknown_keys_and_wrong_types() {
    let mut texts = BTreeMap::new();
    let mut put = |path: &str, value: &str| {
        let text = file(path, value);
        let json: Json = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        texts.insert(format!("{path}: {value}"), json);
    };
    put("nonsense", "1");
    for key in KEYS {
        let path = key.path;
        match key.value {
            Value::Section | Value::Maybe(Value::Section) => put(&format!("{path}.nonsense"), "1"),
            Value::Items | Value::Maybe(Value::Items) => put(&format!("{path}[].nonsense"), "1"),
            _ => put(path, "{ nonsense: 1 }"),
        }
        put(path, "zzz");
        put(path, "[[1]]");
        // A schema reads no sizes.
        if let Some((wrong, _)) = wrong(key.value).filter(|(wrong, _)| wrong != "1EiB") {
            put(path, &wrong);
        }
    }
    // What is right for text.
    texts.retain(|name, _| {
        let path = name.strip_suffix(": zzz");
        path.is_none_or(|path| {
            KEYS.iter()
                .find(|key| key.path == path)
                .is_none_or(|key| !takes_any_word(key.value))
        })
    });
    let Some(errors) = validated(&texts) else {
        return;
    };
    let taken: Vec<_> = errors
        .iter()
        .filter(|(_, errors)| errors.is_empty())
        .collect();
    assert!(
        taken.is_empty(),
        "{:#?}",
        taken.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
}

fn takes_any_word(value: Value) -> bool {
    match value {
        Value::Text | Value::Secret => true,
        Value::Match(what, _) => ["host", "cookie name", "header name"].contains(&what),
        Value::OneOrMore(of) | Value::Maybe(of) => takes_any_word(*of),
        _ => false,
    }
}

#[test]
fn what_init_writes_names_the_schema_of_its_version() {
    let dir = TempDir::new();
    let output = run(doorward().args(["init", "--dir"]).arg(dir.path()), "");
    assert!(output.status.success());
    let written = std::fs::read_to_string(dir.join("doorward.yaml")).unwrap();
    let first = written.lines().next().unwrap();
    let place = first.strip_prefix("# yaml-language-server: $schema=https://");
    let (_, file) = place.unwrap().split_once("/raw/v").unwrap();
    let file = file
        .strip_prefix(concat!(env!("CARGO_PKG_VERSION"), "/"))
        .unwrap();
    assert!(root().join(file).exists(), "{first}");
}

#[test]
fn required_keys_are_those_of_the_reader() {
    for (path, missing) in [
        ("tls", "tls.cert"),
        ("tls", "tls.key"),
        ("users[]", "users[0].id"),
    ] {
        let found = problems(&file(path, "{}"));
        let is_it = |problem: &Problem| problem.path == missing && problem.message == "is missing";
        assert!(found.iter().any(is_it), "{missing}: {found:#?}");
        let table = missing.replace("[0]", "[]");
        assert_eq!(key(&table).shown, Shown::Required, "{table}");
    }
}
