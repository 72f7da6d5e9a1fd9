//! Forged dates under the right key: whole seconds, to the second, and nothing else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Forger, token};

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Runs `send` at a second that is the same before and after, and so the gateway's too.
fn within_a_second<T>(mut send: impl FnMut(u64) -> T) -> T {
    for _ in 0..50 {
        let before = now();
        let answer = send(before);
        if now() == before {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no request fits into a second");
}

/// The JSON text of the claims with one value written as it stands.
fn written(forger: &Forger, claim: &str, text: &str) -> String {
    let marked = forger.claims_with(claim, json!("@@"));
    forger.with_texts(
        &forger.header.to_string(),
        &marked.to_string().replace("\"@@\"", text),
    )
}

#[test]
fn dates_are_whole_seconds_and_nothing_else() {
    let forger = Forger::with_key();
    for claim in ["exp", "nbf", "iat"] {
        let date = &forger.claims[claim];
        for text in [
            "-1".to_owned(),
            "-0".into(),
            "-9223372036854775808".into(),
            "18446744073709551616".into(),
            "99999999999999999999999999".into(),
            "1e400".into(),
            "-1e400".into(),
            "1e3".into(),
            "9e9".into(),
            "NaN".into(),
            "Infinity".into(),
            "-Infinity".into(),
            "0x7fffffff".into(),
            "+1".into(),
            format!("0{date}"),
            format!("{date}.0"),
            format!("{date}.5"),
            format!("{date}.999999999"),
            format!("{date}e0"),
            format!("\"{date}\""),
            "\"9999999999\"".into(),
            "\"2099-01-01T00:00:00Z\"".into(),
            format!("[{date}]"),
            "null".into(),
            "true".into(),
            "1_000_000_000_000".into(),
            String::new(),
        ] {
            forger.assert_refused(&format!("{claim}: {text}"), written(&forger, claim, &text));
        }
    }
    for far in [
        u64::MAX,
        u64::MAX - 1,
        u64::MAX / 1000,
        u64::MAX / 1000 + 1,
        1 << 53,
        1 << 63,
    ] {
        for claim in ["nbf", "iat"] {
            forger.assert_refused(
                &format!("{claim} {far}"),
                written(&forger, claim, &far.to_string()),
            );
        }
    }
}

/// Only who has the key can write one. It may count, but never break anything.
#[test]
fn an_end_at_the_end_of_time_breaks_nothing() {
    let forger = Forger::with_key();
    for far in [
        u64::MAX,
        u64::MAX / 1000 + 1,
        u64::MAX / 1000,
        1 << 53,
        1 << 33,
    ] {
        let cookie = token::cookie(&written(&forger, "exp", &far.to_string()));
        for path in ["/", "/_doorward/session", "/quiet-events"] {
            let mut connection = forger.gateway.connect();
            let request = forger.gateway.request("GET", path).cookie(&cookie);
            connection.send(request.bytes()).unwrap();
            let answer = connection.head().unwrap();
            assert!(
                matches!(answer.status, 200 | 401),
                "exp {far} at {path}: {answer}"
            );
        }
    }
    forger.assert_opens("the honest token", &forger.genuine);
    assert!(
        !forger.gateway.log().contains("panicked"),
        "{}",
        forger.gateway.log()
    );
}

/// `exp` has no leeway; `nbf` and `iat` have five seconds.
#[test]
fn the_edges_of_time_are_exact() {
    let forger = Forger::with_key();
    let code = |claims: &Value| {
        let answer = forger
            .gateway
            .get("/", &token::cookie(&forger.with_claims(claims)));
        answer.code()
    };
    for (claim, offset, expected) in [
        ("exp", 0, "session_expired"),
        ("exp", -1, "session_expired"),
        ("exp", 1, ""),
        ("nbf", 0, ""),
        ("nbf", 5, ""),
        ("nbf", 6, "session_invalid"),
        ("iat", 5, ""),
        ("iat", 6, "session_invalid"),
        ("iat", 3600, "session_invalid"),
    ] {
        let got = within_a_second(|now| {
            let mut claims = forger.claims.clone();
            claims["iat"] = json!(now - 60);
            claims["nbf"] = json!(now - 60);
            claims[claim] = json!(now.checked_add_signed(offset).unwrap());
            code(&claims)
        });
        assert_eq!(got, expected, "{claim} at {offset:+} s from now");
    }
    let mut claims = forger.claims.clone();
    claims["exp"] = claims["iat"].clone();
    assert_eq!(code(&claims), "session_invalid", "a token that never lived");
}

/// "Expired" leads to a renewal, so it must not be the answer to anything else.
#[test]
fn a_forgery_that_is_expired_too_is_a_forgery() {
    let forger = Forger::with_key();
    let mut late = forger.claims.clone();
    for claim in ["iat", "nbf", "exp"] {
        late[claim] = json!(late[claim].as_u64().unwrap() - 86_400);
    }
    forger.assert_denied(
        "session_expired",
        "an expired token",
        forger.with_claims(&late),
    );
    let stranger = token::sign(&forger.header, &late, b"another key");
    forger.assert_refused("an expired one under another key", stranger);
    for (claim, value) in [
        ("aud", json!("x")),
        ("iss", json!("x")),
        ("sid", json!("x")),
        ("sub", json!("")),
    ] {
        let mut wrong = late.clone();
        wrong[claim] = value;
        forger.assert_refused(
            &format!("an expired one with a wrong {claim}"),
            forger.with_claims(&wrong),
        );
    }
    let mut header = forger.header.clone();
    header["crit"] = json!(["x"]);
    let critical = token::sign(&header, &late, token::KEY.as_bytes());
    forger.assert_refused("an expired one with crit", critical);
}
