//! `config/openapi.yaml` is true: what it describes is answered so, and nothing else is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::operations::admin_api::{guarded, with_token};
use crate::support::jar::Jar;
use crate::support::{Gateway, Response};

const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "options"];

fn document() -> Value {
    serde_yaml::from_str(include_str!("../../../config/openapi.yaml")).unwrap()
}

/// Follows a `$ref`, if there is one.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => document
            .pointer(&path[1..])
            .expect("a $ref leads somewhere"),
        None => value,
    }
}

/// What is wrong with a value by the few words of JSON Schema that the file uses.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolve(document, schema);
    let mut found = Vec::new();
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match &schema["type"] {
        Value::String(wanted) => wanted == kind,
        Value::Array(wanted) => wanted.contains(&json!(kind)),
        _ => true,
    };
    if !fits {
        found.push(format!("{at} is a {kind}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at} is {value}"));
    }
    for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(
            document,
            &schema["items"],
            item,
            &format!("{at}[{at_item}]"),
        ));
    }
    let Some(fields) = value.as_object() else {
        return found;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at} has no {name}"));
        }
    }
    for (name, field) in fields {
        let known = &schema["properties"][name];
        if known.is_null() && schema["additionalProperties"] == false {
            found.push(format!("{at}.{name} is not described"));
        }
        found.extend(faults(document, known, field, &format!("{at}.{name}")));
    }
    found
}

#[track_caller]
fn assert_described(document: &Value, operation: &Value, answer: &Response, what: &str) {
    let described = &operation["responses"][answer.status.to_string()];
    assert!(
        described.is_object(),
        "{what}: this status is not described: {answer}"
    );
    let described = resolve(document, described);
    for (name, _) in described["headers"].as_object().into_iter().flatten() {
        assert!(answer.header(name).is_some(), "{what}: no {name}: {answer}");
    }
    let Some(kinds) = described["content"].as_object() else {
        assert!(answer.body.is_empty(), "{what}: {answer}");
        return;
    };
    let kind = kinds.iter().find(|(kind, _)| answer.is(kind));
    let (kind, content) = kind.unwrap_or_else(|| panic!("{what}: another media type: {answer}"));
    if kind.ends_with("json") {
        let found = faults(document, &content["schema"], &answer.json(), "the answer");
        assert!(found.is_empty(), "{what}: {found:?}: {answer}");
    }
}

/// A body and a path that work, so that the good answer is seen too.
fn good(gateway: &Gateway, method: &str, path: &str) -> (String, Option<Value>) {
    let sid = || Jar::alice(gateway).session();
    match (method, path) {
        ("delete", "/api/sessions/{sid}") => (path.replace("{sid}", &sid()), None),
        ("post", "/api/revocations") => (path.into(), Some(json!({ "session": sid() }))),
        _ => (path.into(), None),
    }
}

#[test]
fn each_described_operation_is_answered_as_described() {
    let document = document();
    let (gateway, _app) = guarded();
    let _bob = Jar::bob(&gateway);
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            let operation = &item[*method];
            let what = format!("{method} {path}");
            let upper = method.to_uppercase();
            let (target, body) = good(&gateway, method, path);
            let send = |token: bool| {
                let request = match token {
                    true => with_token(&gateway, &upper, &target),
                    false => crate::support::Request::new(gateway.admin(), &upper, &target),
                };
                match &body {
                    Some(body) => request.json(body).send(),
                    None => request.send(),
                }
            };
            if path.starts_with("/api") {
                let refused = send(false);
                assert_eq!(refused.status, 401, "{what}: {refused}");
                assert_described(&document, operation, &refused, &what);
            }
            let answer = send(true);
            assert!((200..300).contains(&answer.status), "{what}: {answer}");
            assert_described(&document, operation, &answer, &what);
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} operations are described");
}

#[test]
fn every_other_method_is_refused_as_described() {
    let document = document();
    let (gateway, _app) = guarded();
    for (path, item) in document["paths"].as_object().unwrap() {
        let (known, other): (Vec<&str>, Vec<&str>) = METHODS
            .into_iter()
            .partition(|method| item[*method].is_object());
        let target = path.replace("{sid}", "019a0000-0000-7000-8000-000000000000");
        for method in other {
            let answer = with_token(&gateway, &method.to_uppercase(), &target).send();
            let what = format!("{method} {path}");
            assert_eq!(
                answer.status, 405,
                "{what} is served and not described: {answer}"
            );
            assert_described(&document, &item[known[0]], &answer, &what);
            let allow = answer.header("allow").unwrap();
            let allowed: BTreeSet<_> = allow.split(", ").filter(|one| *one != "HEAD").collect();
            let known: BTreeSet<_> = known.iter().map(|one| one.to_uppercase()).collect();
            let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
            assert_eq!(allowed, known, "{what}");
        }
    }
}

#[test]
fn every_path_that_is_served_is_described() {
    let document = document();
    let described = document["paths"].as_object().unwrap();
    let text = concat!(
        include_str!("../../../src/gateway/admin.rs"),
        include_str!("../../../src/gateway/admin/api.rs")
    );
    for (arm, prefix) in [
        ("\" => Some(Self::", "/api/"),
        ("\" => text(", ""),
        ("\" => self.", ""),
    ] {
        let found: Vec<_> = text.split(arm).collect();
        for before in &found[..found.len() - 1] {
            let name = before.rsplit('"').next().unwrap();
            let path = format!("{prefix}{name}");
            assert!(
                described.contains_key(&path),
                "{path} is served and not described"
            );
        }
    }
}
