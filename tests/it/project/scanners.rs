//! What scanners of others say about us: the TLS listener, and our own answers.
//!
//! `docs/scanners.md` tells what they found, and why what is excused here is excused.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::answers::answers;
use crate::support::curl::certificate;
use crate::support::process::run_for;
use crate::support::{Builder, Gateway, TempDir, Upstream, optional};

/// Scanners wait on purpose, and machines are busy.
const PATIENCE: Duration = Duration::from_secs(400);

/// A program of the Python environment that `.ci/setup test` makes for scanners.
fn scanner(name: &str) -> Option<PathBuf> {
    let program = optional::target().join("scanners/bin").join(name);
    if program.exists() {
        return Some(program);
    }
    optional::skip(&format!("{name} is not there (.ci/setup test installs it)"));
    None
}

/// A gateway that speaks TLS, with an ECDSA or an RSA certificate.
fn behind_tls(rsa: bool) -> Option<(Gateway, Upstream)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    certificate(builder.dir(), "gateway");
    if rsa {
        let key = builder.dir().join("gateway.key");
        let cert = builder.dir().join("gateway.crt");
        let made = run_for(
            Command::new("openssl")
                .args([
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                ])
                .args(["-subj", "/CN=localhost", "-keyout"])
                .arg(key)
                .arg("-out")
                .arg(cert),
            "",
            PATIENCE,
        );
        assert!(made.status.success(), "no RSA certificate");
    }
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .start();
    Some((gateway, app))
}

fn names(result: &Value, list: &str) -> Vec<String> {
    let all = result["result"][list].as_array();
    let name = |suite: &Value| suite["cipher_suite"]["name"].as_str().map(str::to_owned);
    all.unwrap_or(&Vec::new()).iter().filter_map(name).collect()
}

fn sslyze_finds_nothing(rsa: bool) {
    let Some(sslyze) = scanner("sslyze") else {
        return;
    };
    let Some((gateway, _app)) = behind_tls(rsa) else {
        return;
    };
    let dir = TempDir::new();
    let report = dir.join("report.json");
    let output = run_for(
        Command::new(sslyze)
            .args([
                "--mozilla_config=disable",
                "--sslv2",
                "--sslv3",
                "--tlsv1",
                "--tlsv1_1",
            ])
            .args([
                "--tlsv1_2",
                "--tlsv1_3",
                "--compression",
                "--openssl_ccs",
                "--fallback",
            ])
            .args([
                "--heartbleed",
                "--robot",
                "--reneg",
                "--early_data",
                "--ems",
            ])
            .arg(format!("--json_out={}", report.display()))
            .arg(format!("localhost:{}", gateway.port())),
        "",
        PATIENCE,
    );
    let report = std::fs::read(report)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)));
    let report: Value = serde_json::from_slice(&report).unwrap();
    let found = &report["server_scan_results"][0]["scan_result"];
    for version in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        let result = &found[format!("{version}_cipher_suites")];
        assert_eq!(result["status"], "COMPLETED", "{version} was not tried");
        assert_eq!(
            result["result"]["is_tls_version_supported"], false,
            "{version}"
        );
    }
    for version in ["tls_1_2", "tls_1_3"] {
        let result = &found[format!("{version}_cipher_suites")];
        let suites = names(result, "accepted_cipher_suites");
        assert_eq!(suites.len(), 3, "{version}: {suites:?}");
        for suite in suites {
            let strong = suite.contains("_GCM_") || suite.contains("_CHACHA20_");
            let forward = version == "tls_1_3" || suite.starts_with("TLS_ECDHE_");
            assert!(strong && forward, "{version}: {suite}");
        }
    }
    for (plugin, field, good) in [
        ("tls_compression", "supports_compression", json!(false)),
        ("tls_1_3_early_data", "supports_early_data", json!(false)),
        (
            "openssl_ccs_injection",
            "is_vulnerable_to_ccs_injection",
            json!(false),
        ),
        ("heartbleed", "is_vulnerable_to_heartbleed", json!(false)),
        ("tls_fallback_scsv", "supports_fallback_scsv", json!(true)),
        (
            "robot",
            "robot_result",
            json!("NOT_VULNERABLE_RSA_NOT_SUPPORTED"),
        ),
        (
            "session_renegotiation",
            "supports_secure_renegotiation",
            json!(true),
        ),
        (
            "session_renegotiation",
            "is_vulnerable_to_client_renegotiation_dos",
            json!(false),
        ),
        (
            "tls_extended_master_secret",
            "supports_ems_extension",
            json!(true),
        ),
    ] {
        assert_eq!(
            found[plugin]["result"][field], good,
            "{plugin}: {}",
            found[plugin]
        );
    }
}

#[test]
fn sslyze_finds_nothing_with_an_ecdsa_certificate() {
    sslyze_finds_nothing(false);
}

#[test]
fn sslyze_finds_nothing_with_an_rsa_certificate() {
    sslyze_finds_nothing(true);
}

