//! How Doorward comes to a machine: units, manifests, the image, the package and the release.

mod image;
mod kubernetes;
mod release;
mod systemd;

use std::path::{Path, PathBuf};

use crate::support::optional;

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program that `.ci/setup test` puts into `target/packaging`.
fn tool(name: &str) -> Option<PathBuf> {
    let program = optional::target().join("packaging/bin").join(name);
    let found = program.is_file() || optional::skip(&format!("{name} is not in target/packaging"));
    found.then_some(program)
}
