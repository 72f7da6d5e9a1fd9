//! Forged claims under the right key: each is refused by its own check, whatever else is right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Builder, Forger, Gateway, Upstream, token};

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
fn every_claim_is_required() {
    let forger = Forger::with_key();
    for claim in forger.claims.as_object().unwrap().keys() {
        let mut claims = forger.claims.clone();
        claims.as_object_mut().unwrap().remove(claim);
        forger.assert_refused(&format!("no {claim}"), forger.with_claims(&claims));
        let upper = claim.to_uppercase();
        claims[upper] = forger.claims[claim].clone();
        forger.assert_refused(&format!("{claim} in capitals"), forger.with_claims(&claims));
    }
}

/// What a JSON library takes for absent, or makes something of, when the type is wrong.
#[test]
fn cve_2026_25537_a_claim_of_the_wrong_type_is_not_an_absent_one() {
    let forger = Forger::with_key();
    for (claim, honest) in forger.claims.as_object().unwrap() {
        let mut wrong = vec![
            json!(null),
            json!(true),
            json!({}),
            json!({ "0": honest }),
            json!([honest]),
            json!([]),
            json!([honest, "somebody"]),
            json!(1.5),
            json!(-1),
        ];
        match honest {
            Value::Number(number) => wrong.extend([json!(number.to_string()), json!("")]),
            Value::String(_) => wrong.extend([json!(0), json!(1001)]),
            _ => wrong.extend([json!("admin"), json!([1]), json!([null]), json!("")]),
        }
        if claim == "roles" {
            wrong.retain(|value| *value != json!([]));
        }
        for value in wrong {
            let token = forger.with_claims(&forger.claims_with(claim, value.clone()));
            forger.assert_refused(&format!("{claim} {value}"), token);
        }
    }
}

/// RFC 8725 sections 3.8 and 3.9: who issued it, and for whom.
#[test]
fn cve_2022_29226_a_token_of_another_system_is_not_ours() {
    let forger = Forger::with_key();
    for claim in ["iss", "aud"] {
        for other in [
            "somebody",
            "Doorward",
            "doorward ",
            " doorward",
            "doorward/",
            "doorward\0",
            "door",
            "doorward,somebody",
            "https://doorward",
            "*",
            "",
            "d\u{43e}orward",
            "\u{ff44}oorward",
        ] {
            let token = forger.with_claims(&forger.claims_with(claim, json!(other)));
            forger.assert_refused(&format!("{claim} {other:?}"), token);
        }
        for list in [json!(["doorward"]), json!(["somebody", "doorward"])] {
            let token = forger.with_claims(&forger.claims_with(claim, list));
            forger.assert_refused(&format!("a list as {claim}"), token);
        }
    }
    // What an identity provider with the same key would write.
    let now = now();
    for (what, claims) in [
        (
            "an ID token",
            json!({ "iss": "doorward", "aud": "doorward", "sub": "1001", "iat": now, "nbf": now,
            "exp": now + 600, "nonce": "n", "auth_time": now, "name": "Alice Example" }),
        ),
        (
            "an access token of OAuth",
            json!({ "iss": "doorward", "aud": "doorward", "sub": "1001", "iat": now,
            "exp": now + 600, "jti": "j", "client_id": "app", "scope": "openid" }),
        ),
        (
            "a logout token",
            json!({ "iss": "doorward", "aud": "doorward", "sub": "1001", "iat": now, "exp": now + 600,
            "jti": "j", "sid": forger.claims["sid"], "events": {} }),
        ),
    ] {
        forger.assert_refused(what, forger.with_claims(&claims));
    }
}

/// Two gateways with one key, and two names.
#[test]
fn one_key_for_two_systems_opens_only_its_own() {
    let here = Forger::with_key();
    for section in ["audience: other", "issuer: other"] {
        let app = Upstream::start();
        let signing = format!("signing: {{ key: {:?}, {section} }}\n", token::KEY);
        let other = Builder::new(&app).yaml(&signing).start();
        let theirs = other.alice();
        here.assert_refused(&format!("a token of {section}"), token::of(&theirs));
        let answer = other.get("/", &token::cookie(&here.genuine));
        assert_eq!(answer.code(), "session_invalid", "{section}: {answer}");
        assert_eq!(app.count(), 0, "{section}: the app was asked");
    }
}

/// RFC 7519 section 4: two parsers could see two users in one token.
#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let forger = Forger::with_key();
    let (header, claims) = (forger.header.to_string(), forger.claims.to_string());
    for (claim, honest) in forger.claims.as_object().unwrap() {
        for other in [honest.clone(), json!("1002"), json!(0), json!(null)] {
            let first = claims.replacen('{', &format!("{{{claim:?}:{other},"), 1);
            let body = claims.strip_suffix('}').unwrap();
            let last = format!("{body},{claim:?}:{other}}}");
            let escaped = format!("\\u{:04x}{}", claim.as_bytes()[0], &claim[1..]);
            let escaped = claims.replacen('{', &format!("{{\"{escaped}\":{other},"), 1);
            for (place, text) in [("before", first), ("behind", last), ("escaped", escaped)] {
                let what = format!("a second {claim} {place}: {other}");
                forger.assert_refused(&what, forger.with_texts(&header, &text));
            }
        }
    }
    let foreign = claims.replacen('{', "{\"x\":1,\"x\":2,", 1);
    forger.assert_refused(
        "a foreign claim twice",
        forger.with_texts(&header, &foreign),
    );
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

