//! The floors of the house: a module uses those below it, never one above.

use std::path::{Path, PathBuf};

/// From the ground up.
const FLOORS: [&str; 7] = [
    "domain", "auth", "adapters", "config", "service", "gateway", "cli",
];

/// A source file: its path below `src/`, and its lines of code without comments.
struct Source {
    path: String,
    lines: Vec<(usize, String)>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let code = |line: &str| {
            let trimmed = line.trim_start();
            // A `//` inside a string, as in a URL, is not the start of a comment.
            if trimmed.starts_with("//") {
                return String::new();
            }
            line.split(" // ").next().unwrap_or_default().to_owned()
        };
        let lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, code(line)))
            .collect();
        Self {
            path: path.into(),
            lines,
        }
    }

    fn floor(&self) -> Option<usize> {
        let first = self.path.split(['/', '.']).next()?;
        FLOORS.iter().position(|floor| *floor == first)
    }

    /// Where one of these texts stands, as `path:line: code`.
    fn says(&self, texts: &[&str]) -> Vec<String> {
        self.lines
            .iter()
            .filter(|(_, line)| texts.iter().any(|text| line.contains(text)))
            .map(|(at, line)| format!("{}:{at}: {}", self.path, line.trim()))
            .collect()
    }

    /// Where a floor above this one is used.
    fn climbs(&self) -> Vec<String> {
        let Some(own) = self.floor() else {
            return Vec::new();
        };
        let above = FLOORS[own + 1..].iter();
        let paths: Vec<_> = above
            .flat_map(|floor| [format!("crate::{floor}"), format!("doorward::{floor}")])
            .collect();
        let mut found = self.says(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        // `use crate::{domain, gateway};`
        for (at, line) in &self.lines {
            if let Some(list) = line.split("crate::{").nth(1) {
                let named =
                    |floor: &&&str| list.split([',', '}', ':', ' ']).any(|word| word == **floor);
                if FLOORS[own + 1..].iter().any(|floor| named(&floor)) {
                    found.push(format!("{}:{at}: {}", self.path, line.trim()));
                }
            }
        }
        found
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(
        files.len() > 20,
        "the sources are not where this test looks"
    );
    files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().display().to_string();
            Source::new(&path, &std::fs::read_to_string(file).unwrap())
        })
        .collect()
}

#[track_caller]
fn assert_none(found: &[String], world: &str) {
    assert!(found.is_empty(), "{world}:\n{}", found.join("\n"));
}

fn everywhere_but(allowed: impl Fn(&str) -> bool, texts: &[&str]) -> Vec<String> {
    sources()
        .iter()
        .filter(|source| !allowed(&source.path))
        .flat_map(|source| source.says(texts))
        .collect()
}

#[test]
fn the_ruler_measures() {
    let climbs = |path: &str, text: &str| Source::new(path, text).climbs().len();
    assert_eq!(climbs("domain/id.rs", "use crate::auth::pass::Pass;"), 1);
    assert_eq!(climbs("auth/gate.rs", "use crate::{domain, gateway};"), 1);
    assert_eq!(climbs("auth.rs", "let x = crate::cli::main();"), 1);
    let settings = "use crate::config::settings::Settings;";
    assert_eq!(climbs("adapters/jwt/mod.rs", settings), 1);
    assert_eq!(climbs("service/login.rs", settings), 0);
    assert_eq!(climbs("gateway/mod.rs", "use crate::auth::pass::Pass;"), 0);
    assert_eq!(climbs("domain/id.rs", "// see crate::auth"), 0);
    assert_eq!(
        climbs("domain/id.rs", "let url = \"http://x\"; crate::cli::main()"),
        1
    );
    assert_eq!(climbs("main.rs", "doorward::cli::main()"), 0);
}

#[test]
fn floors_are_only_climbed_down() {
    let found: Vec<_> = sources().iter().flat_map(Source::climbs).collect();
    assert_none(&found, "a floor uses one above it");
}

#[test]
fn only_the_gateway_says_pingora() {
    let found = everywhere_but(|path| path.starts_with("gateway/"), &["pingora"]);
    assert_none(
        &found,
        "another proxy library would change more than one folder",
    );
}

