//! The table of others' mistakes names tests that are there.

use std::path::Path;

#[test]
fn every_test_that_the_table_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/advisories.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter_map(|text| text.split_once("::")).collect();
    assert!(named.len() > 30, "the table is empty");
    for (module, test) in named {
        let folders = std::fs::read_dir(root.join("tests/it")).unwrap();
        let source: String = folders
            .map(|folder| folder.unwrap().path().join(format!("{module}.rs")))
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .collect();
        let there = source.contains(&format!("#[test]\nfn {test}() {{"));
        assert!(there, "there is no test {module}::{test}");
    }
}
