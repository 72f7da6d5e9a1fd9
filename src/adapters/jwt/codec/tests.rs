//! Tests of the codec: every way to be almost a token of ours.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::adapters::jwt::keyfile::generate_key;
use crate::auth::directory::PasswordHash;
use crate::domain::id::{UserId, Username};
use crate::domain::identity::Identity;
use crate::domain::secret::Secret;

const KEY: [u8; 32] = [7; 32];

fn hs256() -> Keyring {
    Keyring::new(Algorithm::Hs256, &[Secret::new(KEY)]).unwrap()
}

fn claims_of(sub: &str) -> Claims {
    Claims {
        iss: "doorward".into(),
        aud: "doorward".into(),
        sub: sub.into(),
        name: "Zoë \"Z\"".into(),
        roles: vec!["admin".into()],
        iat: 1,
        nbf: 1,
        exp: 2,
        jti: "j".into(),
        sid: "s".into(),
        generation: 3,
        ver: "0.x".into(),
    }
}

fn header() -> Value {
    json!({"alg": "HS256", "kid": hs256().ids().next().unwrap().as_str(), "typ": "JWT"})
}

fn payload() -> String {
    serde_json::to_string(&claims_of("1")).unwrap()
}

/// A token with a right HS256 signature under our key over whatever it says.
fn signed(header: &str, payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn opens(token: impl AsRef<[u8]>) -> bool {
    hs256().open(token.as_ref()).is_some()
}

#[test]
fn what_is_signed_opens_with_every_algorithm() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Es256,
        Algorithm::Rs256,
        Algorithm::EdDsa,
    ] {
        let keys = [0, 1].map(|_| generate_key(algorithm).unwrap());
        let ring = Keyring::new(algorithm, &keys).unwrap();
        let token = ring.sign(&claims_of("1001")).unwrap();
        let opened = ring.open(token.as_bytes()).unwrap();
        assert_eq!(opened.claims, claims_of("1001"));
        assert_eq!(opened.key, 0);
        let rotated = Keyring::new(algorithm, &[keys[1].clone(), keys[0].clone()]).unwrap();
        assert_eq!(rotated.open(token.as_bytes()).unwrap().key, 1);
        let gone = Keyring::new(algorithm, &keys[1..]).unwrap();
        assert!(gone.open(token.as_bytes()).is_none(), "{algorithm:?}");
    }
}

#[test]
fn expired_is_not_this_floors_business() {
    let token = hs256().sign(&claims_of("1")).unwrap();
    assert!(opens(token), "an expired token could not be renewed");
}

#[test]
fn headers_that_are_not_ours_are_refused_though_signed() {
    assert!(opens(signed(&header().to_string(), &payload())));
    let kid = header()["kid"].as_str().unwrap().to_owned();
    let changes = [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("hs256")),
        ("alg", json!("HS512")),
        ("alg", json!("RS256")),
        ("alg", json!(["HS256"])),
        ("alg", json!(null)),
        ("typ", json!("jwt")),
        ("typ", json!("at+jwt")),
        ("typ", json!(null)),
        ("kid", json!("")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!(format!("{kid} "))),
        ("kid", json!(1)),
        ("kid", json!(null)),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("jwk", json!({"kty": "oct", "k": "AA"})),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AA"])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("unknown", json!(null)),
    ];
    for (member, value) in changes {
        let mut bad = header();
        bad[member] = value.clone();
        assert!(
            !opens(signed(&bad.to_string(), &payload())),
            "{member} {value} was accepted"
        );
    }
    for member in ["alg", "kid", "typ"] {
        let mut bad = header();
        bad.as_object_mut().unwrap().remove(member);
        assert!(!opens(signed(&bad.to_string(), &payload())), "no {member}");
    }
    let good = header().to_string();
    for (name, bad) in [
        ("repeated", good.replacen('{', "{\"typ\":\"JWT\",", 1)),
        ("an array", json!(["HS256", kid, "JWT"]).to_string()),
        ("escaped", good.replace("HS256", "HS25\\u0036")),
        ("trailing", format!("{good} {{}}")),
        ("not JSON", "HS256".into()),
        ("empty", String::new()),
        ("a BOM", format!("\u{feff}{good}")),
        ("upper case members", good.replace("alg", "ALG")),
        ("deep", "[".repeat(3000)),
    ] {
        assert!(!opens(signed(&bad, &payload())), "{name} was accepted");
    }
}