#[test]
fn only_the_listener_and_the_probe_name_the_tls_backend() {
    let found = everywhere_but(
        |path| path == "gateway/connection/listen.rs" || path == "adapters/tls_probe.rs",
        &["rustls"],
    );
    assert_none(
        &found,
        "another TLS backend would change more than what serves and what looks",
    );
}

#[test]
fn only_the_clock_reads_the_clock() {
    let found = everywhere_but(|path| path == "adapters/clock.rs", &["SystemTime::now"]);
    assert_none(&found, "`now` is an argument, so that time can be tested");
}

#[test]
fn only_entropy_reads_randomness() {
    let found = everywhere_but(
        |path| path == "adapters/entropy.rs",
        &["rand::fill", "SystemRandom::new"],
    );
    let keys = |line: &String| line.starts_with("adapters/jwt/");
    let found: Vec<_> = found.into_iter().filter(|line| !keys(line)).collect();
    assert_none(
        &found,
        "randomness is an argument, so that it can be tested",
    );
}

#[test]
fn decisions_know_no_server_and_no_runtime() {
    let lower: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.floor().is_some_and(|floor| floor < 2))
        .collect();
    assert!(lower.len() > 10, "the two lowest floors are empty");
    let found: Vec<_> = lower
        .iter()
        .flat_map(|source| source.says(&["tokio::", "std::fs", "std::net::Tcp", "std::env"]))
        .collect();
    assert_none(&found, "a decision waits, reads or connects");
}

/// The rooms of the gateway, and which of its other rooms and files at its root each may name.
const ROOMS: [(&str, &[&str]); 6] = [
    // Before there is a request: no policy, no store, nobody else.
    ("connection", &[]),
    ("upstream", &["connection", "request", "shared_state"]),
    ("request", &["connection", "shared_state", "snapshot"]),
    ("endpoints", &["connection", "request", "shared_state"]),
    (
        "admin",
        &["connection", "process", "shared_state", "snapshot"],
    ),
    // The process puts everything together.
    (
        "process",
        &[
            "admin",
            "connection",
            "endpoints",
            "proxy",
            "request",
            "shared_state",
            "snapshot",
            "upstream",
        ],
    ),
];

/// Files that may lie at the root of the gateway.
const ROOT: usize = 8;

/// Rooms of the gateway that a file names, tests aside.
fn rooms_named(source: &Source) -> Vec<(usize, String)> {
    let tests = source
        .lines
        .iter()
        .position(|(_, line)| line.contains("#[cfg(test)]"));
    let code = &source.lines[..tests.unwrap_or(source.lines.len())];
    let mut named = Vec::new();
    for (at, line) in code {
        for rest in line.split("crate::gateway::").skip(1) {
            let room = rest
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .next();
            named.extend(room.map(|room| (*at, room.to_owned())));
        }
    }
    named
}

#[test]
fn a_room_names_those_that_it_may() {
    let mut found = Vec::new();
    let mut in_rooms = 0;
    for source in sources() {
        let Some(below) = source.path.strip_prefix("gateway/") else {
            continue;
        };
        let name = below.split(['/', '.']).next().unwrap();
        if below.ends_with("tests.rs") {
            continue;
        }
        let Some((_, may)) = ROOMS.iter().find(|(room, _)| *room == name) else {
            assert!(!below.contains('/'), "{below} is in no room");
            continue;
        };
        in_rooms += 1;
        for (at, room) in rooms_named(&source) {
            if room != name && !may.contains(&room.as_str()) {
                found.push(format!("{}:{at} names {room}", source.path));
            }
        }
    }
    assert!(in_rooms > 40, "only {in_rooms} files are in rooms");
    assert_none(&found, "a room knows one that it should not");
}

#[test]
fn few_files_lie_at_the_root_of_the_gateway() {
    let at_root = sources()
        .into_iter()
        .filter_map(|source| Some(source.path.strip_prefix("gateway/")?.to_owned()))
        .filter(|below| !below.contains('/'))
        .collect::<Vec<_>>();
    assert!(at_root.len() <= ROOT, "{at_root:?}");
}

/// Files that name each other in a circle, with the reason. A file and those below it are one.
const CIRCLES: [(&[&str], &str); 3] = [
    (
        &["adapters/jwt/jwks", "adapters/jwt/keyring"],
        "a ring is read from a set and written as one",
    ),
    (
        &[
            "adapters/observe/access",
            "adapters/observe/logger",
            "adapters/observe/queue",
        ],
        "lines of three kinds go through one queue",
    ),
    (
        &["gateway/connection/cancel", "gateway/connection/exchanges"],
        "a request enters the list of its connection when it is admitted",
    ),
];

