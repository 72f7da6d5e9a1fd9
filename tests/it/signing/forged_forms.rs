//! Forged bytes: a token has one spelling, and whatever is almost it opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Forger, Jar, assert_problem, token, world_with};

#[test]
fn our_own_forgery_with_the_right_key_passes() {
    let forger = Forger::with_key();
    let copy = forger.with_claims(&forger.claims);
    forger.assert_opens(
        "the forger's own token, so that its forgeries prove nothing,",
        &copy,
    );
}

#[test]
fn keys_that_are_not_ours_sign_nothing() {
    let forger = Forger::with_key();
    let kid = forger.header["kid"].as_str().unwrap();
    for (what, key) in [
        (
            "another key",
            &b"another-key-of-thirty-two-bytes-and-more"[..],
        ),
        ("an empty key", b""),
        ("a key of zeros", &[0; 32]),
        ("the kid as key", kid.as_bytes()),
        ("the key in capitals", token::KEY.to_uppercase().as_bytes()),
        (
            "the key with a newline",
            format!("{}\n", token::KEY).as_bytes(),
        ),
        ("the key in base64", STANDARD.encode(token::KEY).as_bytes()),
        ("the key cut to 32 bytes", &token::KEY.as_bytes()[..32]),
        ("a famous one", b"your-256-bit-secret"),
    ] {
        forger.assert_refused(what, token::sign(&forger.header, &forger.claims, key));
    }
    // HMAC pads short keys with zeros (RFC 2104), so this is the same key, and no forgery.
    let longer = format!("{}\0", token::KEY);
    let padded = token::sign(&forger.header, &forger.claims, longer.as_bytes());
    forger.assert_opens("the key with a zero behind it", &padded);
}

/// Every beginning and every end of an honest token.
#[test]
fn cve_2026_25748_a_token_that_was_cut_anywhere_is_refused() {
    for forger in [Forger::with_key(), Forger::signing_with("ES256")] {
        let token = forger.genuine.as_bytes();
        for cut in 1..token.len() {
            forger.assert_refused(&format!("its first {cut} bytes"), &token[..cut]);
        }
        for cut in 1..token.len() {
            forger.assert_refused(&format!("all but its first {cut} bytes"), &token[cut..]);
        }
        forger.assert_opens("the honest token, after all that,", &forger.genuine);
    }
}

#[test]
fn cve_2026_25748_a_token_with_a_byte_altered_anywhere_is_refused() {
    for algorithm in ["HS256", "ES256", "EdDSA"] {
        let forger = Forger::signing_with(algorithm);
        let token = forger.genuine.as_bytes();
        for place in 0..token.len() {
            // Another letter of the alphabet, the other case, one of no alphabet, one above 127.
            for other in [
                token[place] ^ 1,
                token[place] ^ 0x20,
                b'~',
                token[place] | 0x80,
            ] {
                if other == token[place]
                    || other == b';'
                    || !(0x20..).contains(&other)
                    || other == 0x7f
                {
                    continue;
                }
                let mut altered = token.to_vec();
                altered[place] = other;
                // A blank at either end is the cookie's, not the token's.
                if altered.trim_ascii().len() < altered.len() {
                    continue;
                }
                forger.assert_refused(&format!("byte {place} as {other:#04x}"), altered);
            }
        }
    }
}

#[test]
fn the_last_letter_of_a_part_has_one_spelling() {
    let forger = Forger::with_key();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let parts: Vec<&str> = forger.genuine.split('.').collect();
    for part in 0..3 {
        let honest = parts[part];
        for letter in alphabet.chars().filter(|letter| !honest.ends_with(*letter)) {
            let mut other = parts.clone();
            let spelled = format!("{}{letter}", &honest[..honest.len() - 1]);
            other[part] = &spelled;
            forger.assert_refused(&format!("part {part} ending in {letter}"), other.join("."));
            // Sealed as it is spelled: bits that nobody reads must still be zero.
            if part < 2 && URL_SAFE_NO_PAD.decode(&spelled).is_err() {
                let sealed = token::seal(&other[..2].join("."), token::KEY.as_bytes());
                forger.assert_refused(&format!("part {part} sealed with {letter}"), sealed);
            }
        }
    }
}

