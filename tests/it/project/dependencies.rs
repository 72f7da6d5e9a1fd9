//! What Doorward is made of: nothing with a known hole, nothing without a reason.
//!
//! RustSec's database cannot be reached from everywhere, so what it said of our dependencies
//! when this list was last read (November 2026) stands here: a downgrade fails without a
//! network. `make deny` asks the database itself.

use std::path::Path;
use std::process::Command;

use crate::support::process::run;

/// A crate, what was found in it, and the first version of each line that is mended.
const MENDED: [(&str, &str, &[&str]); 47] = [
    ("anyhow", "RUSTSEC-2026-0190", &["1.0.103"]),
    ("aws-lc-sys", "RUSTSEC-2026-0044", &["0.39.0"]),
    ("aws-lc-sys", "RUSTSEC-2026-0045", &["0.38.0"]),
    ("aws-lc-sys", "RUSTSEC-2026-0046", &["0.38.0"]),
    ("aws-lc-sys", "RUSTSEC-2026-0047", &["0.38.0"]),
    ("aws-lc-sys", "RUSTSEC-2026-0048", &["0.39.0"]),
    ("bcrypt", "RUSTSEC-2026-0199", &["0.19.2"]),
    ("bytes", "RUSTSEC-2026-0007", &["1.11.1"]),
    ("cmov", "RUSTSEC-2026-0003", &["0.4.4"]),
    ("crossbeam-utils", "RUSTSEC-2022-0041", &["0.8.7"]),
    ("event-listener", "RUSTSEC-2026-0221", &["5.4.2"]),
    ("h2", "RUSTSEC-2024-0003", &["0.3.24", "0.4.2"]),
    ("h2", "RUSTSEC-2024-0332", &["0.3.26", "0.4.4"]),
    ("h2", "RUSTSEC-2026-0258", &["0.4.16"]),
    ("idna", "RUSTSEC-2024-0421", &["1.0.0"]),
    // GHSA-h395-gr6q-cpjc: a mistyped claim counted as absent. RustSec has no entry of it.
    ("jsonwebtoken", "CVE-2026-25537", &["10.3.0"]),
    ("lru", "RUSTSEC-2026-0002", &["0.16.3"]),
    ("lru", "RUSTSEC-2026-0253", &["0.18.2"]),
    ("mimalloc", "RUSTSEC-2022-0094", &["0.1.39"]),
    ("mio", "RUSTSEC-2024-0019", &["0.8.11"]),
    ("openssl-probe", "openssl-probe issue 30", &["0.1.6"]),
    ("ouroboros", "RUSTSEC-2023-0042", &["0.16.0"]),
    ("pingora-cache", "RUSTSEC-2026-0035", &["0.8.0"]),
    ("pingora-core", "RUSTSEC-2025-0037", &["0.5.0"]),
    ("pingora-core", "RUSTSEC-2025-0070", &["0.6.0"]),
    ("pingora-core", "RUSTSEC-2026-0033", &["0.8.0"]),
    ("pingora-core", "RUSTSEC-2026-0034", &["0.8.0"]),
    // Older ones pass on what `Connection` nominates, duplicate Hosts and a Host that
    // contradicts an absolute target.
    ("pingora-core", "Host checks", &["0.9.1"]),
    ("pingora-proxy", "hop-by-hop headers", &["0.9.1"]),
    ("rand", "RUSTSEC-2026-0097", &["0.8.6", "0.9.3", "0.10.1"]),
    ("regex", "RUSTSEC-2022-0013", &["1.5.5"]),
    ("ring", "RUSTSEC-2025-0009", &["0.17.12"]),
    (
        "rustls",
        "RUSTSEC-2024-0336",
        &["0.21.11", "0.22.4", "0.23.5"],
    ),
    ("rustls", "RUSTSEC-2024-0399", &["0.23.18"]),
    ("rustls", "RUSTSEC-2026-0285", &["0.23.45"]),
    ("rustls-webpki", "RUSTSEC-2026-0049", &["0.103.10"]),
    ("rustls-webpki", "RUSTSEC-2026-0098", &["0.103.12"]),
    ("rustls-webpki", "RUSTSEC-2026-0099", &["0.103.12"]),
    ("rustls-webpki", "RUSTSEC-2026-0104", &["0.103.13"]),
    ("slab", "RUSTSEC-2025-0047", &["0.4.11"]),
    ("smallvec", "RUSTSEC-2021-0003", &["0.6.14", "1.6.1"]),
    ("time", "RUSTSEC-2026-0009", &["0.3.47"]),
    ("tokio", "RUSTSEC-2025-0023", &["1.44.2"]),
    ("tracing", "RUSTSEC-2023-0078", &["0.1.40"]),
    ("tungstenite", "RUSTSEC-2023-0065", &["0.20.1"]),
    ("unsafe-libyaml", "RUSTSEC-2023-0075", &["0.2.10"]),
    ("zerovec", "RUSTSEC-2024-0347", &["0.9.7", "0.10.4"]),
];

