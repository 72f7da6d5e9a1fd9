//! Forged claims under the right key: each is refused by its own check, whatever else is right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Builder, Forger, Gateway, Upstream, token};

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
    let now = forger.claims["iat"].as_u64().unwrap();
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
