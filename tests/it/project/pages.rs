//! The pages of the project as text: their code blocks, their headings and their links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The Markdown files of a folder, by name.
pub fn pages(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

/// Every page that people read, from the root of the project.
pub fn all() -> Vec<String> {
    let at_root = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ];
    let mut all: Vec<String> = at_root.iter().map(|&file| file.to_owned()).collect();
    for folder in ["docs", "docs/decisions", "examples"] {
        let pages = pages(folder);
        all.extend(pages.iter().map(|page| format!("{folder}/{page}")));
    }
    all
}

/// The code blocks of a page, each with the words behind its first fence.
pub fn blocks(file: &str) -> Vec<(String, String)> {
    let text = read(file);
    let inside = text.split("\n```").skip(1).step_by(2);
    let blocks = inside.map(|block| block.split_once('\n').unwrap_or((block, "")));
    blocks
        .map(|(info, code)| (info.to_owned(), format!("{code}\n")))
        .collect()
}

/// The blocks with exactly these words.
pub fn blocks_of(file: &str, info: &str) -> Vec<String> {
    let blocks = blocks(file).into_iter();
    blocks
        .filter(|(words, _)| words == info)
        .map(|(_, code)| code)
        .collect()
}

/// The places of a page that a link can name, as GitHub and mdbook make them of headings.
fn places(text: &str) -> BTreeSet<String> {
    let lines = text.split("\n```").step_by(2).flat_map(str::lines);
    let headings = lines.filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                _ => c.is_alphanumeric().then_some(c),
            });
            kept.collect()
        })
        .collect()
}

/// Where the links of a page lead, pictures too.
pub fn links(text: &str) -> BTreeSet<String> {
    let ends = [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')];
    let found = ends.iter().flat_map(|(begin, end)| {
        let links = text.split(begin).skip(1);
        links.map(|link| link.split(*end).next().unwrap_or_default().to_owned())
    });
    found.collect()
}

/// What is wrong with a link of this page; `None` where it leads to a file, and to a heading of it.
pub fn dead(page: &str, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(page).parent().unwrap();
    let path: PathBuf = if file.is_empty() {
        root().join(page)
    } else {
        root().join(folder).join(file)
    };
    if !path.exists() {
        return Some(format!("{page} links to {link}, which is not there"));
    }
    let is_page = path.extension().is_some_and(|extension| extension == "md");
    if place.is_empty() || !is_page {
        return None;
    }
    let text = std::fs::read_to_string(&path).unwrap();
    (!places(&text).contains(place)).then(|| format!("{page} links to {link}: no such heading"))
}
