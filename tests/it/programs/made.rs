//! `doorward token new`: a token that is shown once, and an entry that is taken as it stands.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::operations::cli::{assert_code, said};
use crate::programs::made;
use crate::support::doorward;
use crate::support::process::run;

#[test]
fn the_entry_says_what_was_asked_for_and_nothing_of_the_token() {
    let more = [
        "--expires",
        "never",
        "--paths",
        "/a/**",
        "--paths",
        "/b,/c",
        "--methods",
        "GET,PUT",
    ];
    let (token, entry) = made("a \"quoted\" name", "alice", &more);
    assert_eq!(token.len(), 39, "{token}");
    assert!(token.starts_with("dw_") && token[3..].bytes().all(|b| b.is_ascii_alphanumeric()));
    let read: Value = serde_yaml::from_str(&entry).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let expected = serde_json::json!([{
        "name": "a \"quoted\" name",
        "user": "alice",
        "hash": format!("sha256:{hex}"),
        "expires": "never",
        "paths": ["/a/**", "/b", "/c"],
        "methods": ["GET", "PUT"],
    }]);
    assert_eq!(read, expected, "{entry}");
    assert!(!entry.contains(&token), "{entry}");
}

#[test]
fn two_tokens_differ_and_last_ninety_days() {
    let tokens: BTreeSet<String> = (0..5).map(|_| made("ci", "alice", &[]).0).collect();
    assert_eq!(tokens.len(), 5);
    let (_, entry) = made("ci", "alice", &[]);
    let read: Value = serde_yaml::from_str(&entry).unwrap();
    let expires = humantime::parse_rfc3339(read[0]["expires"].as_str().unwrap()).unwrap();
    let left = expires
        .duration_since(std::time::SystemTime::now())
        .unwrap();
    let days = left.as_secs_f64() / 86_400.0;
    assert!((89.9..=90.0).contains(&days), "{days}");
}

#[test]
fn a_date_that_is_none_is_refused() {
    for expires in ["soon", "0s", "2027-13-01", ""] {
        let mut command = doorward();
        command.args([
            "token",
            "new",
            "--name",
            "a",
            "--user",
            "b",
            "--expires",
            expires,
        ]);
        let output = run(&mut command, "");
        assert_code(&output, 64, expires);
        assert!(!said(&output).contains("dw_"), "{}", said(&output));
    }
}
