//! Forged headers: who chooses the algorithm and the key is the operator, never the token.
//!
//! The advisories are of other programs; the number says which mistake is tried.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Forger, der, token};

const ASYMMETRIC: [&str; 3] = ["ES256", "RS256", "EdDSA"];

/// `none` in each of its sixteen spellings.
fn spellings_of_none() -> impl Iterator<Item = String> {
    (0..16_u32).map(|bits| {
        let spell = |(place, letter): (usize, char)| match bits >> place & 1 {
            1 => letter.to_ascii_uppercase(),
            _ => letter,
        };
        "none".chars().enumerate().map(spell).collect()
    })
}

fn assert_none_is_refused(forger: &Forger) {
    let claims = token::encode(&forger.claims);
    let honest = forger.genuine.rsplit('.').next().unwrap();
    for alg in
        spellings_of_none().chain(["", " none", "none ", "none\0", "\u{ff4e}one"].map(String::from))
    {
        let full = forger.header_with("alg", json!(alg));
        for header in [
            full,
            json!({ "alg": alg, "typ": "JWT" }),
            json!({ "alg": alg }),
        ] {
            let input = format!("{}.{claims}", token::encode(&header));
            let keyless = token::seal(&input, b"");
            for (how, token) in [
                ("without a signature", format!("{input}.")),
                ("without a third part", input.clone()),
                ("with an honest signature", format!("{input}.{honest}")),
                ("signed with nothing", keyless),
            ] {
                forger.assert_refused(&format!("alg {alg:?} {how}"), token);
            }
        }
    }
    for alg in [
        json!(null),
        json!(["none"]),
        json!({}),
        json!(0),
        json!(false),
    ] {
        let header = forger.header_with("alg", alg.clone());
        forger.assert_refused(
            &format!("alg {alg}"),
            format!("{}.{claims}.", token::encode(&header)),
        );
    }
}

/// Also HAProxy's documented `none`, which its configuration must exclude by hand.
#[test]
fn cve_2021_29652_a_token_that_asks_not_to_be_verified_is_refused() {
    assert_none_is_refused(&Forger::with_key());
}

#[test]
fn cve_2021_29652_nor_is_one_believed_under_a_key_pair() {
    for algorithm in ASYMMETRIC {
        assert_none_is_refused(&Forger::signing_with(algorithm));
    }
}

/// RFC 8725 section 3.1: one algorithm, and the header's word for it must be exactly that.
#[test]
fn a_right_signature_under_another_name_is_refused() {
    let forger = Forger::with_key();
    let named = |name: Value| forger.with_header(&forger.header_with("alg", name));
    for name in spellings_of_none().chain(
        [
            "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "A256KW", "hs256", "Hs256",
            "HS256 ", " HS256", "HS256\0", "HS-256", "HMAC", "sha256", "",
        ]
        .map(String::from),
    ) {
        forger.assert_refused(&format!("alg {name:?}"), named(json!(name)));
    }
    for other in [
        json!(null),
        json!(["HS256"]),
        json!({ "alg": "HS256" }),
        json!(256),
        json!(true),
    ] {
        forger.assert_refused(&format!("alg {other}"), named(other));
    }
    let mut header = forger.header.clone();
    header.as_object_mut().unwrap().remove("alg");
    forger.assert_refused("no alg", forger.with_header(&header));
    for size in ["HS384", "HS512"] {
        let right = forger.confused(size, token::KEY.as_bytes());
        forger.assert_refused(&format!("a right {size}"), right);
    }
}

#[test]
fn cve_2015_9235_a_public_key_is_no_hmac_key() {
    for algorithm in ASYMMETRIC {
        let forger = Forger::signing_with(algorithm);
        let jwks = forger.gateway.get("/.well-known/jwks.json", "").body;
        let jwk = forger.public_key();
        let spki = der::public(&jwk);
        let pem = der::pem("PUBLIC KEY", &spki);
        let raw = match algorithm {
            "RS256" => der::rsa_public(&jwk),
            "ES256" => der::point(&jwk),
            _ => spki[spki.len() - 32..].to_vec(),
        };
        let main = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
        let keys: Vec<(&str, Vec<u8>)> = vec![
            ("PEM", pem.clone().into()),
            ("PEM without its last line end", pem.trim_end().into()),
            ("PEM with CRLF", pem.replace('\n', "\r\n").into()),
            ("PKCS #1 PEM", der::pem("RSA PUBLIC KEY", &raw).into()),
            ("base64 of the PEM's body", STANDARD.encode(&spki).into()),
            ("DER", spki.clone()),
            ("key without its envelope", raw.clone()),
            ("key without its first byte", raw[1..].to_vec()),
            ("x or n", URL_SAFE_NO_PAD.decode(main).unwrap()),
            ("x or n in base64url", main.into()),
            ("JWK set", jwks),
            ("JWK", jwk.to_string().into()),
            ("kid", jwk["kid"].as_str().unwrap().into()),
            ("empty key", Vec::new()),
        ];
        for (what, key) in keys {
            for alg in ["HS256", "HS384", "HS512", algorithm] {
                let forged = forger.confused(alg, &key);
                forger.assert_refused(&format!("{alg} with the {what} of {algorithm}"), forged);
            }
        }
    }
}

