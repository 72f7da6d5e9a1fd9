//! Forged tokens: each is refused as `session_invalid` and never reaches the app.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Builder, Gateway, Upstream, assert_problem, token, world_with};

fn forge() -> (Gateway, Upstream, String) {
    let (gateway, app) = world_with(&token::signing());
    let cookie = gateway.alice();
    let genuine = token::of(&cookie).to_owned();
    (gateway, app, genuine)
}

#[track_caller]
fn assert_forged(gateway: &Gateway, app: &Upstream, what: &str, token: &str) {
    let before = app.count();
    let response = gateway.get("/", &token::cookie(token));
    assert_problem(
        &response,
        401,
        "session_invalid",
        &format!("{what} opens the door"),
    );
    assert_eq!(app.count(), before, "the app saw a request with {what}");
}

#[test]
fn our_own_forgery_with_the_right_key_passes() {
    let (gateway, _app, genuine) = forge();
    let (header, claims) = token::parts(&genuine);
    let copy = token::sign(&header, &claims, token::KEY.as_bytes());
    let response = gateway.get("/", &token::cookie(&copy));
    assert_eq!(
        response.status, 200,
        "the forger of these tests forges badly: {response}"
    );
}

#[test]
fn headers_that_lie() {
    let (gateway, app, genuine) = forge();
    let (header, claims) = token::parts(&genuine);
    let with = |key: &str, value: Value| {
        let mut changed = header.clone();
        changed[key] = value;
        changed
    };
    let without = |key: &str| {
        let mut changed = header.clone();
        changed.as_object_mut().unwrap().remove(key);
        changed
    };
    let cases = [
        ("alg none", with("alg", json!("none"))),
        ("alg None", with("alg", json!("None"))),
        ("alg HS384", with("alg", json!("HS384"))),
        ("alg RS256", with("alg", json!("RS256"))),
        ("alg hs256", with("alg", json!("hs256"))),
        ("alg missing", without("alg")),
        ("an unknown kid", with("kid", json!("nobody"))),
        (
            "a kid that is a path",
            with("kid", json!("../../../../dev/null")),
        ),
        ("a kid that is a number", with("kid", json!(1))),
        ("no kid", without("kid")),
        ("typ of another kind", with("typ", json!("at+jwt"))),
        ("no typ", without("typ")),
        ("an unknown crit", with("crit", json!(["x"]))),
        ("an empty crit", with("crit", json!([]))),
        ("b64 false", {
            let mut changed = with("crit", json!(["b64"]));
            changed["b64"] = json!(false);
            changed
        }),
    ];
    for (what, header) in cases {
        let token = token::sign(&header, &claims, token::KEY.as_bytes());
        assert_forged(&gateway, &app, what, &token);
    }
    let none = format!(
        "{}.{}.",
        token::encode(&with("alg", json!("none"))),
        token::encode(&claims)
    );
    assert_forged(&gateway, &app, "alg none without a signature", &none);
}

#[test]
fn keys_that_are_not_ours() {
    let (gateway, app, genuine) = forge();
    let (header, claims) = token::parts(&genuine);
    for (what, key) in [
        (
            "another key",
            &b"another-key-of-thirty-two-bytes-and-more"[..],
        ),
        ("an empty key", b""),
        ("the kid as key", header["kid"].as_str().unwrap().as_bytes()),
        (
            "the key with a newline",
            format!("{}\n", token::KEY).as_bytes(),
        ),
    ] {
        assert_forged(&gateway, &app, what, &token::sign(&header, &claims, key));
    }
    let mut jwk = header.clone();
    jwk["jwk"] = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode("my own key") });
    assert_forged(
        &gateway,
        &app,
        "a key that it brought along",
        &token::sign(&jwk, &claims, b"my own key"),
    );
}

