//! The commands of the pages for Debian and for Kubernetes, run by a shell in which what installs,
//! or needs systemd or a cluster, is a stand-in: `kubectl` and Helm render what they would apply,
//! and the package's file is checked. `make deb-test` installs the package.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::pages::{blocks_of, read, root};
use crate::operations::cli::{assert_code, said};
use crate::support::gateway::PROGRAM;
use crate::support::process::run;
use crate::support::{TempDir, optional};

/// Programs by name, each a script; `$ROOT` is where the package's files go.
const STAND_INS: [(&str, &str); 8] = [
    (
        "sudo",
        r#"if [ "$1" = -u ]; then shift 2; fi
exec "$@""#,
    ),
    (
        "dpkg",
        r#"mkdir -p "$ROOT/etc/doorward" && cp "$PROJECT/packaging/debian/doorward.yaml" "$ROOT/etc/doorward/""#,
    ),
    ("install", r#"for last; do :; done; cat >"$ROOT$last""#),
    (
        "systemctl",
        // As systemd, it opens no socket for a service that runs.
        r#"for last; do :; done; case $last in *.socket) ;; *) last=$last.service ;; esac
test -e "$PROJECT/packaging/systemd/$last" || exit 5
case "$*" in
stop*) rm -f "$ROOT/active-$last" ;;
*.socket) test ! -e "$ROOT/active-doorward.service" && touch "$ROOT/active-$last" ;;
*) touch "$ROOT/active-$last" ;;
esac"#,
    ),
    (
        "doorward",
        r#"if [ "$*" = check ]; then set -- check --config "$ROOT/etc/doorward/doorward.yaml"; fi
exec "$PROGRAM" "$@""#,
    ),
    (
        "kubectl",
        r#"case $1 in
create) exec "$TOOLS/kubectl" "$@" --dry-run=client --output=yaml ;;
apply) exec "$TOOLS/kubectl" kustomize "$3" ;;
port-forward) "$TOOLS/kubectl" kustomize deploy/kustomize/gateway | grep -q "^kind: Service$" ;;
*) exit 64 ;;
esac"#,
    ),
    (
        "docker",
        r#"for last; do :; done; test "$1" = run && exec "$PROGRAM" "$last""#,
    ),
    ("helm", r#"shift && exec "$TOOLS/helm" template "$@""#),
];

/// What kubectl and Helm are in; `None` where they are not installed.
fn tools() -> Option<PathBuf> {
    let tools = optional::target().join("packaging/bin");
    if tools.join("kubectl").exists() || optional::skip("kubectl is not in target/packaging") {
        return Some(tools);
    }
    None
}

/// Runs the blocks of a page, each in a shell of its own in one folder; says what they printed.
fn perform(page: &str, info: &str, folder: &TempDir, tools: &Path) -> String {
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).unwrap();
    for (name, script) in STAND_INS {
        let file = programs.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        let run_by_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(file, run_by_all).unwrap();
    }
    std::os::unix::fs::symlink(root().join("deploy"), folder.join("deploy")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let blocks = blocks_of(page, info);
    assert!(blocks.len() >= 3, "{page} has lost its commands");
    let mut printed = String::new();
    for block in blocks {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &block]);
        command.current_dir(folder.path());
        command.env("PATH", format!("{}:{path}", programs.display()));
        command
            .env("ROOT", folder.path())
            .env("HOME", folder.path());
        command.env("PROJECT", root()).env("PROGRAM", PROGRAM);
        command
            .env("TOOLS", tools)
            .env("DOORWARD_DATA_DIR", folder.join("data"));
        let output = run(&mut command, "a long password\n");
        assert_code(&output, 0, &format!("{page}:\n{block}"));
        printed.push_str(&said(&output));
    }
    printed
}

#[test]
fn the_commands_for_debian_end_in_a_configuration_that_is_right() {
    let folder = TempDir::new();
    let package = folder.write("doorward_0.1.0-1_amd64.deb", "a package");
    let mut sums = Command::new("sha256sum");
    sums.args(package.file_name()).current_dir(folder.path());
    folder.write("SHA256SUMS", run(&mut sums, "").stdout);
    let printed = perform("docs/start-systemd.md", "sh debian", &folder, Path::new(""));
    assert!(printed.contains("the configuration is good"), "{printed}");
    let users = std::fs::read_to_string(folder.join("etc/doorward/users.yml")).unwrap();
    assert!(
        users.contains("username: alice") && users.contains("$argon2id$"),
        "{users}"
    );
    for unit in ["doorward.service", "doorward.socket"] {
        let active = folder.join(&format!("active-{unit}"));
        assert!(active.exists(), "{unit} does not run in the end");
    }
    // The configuration that the package brings says the same.
    let config = read("packaging/debian/doorward.yaml");
    let blocks = blocks_of("docs/start-systemd.md", "sh debian");
    let socket = blocks.iter().find(|block| block.contains(".socket"));
    let said = format!("#   {}", socket.unwrap().trim().replace('\n', "\n#   "));
    assert!(config.contains(&said), "{said}");
}

#[test]
fn the_commands_for_kubernetes_make_a_secret_and_render_every_object() {
    let Some(tools) = tools() else {
        return;
    };
    let folder = TempDir::new();
    let printed = perform("docs/start-kubernetes.md", "sh kubernetes", &folder, &tools);
    for kind in [
        "Secret",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "StatefulSet",
    ] {
        let line = format!("kind: {kind}\n");
        assert!(printed.contains(&line), "no {kind}: {printed}");
    }
    assert!(printed.contains("users.yml: "), "{printed}");
    let users = std::fs::read_to_string(folder.join("users.yml")).unwrap();
    assert!(users.contains(r#"password_hash: "$argon2id$"#), "{users}");
}