/// Texts that parsers stumble over, rightly signed.
#[test]
fn claims_that_are_no_sound_json_are_refused() {
    let forger = Forger::with_key();
    let (header, claims) = (forger.header.to_string(), forger.claims.to_string());
    let more = |text: &str| claims.replacen('{', &format!("{{{text},"), 1);
    // Sound, if strange; what nobody reads is skipped without a stack that could run out.
    let deep = more(&format!("\"x\":{}{}", "[".repeat(1000), "]".repeat(1000)));
    forger.assert_opens(
        "a deep claim of somebody with the key",
        &forger.with_texts(&header, &deep),
    );
    for (what, text) in [
        (
            "depth that never ends",
            more(&format!("\"x\":{}", "[".repeat(2000))),
        ),
        ("a lone surrogate", claims.replace("Alice", "\\ud800")),
        ("a raw line end in a text", claims.replace("Alice", "\n")),
        ("a comment", claims.replacen('{', "{/*x*/", 1)),
        ("a comma too many", claims.replacen('{', "{,", 1)),
        ("a byte order mark", format!("\u{feff}{claims}")),
        ("text behind it", format!("{claims} x")),
        ("a zero behind it", format!("{claims}\0")),
        ("a second object", format!("{claims}{claims}")),
        ("single quotes", claims.replace('"', "'")),
        ("nothing", String::new()),
        ("a blank", " ".into()),
        ("an empty object", "{}".into()),
        ("a number", "1".into()),
        ("true", "true".into()),
    ] {
        forger.assert_refused(what, forger.with_texts(&header, &text));
    }
    for (what, bytes) in [
        ("an overlong letter", &b"\xc0\xaf"[..]),
        ("half a letter", b"\xc3"),
        ("no letter", b"\xff"),
    ] {
        let at = claims.find("Alice").unwrap();
        let bytes = [&claims.as_bytes()[..at], bytes, &claims.as_bytes()[at..]].concat();
        let input = format!(
            "{}.{}",
            token::encode(&forger.header),
            URL_SAFE_NO_PAD.encode(bytes)
        );
        forger.assert_refused(what, token::seal(&input, token::KEY.as_bytes()));
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

/// Right in form, and naming what is not there.
#[test]
fn sessions_and_users_that_are_not_ours() {
    let forger = Forger::with_key();
    let sid = forger.claims["sid"].as_str().unwrap();
    for (claim, value) in [
        ("sid", sid.to_uppercase()),
        ("sid", sid.replace('-', "")),
        ("sid", format!("{{{sid}}}")),
        ("sid", format!("urn:uuid:{sid}")),
        ("sid", format!("{sid} ")),
        ("sid", "00000000-0000-0000-0000-000000000000".into()),
        ("sid", "ffffffff-ffff-ffff-ffff-ffffffffffff".into()),
        ("sid", "550e8400-e29b-41d4-a716-446655440000".into()),
        ("sid", "../../sessions".into()),
        ("sub", String::new()),
    ] {
        if value == sid {
            continue;
        }
        let token = forger.with_claims(&forger.claims_with(claim, json!(value)));
        forger.assert_refused(&format!("{claim} {value:?}"), token);
    }
    for (claim, value) in [
        ("sub", json!("1002")),
        ("sub", json!("nobody")),
        ("sub", json!("1001 ")),
        ("sub", json!("1001\0")),
        ("sub", json!("alice")),
        ("ver", json!("")),
        ("ver", json!("0")),
        ("ver", json!("1.AAAAAAAAAAAAAAAA")),
        (
            "ver",
            json!(format!("{} ", forger.claims["ver"].as_str().unwrap())),
        ),
    ] {
        let what = format!("{claim} {value}");
        let token = forger.with_claims(&forger.claims_with(claim, value));
        forger.assert_denied("session_revoked", &what, token);
    }
}

/// What a token says of name and roles is history; the file decides.
#[test]
fn a_token_gives_no_roles() {
    let app = Upstream::start();
    let gateway: Gateway = Builder::new(&app)
        .yaml(&token::signing())
        .yaml("rules: [{ path: /admin/**, access: { roles: [admin] } }]")
        .start();
    let (header, mut claims) = token::parts(token::of(&gateway.bob()));
    claims["roles"] = json!(["admin", "root"]);
    claims["name"] = json!("Alice Example");
    let cookie = token::cookie(&token::sign(&header, &claims, token::KEY.as_bytes()));
    assert_eq!(gateway.get("/admin/x", &cookie).code(), "forbidden");
    assert_eq!(gateway.get("/x", &cookie).status, 200);
    assert_eq!(app.last().all("x-user-name"), ["Bob Builder"]);
    assert!(
        app.last().all("x-user-roles").is_empty(),
        "{}",
        app.last().text()
    );
}