#[test]
fn claims_that_lie() {
    let (gateway, app, genuine) = forge();
    let (header, claims) = token::parts(&genuine);
    let now = claims["iat"].as_u64().unwrap();
    let sign = |claims: &Value| token::sign(&header, claims, token::KEY.as_bytes());
    for key in claims.as_object().unwrap().keys() {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(key);
        assert_forged(
            &gateway,
            &app,
            &format!("a token without {key}"),
            &sign(&changed),
        );
    }
    for (key, value) in [
        ("iss", json!("somebody")),
        ("iss", json!(["doorward"])),
        ("aud", json!("somebody")),
        ("aud", json!(["doorward"])),
        ("sub", json!(1001)),
        ("sub", json!("")),
        ("nbf", json!(now + 3600)),
        ("iat", json!(now + 3600)),
        ("exp", json!("9999999999")),
        ("exp", json!(9_999_999_999.5)),
        ("exp", json!(-1)),
        ("iat", Value::Null),
        ("sid", json!("not-a-session")),
        ("gen", json!("0")),
        ("ver", json!(0)),
        ("roles", json!("admin")),
    ] {
        let mut changed = claims.clone();
        changed[key] = value.clone();
        assert_forged(&gateway, &app, &format!("{key} {value}"), &sign(&changed));
    }
    let twice = claims.to_string().replacen('{', "{\"sub\":\"1002\",", 1);
    let input = format!(
        "{}.{}",
        token::encode(&header),
        URL_SAFE_NO_PAD.encode(twice)
    );
    let sealed = token::seal(&input, token::KEY.as_bytes());
    assert_forged(&gateway, &app, "two subjects", &sealed);
}

#[test]
fn bytes_that_were_altered() {
    let (gateway, app, genuine) = forge();
    let (header, mut claims) = token::parts(&genuine);
    claims["sub"] = json!("1002");
    let mut parts: Vec<_> = genuine.split('.').map(String::from).collect();
    let honest = parts.clone();
    parts[1] = token::encode(&claims);
    assert_forged(&gateway, &app, "a tampered payload", &parts.join("."));
    let mut flipped = honest[2].clone().into_bytes();
    flipped[0] = if flipped[0] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let (head, body, tag) = (&honest[0], &honest[1], &honest[2]);
    let last = tag.chars().next_back().unwrap();
    // The last character of a 32-byte tag has two unused bits; setting one is not canonical.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    let sloppy = format!("{}{}", &tag[..tag.len() - 1], &alphabet[at + 1..at + 2]);
    for (what, token) in [
        ("a flipped signature", format!("{head}.{body}.{flipped}")),
        (
            "a signature with spare bits set",
            format!("{head}.{body}.{sloppy}"),
        ),
        (
            "a truncated signature",
            format!("{head}.{body}.{}", &tag[..tag.len() - 2]),
        ),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("a trailing dot", format!("{genuine}.")),
        ("a fourth part", format!("{genuine}.{tag}")),
        ("trailing bytes", format!("{genuine}AAAA")),
        ("padding", format!("{genuine}=")),
        ("leading bytes", format!("A{genuine}")),
        ("another order", format!("{body}.{head}.{tag}")),
    ] {
        assert_forged(&gateway, &app, what, &token);
    }
    assert_eq!(header["alg"], "HS256");
    assert_eq!(
        gateway.get("/", &token::cookie(&genuine)).status,
        200,
        "the genuine one suffered"
    );
}

#[test]
fn a_public_key_is_no_hmac_key() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("signing: { algorithm: ES256 }")
        .start();
    let cookie = gateway.alice();
    let (mut header, claims) = token::parts(token::of(&cookie));
    let keys = gateway.get("/.well-known/jwks.json", "");
    let key = &keys.json()["keys"][0];
    header["alg"] = json!("HS256");
    let point = [key["x"].as_str().unwrap(), key["y"].as_str().unwrap()]
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .concat();
    let uncompressed = [&[4][..], &point].concat();
    for (what, secret) in [
        ("the JWKS as HMAC key", keys.body.clone()),
        ("the JWK as HMAC key", key.to_string().into_bytes()),
        ("the point as HMAC key", point),
        ("the uncompressed point as HMAC key", uncompressed),
    ] {
        assert_forged(
            &gateway,
            &app,
            what,
            &token::sign(&header, &claims, &secret),
        );
    }
    assert_eq!(gateway.get("/", &cookie).status, 200);
}

#[test]
fn an_expired_forgery_is_invalid_not_expired() {
    let (gateway, app, genuine) = forge();
    let (header, mut claims) = token::parts(&genuine);
    claims["exp"] = json!(claims["iat"].as_u64().unwrap());
    claims["iat"] = json!(claims["iat"].as_u64().unwrap() - 900);
    claims["nbf"] = claims["iat"].clone();
    let late = token::sign(&header, &claims, token::KEY.as_bytes());
    let response = gateway.get("/", &token::cookie(&late));
    assert_problem(
        &response,
        401,
        "session_expired",
        "the past is not the past",
    );
    assert_forged(
        &gateway,
        &app,
        "an expired token under another key",
        &token::sign(&header, &claims, b"another key"),
    );
    claims["aud"] = json!("somebody");
    let foreign = token::sign(&header, &claims, token::KEY.as_bytes());
    assert_forged(
        &gateway,
        &app,
        "an expired token for somebody else",
        &foreign,
    );
}
