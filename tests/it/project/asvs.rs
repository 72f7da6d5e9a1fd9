//! The table of `docs/asvs.md` is whole, and what it points at is there.

use std::collections::BTreeMap;
use std::path::Path;

/// The requirements of levels 1 and 2 in ASVS 5.0.0 that must have a row: section, numbers.
const SECTIONS: [(&str, &[u32]); 17] = [
    ("3.2", &[1, 2]),
    ("3.3", &[1, 2, 3, 4]),
    ("3.4", &[1, 2, 3, 4, 5, 6]),
    ("3.5", &[1, 2, 3, 4, 5]),
    ("3.7", &[1, 2]),
    ("6.1", &[1, 2, 3]),
    ("6.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("6.3", &[1, 2, 3, 4]),
    ("6.4", &[1, 2, 3]),
    ("7.1", &[1, 2, 3]),
    ("7.2", &[1, 2, 3, 4]),
    ("7.3", &[1, 2]),
    ("7.4", &[1, 2, 3, 4, 5]),
    ("7.5", &[1, 2]),
    ("7.6", &[1, 2]),
    ("9.1", &[1, 2, 3]),
    ("9.2", &[1, 2, 3, 4]),
];

const VERDICTS: [&str; 5] = ["met", "partly", "not met", "the app's", "does not apply"];

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Rows of the tables: number, verdict, the rest.
fn rows(text: &str) -> BTreeMap<String, (String, String)> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let number = cells[0].split(' ').next().unwrap();
        if !number.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        assert_eq!(cells.len(), 4, "{line}");
        let row = (cells[2].to_owned(), cells[3].to_owned());
        assert!(
            rows.insert(number.to_owned(), row).is_none(),
            "{number} stands twice"
        );
    }
    rows
}

/// `file::test` of every code span that names one.
fn named(text: &str) -> Vec<(String, String)> {
    text.split('`')
        .filter_map(|span| span.split_once(".rs::"))
        .filter(|(file, _)| file.starts_with("tests/") || file.starts_with("src/"))
        .map(|(file, test)| (format!("{file}.rs"), test.to_owned()))
        .collect()
}

fn is_test(file: &str, name: &str) -> bool {
    let text = read(file);
    let Some(at) = text.find(&format!("fn {name}(")) else {
        return false;
    };
    // `#[test]`, `#[tokio::test]`, a property: the attribute stands within the lines above.
    let above: Vec<&str> = text[..at].lines().rev().take(8).collect();
    above.iter().any(|line| {
        let line = line.trim();
        line.starts_with("#[test]") || line.starts_with("#[tokio::test")
    })
}

#[test]
fn every_requirement_has_its_row_and_its_verdict() {
    let text = read("docs/asvs.md");
    let rows = rows(&text);
    for (section, numbers) in SECTIONS {
        for number in numbers {
            let number = format!("{section}.{number}");
            assert!(rows.contains_key(&number), "{number} has no row");
        }
    }
    for (number, (verdict, proof)) in &rows {
        assert!(VERDICTS.contains(&verdict.as_str()), "{number}: {verdict}");
        if verdict == "met" || verdict == "partly" {
            assert!(
                !named(proof).is_empty(),
                "{number} is {verdict}, says nobody"
            );
        } else {
            assert!(proof.len() > 20, "{number}: no reason");
        }
    }
}

#[test]
fn every_test_that_the_documents_name_exists() {
    for (file, least) in [
        ("docs/asvs.md", 60),
        ("SECURITY.md", 15),
        ("docs/scanners.md", 3),
    ] {
        let named = named(&read(file));
        assert!(
            named.len() >= least,
            "{file} names few tests: {}",
            named.len()
        );
        for (place, test) in named {
            assert!(
                is_test(&place, &test),
                "{file} names {place}::{test}, which is no test"
            );
        }
    }
}

#[test]
fn the_documents_link_to_what_is_there() {
    for file in ["docs/asvs.md", "SECURITY.md", "docs/scanners.md"] {
        let text = read(file);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                let there = folder.parent().unwrap().join(target);
                assert!(there.exists(), "{file} links to {target}");
            }
        }
    }
}
