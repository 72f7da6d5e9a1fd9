//! `packaging/systemd`: systemd takes the units, and they give the gateway no more than it needs.

use std::process::Command;

use crate::support::process::run;
use crate::support::{TempDir, doorward, optional};

use super::read;

/// The units in a folder, with the program where it was built.
fn units() -> TempDir {
    let dir = TempDir::new();
    let program = doorward().get_program().to_str().unwrap().to_owned();
    for unit in ["doorward.service", "doorward.socket"] {
        let text = read(&format!("packaging/systemd/{unit}"));
        dir.write(unit, text.replace("/usr/bin/doorward", &program));
    }
    dir
}

fn analyze(dir: &TempDir, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    command.current_dir(dir.path()).args(arguments);
    let output = run(&mut command, "");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn systemd_takes_the_units() {
    if !optional::has("systemd-analyze") {
        return;
    }
    let dir = units();
    let verify = [
        "verify",
        "--man=no",
        "./doorward.service",
        "./doorward.socket",
    ];
    let (right, said) = analyze(&dir, &verify);
    assert!(right && said.is_empty(), "{said}");

    let text = std::fs::read_to_string(dir.join("doorward.service")).unwrap();
    dir.write(
        "doorward.service",
        text.replace("ProtectHome=", "ProtectHouse="),
    );
    let (_, said) = analyze(&dir, &verify);
    assert!(said.contains("ProtectHouse"), "it verifies nothing: {said}");
}

#[test]
fn the_unit_is_confined() {
    if !optional::has("systemd-analyze") {
        return;
    }
    let dir = units();
    let security = [
        "security",
        "--offline=true",
        "--threshold=15",
        "./doorward.service",
    ];
    let (right, said) = analyze(&dir, &security);
    assert!(right, "more exposed than 1.5: {said}");

    let text = std::fs::read_to_string(dir.join("doorward.service")).unwrap();
    dir.write(
        "doorward.service",
        text.replace("\nCapabilityBoundingSet=", ""),
    );
    let (right, said) = analyze(&dir, &security);
    assert!(!right, "it measures nothing: {said}");
}
