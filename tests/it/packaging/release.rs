//! What a release is made of agrees with the sources; `make release-test` makes one twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::process::{run, run_for};
use crate::support::{TempDir, doorward};

use super::{file, read};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where the workflow of a release pushes the image.
const IMAGE: &str = "ghcr.io/doorward/doorward";

#[test]
fn every_place_says_the_same_version_and_image() {
    for (path, line) in [
        ("deploy/chart/Chart.yaml", format!("\nversion: {VERSION}\n")),
        (
            "deploy/chart/Chart.yaml",
            format!("\nappVersion: {VERSION}\n"),
        ),
        (
            "deploy/kustomize/base/kustomization.yaml",
            format!(
                "  - name: {IMAGE} # newName: where else your cluster pulls it from\n    newTag: {VERSION}\n"
            ),
        ),
        (
            "deploy/kustomize/base/deployment.yaml",
            format!("image: {IMAGE}\n"),
        ),
        ("deploy/chart/values.yaml", format!("repository: {IMAGE}\n")),
        (
            "docs/start-kubernetes.md",
            format!("{IMAGE}:{VERSION} hash-password"),
        ),
        ("docs/start-docker.md", format!("`{IMAGE}`")),
        ("README.md", format!("`{IMAGE}`")),
    ] {
        assert!(read(path).contains(&line), "{path} lacks {line}");
    }
}

#[test]
fn the_archive_has_what_the_page_puts_in_place() {
    let packs = read(".ci/release");
    for path in [
        "packaging/systemd/doorward.",
        "packaging/debian/doorward.yaml",
    ] {
        assert!(packs.contains(path), "the archive lacks {path}");
    }
    let install = "install -D -m 640 -g doorward doorward.yaml /etc/doorward/doorward.yaml";
    assert!(read("docs/start-systemd.md").contains(install));
    let starts = read("packaging/systemd/doorward.service");
    assert!(starts.contains("run --config /etc/doorward/doorward.yaml\n"));
}

/// Files below a folder, as paths from the repository's root.
fn below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(file(folder)).unwrap() {
        let path = format!("{folder}/{}", entry.unwrap().file_name().display());
        if file(&path).is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_crate_packs_all_that_it_is_built_of() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["package", "--list", "--offline", "--allow-dirty"]);
    command.current_dir(file(""));
    let output = run_for(&mut command, "", Duration::from_secs(60));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let packed = String::from_utf8(output.stdout).unwrap();
    let packed: BTreeSet<_> = packed.lines().map(str::to_owned).collect();
    let wanted: Vec<_> = ["src", "templates"].into_iter().flat_map(below).collect();
    for path in wanted
        .iter()
        .map(String::as_str)
        .chain(["Cargo.lock", "LICENSE"])
    {
        assert!(packed.contains(path), "{path} is not packed");
    }
    let needless = packed
        .iter()
        .find(|path| path.starts_with("tests/") || path.starts_with("target/"));
    assert_eq!(needless, None, "it is packed for nobody");
}

#[test]
fn each_command_has_a_manual_page() {
    let dir = TempDir::new();
    let output = run(doorward().arg("man").arg(dir.path()), "");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    assert!(page("doorward.1").contains("doorward\\-run(1)"));
    assert!(page("doorward-run.1").contains("\\-\\-take\\-over"));
    assert!(page("doorward-hash-password.1").contains("password"));
    assert!(
        !Path::new(&dir.join("doorward-man.1")).exists(),
        "a hidden command has a page"
    );
}
