//! Project Wycheproof's keys and tokens before a real gateway: keys that must not sign are
//! refused by `doorward check`, good ones are read right, and no token of the corpus opens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::operations::cli::said;
use crate::support::{Builder, Gateway, Upstream, der, vectors};

/// The groups of one file.
fn groups(file: &str) -> Option<Vec<Value>> {
    let all = vectors::json(&format!("wycheproof/{file}"))?;
    Some(all["testGroups"].as_array().unwrap().clone())
}

/// The private keys of a group, alone or as a set.
fn keys(group: &Value) -> Vec<Value> {
    let key = &group["private"];
    let set = key["keys"].as_array().cloned();
    set.unwrap_or_else(|| vec![key.clone()])
}

/// What the configuration says of this key; nothing if it cannot say it.
fn section(jwk: &Value) -> Option<(&'static str, String)> {
    let algorithm = match jwk["alg"].as_str() {
        Some("HS256") => "HS256",
        Some("RS256") => "RS256",
        Some("ES256" | "ES224" | "ES521") => "ES256",
        _ => return None,
    };
    if algorithm == "HS256" {
        return Some((
            "HS256",
            format!("base64:{}", STANDARD.encode(der::secret(jwk))),
        ));
    }
    // Sets of which only the public half is given.
    jwk.get("d")?;
    Some((algorithm, der::pem("PRIVATE KEY", &der::private(jwk))))
}

fn gateway(app: &Upstream, algorithm: &str, key: &str) -> Gateway {
    let yaml = format!("signing: {{ algorithm: {algorithm}, key: {key:?} }}\n");
    Builder::new(app).yaml(&yaml).write()
}

#[test]
fn cve_2017_15361_keys_that_must_not_sign_are_refused() {
    let Some(groups) = groups("json_web_key_test.json") else {
        return;
    };
    let app = Upstream::start();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for group in &groups {
        let about = group["comment"].as_str().unwrap();
        for (algorithm, key) in keys(group).iter().filter_map(section) {
            let output = gateway(&app, algorithm, &key).command(&["check"], "");
            match output.status.code() {
                Some(0) => good.push(about),
                Some(78) => {
                    assert!(
                        said(&output).contains("signing.key"),
                        "{about}: {}",
                        said(&output)
                    );
                    let shown = key.len() > 20 && said(&output).contains(&key);
                    assert!(!shown, "{about}: the key is shown");
                    bad.push(about);
                }
                code => panic!("{about}: {code:?}: {}", said(&output)),
            }
        }
    }
    bad.sort_unstable();
    let expected = [
        "HS256",
        "HS256",
        "exponentOne",
        "invalid_point",
        "jws_rsa_roca_key",
        "keysize_too_small",
        "wrong_curve",
    ];
    assert_eq!(bad, expected, "weak or broken keys");
    // Good keys about which only the JWK around them lies; a PEM says no such thing.
    good.sort_unstable();
    good.dedup();
    let expected = [
        "HS256",
        "invalid_algorithm",
        "invalid_use",
        "jws_duplicate_kid",
        "jws_keyset",
        "jws_mixedSymmetryKeyset",
        "rs256",
        "wrong_algorithm",
        "wrong_kty",
    ];
    assert_eq!(good, expected, "good keys");
}

/// A private key beside somebody else's public one would sign what nobody can verify, and
/// with some algorithms give itself away.
#[test]
fn halves_of_two_keys_are_not_a_key() {
    let files = ["json_web_signature_test.json", "json_web_crypto_test.json"].map(groups);
    let [Some(signatures), Some(others)] = files else {
        return;
    };
    let groups = [signatures, others].concat();
    let app = Upstream::start();
    for (algorithm, members) in [
        ("ES256", &["d"][..]),
        ("RS256", &["d"]),
        ("RS256", &["n"]),
        ("RS256", &["p", "q"]),
    ] {
        let keys = || groups.iter().map(|group| &group["private"]);
        let mut mixed = keys().find(|jwk| jwk["alg"] == algorithm).unwrap().clone();
        let alike = |jwk: &&Value| {
            ["kty", "crv"]
                .iter()
                .all(|member| jwk[*member] == mixed[*member])
        };
        let other = keys()
            .filter(alike)
            .find(|jwk| jwk["d"] != mixed["d"])
            .unwrap();
        let (_, key) = section(&mixed).unwrap();
        let output = gateway(&app, algorithm, &key).command(&["check"], "");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{algorithm}: {}",
            said(&output)
        );
        for member in members {
            mixed[member] = other[member].clone();
        }
        let (_, key) = section(&mixed).unwrap();
        let output = gateway(&app, algorithm, &key).command(&["check"], "");
        assert_eq!(
            output.status.code(),
            Some(78),
            "{algorithm} {members:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn keys_of_others_are_read_right_and_their_tokens_open_nothing() {
    let Some(groups) = groups("json_web_signature_test.json") else {
        return;
    };
    let mut count = 0;
    for group in &groups {
        let jwk = &group["private"];
        let Some((algorithm, key)) = section(jwk).filter(|_| jwk["alg"] != "ES521") else {
            continue;
        };
        let about = &group["comment"];
        let app = Upstream::start();
        let mut gateway = gateway(&app, algorithm, &key);
        gateway.start_again();
        let honest = gateway.alice();
        assert_eq!(gateway.get("/", &honest).status, 200, "{about}");
        if algorithm != "HS256" {
            let ours = &gateway.get("/.well-known/jwks.json", "").json()["keys"][0];
            for member in ["kty", "crv", "x", "y", "n", "e"] {
                assert_eq!(ours[member], group["public"][member], "{about}: {member}");
            }
        }
        for case in group["tests"].as_array().unwrap() {
            let token = case["jws"].as_str().map(str::to_owned);
            let token = token.unwrap_or_else(|| case["jws"].to_string());
            let answer = gateway.get("/", &format!("__Host-doorward={token}"));
            let told = (about, &case["tcId"], &case["result"]);
            assert_eq!(answer.status, 401, "{told:?} opens the door: {answer}");
            let code = if token.is_empty() {
                "session_required"
            } else {
                "session_invalid"
            };
            assert_eq!(answer.code(), code, "{told:?}");
            count += 1;
        }
        assert_eq!(app.count(), 1, "{about}: the app was asked");
    }
    assert!(count > 300, "only {count} tokens were sent");
}