#[test]
fn cve_2026_25748_other_alphabets_padding_and_blanks_are_refused() {
    let forger = Forger::with_key();
    // A token in whose parts the two alphabets differ, and whose parts would be padded.
    let honest = (0..).map(|number| {
        let jti = format!("\u{3ff}\u{7ff}\u{fff}{number}");
        forger.with_claims(&forger.claims_with("jti", json!(jti)))
    });
    let differs = |token: &String| {
        let mut parts = token.split('.').skip(1);
        let (claims, tag) = (parts.next().unwrap(), parts.next().unwrap());
        claims.contains(['-', '_']) && tag.contains(['-', '_']) && claims.len() % 4 != 0
    };
    let honest = honest.take(10_000).find(differs).unwrap();
    forger.assert_opens("the honest spelling", &honest);

    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    let (input, tag) = honest.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    let pad = |text: &str| format!("{text}{}", &"==="[..(4 - text.len() % 4) % 4]);
    let sealed = |input: &str| token::seal(input, token::KEY.as_bytes());
    let (raw_header, raw_claims) = (forger.header.to_string(), forger.claims.to_string());
    let encoded = |engine: &base64::engine::GeneralPurpose| {
        format!(
            "{}.{}",
            engine.encode(&raw_header),
            engine.encode(&raw_claims)
        )
    };
    for (what, forged) in [
        ("the standard alphabet", standard(&honest)),
        (
            "a tag in the standard alphabet",
            format!("{input}.{}", standard(tag)),
        ),
        (
            "sealed claims in the standard alphabet",
            sealed(&standard(input)),
        ),
        ("a padded tag", format!("{input}.{}", pad(tag))),
        (
            "all padded and sealed",
            pad(&sealed(&format!("{}.{}", pad(header), pad(claims)))),
        ),
        (
            "sealed and padded claims",
            sealed(&format!("{header}.{}", pad(claims))),
        ),
        ("padded by a library", sealed(&encoded(&URL_SAFE))),
        (
            "padded in the standard alphabet",
            sealed(&encoded(&STANDARD)),
        ),
        ("too much padding", format!("{honest}====")),
        ("percent-encoded padding", format!("{honest}%3D")),
        ("a percent-encoded dot", honest.replacen('.', "%2E", 1)),
        ("a percent-encoded letter", format!("%65{}", &honest[1..])),
        ("a blank inside", format!("{header}. {claims}.{tag}")),
        ("a tab inside", format!("{header}.{claims}\t.{tag}")),
        (
            "a blank inside the tag",
            format!("{input}.{} {}", &tag[..5], &tag[5..]),
        ),
        ("a plus sign as blank", format!("{honest}+")),
        ("quotes", format!("\"{honest}\"")),
        ("one quote", format!("\"{honest}")),
        ("a comma behind it", format!("{honest},")),
        ("a colon before it", format!("s:{honest}")),
        ("a scheme before it", format!("Bearer {honest}")),
        ("a second token behind it", format!("{honest},{honest}")),
        (
            "plain JSON",
            format!("{raw_header}.{raw_claims}.{tag}").replace(' ', ""),
        ),
        ("hexadecimal tag", format!("{input}.{}", hex(tag))),
        ("a backslash", honest.replacen('.', "\\.", 1)),
    ] {
        // All but the strangest alphabets sign what they say; some may equal the honest one.
        assert_ne!(forged, honest, "{what} is the honest spelling");
        forger.assert_refused(what, forged);
    }
    let same = sealed(&encoded(&STANDARD_NO_PAD));
    if same.contains(['+', '/']) {
        forger.assert_refused("the standard alphabet without padding", same);
    }
}

