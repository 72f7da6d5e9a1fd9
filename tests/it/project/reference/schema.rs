//! `config/doorward.schema.json`: the table for editors (JSON Schema, draft 2020-12).

use doorward::config::schema::keys::{KEYS, Key, Shown, Value};
use serde_json::{Map, Value as Json, json};

use super::{name, parent, told};

/// As `humantime` reads them.
const DURATION: &str = r"^\s*([0-9]+(\.[0-9]+)?\s*[A-Za-zµ]+\s*)+$|^0$";
/// As `bytesize` reads them.
const SIZE: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*([kKmMgGtTpPeE]?[iI]?[bB]?)\s*$";

pub fn rendered() -> Json {
    let mut schema = Map::new();
    schema.insert(
        "$schema".into(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    schema.insert("title".into(), json!("Configuration of Doorward"));
    schema.extend(map(|key| !key.path.contains('.')));
    // By a variable of the environment it may come as well, so that a file can do without it.
    schema.remove("required");
    schema.into()
}

/// A map of those keys.
fn map(is_in: impl Fn(&Key) -> bool) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in KEYS.iter().filter(|key| is_in(key)) {
        properties.insert(name(key.path).to_owned(), one(key));
        if key.shown == Shown::Required {
            required.push(name(key.path));
        }
    }
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), properties.into());
    schema.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema
}

fn one(key: &Key) -> Json {
    let below = |other: &Key| parent(other.path) == Some(key.path) && !is_of_item(other, key);
    let has_below = KEYS.iter().any(below);
    let mut ways = ways(key, key.value);
    if has_below {
        ways.push(map(below).into());
    }
    let mut schema = match <[Json; 1]>::try_from(ways) {
        Ok([only]) => only,
        Err(several) => json!({ "anyOf": several }),
    };
    let (words, example) = told(key);
    let description = [vec![words.as_str()], example].concat().join("\n");
    let description = description.trim();
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    if key.shown == Shown::Default && !key.yaml.is_empty() {
        let default: Json = serde_yaml::from_str(key.yaml).unwrap();
        schema["default"] = default;
    }
    schema
}

fn is_of_item(key: &Key, list: &Key) -> bool {
    key.path.starts_with(&format!("{}[].", list.path))
}

/// Each way to write the value; a map of the keys below it is added by who asks.
fn ways(key: &Key, value: Value) -> Vec<Json> {
    match value {
        Value::Section => vec![json!({ "type": "null" })],
        Value::Items => vec![
            json!({ "type": "array", "items": map(|other| is_of_item(other, key) && parent(other.path) == Some(key.path)) }),
        ],
        Value::Text | Value::Secret => vec![json!({ "type": ["string", "number", "boolean"] })],
        Value::Match(_, pattern) => vec![json!({ "type": "string", "pattern": pattern })],
        Value::Words(words) => vec![json!({ "enum": words })],
        Value::Switch => vec![json!({ "type": "boolean" })],
        Value::Count(least, most) => {
            vec![json!({ "type": "integer", "minimum": least, "maximum": most })]
        }
        Value::Duration => vec![
            json!({ "type": ["string", "integer"], "pattern": DURATION, "minimum": 0, "maximum": 0 }),
        ],
        Value::Size(least, most) => {
            vec![
                json!({ "type": ["string", "integer"], "pattern": SIZE, "minimum": least, "maximum": most }),
            ]
        }
        Value::List(of) => vec![json!({ "type": "array", "items": only(ways(key, *of)) })],
        Value::OneOrMore(of) => {
            let one = only(ways(key, *of));
            vec![
                one.clone(),
                json!({ "type": "array", "items": one, "minItems": 1 }),
            ]
        }
        Value::Map(of) => {
            vec![json!({ "type": "object", "additionalProperties": only(ways(key, *of)) })]
        }
        Value::Maybe(Value::Section) => ways(key, Value::Section),
        Value::Maybe(of) => {
            let mut ways = ways(key, *of);
            ways.push(json!({ "type": "null" }));
            ways
        }
    }
}

fn only(ways: Vec<Json>) -> Json {
    let [one] = <[Json; 1]>::try_from(ways).unwrap();
    one
}
