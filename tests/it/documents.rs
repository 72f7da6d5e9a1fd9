//! The pages of `docs/` name tests that are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Pages, and how many tests each names at least.
const PAGES: [(&str, usize); 4] = [
    ("docs/attacks.md", 25),
    ("docs/failures.md", 30),
    ("docs/pingora-issues.md", 15),
    ("docs/take-over.md", 1),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every test, as `module::name`.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests/it"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let module = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        for part in text
            .split("test]\n")
            .chain(text.split("test(start_paused = true)]\n"))
            .skip(1)
        {
            let after = part.split("fn ").nth(1).unwrap_or_default();
            let name = after.split('(').next().unwrap_or_default();
            names.insert(format!("{module}::{name}"));
        }
    }
    names
}

/// Whether a name is meant: `…` and `*` stand for what was left out at the end, and in a
/// command that filters so does nothing.
fn is_named(name: &str, in_command: bool, tests: &BTreeSet<String>) -> bool {
    let whole = name.trim_end_matches(['…', '*']);
    let is_open = in_command || whole.len() < name.len();
    tests.iter().any(|test| {
        let last = test.split("::").last().unwrap_or_default();
        let told = if whole.contains("::") { test } else { last };
        told == whole || (is_open && told.starts_with(whole))
    })
}

/// Whether a code span names a test, by its looks: words of a sentence, or a module's.
fn is_name(span: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*…".contains(c);
    let is_sentence = span.matches('_').count() > 3 && !span.starts_with("doorward_");
    span.chars().all(letters) && (is_sentence || span.contains("::"))
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let tests = tests();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (page, least) in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let mut named = 0;
        for code in text.split('`').skip(1).step_by(2) {
            let in_command = code.contains(' ');
            // Without the modules of the code.
            let names = code.split_whitespace().filter(|word| is_name(word));
            for name in names.filter(|name| !name.starts_with("gateway::")) {
                let is_there = is_named(name, in_command, &tests);
                assert!(is_there, "{page} names {name}, which is no test");
                named += 1;
            }
        }
        assert!(named >= least, "{page} names few tests: {named}");
    }
}