/// Signatures that a verifier which forgets a check accepts for any text.
#[test]
fn cve_2022_21449_a_signature_of_zeros_signs_nothing() {
    let order = b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
                  \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    let (zero, mut one) = ([0; 32], [0; 32]);
    one[31] = 1;
    for algorithm in ASYMMETRIC {
        let forger = Forger::signing_with(algorithm);
        let message = forger.genuine.rsplit_once('.').unwrap().0;
        let pairs = [
            [zero, zero],
            [zero, one],
            [one, zero],
            [*order, *order],
            [*order, zero],
            [one, one],
        ];
        let short = [
            &[0x30, 6, 2, 1, 0, 2, 1, 0][..],
            &[],
            &[0],
            &[0; 63],
            &[0; 65],
        ];
        let long = [
            vec![0; 256],
            [vec![0; 255], vec![1]].concat(),
            vec![0xff; 256],
        ];
        let all = pairs.iter().map(|pair| pair.concat());
        let all = all
            .chain(short.iter().map(|bytes| bytes.to_vec()))
            .chain(long);
        for signature in all {
            let what = format!(
                "{algorithm} signed with {:02x?}…",
                &signature[..signature.len().min(4)]
            );
            let text = URL_SAFE_NO_PAD.encode(&signature);
            forger.assert_refused(&what, format!("{message}.{text}"));
        }
    }
}

