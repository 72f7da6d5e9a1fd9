//! The pages of `docs/` name tests that are there, each stands in an index and in the site, no link
//! of a page is dead, and what `CONTRIBUTING.md` names exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::pages::{self, read, root};

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

/// The pages of a folder that an index must name.
fn indexed(folder: &str) -> BTreeSet<String> {
    let mut pages = pages::pages(folder);
    pages.retain(|page| page != "README.md" && page != "SUMMARY.md");
    pages
}

/// Where the links of a page lead, without the place inside what they lead to.
fn linked(page: &str) -> BTreeSet<String> {
    let links = pages::links(&read(page)).into_iter();
    links
        .map(|link| link.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_page_stands_in_its_index_and_in_the_site() {
    let site = linked("docs/SUMMARY.md");
    for (folder, least) in [("docs", 30), ("docs/decisions", 30)] {
        let pages = indexed(folder);
        assert!(pages.len() >= least, "{folder} has lost pages: {pages:?}");
        let linked = linked(&format!("{folder}/README.md"));
        let forgotten: Vec<_> = pages.difference(&linked).collect();
        assert!(forgotten.is_empty(), "nobody finds {forgotten:?}");
        let inside = folder.strip_prefix("docs").unwrap().trim_start_matches('/');
        for page in pages {
            let page = Path::new(inside).join(page).display().to_string();
            assert!(site.contains(&page), "docs/SUMMARY.md lacks {page}");
        }
    }
    assert!(linked("docs/README.md").contains("decisions/README.md"));
}

/// It is read before anything else, on a screen or two.
#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(
        lines <= 150,
        "the README has {lines} lines: put more into docs/"
    );
}

#[test]
fn every_decision_has_a_number_of_its_own_a_date_and_a_status() {
    let index = read("docs/decisions/README.md");
    for (page, number) in indexed("docs/decisions").iter().zip(1..) {
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

/// Pictures and headings too.
#[test]
fn every_link_leads_to_what_is_there() {
    let mut seen = 0;
    for page in pages::all() {
        let links = pages::links(&read(&page));
        seen += links.len();
        let dead: Vec<_> = links
            .iter()
            .filter_map(|link| pages::dead(&page, link))
            .collect();
        assert!(dead.is_empty(), "{dead:#?}");
    }
    assert!(seen > 250, "the links are not found: {seen}");
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
    let mut files = vec![root().join("src/config/sections/notes.rs")];
    sources(&root().join("src/config/lints"), &mut files);
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