/// The unit of a path below `src`: `auth/gate` for `auth/gate.rs` and all below `auth/gate/`.
fn unit(path: &str) -> String {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts: Vec<&str> = path.split('/').collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for length in 2..parts.len() {
        let above = parts[..length].join("/");
        if root.join(format!("{above}.rs")).exists() {
            return above;
        }
    }
    path.to_owned()
}

/// Every path that `use` and code name from `crate`, groups taken apart.
fn paths_named(source: &Source) -> Vec<String> {
    let tests = source
        .lines
        .iter()
        .position(|(_, line)| line.contains("#[cfg(test)]"));
    let code = &source.lines[..tests.unwrap_or(source.lines.len())];
    let text: String = code.iter().map(|(_, line)| format!("{line} ")).collect();
    let own: Vec<&str> = source.path.trim_end_matches(".rs").split('/').collect();
    let own = match own.split_last() {
        Some((&"mod", above)) => above.to_vec(),
        _ => own,
    };
    let mut found = Vec::new();
    for (start, base) in [
        ("crate::", Vec::new()),
        (
            "super::super::",
            own[..own.len().saturating_sub(2)].to_vec(),
        ),
        ("super::", own[..own.len().saturating_sub(1)].to_vec()),
    ] {
        for rest in text.split(start).skip(1) {
            let mut end = rest.len();
            let mut depth = 0_i32;
            for (at, c) in rest.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    c if depth == 0 && !(c.is_alphanumeric() || c == '_' || c == ':') => {
                        end = at;
                        break;
                    }
                    _ => {}
                }
            }
            let tree: String = rest[..end].split_whitespace().collect();
            let (stem, group) = tree.split_once('{').unwrap_or((&tree, ""));
            let mut items = vec![String::new()];
            items.extend(group.trim_end_matches('}').split(',').map(str::to_owned));
            for item in items {
                let path = format!("{}::{stem}{item}", base.join("::"));
                let parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
                found.push(parts.join("/"));
            }
        }
    }
    found
}

#[test]
fn files_form_no_circle_but_those_with_a_reason() {
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| {
            let last = source.path.rsplit('/').next().unwrap_or_default();
            ![
                "tests.rs",
                "test_support.rs",
                "fixture.rs",
                "lib.rs",
                "main.rs",
            ]
            .contains(&last)
                && !source.path.contains("contract")
        })
        .collect();
    let units: Vec<String> = sources.iter().map(|source| unit(&source.path)).collect();
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for (from, source) in sources.iter().enumerate() {
        for path in paths_named(source) {
            let parts: Vec<&str> = path.split('/').collect();
            let target = (1..=parts.len()).rev().find_map(|length| {
                let wanted = parts[..length].join("/");
                sources.iter().position(|other| {
                    let other = other.path.trim_end_matches(".rs").trim_end_matches("/mod");
                    other == wanted && wanted.contains('/')
                })
            });
            if let Some(to) = target.filter(|to| units[*to] != units[from]) {
                edges.push((from, to));
            }
        }
    }
    let names: std::collections::BTreeSet<&String> = units.iter().collect();
    let names: Vec<&String> = names.into_iter().collect();
    let number = |unit: &String| names.binary_search(&unit).unwrap();
    let mut reach = vec![vec![false; names.len()]; names.len()];
    for (from, to) in edges {
        reach[number(&units[from])][number(&units[to])] = true;
    }
    for via in 0..names.len() {
        let onward = reach[via].clone();
        for from in reach.iter_mut().filter(|from| from[via]) {
            for (to, further) in from.iter_mut().zip(&onward) {
                *to |= further;
            }
        }
    }
    let mut circles = std::collections::BTreeSet::new();
    for (one, reached) in reach.iter().enumerate() {
        let circle: Vec<&str> = (0..names.len())
            .filter(|other| reached[*other] && reach[*other][one])
            .map(|other| names[other].as_str())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let expected = CIRCLES.iter().map(|(circle, _)| circle.to_vec()).collect();
    assert_eq!(circles, expected, "circles of files");
}