fn hex(tag: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(tag).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// CVE-2020-28042 is the empty signature; CVE-2025-27144 a token of nothing but dots.
#[test]
fn cve_2020_28042_cve_2025_27144_three_parts_neither_fewer_nor_more() {
    let forger = Forger::with_key();
    let honest = &forger.genuine;
    let (input, tag) = honest.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    for (what, forged) in [
        ("one dot", ".".to_owned()),
        ("two dots", "..".into()),
        ("four thousand dots", ".".repeat(4000)),
        (
            "four thousand dots behind it",
            format!("{honest}{}", ".".repeat(3000)),
        ),
        ("an empty signature", format!("{input}.")),
        ("no signature", input.into()),
        ("no header", format!(".{claims}.{tag}")),
        ("no claims", format!("{header}..{tag}")),
        (
            "sealed without claims",
            token::seal(&format!("{header}."), token::KEY.as_bytes()),
        ),
        (
            "sealed without a header",
            token::seal(&format!(".{claims}"), token::KEY.as_bytes()),
        ),
        ("a fourth part", format!("{honest}.{tag}")),
        ("an empty fourth part", format!("{honest}.")),
        ("a leading dot", format!(".{honest}")),
        (
            "five parts, as of a JWE",
            format!("{header}.{claims}.{tag}.{claims}.{tag}"),
        ),
        ("another order", format!("{claims}.{header}.{tag}")),
        ("the header twice", format!("{header}.{header}.{tag}")),
        ("itself twice", format!("{honest}{honest}")),
        ("itself twice with a dot", format!("{honest}.{honest}")),
    ] {
        forger.assert_refused(what, forged);
    }
}

/// Other serialisations of JOSE (RFC 7515 section 7.2, RFC 7516) and tokens within tokens.
#[test]
fn cve_2022_39227_only_the_compact_form_is_read() {
    let forger = Forger::with_key();
    let parts: Vec<&str> = forger.genuine.split('.').collect();
    let (header, claims, tag) = (parts[0], parts[1], parts[2]);
    let mine = token::encode(&forger.claims_with("sub", json!("1002")));
    let flattened = json!({ "protected": header, "payload": claims, "signature": tag });
    let general =
        json!({ "payload": claims, "signatures": [{ "protected": header, "signature": tag }] });
    // A reader of JSON finds the honest parts in it, one that splits at dots the forged.
    let mixed = format!(
        "{{\"  {header}.{mine}.\":\"\",\"protected\":\"{header}\",\"payload\":\"{claims}\",\"signature\":\"{tag}\"}}"
    );
    let jwe = |alg: &str, enc: &str| {
        let header = json!({ "alg": alg, "enc": enc, "kid": forger.header["kid"], "typ": "JWT" });
        format!(
            "{}..{}.{}.{}",
            token::encode(&header),
            "A".repeat(16),
            claims,
            "A".repeat(22)
        )
    };
    let zip = json!({ "alg": "dir", "enc": "A128GCM", "zip": "DEF" });
    let inner =
        |claims: Value, header: Value| forger.with_texts(&header.to_string(), &claims.to_string());
    let quoted = json!(forger.genuine);
    for (what, forged) in [
        ("flattened JSON", flattened.to_string()),
        ("general JSON", general.to_string()),
        (
            "JSON in base64url",
            URL_SAFE_NO_PAD.encode(flattened.to_string()),
        ),
        ("JSON and compact at once", mixed),
        ("a JWE with the key itself", jwe("dir", "A256GCM")),
        ("a JWE with a wrapped key", jwe("A256KW", "A128CBC-HS256")),
        (
            "a JWE with a password",
            jwe("PBES2-HS512+A256KW", "A256GCM"),
        ),
        (
            "a compressed JWE",
            format!("{}..AAAA.AAAA.AAAA", token::encode(&zip)),
        ),
        (
            "a token in a token",
            inner(quoted.clone(), forger.header.clone()),
        ),
        (
            "a token in a token of that kind",
            inner(quoted, forger.header_with("cty", json!("JWT"))),
        ),
        (
            "the token as header",
            format!("{}.{claims}.{tag}", URL_SAFE_NO_PAD.encode(&forger.genuine)),
        ),
        ("an SD-JWT", format!("{}~", forger.genuine)),
        (
            "a token with a disclosure",
            format!("{}~{claims}~", forger.genuine),
        ),
        (
            "a list of claims",
            inner(json!([forger.claims]), forger.header.clone()),
        ),
        (
            "claims within claims",
            inner(json!({ "claims": forger.claims }), forger.header.clone()),
        ),
        ("a PASETO", format!("v4.local.{claims}")),
    ] {
        forger.assert_refused(what, forged);
    }
}

#[test]
fn a_token_has_a_longest_size() {
    let forger = Forger::with_key();
    let of_size = |bytes: usize| {
        let sized = (0..bytes).rev().map(|length| {
            forger.with_claims(&forger.claims_with("name", json!("n".repeat(length))))
        });
        sized
            .take(bytes)
            .find(|token| token.len() <= bytes)
            .unwrap()
    };
    let largest = of_size(4096);
    assert!(largest.len() > 4090, "{}", largest.len());
    forger.assert_opens("a token that just fits into a cookie", &largest);
    for length in [4097, 4100, 5000, 8000, 12_000] {
        let name = json!("n".repeat(length * 3 / 4));
        let long = forger.with_claims(&forger.claims_with("name", name));
        assert!(long.len() > 4096);
        forger.assert_denied("session_required", "a signed token beyond 4096 bytes", long);
        forger.assert_denied("session_required", "a long text", "a".repeat(length));
    }
    let beyond = token::cookie(&"a".repeat(20_000));
    let answer = forger.gateway.get("/", &beyond);
    assert_eq!(answer.code(), "header_too_large", "{answer}");
}

/// Three kinds of tokens under one key: none is good for another's place.
#[test]
fn cve_2022_29226_a_refresh_or_csrf_token_is_no_session_and_the_reverse() {
    let (gateway, app) = world_with("csrf: { mode: both }\n");
    let jar = Jar::alice(&gateway);
    let [access, refresh, csrf] =
        [&jar.access, &jar.refresh, &jar.csrf].map(|token| token.clone().expect("three cookies"));
    for (what, token) in [("a refresh token", &refresh), ("a CSRF token", &csrf)] {
        for token in [
            token.clone(),
            format!("{token}.."),
            format!("{token}.{token}.{token}"),
        ] {
            let answer = gateway.get("/", &token::cookie(&token));
            assert_problem(&answer, 401, "session_invalid", what);
        }
        let bearer = gateway
            .request("GET", "/")
            .header("Authorization", format!("Bearer {token}"));
        assert_problem(&bearer.send(), 401, "session_required", what);
    }
    for (what, token) in [("an access token", &access), ("a CSRF token", &csrf)] {
        let jar = Jar {
            access: None,
            refresh: Some(token.clone()),
            csrf: Some(csrf.clone()),
        };
        let answer = jar.post_refresh_with_token(&gateway);
        assert_problem(&answer, 401, "session_invalid", what);
        let answer = jar.without_access().get(&gateway, "/");
        assert_eq!(answer.status, 401, "{what} renews a session: {answer}");
    }
    let post = |token: &str| {
        let request = jar.request(&gateway, "POST", "/x");
        request.header("X-CSRF-Token", token).send()
    };
    for (what, token) in [("an access token", &access), ("a refresh token", &refresh)] {
        assert_problem(&post(token), 403, "csrf_failed", what);
    }
    assert_eq!(app.count(), 0, "the app was asked");
    assert_eq!(post(&csrf).status, 200, "the honest three do not work");
}
