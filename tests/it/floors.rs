//! The floors of the house: a module uses those below it, never one above.

use std::path::{Path, PathBuf};

/// From the ground up.
const FLOORS: [&str; 6] = ["domain", "auth", "adapters", "service", "gateway", "cli"];

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
        |path| path == "gateway/listen.rs" || path == "adapters/tls_probe.rs",
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
