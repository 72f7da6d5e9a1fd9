//! Signatures and keys of Project Wycheproof, read from where `DOORWARD_VECTORS` says.
//!
//! What they sign is never a token of ours, so that every one of them must stay closed; and
//! since that alone would be true of a codec that opens nothing, each signature is also
//! judged by itself, and the valid ones must be found valid.

use std::path::PathBuf;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::*;
use crate::adapters::jwt::jwks::PublicKey;
use crate::domain::secret::Secret;

/// One file; `None`, said aloud, where the data is not at hand. In CI it must be.
fn groups(file: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("DOORWARD_VECTORS") else {
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(
            !ci,
            "CI must run every test, but DOORWARD_VECTORS is not set"
        );
        eprintln!("\n*** SKIPPED: DOORWARD_VECTORS names no folder with test data ***\n");
        return None;
    };
    let path = PathBuf::from(folder).join("wycheproof").join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut all: Value = serde_json::from_slice(&text).unwrap();
    let groups: Vec<Value> = serde_json::from_value(all["testGroups"].take()).unwrap();
    assert!(!groups.is_empty(), "{file} is empty");
    Some(groups)
}

/// A member of a key, also where it is written sloppily: that is not what is tested.
fn member(jwk: &Value, name: &str) -> Vec<u8> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::URL_SAFE, lenient)
        .decode(jwk[name].as_str().unwrap())
        .unwrap()
}

/// Cases in which we judge otherwise than the file, and why.
const OTHERWISE: [(&str, [u64; 2]); 2] = [
    // The same bytes as case 357, which is valid.
    ("invalid", [367, 370]),
    // A question mark between the letters: RFC 7515 section 2 knows no such character.
    ("valid", [372, 373]),
];

/// The algorithm and the key with which a gateway would verify. `None` if it may not have
/// such a key, or if all that is wrong with the key is what it says of its use: a key
/// in PEM says nothing of that, the operator does.
fn verifier(jwk: &Value) -> Option<(Algorithm, DecodingKey)> {
    let operations = jwk["key_ops"].as_array();
    if jwk["use"] == "enc" || operations.is_some_and(|list| !list.contains(&"verify".into())) {
        return None;
    }
    let is = |name: &str, value: &str| jwk[name] == value;
    if is("kty", "oct") && is("alg", "HS256") {
        let ring = Keyring::new(Algorithm::Hs256, &[Secret::new(member(jwk, "k"))]).ok()?;
        return Some((Algorithm::Hs256, ring.first()?.verifying.clone()));
    }
    let (algorithm, key) = if is("kty", "RSA") && (is("alg", "RS256") || jwk["alg"].is_null()) {
        let (n, e) = (member(jwk, "n"), member(jwk, "e"));
        (Algorithm::Rs256, PublicKey::Rsa { n, e })
    } else if is("kty", "EC") && is("crv", "P-256") && !is("alg", "ES521") {
        let (x, y) = (member(jwk, "x"), member(jwk, "y"));
        (Algorithm::Es256, PublicKey::P256 { x, y })
    } else {
        return None;
    };
    Some((algorithm, key.decoding_key()))
}

/// Whether the signature holds: form, algorithm and key, before anything that is ours alone
/// in the header and the claims.
fn holds(jws: &str, algorithm: Algorithm, key: &DecodingKey) -> bool {
    let Some(parts) = Parts::split(jws.as_bytes()) else {
        return false;
    };
    let header = URL_SAFE_NO_PAD.decode(parts.header).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let brings_a_key = header.get("jwk").is_some();
    header["alg"] == algorithm.name()
        && !brings_a_key
        && URL_SAFE_NO_PAD.decode(parts.payload).is_ok()
        && parts.are_signed_with(key, algorithm)
}

/// A JSON serialisation stands in the file as an object.
fn text(case: &Value) -> String {
    let token = case.get("jws").or(case.get("jwe")).unwrap();
    token
        .as_str()
        .map_or_else(|| token.to_string(), str::to_owned)
}

#[test]
fn signatures_hold_where_they_are_valid_and_nowhere_else() {
    let (mut valid, mut invalid, mut wrong) = (0, 0, Vec::new());
    for file in ["json_web_signature_test.json", "json_web_crypto_test.json"] {
        let Some(groups) = groups(file) else {
            return;
        };
        for group in &groups {
            let key = group.get("public").unwrap_or(&group["private"]);
            // Its signature holds; the configuration refuses its key.
            if group["comment"] == "jws_rsa_roca_key" {
                continue;
            }
            let Some((algorithm, key)) = verifier(key) else {
                continue;
            };
            for case in group["tests"].as_array().unwrap() {
                let told = (file, &group["comment"], &case["tcId"], &case["comment"]);
                let id = case["tcId"].as_u64().unwrap();
                let otherwise = file.contains("signature")
                    && OTHERWISE
                        .iter()
                        .any(|(as_told, ids)| case["result"] == *as_told && ids.contains(&id));
                let is_valid = (case["result"] == "valid") != otherwise;
                if holds(&text(case), algorithm, &key) != is_valid {
                    wrong.push(format!("{told:?} is {}", case["result"]));
                }
                if is_valid { valid += 1 } else { invalid += 1 }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        valid > 10 && invalid > 250,
        "{valid} and {invalid} were looked at"
    );
}

#[test]
fn nothing_of_another_system_opens() {
    let rings = [
        Algorithm::Hs256,
        Algorithm::Es256,
        Algorithm::Rs256,
        Algorithm::EdDsa,
    ]
    .map(|algorithm| {
        let key = crate::adapters::jwt::keyfile::generate_key(algorithm).unwrap();
        Keyring::new(algorithm, &[key]).unwrap()
    });
    let mut count = 0;
    for file in [
        "json_web_signature_test.json",
        "json_web_key_test.json",
        "json_web_crypto_test.json",
    ] {
        let Some(groups) = groups(file) else {
            return;
        };
        for group in &groups {
            for case in group["tests"].as_array().unwrap() {
                let token = text(case);
                for ring in &rings {
                    let told = (file, &case["tcId"], ring.algorithm());
                    assert!(ring.open(token.as_bytes()).is_none(), "{told:?} opens");
                    assert_eq!(ring.open_refresh(token.as_bytes()), None, "{told:?} renews");
                }
                count += 1;
            }
        }
    }
    assert!(count > 500, "only {count} were looked at");
}
