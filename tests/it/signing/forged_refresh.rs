//! Forged refresh tokens, and forged access tokens beside honest refresh tokens: neither is
//! ever renewed.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Forger, Gateway, Jar, assert_problem, token};

/// Renewed neither by `POST /refresh` nor on the way, and without hurting the session.
#[track_caller]
fn assert_renews_nothing(gateway: &Gateway, what: &str, jar: &Jar) {
    for answer in [jar.post_refresh(gateway), jar.get(gateway, "/")] {
        assert_eq!(answer.status, 401, "{what} renews: {answer}");
        let set = answer
            .cookies()
            .into_iter()
            .any(|cookie| !cookie.value.is_empty());
        assert!(!set, "{what} is given cookies: {answer}");
    }
}

fn alone(refresh: impl Into<String>) -> Jar {
    Jar {
        refresh: Some(refresh.into()),
        ..Jar::default()
    }
}

#[test]
fn cve_2026_25748_a_refresh_token_cut_or_altered_anywhere_renews_nothing() {
    let forger = Forger::with_key();
    let jar = Jar::alice(&forger.gateway);
    let honest = jar.refresh.clone().unwrap();
    let before = forger.app.count();
    for place in 0..honest.len() {
        let cut = alone(&honest[..place]);
        assert_renews_nothing(&forger.gateway, &format!("its first {place} letters"), &cut);
        for other in ['A', 'B', '+', '%', '.', '='] {
            let mut altered = honest.clone();
            altered.replace_range(place..=place, other.encode_utf8(&mut [0; 4]));
            if altered != honest {
                assert_renews_nothing(
                    &forger.gateway,
                    &format!("{other} at {place}"),
                    &alone(altered),
                );
            }
        }
    }
    for (what, other) in [
        ("padding", format!("{honest}=")),
        ("quotes", format!("\"{honest}\"")),
        ("itself twice", format!("{honest}{honest}")),
        ("capitals", honest.to_uppercase()),
        ("a part before it", format!("x.{honest}")),
        ("a long text", "A".repeat(4096)),
        ("a longer text", "A".repeat(5000)),
    ] {
        assert_renews_nothing(&forger.gateway, what, &alone(other));
    }
    assert_eq!(forger.app.count(), before, "the app was asked");
    let renewed = alone(honest).post_refresh(&forger.gateway);
    assert_eq!(renewed.status, 200, "the honest token suffered: {renewed}");
}

/// Keys are derived, one for each kind of token: who has a signature has no other seal.
#[test]
fn the_signing_key_itself_seals_no_refresh_token() {
    let forger = Forger::with_key();
    let jar = Jar::alice(&forger.gateway);
    let honest = URL_SAFE_NO_PAD
        .decode(jar.refresh.as_ref().unwrap())
        .unwrap();
    let (body, tag) = honest.split_at(32);
    let mut next = body.to_vec();
    next[23] += 1;
    for key in [token::KEY.as_bytes(), b"", &[0; 32], body] {
        for body in [body, &next] {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            let sealed = [body, hmac::sign(&key, body).as_ref()].concat();
            let forged = alone(URL_SAFE_NO_PAD.encode(sealed));
            assert_renews_nothing(&forger.gateway, "a seal of the attacker", &forged);
        }
    }
    let moved = alone(URL_SAFE_NO_PAD.encode([&next, tag].concat()));
    assert_renews_nothing(
        &forger.gateway,
        "the next generation under this one's seal",
        &moved,
    );
    assert_eq!(jar.post_refresh(&forger.gateway).status, 200);
}

/// Renewal is for what is refused for nothing but its `exp`.
#[test]
fn a_forged_access_token_is_not_renewed_by_an_honest_refresh_token() {
    let forger = Forger::with_key();
    let gateway = &forger.gateway;
    let jar = Jar::alice(gateway);
    let (header, claims) = token::parts(jar.access.as_ref().unwrap());
    let mut late = claims.clone();
    for claim in ["iat", "nbf", "exp"] {
        late[claim] = json!(late[claim].as_u64().unwrap() - 1800);
    }
    let with = |claim: &str, value: Value| {
        let mut changed = late.clone();
        changed[claim] = value;
        token::sign(&header, &changed, token::KEY.as_bytes())
    };
    let mut none = header.clone();
    none["alg"] = json!("none");
    let mut unknown = header.clone();
    unknown["kid"] = json!("nobody");
    let key = token::KEY.as_bytes();
    let before = forger.app.count();
    for (what, access) in [
        ("no token at all", "x".to_owned()),
        (
            "an expired token that is not signed",
            format!("{}.{}.", token::encode(&none), token::encode(&late)),
        ),
        (
            "an expired token under another key",
            token::sign(&header, &late, b"another key"),
        ),
        (
            "an expired token of an unknown key",
            token::sign(&unknown, &late, key),
        ),
        (
            "an expired token of another system",
            with("iss", json!("somebody")),
        ),
        (
            "an expired token for another system",
            with("aud", json!("somebody")),
        ),
        (
            "an expired token from the future",
            with("nbf", json!(claims["exp"])),
        ),
        (
            "an expired token without a session",
            with("sid", json!("x")),
        ),
        (
            "an expired token of another session",
            with("sid", json!("01900000-0000-7000-8000-000000000000")),
        ),
        (
            "an expired token of another user",
            with("sub", json!("1002")),
        ),
        (
            "an expired token of another password",
            with("ver", json!("0.AAAAAAAAAAAAAAAA")),
        ),
        ("a token whose end is a text", with("exp", json!("0"))),
        ("a token without an end", with("exp", Value::Null)),
    ] {
        let both = Jar {
            access: Some(access),
            ..jar.clone()
        };
        assert_renews_nothing(gateway, what, &both);
    }
    assert_eq!(forger.app.count(), before, "the app was asked");
    let expired = Jar {
        access: Some(with("name", json!("x"))),
        ..jar.clone()
    };
    let renewed = expired.get(gateway, "/");
    assert_eq!(
        renewed.status, 200,
        "an honest one that expired is not renewed: {renewed}"
    );
    assert!(renewed.cookie("__Host-doorward").is_some(), "{renewed}");
}

/// Two people in one browser: no token vouches for somebody else's session.
#[test]
fn tokens_of_two_people_do_not_mix() {
    let forger = Forger::with_key();
    let gateway = &forger.gateway;
    let (alice, bob) = (Jar::alice(gateway), Jar::bob(gateway));
    let mixed = Jar {
        refresh: bob.refresh.clone(),
        ..alice.clone()
    };
    let answer = mixed.post_refresh(gateway);
    assert_problem(&answer, 401, "session_invalid", "a mixed pair is exchanged");
    let (header, mut late) = token::parts(alice.access.as_ref().unwrap());
    for claim in ["iat", "nbf", "exp"] {
        late[claim] = json!(late[claim].as_u64().unwrap() - 1800);
    }
    let late = token::sign(&header, &late, token::KEY.as_bytes());
    let mixed = Jar {
        access: Some(late),
        ..mixed
    };
    assert_renews_nothing(
        gateway,
        "an expired token of Alice with Bob's refresh token",
        &mixed,
    );
    for jar in [&alice, &bob] {
        assert_eq!(jar.get(gateway, "/").status, 200, "a bystander was hurt");
    }
}
