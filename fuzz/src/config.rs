//! Configuration: any text is settings, or problems of which each has its place in the text;
//! what is read is what another YAML parser reads, and no secret is told.

use std::path::Path;

use doorward::config::lints;
use doorward::config::settings::Settings;
use doorward::config::{Environment, Place, Problem, Problems, load_text};
use doorward::domain::origin::{Authority, Origin};
use serde_yaml::Value;

/// Nothing is there, so that what an input names as a file is not found, unless it is absolute.
const FILE: &str = "/nonexistent/doorward.yaml";

/// See [`super`].
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match load(text) {
        Ok(settings) => kept(text, &settings),
        Err(problems) => {
            placed(text, &problems);
            harmless(text, &problems);
            moved(text, &problems);
        }
    }
}

fn load(text: &str) -> Result<Settings, Problems> {
    let nothing: [(&str, &str); 0] = [];
    let env = Environment::new(nothing, "/nonexistent");
    load_text(text, Path::new(FILE), &env)
}

/// Lines, as YAML breaks them.
fn lines(text: &str) -> Vec<&str> {
    let unix = text.split_inclusive(['\n', '\r']);
    let mut lines: Vec<&str> = Vec::new();
    let mut from = 0;
    let mut at = 0;
    for piece in unix {
        at += piece.len();
        // `\r\n` is one break.
        if piece.ends_with('\r') && text[at..].starts_with('\n') {
            continue;
        }
        lines.push(&text[from..at]);
        from = at;
    }
    lines.push(&text[from..]);
    lines
}

fn placed(text: &str, problems: &Problems) {
    assert!(problems.count() > 0, "refused, and nothing is wrong");
    let lines = lines(text);
    for problem in problems.iter() {
        assert!(!problem.message.is_empty(), "nothing is said");
        let Place::At { file, line, column } = &problem.place else {
            continue;
        };
        if &**file != FILE {
            continue;
        }
        let line = line.checked_sub(1).and_then(|line| lines.get(line));
        let line = line.expect("a place below the end of the text");
        assert!(
            (1..=line.chars().count() + 1).contains(column),
            "beyond its line"
        );
    }
}

/// Nothing that a terminal would obey, and no secret.
fn harmless(text: &str, problems: &Problems) {
    let said = problems.to_string();
    let control = said.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(
        control, None,
        "a control character would reach the terminal"
    );
    let lines = said.split('\n').count();
    assert_eq!(lines, problems.count(), "a problem forges another line");
    let Ok(yaml) = serde_yaml::from_str::<Value>(text) else {
        return;
    };
    for secret in secrets(&yaml) {
        let reference = secret.starts_with("file:") || secret.starts_with("env:");
        if secret.len() >= 8 && !reference && text.matches(secret).count() == 1 {
            assert!(!said.contains(secret), "a secret is told");
        }
    }
}

fn secrets(yaml: &Value) -> Vec<&str> {
    let mut found = vec![&yaml["admin"]["token"], &yaml["signing"]["key"]];
    found.extend(yaml["signing"]["key"].as_sequence().into_iter().flatten());
    let users = yaml["users"].as_sequence().into_iter().flatten();
    found.extend(users.map(|user| &user["password_hash"]));
    found.into_iter().filter_map(Value::as_str).collect()
}

/// One more line before the text moves every problem down by one, and changes nothing else.
fn moved(text: &str, problems: &Problems) {
    if text.starts_with('\u{feff}') {
        return;
    }
    let later = load(&format!("# one line more\n{text}"));
    let later = later.expect_err("a comment mends it");
    assert_eq!(later.count(), problems.count(), "a comment matters");
    // Nothing to be found stands nowhere, which is said of the first line.
    let found = |problems: &Problems| -> Vec<Problem> {
        let found = problems.iter().cloned();
        found
            .filter(|problem| !problem.message.contains("holds no settings"))
            .collect()
    };
    for (before, after) in found(problems).iter().zip(found(&later)) {
        assert_eq!((&before.path, &before.value), (&after.path, &after.value));
        if let (Place::At { line, .. }, Place::At { line: down, .. }) =
            (&before.place, &after.place)
        {
            assert_eq!(line + 1, *down, "another line than one below");
        }
    }
}

/// An origin or host that is spelled in another way than browsers do would be one that the
/// gate does not ask for.
fn known_to_the_gate(settings: &Settings) {
    let origins = settings.cors.allowed_origins.iter();
    for origin in origins.chain(&settings.public_url) {
        let again = Origin::parse(origin.to_string().as_bytes());
        assert_eq!(again.as_ref(), Some(origin));
    }
    for host in &settings.extra_hosts {
        let again = Authority::parse(host.to_string().as_bytes());
        assert_eq!(again.as_ref(), Some(host));
    }
    for lint in lints::of(settings) {
        let lint = lint.to_string();
        assert!(!lint.chars().any(char::is_control), "{lint:?}");
    }
}

/// What was written is what holds, as far as the other parser reads a text there.
fn kept(text: &str, settings: &Settings) {
    known_to_the_gate(settings);
    let Ok(yaml) = serde_yaml::from_str::<Value>(text) else {
        return;
    };
    let paths = &settings.paths;
    for (section, key, value) in [
        ("signing", "issuer", &settings.signing.issuer),
        ("signing", "audience", &settings.signing.audience),
        ("cookies", "name", &settings.cookies.name),
        ("pages", "title", &settings.pages.title),
        ("paths", "login", &paths.login),
        ("paths", "logout", &paths.logout),
        ("paths", "refresh", &paths.refresh),
        ("paths", "revoke", &paths.revoke),
        ("paths", "prefix", &paths.prefix),
        ("paths", "jwks", &paths.jwks),
    ] {
        if let Some(written) = yaml[section][key].as_str() {
            assert_eq!(value, written, "{section}.{key}");
        }
    }
    let limits = &settings.limits;
    for (key, value) in [
        (
            "header_count",
            u64::try_from(limits.sizes.header_count).ok(),
        ),
        ("connections", u64::try_from(limits.connections).ok()),
        ("h2_streams", Some(limits.h2_streams.into())),
        ("header_bytes", Some(limits.sizes.header_bytes)),
        ("login_body", Some(limits.login_body)),
    ] {
        if let Some(written) = yaml["limits"][key].as_u64() {
            assert_eq!(value, Some(written), "limits.{key}");
        }
    }
    if let Some(users) = yaml["users"].as_sequence() {
        assert_eq!(users.len(), settings.users.len(), "a user is lost");
        for (written, user) in users.iter().zip(&settings.users) {
            let hash = written["password_hash"].as_str();
            assert!(hash.is_none_or(|hash| hash == user.password_hash.as_str()));
            let id = written["id"].as_str();
            assert!(
                id.is_none_or(|id| id == user.identity.id.as_str()),
                "another id"
            );
        }
    }
    if let Some(rules) = yaml["rules"].as_sequence() {
        assert_eq!(rules.len(), settings.rules.len(), "a rule is lost");
        for (written, rule) in rules.iter().zip(&settings.rules) {
            let path = written["path"].as_str();
            assert!(path.is_none_or(|path| path == rule.path), "another path");
        }
    }
}