#[test]
fn payloads_that_are_not_claims_are_refused_though_signed() {
    let good = payload();
    let header = header().to_string();
    let array: Vec<Value> = serde_json::from_str::<serde_json::Map<_, _>>(&good)
        .unwrap()
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    for (name, bad) in [
        ("empty", String::new()),
        ("null", "null".into()),
        ("an array", json!(array).to_string()),
        ("a repeated claim", good.replacen('{', "{\"sub\":\"0\",", 1)),
        (
            "a repeated escaped claim",
            good.replacen('{', "{\"s\\u0075b\":\"0\",", 1),
        ),
        (
            "a repeated foreign claim",
            good.replacen('{', "{\"x\":1,\"x\":2,", 1),
        ),
        ("trailing", format!("{good}{{}}")),
        ("a string date", good.replace("\"exp\":2", "\"exp\":\"2\"")),
        ("a float date", good.replace("\"exp\":2", "\"exp\":2.0")),
        ("a huge date", good.replace("\"exp\":2", "\"exp\":1e400")),
        (
            "an audience list",
            good.replace("\"aud\":\"doorward\"", "\"aud\":[\"doorward\"]"),
        ),
        ("no jti", good.replace("\"jti\":\"j\",", "")),
    ] {
        assert_ne!(bad, good, "{name}");
        assert!(!opens(signed(&header, &bad)), "{name} was accepted");
    }
    let more = good.replacen('{', "{\"x\":1,", 1);
    assert!(opens(signed(&header, &more)), "a claim more says nothing");
}

#[test]
fn an_array_in_the_order_of_the_fields_is_no_object() {
    let claims = json!([
        "doorward",
        "doorward",
        "1",
        "Z",
        [],
        1,
        1,
        2,
        "j",
        "s",
        3,
        "0.x"
    ]);
    assert!(serde_json::from_value::<Claims>(claims.clone()).is_ok());
    assert!(!opens(signed(&header().to_string(), &claims.to_string())));
}

#[test]
fn forms_that_are_not_three_strict_segments_are_refused() {
    let token = hs256().sign(&claims_of("1")).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    for (name, bad) in [
        ("empty", String::new()),
        ("dots", "..".into()),
        ("no signature", message.to_owned()),
        ("an empty signature", format!("{message}.")),
        ("four segments", format!("{token}.")),
        ("five segments", format!("{token}.a.b")),
        ("padding", format!("{token}=")),
        ("header padding", format!("{header}=.{payload}.{signature}")),
        ("space before", format!(" {token}")),
        ("space after", format!("{token} ")),
        ("a line end", format!("{token}\n")),
        ("quotes", format!("\"{token}\"")),
        ("a scheme", format!("Bearer {token}")),
        ("standard base64", token.replace(['-', '_'], "+")),
        ("a cut signature", token[..token.len() - 1].to_owned()),
        ("payload of another", {
            let other = hs256().sign(&claims_of("2")).unwrap();
            let other = other.split('.').nth(1).unwrap();
            format!("{header}.{other}.{signature}")
        }),
    ] {
        if bad != token {
            assert!(!opens(&bad), "{name} was accepted");
        }
    }
    assert!(opens(&token));
}

