//! What stands on every answer of ours: ASVS 5.0, sections 3.2 and 3.4.

use crate::support::Response;
use crate::support::answers::{Answer, answers};

fn ours() -> Vec<(&'static str, Response)> {
    let all = answers();
    let ours = all.iter().filter(|answer| !answer.is_the_apps());
    let ours: Vec<_> = ours
        .map(|answer: &Answer| (answer.name, answer.head()))
        .collect();
    assert!(ours.len() > 30, "most answers are missing");
    ours
}

#[test]
fn no_answer_of_ours_is_sniffed_framed_or_run() {
    for (name, answer) in ours() {
        let nosniff = answer.header("x-content-type-options");
        assert_eq!(nosniff.as_deref(), Some("nosniff"), "{name}: {answer}");
        if name.starts_with('/') {
            continue; // for operators' programs, on an address of its own
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        // `default-src` stands in for `object-src` and `script-src`.
        for directive in [
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(directive), "{name}: {answer}");
        }
        assert!(!policy.contains("script-src"), "{name}: {answer}");
    }
}

#[test]
fn no_answer_of_ours_is_kept_but_the_public_keys() {
    for (name, answer) in ours() {
        let cache = answer.header("cache-control").unwrap_or_default();
        let good = match name {
            "public keys" => cache == "max-age=60",
            // They carry our cookies, and nothing of a person but these.
            "login right" | "login right, JSON" | "refresh" => cache == "private, no-cache",
            _ => cache.contains("no-store"),
        };
        assert!(good, "{name}: {answer}");
    }
}

#[test]
fn every_body_of_ours_says_what_it_is() {
    for answer in answers() {
        let head = answer.head();
        let length = head.header("content-length");
        let empty = length.is_none_or(|length| length == "0");
        if answer.is_the_apps() || empty {
            continue;
        }
        let kind = head.header("content-type").unwrap_or_default();
        let known = [
            "text/html; charset=utf-8",
            "application/json",
            "application/problem+json",
            "text/plain; version=0.0.4",
            "text/plain; charset=utf-8",
        ];
        let known = known.iter().any(|known| kind.starts_with(known));
        assert!(known, "{}: {head}", answer.name);
    }
}

/// What a script must not read is in no body: ASVS 3.3.4.
#[test]
fn a_session_token_travels_in_cookies_alone() {
    for answer in answers() {
        let head = answer.head();
        let body = String::from_utf8_lossy(&answer.bytes).into_owned();
        let body = body.split_once("\r\n\r\n").unwrap().1.to_owned();
        // The app of the tests echoes its request; a signed token begins with its header.
        if !answer.is_the_apps() {
            assert!(
                !body.contains("eyJ"),
                "{}: a token in the body",
                answer.name
            );
        }
        for cookie in head.cookies().iter().filter(|cookie| !cookie.clears()) {
            assert!(
                !body.contains(&cookie.value),
                "{}: {}",
                answer.name,
                cookie.name
            );
            assert!(cookie.attribute("HttpOnly").is_some(), "{}", cookie.name);
        }
    }
}