#[test]
fn cve_2018_0114_a_key_that_a_token_brings_along_is_not_used() {
    let forger = Forger::with_key();
    let mine = b"a-key-of-the-attacker-of-more-than-32-bytes";
    let jwk = json!({ "kty": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(mine), "kid": forger.header["kid"] });
    let set = json!({ "keys": [jwk] });
    let certificate = json!([STANDARD.encode("a certificate of the attacker")]);
    let url = format!("{}/jwks.json", forger.app.url());
    let inline = format!(
        "data:application/json;base64,{}",
        STANDARD.encode(set.to_string())
    );
    for (member, value) in [
        ("jwk", jwk.clone()),
        ("jwks", set),
        ("jku", json!(url)),
        ("jku", json!(inline)),
        ("jku", json!("file:///dev/null")),
        ("x5u", json!(url)),
        ("x5c", certificate),
        ("x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        (
            "x5t#S256",
            json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("epk", jwk),
        ("iss", json!(forger.app.url())),
    ] {
        let header = forger.header_with(member, value);
        let what = format!("a header with {member}");
        let brought = token::sign(&header, &forger.claims, mine);
        forger.assert_refused(&format!("{what} and its key"), brought);
        forger.assert_refused(
            &format!("{what} and the right key"),
            forger.with_header(&header),
        );
        let mut bare = header;
        bare.as_object_mut().unwrap().remove("kid");
        let brought = token::sign(&bare, &forger.claims, mine);
        forger.assert_refused(&format!("{what}, its key and no kid"), brought);
    }
}

#[test]
fn an_unknown_or_hostile_kid_finds_no_key() {
    let forger = Forger::with_key();
    let kid = forger.header["kid"].as_str().unwrap().to_owned();
    let mut hostile: Vec<Value> = [
        "nobody",
        "",
        " ",
        "../../../../../../dev/null",
        "/dev/null",
        "file:///dev/null",
        "..\\..\\windows\\win.ini",
        "/proc/sys/kernel/randomize_va_space",
        "' UNION SELECT 'AA' -- ",
        "x' OR '1'='1",
        "$(id)",
        "|/bin/true",
        "*",
        "%00",
        "http://127.0.0.1:9/key",
        "__proto__",
        "constructor",
        "0",
    ]
    .map(Value::from)
    .to_vec();
    hostile.extend([
        json!(format!("{kid}\0")),
        json!(format!("{kid} ")),
        json!(format!(" {kid}")),
        json!(format!("{kid}/../{kid}")),
        json!(kid.to_uppercase() + "A"),
        json!(&kid[..kid.len() - 1]),
        json!("k".repeat(2000)),
        json!([kid]),
        json!({ "kid": kid }),
        json!(0),
        json!(-1),
        json!(true),
        json!(null),
    ]);
    for value in hostile {
        let header = forger.header_with("kid", value.clone());
        let what = format!("kid {:.40}", value.to_string());
        forger.assert_refused(&what, forger.with_header(&header));
        let empty = token::sign(&header, &forger.claims, b"");
        forger.assert_refused(&format!("{what} and an empty key"), empty);
        let nul = token::sign(&header, &forger.claims, &[0; 32]);
        forger.assert_refused(&format!("{what} and a key of zeros"), nul);
    }
    let mut header = forger.header.clone();
    header.as_object_mut().unwrap().remove("kid");
    forger.assert_refused("no kid", forger.with_header(&header));
}

/// RFC 7515 section 4.1.11: what is critical and not understood makes the token invalid.
#[test]
fn cve_2025_59420_cve_2026_32597_crit_is_not_ignored() {
    let forger = Forger::with_key();
    for (crit, more) in [
        (json!(["bork"]), Some(("bork", json!(1)))),
        (json!(["cnf"]), Some(("cnf", json!({ "jkt": "x" })))),
        (json!(["b64"]), Some(("b64", json!(false)))),
        (json!(["b64"]), Some(("b64", json!(true)))),
        (json!(["exp"]), None),
        (json!(["alg"]), None),
        (json!([]), None),
        (json!(null), None),
        (json!("exp"), None),
        (json!({}), None),
    ] {
        let mut header = forger.header_with("crit", crit.clone());
        if let Some((member, value)) = more {
            header[member] = value;
        }
        forger.assert_refused(&format!("crit {crit}"), forger.with_header(&header));
    }
    // RFC 7797: the payload as it stands, and its HMAC.
    let mut header = forger.header_with("b64", json!(false));
    for crit in [None, Some(json!(["b64"]))] {
        if let Some(crit) = crit {
            header["crit"] = crit;
        }
        let input = format!(
            "{}.{}",
            token::encode(&header),
            token::encode(&forger.claims)
        );
        let plain = format!("{}.{}", token::encode(&header), forger.claims);
        let tag = token::seal(&plain, token::KEY.as_bytes());
        let tag = tag.rsplit('.').next().unwrap();
        forger.assert_refused("an unencoded payload", format!("{input}.{tag}"));
        forger.assert_refused("b64 false", token::seal(&input, token::KEY.as_bytes()));
    }
}

/// RFC 8725 section 3.11: a token of another kind under the same key is not ours.
#[test]
fn other_kinds_of_tokens_are_not_sessions() {
    let forger = Forger::with_key();
    for typ in [
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("rt+jwt"),
        json!("dpop+jwt"),
        json!("id_token"),
        json!("logout+jwt"),
        json!("JWE"),
        json!("JOSE"),
        json!("jwt"),
        json!("application/jwt"),
        json!("JWT "),
        json!(""),
        json!(null),
        json!(["JWT"]),
        json!(1),
    ] {
        let header = forger.header_with("typ", typ.clone());
        forger.assert_refused(&format!("typ {typ}"), forger.with_header(&header));
    }
    let mut header = forger.header.clone();
    header.as_object_mut().unwrap().remove("typ");
    forger.assert_refused("no typ", forger.with_header(&header));
    for (member, value) in [
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("x", json!(1)),
    ] {
        let header = forger.header_with(member, value);
        forger.assert_refused(
            &format!("a header with {member}"),
            forger.with_header(&header),
        );
    }
}

/// Two parsers must not read two headers in one.
#[test]
fn a_header_that_can_be_read_in_two_ways_is_refused() {
    let forger = Forger::with_key();
    let header = forger.header.to_string();
    let claims = forger.claims.to_string();
    forger.assert_opens(
        "the forger's own spelling",
        &forger.with_texts(&header, &claims),
    );
    let kid = &forger.header["kid"];
    for (what, header) in [
        ("two alg", header.replacen('{', "{\"alg\":\"none\",", 1)),
        (
            "two equal alg",
            header.replacen('{', "{\"alg\":\"HS256\",", 1),
        ),
        ("two kid", header.replacen('{', "{\"kid\":\"x\",", 1)),
        (
            "two kid, the right one first",
            format!("{},\"kid\":\"x\"}}", header.trim_end_matches('}')),
        ),
        ("two typ", header.replacen('{', "{\"typ\":\"JWT\",", 1)),
        ("an escaped value", header.replace("HS256", "\\u0048S256")),
        ("a list", json!(["HS256", kid, "JWT"]).to_string()),
        ("a string", json!(header).to_string()),
        ("null", "null".into()),
        ("nothing", String::new()),
        ("text after it", format!("{header}{header}")),
        ("a comment", header.replacen('{', "{/**/", 1)),
        ("a byte order mark", format!("\u{feff}{header}")),
        ("upper case members", header.replace("alg", "ALG")),
        ("a lone surrogate", header.replace("HS256", "HS256\\ud800")),
        ("depth", "[".repeat(2000)),
    ] {
        forger.assert_refused(what, forger.with_texts(&header, &claims));
    }
}
