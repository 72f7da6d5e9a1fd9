//! Every command that a page shows is run, or, where it would compile, install or need an engine
//! that is not here, asked of the program that would do it.
//!
//! A container is what its image says: the entry point with the image's environment and the
//! command's. So `docker run` and `docker compose up` start the gateway itself here, without a
//! container around it; `make image-test` tries the image.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_yaml::Value;

use super::pages::{all, blocks_of, read, root};
use super::shipped::Shipped;
use crate::operations::cli::{assert_code, said};
use crate::support::process::{run, run_for};
use crate::support::users::{self, ALICE_PASSWORD};
use crate::support::{TempDir, Upstream, doorward};

/// Pages whose commands lead from nothing to a protected app, in their order.
const START: [&str; 4] = [
    "README.md",
    "docs/start-docker.md",
    "docs/start-source.md",
    "examples/README.md",
];

/// A line as a shell takes it apart.
fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {line}");
    let output = run(Command::new("bash").args(["-c", &script]), "");
    assert_code(&output, 0, line);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The commands of a page, each on one line.
fn commands(page: &str) -> Vec<String> {
    let hash = users::hash(ALICE_PASSWORD);
    let blocks = blocks_of(page, "sh").into_iter();
    blocks
        .flat_map(|block| {
            let whole = block
                .replace("\\\n", " ")
                .replace("$argon2id$v=19$...", &hash);
            whole.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect()
}

/// What the image sets for its program.
fn in_image(command: &mut Command) {
    let dockerfile = read("Dockerfile");
    let lines = dockerfile
        .lines()
        .map(|line| line.trim().trim_start_matches("ENV "));
    let set = lines.filter(|line| line.starts_with("DOORWARD_"));
    for (name, value) in set.filter_map(|line| line.trim_end_matches([' ', '\\']).split_once('=')) {
        command.env(name, value);
    }
}

/// The program of `docker run` and its environment, without what only the engine needs.
fn container(arguments: &[String]) -> Command {
    let mut command = doorward();
    in_image(&mut command);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--rm" | "--interactive" | "--tty" | "-it" => {}
            "--publish" | "-p" | "--volume" | "-v" | "--name" | "--add-host" | "--network" => {
                rest.next();
            }
            "--env" | "-e" => {
                let pair = rest.next().and_then(|pair| pair.split_once('='));
                let (name, value) = pair.expect("a name and a value");
                command.env(name, value);
            }
            image => {
                assert_eq!(image, "doorward", "of {arguments:?}");
                break;
            }
        }
    }
    // Without a command the image has its own.
    match rest.as_slice() {
        [] => command.arg("run"),
        asked => command.args(asked),
    };
    command
}

/// Somebody without a session is kept out, and shown the form.
fn assert_protects(gateway: &Shipped, line: &str) {
    assert_eq!(gateway.get("/", "").status, 401, "{line}");
    assert_eq!(gateway.get("/login", "").status, 200, "{line}");
}

/// Starts the service of a compose file that runs our image, before another app.
fn compose_up(file: &Path, line: &str) -> (Shipped, Upstream) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut compose: Value = serde_yaml::from_str(&text).unwrap();
    compose.apply_merge().unwrap();
    let service = &compose["services"]["doorward"];
    assert_eq!(service["image"], "doorward", "{line}");
    let mut command = doorward();
    in_image(&mut command);
    let entries = service["environment"].as_mapping().expect("an environment");
    for (name, value) in entries {
        // Compose writes `$` as `$$`.
        let value = value.as_str().expect("text").replace("$$", "$");
        command.env(name.as_str().unwrap(), value);
    }
    let volumes = service["volumes"].as_sequence().into_iter().flatten();
    let config = volumes.filter_map(Value::as_str).find_map(|volume| {
        let (here, there) = volume.split_once(':')?;
        there
            .starts_with("/etc/doorward/doorward.yaml")
            .then_some(here)
    });
    command.arg("run");
    if let Some(config) = config {
        command
            .arg("--config")
            .arg(file.parent().unwrap().join(config));
    }
    let app = Upstream::start();
    let gateway = Shipped::run(command, Some(app.url()), TempDir::new());
    assert_protects(&gateway, line);
    (gateway, app)
}

