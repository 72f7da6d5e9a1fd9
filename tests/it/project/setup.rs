//! `.ci/setup` on a machine that updates itself at the same time.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::TempDir;

/// Says that the lists are locked, then the archives, and then does what it is asked.
const APT: &str = "#!/bin/sh
echo \"$@\" >>\"$0.calls\"
case $(grep -c . \"$0.calls\") in
1) echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7' >&2; exit 100 ;;
3) echo 'E: Could not get lock /var/cache/apt/archives/lock.' >&2; exit 100 ;;
esac
";

/// Fails for another reason, always.
const BROKEN: &str = "#!/bin/sh
echo \"$@\" >>\"$0.calls\"
echo 'E: Unable to locate package cmake' >&2; exit 100
";

/// Runs it where nothing but a shell's tools, a toolchain and this `apt-get` are there.
fn setup(folder: &TempDir, apt: &str, what: &str) -> Output {
    let program = |name: &str, text: &str| {
        folder.write(name, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), mode).unwrap();
    };
    program("apt-get", apt);
    program("cargo", "#!/bin/sh\necho 'cargo 1.99.0'\n");
    program("id", "#!/bin/sh\necho 0\n");
    program(
        "rustc",
        "#!/bin/sh\necho 'LLVM version: 99.0'\necho 'host: none'\n",
    );
    program("uname", "#!/bin/sh\necho x86_64\n");
    // Root writes a rule for services and takes it away again; nobody waits here.
    for name in ["tee", "chmod", "sleep", "rm"] {
        program(name, "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n");
    }
    for name in [
        "bash", "sh", "sed", "grep", "env", "mktemp", "tail", "dirname", "cat",
    ] {
        let real = ["/usr/bin", "/bin"].map(|at| Path::new(at).join(name));
        let real = real.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(real, folder.join(name)).unwrap();
    }
    // It also looks for servers where only root does; this machine may have them there.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/setup");
    let script = std::fs::read_to_string(script).unwrap();
    let script = folder.write("setup", script.replace("$PATH:/usr/sbin", "$PATH"));
    let mut command = Command::new("bash");
    command.arg(script).arg(what).env("PATH", folder.path());
    command.env("TMPDIR", folder.path());
    command.stdin(std::process::Stdio::null());
    command.output().unwrap()
}

#[test]
fn another_apt_is_waited_for_and_nothing_else() {
    let folder = TempDir::new();
    let output = setup(&folder, APT, "build");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "it gave up: {said}");
    assert!(said.contains("another apt"), "it waits in silence: {said}");
    let calls = std::fs::read_to_string(folder.join("apt-get.calls")).unwrap();
    let calls: Vec<_> = calls.lines().map(|line| line.split(' ').next()).collect();
    let (update, install) = (Some("update"), Some("install"));
    assert_eq!(calls, [update, update, install, install]);

    let folder = TempDir::new();
    let output = setup(&folder, BROKEN, "build");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("Unable to locate"),
        "{said}"
    );
    let calls = std::fs::read_to_string(folder.join("apt-get.calls")).unwrap();
    assert_eq!(calls.lines().count(), 1, "asked again in vain: {calls}");
}

/// `.ci/release` has `.ci/pgo` count a profile under load, and `tests/image` has a network of its own.
#[test]
fn a_clean_machine_gets_what_a_release_calls() {
    let output = setup(&TempDir::new(), BROKEN, "release");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let installs = said.split_once("setup: installing ").expect(&said).1;
    let packages: Vec<_> = installs.lines().next().unwrap().split(' ').collect();
    for (package, caller, program) in [
        ("nginx", "benches/compare/upstream.py", "nginx"),
        ("wrk", "benches/compare/rounds.py", "wrk"),
        ("nghttp2-client", "benches/compare/tls.py", "h2load"),
        ("llvm-99", ".ci/pgo", "llvm-profdata"),
        ("iproute2", "tests/image/__main__.py", "ip"),
        ("buildah", ".ci/release", "buildah"),
        ("minisign", ".ci/release", "minisign"),
    ] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let calls = std::fs::read_to_string(root.join(caller)).unwrap();
        assert!(
            calls.contains(program),
            "{caller} no longer calls {program}"
        );
        assert!(packages.contains(&package), "no {package}: {said}");
    }
}
