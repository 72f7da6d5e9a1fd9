//! The same bytes to us and to nginx, HAProxy, Apache and Caddy: nobody sees two requests where
//! another sees one, and nobody another path. `make differential` sends many more of them.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::operations::cli::{assert_code, said};
use crate::support::gateway::PROGRAM;
use crate::support::optional;
use crate::support::process::run_for;

/// Machines are busy.
const PATIENCE: Duration = Duration::from_secs(240);

fn differential(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.arg("-B").arg(root.join("tests/differential"));
    command.args(arguments);
    run_for(&mut command, "", PATIENCE)
}

/// Those of Python's modules that have examples in their documentation.
const WITH_EXAMPLES: [&str; 5] = [
    "readings.py",
    "numbers_read.py",
    "forwarded.py",
    "verdicts.py",
    "generator.py",
];

/// A sample that is always the same. The seed and the number say how to repeat it.
#[test]
fn no_other_proxy_sees_another_request() {
    let tools = ["python3", "nginx", "haproxy", "apache2"];
    if !tools.iter().all(|tool| optional::is_installed(tool)) {
        return;
    }
    let caddy = optional::target().join("proxies/bin/caddy");
    if !caddy.exists() {
        optional::skip("Caddy is not there (.ci/setup test installs it)");
        return;
    }
    let output = differential(&[
        "--doorward",
        PROGRAM,
        "--caddy",
        caddy.to_str().unwrap(),
        "--requests",
        "240",
        "--seconds",
        "1000",
        "--seed",
        "1",
    ]);
    assert_code(&output, 0, "tests/differential");
    assert!(said(&output).contains("240 cases"), "{}", said(&output));
    assert!(
        said(&output).contains("no promise broken"),
        "{}",
        said(&output)
    );
}

/// The same harness with a careless proxy in our place finds each of its faults, and with a
/// right one finds nothing.
#[test]
fn the_comparison_finds_what_is_wrong() {
    if !optional::is_installed("python3") {
        return;
    }
    let output = differential(&["--self-test"]);
    assert_code(&output, 0, "tests/differential --self-test");
    assert!(said(&output).contains(" 0 failures"), "{}", said(&output));
}

/// The examples in the documentation of its modules.
#[test]
fn the_readers_of_the_comparison_read_as_they_say() {
    if !optional::is_installed("python3") {
        return;
    }
    for module in WITH_EXAMPLES {
        let mut command = Command::new("python3");
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential"));
        command.args(["-B", "-m", "doctest", "-v", module]);
        let output = run_for(&mut command, "", PATIENCE);
        assert_code(&output, 0, module);
        let tried = !said(&output).contains("\n0 passed");
        assert!(tried, "{module} has no examples: {}", said(&output));
    }
}
