//! Tools that not every machine has. In CI (`CI=true`) their absence is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use super::process::run_for;

/// Whether a program can be started; says loudly that a test is skipped, or panics in CI.
pub fn has(program: &str) -> bool {
    // OpenSSL 3.0 knows no flag for it.
    let version = if program == "openssl" {
        "version"
    } else {
        "--version"
    };
    let found = Command::new(program)
        .arg(version)
        .output()
        .is_ok_and(|output| output.status.success());
    found || skip(&format!("{program} is not installed"))
}

/// Whether there is nginx, which has a flag of its own for it, and is where only
/// administrators look.
pub fn has_nginx() -> bool {
    let found = Command::new("nginx")
        .arg("-v")
        .output()
        .is_ok_and(|output| output.status.success());
    found || skip("nginx is not installed")
}

/// Whether a program is on the search path or where only administrators look; for those that
/// have no flag to ask them.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(program).is_file())
        || skip(&format!("{program} is not installed"))
}

/// Whether there is `ip`, which has a flag of its own for it.
pub fn has_ip() -> bool {
    let found = Command::new("ip").arg("-V").output();
    found.is_ok_and(|output| output.status.success()) || skip("ip is not installed")
}

/// Says that a test is skipped; `false`, so that it can be returned.
pub fn skip(why: &str) -> bool {
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "CI must run every test, but {why}"
    );
    eprintln!("\n*** SKIPPED: {why} ***\n");
    false
}

/// The build folder.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// A Python with PyJWT and joserfc, in `target/pyvenv`; made at the first call.
pub fn python_with_jose() -> Option<PathBuf> {
    static PYTHON: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| python_with("jwt, cryptography, joserfc", &["pyjwt[crypto]", "joserfc"]));
    or_skip(&PYTHON)
}

/// The same with passlib and argon2-cffi, which make password hashes.
pub fn python_with_passlib() -> Option<PathBuf> {
    static PYTHON: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| python_with("passlib, argon2", &["passlib", "argon2-cffi"]));
    or_skip(&PYTHON)
}

/// The same with jsonschema, which did not read our table of keys.
pub fn python_with_jsonschema() -> Option<PathBuf> {
    static PYTHON: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| python_with("jsonschema", &["jsonschema==4.26.0"]));
    or_skip(&PYTHON)
}

/// The same with a WebDAV server.
pub fn python_with_wsgidav() -> Option<PathBuf> {
    static PYTHON: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| python_with("wsgidav, cheroot", &["wsgidav", "cheroot"]));
    or_skip(&PYTHON)
}

fn python_with(modules: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let python = target().join("pyvenv/bin/python");
    let ready = |python: &Path| {
        Command::new(python)
            .args(["-c", &format!("import {modules}")])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if ready(&python) {
        return Ok(python);
    }
    if Command::new("python3").arg("--version").output().is_err() {
        return Err("python3 is not installed".into());
    }
    let minutes = Duration::from_secs(300);
    let venv = target().join("pyvenv");
    run_for(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        "",
        minutes,
    );
    let pip = run_for(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages),
        "",
        minutes,
    );
    if ready(&python) {
        return Ok(python);
    }
    Err(format!(
        "{} cannot be installed: {}",
        packages.join(" and "),
        String::from_utf8_lossy(&pip.stderr)
    ))
}

fn or_skip(python: &Result<PathBuf, String>) -> Option<PathBuf> {
    match python {
        Ok(python) => Some(python.clone()),
        Err(why) => {
            skip(why);
            None
        }
    }
}