/// Half a minute, most of it waiting for a renegotiation that never comes.
#[test]
fn testssl_finds_nothing() {
    if !optional::has("testssl") {
        return;
    }
    let Some((gateway, _app)) = behind_tls(false) else {
        return;
    };
    let dir = TempDir::new();
    let report = dir.join("report.json");
    let output = run_for(
        Command::new("testssl")
            .args([
                "--quiet",
                "--color",
                "0",
                "--warnings",
                "off",
                "--ip",
                "one",
            ])
            // Versions, suites, forward secrecy, and every known hole.
            .args(["-p", "-s", "-f", "-U", "--jsonfile"])
            .arg(&report)
            .arg(format!("https://localhost:{}", gateway.port())),
        "",
        PATIENCE,
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let report = std::fs::read(report).unwrap_or_else(|_| panic!("no report: {said}"));
    let report: Value = serde_json::from_slice(&report).unwrap();
    let findings = report.as_array().unwrap();
    let mut tried = 0;
    for finding in findings {
        let id = finding["id"].as_str().unwrap();
        tried += 1;
        // That Debian's OpenSSL has no GOST.
        if id == "engine_problem" {
            continue;
        }
        let severity = finding["severity"].as_str().unwrap();
        assert!(matches!(severity, "OK" | "INFO"), "{finding}");
    }
    assert!(tried > 30, "testssl tried little: {said}");
}

/// What it notes and we mean: the answer, the note.
const MEANT: [(&str, &str); 12] = [
    // It does not see that an OPTIONS was asked.
    ("preflight", "CORS_PREFLIGHT_ONLY"),
    // 400 is what a path with two meanings gets.
    ("ambiguous path", "STATUS_BAD_REQUEST"),
    ("ambiguous path, a person", "STATUS_BAD_REQUEST"),
    // `private, no-cache` stands wherever our cookies do; nobody is to keep these answers.
    ("login right", "FRESHNESS_NO_CACHE_NO_VALIDATOR"),
    ("login right, JSON", "FRESHNESS_NO_CACHE_NO_VALIDATOR"),
    ("refresh", "FRESHNESS_NO_CACHE_NO_VALIDATOR"),
    // Chromium drops pages from the back button only for changes of cookies.
    ("logout", "SET_COOKIE_NAME_DUP"),
    ("logout, JSON", "SET_COOKIE_NAME_DUP"),
    ("logout", "CC_CONFLICTING"),
    ("logout, JSON", "CC_CONFLICTING"),
    // How long an answer of the app is fresh is for the app to say.
    ("the app", "FRESHNESS_HEURISTIC"),
    ("the app in public", "FRESHNESS_HEURISTIC"),
];

#[test]
fn httplint_finds_nothing_in_our_answers() {
    let Some(python) = scanner("python") else {
        return;
    };
    let answers = answers();
    let input: Vec<Value> = answers
        .iter()
        .map(|answer| {
            let bytes = STANDARD.encode(&answer.bytes);
            json!({"name": answer.name, "at": answer.at, "bytes": bytes})
        })
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/lint.py");
    let output = run_for(
        Command::new(python).arg(script),
        &Value::from(input).to_string(),
        PATIENCE,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let notes: Vec<[String; 4]> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(notes.len() > 100, "httplint said little: {notes:?}");
    let found: Vec<&[String; 4]> = notes
        .iter()
        .filter(|[_, level, ..]| level == "BAD" || level == "WARN")
        .collect();
    let is_meant = |[name, _, note, _]: &[String; 4]| {
        let pair = (name.as_str(), note.as_str());
        MEANT.contains(&pair)
    };
    let bad: Vec<_> = found.iter().filter(|note| !is_meant(note)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for pair in MEANT {
        let noted = found
            .iter()
            .any(|[name, _, note, _]| pair == (name.as_str(), note.as_str()));
        assert!(noted, "nobody notes {pair:?} any more");
    }
}

/// Two programs on another HTTP/2 stack (nghttp2) speak with us, one of them a lot.
#[test]
fn nghttp2_gets_every_answer() {
    let Some((gateway, _app)) = behind_tls(false) else {
        return;
    };
    if !optional::has("h2load") || !optional::has("nghttp") {
        return;
    }
    let url = format!("https://localhost:{}/login", gateway.port());
    let output = run_for(
        Command::new("h2load").args(["-n", "2000", "-c", "10", "-m", "20", &url]),
        "",
        PATIENCE,
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let all = "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored";
    assert!(said.contains(all), "{said}");
    assert!(said.contains("status codes: 2000 2xx"), "{said}");
    let output = run_for(
        Command::new("nghttp").args(["-nv", "--no-verify-peer", &url]),
        "",
        PATIENCE,
    );
    let said = String::from_utf8_lossy(&output.stdout);
    for expected in [
        ":status: 200",
        "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):64",
        "x-content-type-options: nosniff",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("PROTOCOL_ERROR"), "{said}");
    assert!(!said.contains("recv RST_STREAM"), "{said}");
}