/// Crates that must not come in at all, by whatever way: `deny.toml` says the same to cargo-deny.
const BANNED: [&str; 6] = [
    "libyml",
    "native-tls",
    "openssl-sys",
    "rsa",
    "serde_yml",
    "yaml-rust",
];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Name and version of every package of a `Cargo.lock`.
fn locked(text: &str) -> Vec<(String, String)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_matches([' ', '=', '"']).to_owned())
    };
    text.split("[[package]]")
        .filter_map(|block| Some((field(block, "name")?, field(block, "version")?)))
        .collect()
}

/// `major.minor.patch`; what follows a `+` or `-` says nothing here.
fn version(text: &str) -> [u64; 3] {
    let plain = text.split(['+', '-']).next().unwrap();
    let mut numbers = plain.split('.').map(|number| number.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// What Cargo holds to be compatible: the numbers up to the first that is not 0.
fn line([major, minor, patch]: [u64; 3]) -> [u64; 3] {
    match (major, minor) {
        (0, 0) => [0, 0, patch],
        (0, _) => [0, minor, 0],
        _ => [major, 0, 0],
    }
}

/// Whether a version is at or after the mended one of its line, or of a later line.
fn is_mended(have: &str, mended: &[&str]) -> bool {
    let have = version(have);
    let mended: Vec<[u64; 3]> = mended.iter().map(|text| version(text)).collect();
    let same = mended.iter().find(|first| line(**first) == line(have));
    same.map_or_else(
        || mended.iter().all(|first| have > *first),
        |first| have >= *first,
    )
}

fn holes(lock: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, have) in locked(lock) {
        if BANNED.contains(&name.as_str()) {
            found.push(format!("{name} {have} must not be here at all"));
        }
        for (of, what, mended) in MENDED {
            if of == name && !is_mended(&have, mended) {
                found.push(format!("{name} {have} has {what}"));
            }
        }
    }
    found
}

#[test]
fn no_locked_version_has_a_known_hole() {
    let lock = read("Cargo.lock");
    assert!(locked(&lock).len() > 200, "Cargo.lock was not understood");
    assert_eq!(holes(&lock), [""; 0]);
    for (name, what, _) in MENDED {
        let here = locked(&lock).iter().any(|(have, _)| have == name);
        assert!(here, "{name} has gone; so may the row of {what}");
    }
}

#[test]
fn a_downgrade_would_be_noticed() {
    let lock = read("Cargo.lock");
    for (name, what, mended) in MENDED {
        for first in mended {
            let older = match version(first) {
                [major, minor, 0] => format!("{major}.{}.999", minor.saturating_sub(1)),
                [major, minor, patch] => format!("{major}.{minor}.{}", patch - 1),
            };
            if mended.iter().any(|other| *other == older) || *first == "1.0.0" {
                continue;
            }
            let block = format!("{lock}\n[[package]]\nname = \"{name}\"\nversion = \"{older}\"\n");
            let found = holes(&block);
            let said = found.iter().any(|hole| hole.ends_with(what));
            assert!(
                said,
                "{name} {older} passes for mended of {what}: {found:?}"
            );
        }
    }
    let banned = format!("{lock}\n[[package]]\nname = \"rsa\"\nversion = \"0.9.9\"\n");
    assert_eq!(holes(&banned).len(), 1, "rsa may come in");
}

/// Every line of a dependency table says why it is there.
#[test]
fn every_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let (mut inside, mut seen) = (false, 0);
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && line.contains('=') && !line.starts_with('#') {
            seen += 1;
            assert!(line.contains(" # "), "nobody knows why: {line}");
        }
    }
    assert!(seen > 40, "the tables were not found: {seen}");
}

/// An exception in `deny.toml` that says nothing cannot be judged by who comes later.
#[test]
fn every_exception_has_its_reason() {
    let rules = read("deny.toml");
    let exceptions = rules
        .lines()
        .filter(|line| line.trim_start().starts_with("{ "));
    let mut seen = 0;
    for line in exceptions {
        seen += 1;
        assert!(
            line.contains("reason = \"") || line.contains("  # "),
            "{line}"
        );
    }
    assert!(seen > 20, "the exceptions were not found: {seen}");
}

/// The image has them in `/usr/share/doc/doorward/THIRD-PARTY`.
#[test]
fn every_crate_that_is_compiled_in_brings_its_licence() {
    let output = run(
        &mut Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/licences")),
        "",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8_lossy(&output.stdout);
    let (list, texts) = text.split_once("\n====").expect("no texts");
    let crates = list.lines().filter(|line| line.contains(": ")).count();
    let without = list.matches("(no text comes").count();
    assert!(
        crates > 150 && without <= 2,
        "{crates} crates, {without} without a text"
    );
    for name in [
        "pingora-proxy",
        "aws-lc-sys",
        "mimalloc",
        "ring",
        "zstd-sys",
    ] {
        assert!(texts.contains(&format!("{name} ")), "{name} has no text");
    }
    for words in [
        "Apache License",
        "Permission is hereby granted",
        "Redistributions in binary form",
    ] {
        assert!(texts.contains(words), "nowhere: {words}");
    }
}
