//! The pages of `docs/` name tests that are there, each stands in an index, and what
//! `CONTRIBUTING.md` names exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Pages, and how many tests each names at least.
const PAGES: [(&str, usize); 4] = [
    ("docs/attacks.md", 25),
    ("docs/failures.md", 30),
    ("docs/pingora-issues.md", 15),
    ("docs/take-over.md", 1),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

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
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("tests/it"), &mut files);
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
    for (page, least) in PAGES {
        let text = read(page);
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

/// The pages of a folder, by name; its index is none of them.
fn pages(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.ends_with(".md") && name != "README.md")
        .collect()
}

/// Where the links of a page lead, without the place inside what they lead to.
fn links(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let links = text.split("](").skip(1);
    links
        .map(|link| link.split([')', '#']).next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_page_stands_in_its_index() {
    for (folder, least) in [("docs", 14), ("docs/decisions", 30)] {
        let pages = pages(folder);
        assert!(pages.len() >= least, "{folder} has lost pages: {pages:?}");
        let linked = links(&format!("{folder}/README.md"));
        let forgotten: Vec<_> = pages.difference(&linked).collect();
        assert!(forgotten.is_empty(), "nobody finds {forgotten:?}");
    }
    assert!(links("docs/README.md").contains("decisions/README.md"));
}

#[test]
fn every_decision_has_a_number_of_its_own_a_date_and_a_status() {
    let index = read("docs/decisions/README.md");
    for (page, number) in pages("docs/decisions").iter().zip(1..) {
        assert!(
            page.starts_with(&format!("{number:04}-")),
            "{page} is not number {number}"
        );
        let text = read(&format!("docs/decisions/{page}"));
        let title = text.lines().next().unwrap_or_default();
        let title = title.strip_prefix(&format!("# {number}. "));
        let title = title.unwrap_or_else(|| panic!("{page} has another number in its title"));
        let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
        let date = date.unwrap_or_else(|| panic!("{page} has no date"));
        let row = format!("| {number} | [{title}]({page}) | {date} |");
        assert!(index.contains(&row), "the index lacks: {row}");
        for part in ["Status: ", "## Context", "## Decision", "## Consequences"] {
            assert!(text.contains(&format!("\n{part}")), "{page} lacks {part}");
        }
    }
}

#[test]
fn every_link_leads_to_what_is_there() {
    let of = |folder: &str| {
        let pages = pages(folder).into_iter().chain(["README.md".to_owned()]);
        pages
            .map(|page| format!("{folder}/{page}"))
            .collect::<Vec<_>>()
    };
    let mut files = vec!["CONTRIBUTING.md".to_owned(), "SECURITY.md".to_owned()];
    files.extend(of("docs"));
    files.extend(of("docs/decisions"));
    for file in files {
        let folder = root().join(&file);
        let folder = folder.parent().unwrap();
        for link in links(&file) {
            let is_there = link.contains("://") || folder.join(&link).exists();
            assert!(is_there, "{file} links to {link}");
        }
    }
}

/// The code spans and the lines of code of a page.
fn code(text: &str) -> Vec<&str> {
    text.split("```")
        .enumerate()
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split('`').skip(1).step_by(2).collect::<Vec<_>>(),
            _ => part.lines().skip(1).collect(),
        })
        .collect()
}

#[test]
fn contributing_names_every_target_and_no_other() {
    let makefile = read("Makefile");
    let is_target = |name: &str| {
        let letters = |c: char| c.is_ascii_lowercase() || c == '-';
        !name.is_empty() && name.chars().all(letters)
    };
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .filter(|name| is_target(name))
        .collect();
    assert!(targets.len() > 10, "the targets are not found: {targets:?}");
    let text = read("CONTRIBUTING.md");
    let named: BTreeSet<&str> = code(&text)
        .into_iter()
        .filter_map(|code| code.strip_prefix("make "))
        .map(|command| command.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(
        named, targets,
        "what CONTRIBUTING.md names, and what there is"
    );
}

/// A guide to files that have moved leads nowhere.
#[test]
fn contributing_names_files_that_are_there() {
    let text = read("CONTRIBUTING.md");
    let folders = ["src/", "tests/", "docs/", "config/", "templates/", ".ci/"];
    let mut seen = 0;
    for code in code(&text) {
        let path = code.split(' ').next().unwrap_or_default();
        let path = path.trim_end_matches("**");
        if folders.iter().any(|folder| path.starts_with(folder)) {
            seen += 1;
            assert!(root().join(path).exists(), "CONTRIBUTING.md names {path}");
        }
    }
    assert!(seen > 40, "CONTRIBUTING.md names few files: {seen}");
}

/// Scripts match on ids.
#[test]
fn every_lint_stands_in_the_page() {
    let page = read("docs/explain-and-doctor.md");
    let mut files = vec![root().join("src/adapters/config/notes.rs")];
    sources(&root().join("src/adapters/lints"), &mut files);
    sources(&root().join("src/cli/doctor"), &mut files);
    let is_id = |text: &&str| {
        let parts: Vec<&str> = text.split('.').collect();
        let letters = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        parts.len() == 2 && parts.iter().all(letters)
    };
    let mut ids = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(str::trim);
        let alone = lines.filter_map(|line| line.strip_prefix('"')?.strip_suffix("\","));
        ids.extend(alone.filter(is_id).map(str::to_owned));
    }
    assert!(ids.len() > 45, "{ids:?}");
    for id in ids {
        assert!(page.contains(&format!("`{id}`")), "{id} is not told");
    }
}