#[test]
fn trailing_bits_make_no_second_spelling() {
    let token = hs256().sign(&claims_of("1")).unwrap();
    let (head, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let accepted: Vec<_> = alphabet
        .chars()
        .filter(|other| opens(format!("{head}{other}")))
        .collect();
    assert_eq!(accepted, last.chars().collect::<Vec<_>>());
}

#[test]
fn oversized_tokens_are_refused_before_anything_else() {
    let long = |bytes: usize| {
        let mut claims = claims_of("1");
        claims.name = "n".repeat(bytes);
        hs256().sign(&claims).unwrap()
    };
    let largest = (0..4096).rev().map(long).find(|token| token.len() <= 4096);
    let largest = largest.unwrap();
    assert!(largest.len() > 4090 && opens(&largest));
    let longer = (0..).map(long).find(|token| token.len() > 4096).unwrap();
    assert!(!opens(longer));
}

/// RFC 8725 §2.1: the public key, which everybody has, used as an HMAC key.
#[test]
fn algorithm_confusion_is_refused() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa] {
        let ring = Keyring::new(algorithm, &[generate_key(algorithm).unwrap()]).unwrap();
        let kid = ring.ids().next().unwrap().as_str().to_owned();
        let public = ring.first().unwrap().public.as_ref().unwrap();
        let public = public.decoding_key();
        let bytes = match public.kind() {
            jsonwebtoken::DecodingKeyKind::SecretOrDer(bytes) => bytes.clone(),
            jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } => n.clone(),
        };
        for alg in ["HS256", algorithm.name(), "none"] {
            let header = json!({"alg": alg, "kid": kid, "typ": "JWT"}).to_string();
            let message = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header),
                URL_SAFE_NO_PAD.encode(payload())
            );
            let tag = hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, &bytes),
                message.as_bytes(),
            );
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert!(
                ring.open(forged.as_bytes()).is_none(),
                "{algorithm:?} {alg}"
            );
        }
    }
}

fn user(id: &str, hash: &str, token_version: u64) -> User {
    User {
        identity: Identity {
            id: UserId::new(id),
            username: Username::canonical("alice"),
            name: "Alice".into(),
            email: None,
            roles: vec![],
        },
        password_hash: PasswordHash::new(hash),
        disabled: false,
        token_version,
    }
}

#[test]
fn version_changes_with_whatever_must_end_sessions() {
    let keys = [Secret::new(KEY), Secret::new([8; 32])];
    let ring = Keyring::new(Algorithm::Hs256, &keys).unwrap();
    let version = |user: &User, key| ring.version(user, key).unwrap();
    let base = version(&user("1", "$h", 0), 0);
    assert_eq!(base, version(&user("1", "$h", 0), 0));
    assert!(base.starts_with("0.") && base.len() == 18, "{base}");
    assert!(!base.contains("$h"));
    for (name, other) in [
        ("password", version(&user("1", "$i", 0), 0)),
        ("token_version", version(&user("1", "$h", 1), 0)),
        ("user", version(&user("2", "$h", 0), 0)),
        ("key", version(&user("1", "$h", 0), 1)),
    ] {
        assert_ne!(base, other, "{name}");
    }
    assert_eq!(ring.version(&user("1", "$h", 0), 2), None);
    let mut renamed = user("1", "$h", 0);
    renamed.identity.name = "Alicia".into();
    renamed.identity.roles = vec!["admin".into()];
    assert_eq!(base, version(&renamed, 0), "a promotion would end sessions");
    let alone = Keyring::new(Algorithm::Hs256, &keys[..1]).unwrap();
    assert_eq!(Some(base), alone.version(&user("1", "$h", 0), 0));
}

proptest! {
    #[test]
    fn never_panics_and_never_opens_noise(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!opens(&bytes));
    }

    #[test]
    fn one_changed_byte_closes_a_token(place in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut token = hs256().sign(&claims_of("1")).unwrap().into_bytes();
        let place = place.index(token.len());
        token[place] ^= flip;
        prop_assert!(!opens(&token), "byte {}", place);
    }

    #[test]
    fn signed_noise_is_no_token(header in ".{0,60}", payload in ".{0,60}") {
        prop_assert!(!opens(signed(&header, &payload)));
    }
}
