//! The page that says where each mistake of others is tried names tests that are there.

use std::path::Path;

#[test]
fn every_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/wire.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2);
    let named: Vec<_> = quoted.filter_map(|text| text.split_once("::")).collect();
    assert!(
        named.len() > 60,
        "the page names {} tests only",
        named.len()
    );
    for (file, name) in named {
        let path = root.join(format!("tests/it/{file}.rs"));
        let source = std::fs::read_to_string(path).unwrap_or_default();
        let there = source.contains(&format!("#[test]\nfn {name}() {{"));
        assert!(there, "there is no test {file}::{name}");
    }
}