/// Runs a command of a start page in its folder.
fn perform(page: &str, line: &str, folder: &TempDir) {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let here = |mut command: Command, input: &str| run(command.current_dir(folder.path()), input);
    let owned = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    match words[..] {
        // What it would do; the targets are tried by what they are for.
        ["make", ..] => {
            let mut make = Command::new("make");
            let output = run(
                make.arg("--dry-run").args(&words[1..]).current_dir(root()),
                "",
            );
            assert_code(&output, 0, line);
        }
        // Compiling takes minutes, so cargo is asked what it would install or run.
        ["cargo", verb @ ("install" | "run"), ..] => {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
            ]);
            let output = run_for(cargo.current_dir(root()), "", Duration::from_secs(60));
            assert_code(&output, 0, line);
            let wanted = if words.contains(&"--example") {
                "upstream"
            } else {
                "doorward"
            };
            let target = format!("\"name\":\"{wanted}\"");
            assert!(
                said(&output).contains(&target),
                "cargo {verb} finds no {wanted}"
            );
            let config = words.iter().position(|&word| word == "--config");
            if let Some(at) = config {
                assert!(root().join(words[at + 1]).exists(), "{line}");
            }
        }
        ["doorward", "run"] => {
            let app = Upstream::start();
            let mut command = doorward();
            command.arg("run").current_dir(folder.path());
            assert_protects(
                &Shipped::run(command, Some(app.url()), TempDir::new()),
                line,
            );
        }
        ["doorward", "hash-password"] => {
            let mut command = doorward();
            command.arg("hash-password");
            assert_hashes(&here(command, "a long password\n"), line);
        }
        ["doorward", ref arguments @ ..] => {
            let mut command = doorward();
            command.args(arguments);
            assert_code(&here(command, ""), 0, line);
        }
        ["docker", "run", .., "hash-password"] => {
            let output = here(container(&owned(&words[2..])), "a long password\n");
            assert_hashes(&output, line);
        }
        ["docker", "run", ref arguments @ ..] => {
            let app = Upstream::start();
            let gateway = Shipped::run(
                container(&owned(arguments)),
                Some(app.url()),
                TempDir::new(),
            );
            let cookie = gateway.login("alice", ALICE_PASSWORD);
            assert_eq!(gateway.get("/", &cookie).status, 200, "{line}");
            assert_protects(&gateway, line);
        }
        ["docker", "build", ..] => assert!(root().join("Dockerfile").exists()),
        ["docker", "compose", "up", ..] => {
            let whole = blocks_of(page, "yaml compose").remove(0);
            let hash = users::hash(ALICE_PASSWORD).replace('$', "$$");
            let whole = whole.replace("$$argon2id$$v=19$$...", &hash);
            let (gateway, _app) = compose_up(&folder.write("compose.yaml", whole), line);
            let cookie = gateway.login("alice", ALICE_PASSWORD);
            assert_eq!(gateway.get("/", &cookie).status, 200, "{line}");
        }
        // `store/replicas_example.rs` starts what stands in it.
        [
            "docker",
            "compose",
            "--file",
            "examples/replicas/compose.yaml",
            "up",
            ..,
        ] => {}
        ["docker", "compose", "--file", file, "up", ..] => {
            compose_up(&root().join(file), line);
        }
        _ => panic!("nobody has tried: {line}"),
    }
}

fn assert_hashes(output: &std::process::Output, line: &str) {
    assert_code(output, 0, line);
    assert!(
        said(output).contains("$argon2id$"),
        "{line}: {}",
        said(output)
    );
}

#[test]
fn the_start_pages_lead_to_a_protected_app() {
    for page in START {
        let folder = TempDir::new();
        let commands = commands(page);
        assert!(
            commands.len() >= 3,
            "{page} has lost its commands: {commands:?}"
        );
        for line in commands {
            perform(page, &line, &folder);
        }
    }
}

/// On the pages that explain, which assume a set-up.
#[test]
fn the_commands_of_the_other_pages_exist() {
    let makefile = read("Makefile");
    let described = read("config/openapi.yaml");
    let mut seen = 0;
    for page in all().iter().filter(|page| !START.contains(&page.as_str())) {
        for line in commands(page) {
            seen += 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["make", target, ..] => {
                    assert!(makefile.contains(&format!("\n{target}:")), "{page}: {line}");
                }
                ["doorward", ref arguments @ ..] => {
                    let output = run(doorward().args(arguments).arg("--help"), "");
                    assert_code(&output, 0, &line);
                }
                ["docker", "compose", "--file", file, ..] => {
                    assert!(root().join(file).exists(), "{page}: {line}");
                }
                ["curl", .., url] => {
                    let path = url.split("/api/").nth(1).expect("the admin API");
                    let path = path.split('?').next().unwrap_or(path);
                    let path = format!("\n  /api/{path}:\n");
                    assert!(described.contains(&path), "{page}: {line}");
                }
                ["cargo", "test" | "nextest" | "doc", ..] => {}
                _ => panic!("{page}: nobody has tried: {line}"),
            }
        }
    }
    assert!(seen > 10, "the pages have lost their commands: {seen}");
}
