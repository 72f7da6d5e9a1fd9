//! The Dockerfile, as far as it can be read: `make image-test` builds and tries what comes out.

use std::process::Command;

use crate::support::TempDir;
use crate::support::process::run;

use super::{file, read, tool};

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    let Some(program) = tool("hadolint") else {
        return;
    };
    let lint = |path| {
        let output = run(Command::new(&program).arg(path), "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    };
    let (right, said) = lint(file("Dockerfile"));
    assert!(right, "{said}");
    let dir = TempDir::new();
    let wrong = read("Dockerfile").replace("WORKDIR /src", "WORKDIR src");
    let (right, _) = lint(dir.write("Dockerfile", wrong));
    assert!(!right, "it finds nothing anywhere");
}

#[test]
fn the_build_is_given_the_scripts_that_it_runs() {
    let given = read(".dockerignore");
    let given: Vec<_> = given
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    for script in ["Dockerfile", ".ci/static"] {
        let text = read(script);
        let code = text.lines().filter(|line| !line.starts_with('#'));
        let words = code.flat_map(|line| line.split_whitespace());
        for word in words.filter(|word| word.starts_with(".ci/")) {
            assert!(
                given.contains(&word),
                "{script} runs {word}, which is not there"
            );
        }
    }
}

/// BuildKit does not overwrite an argument that has a default: each image would be of that machine.
#[test]
fn the_builder_says_what_it_builds_for() {
    let text = read("Dockerfile");
    let arguments = text.lines().filter_map(|line| line.strip_prefix("ARG "));
    let automatic: Vec<_> = arguments
        .filter(|name| name.starts_with("TARGET") || name.starts_with("BUILD"))
        .collect();
    assert_eq!(automatic, ["TARGETARCH"]);
}

#[test]
fn the_image_is_its_root_and_nothing_else() {
    let text = read("Dockerfile");
    let (build, image) = text
        .split_once("\nFROM scratch\n")
        .expect("a stage of its own");
    let copies: Vec<_> = image
        .lines()
        .filter(|line| line.starts_with("COPY"))
        .collect();
    assert_eq!(copies, ["COPY --from=build /image /"]);
    // Nothing runs in it: it is made for architectures that this machine is not.
    assert!(!image.lines().any(|line| line.starts_with("RUN")));
    assert!(
        build.contains("FROM --platform=$BUILDPLATFORM "),
        "the build would be emulated"
    );
    let version = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    assert!(
        image.contains(&version),
        "the image would say another version"
    );
}
