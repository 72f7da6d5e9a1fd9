//! Access tokens: none opens but one that another library finds signed by a key of ours, with
//! our header and every claim. Inputs are random tokens, true ones with a few changes, and
//! headers and payloads of any kind that are signed, rightly or not.

use arbitrary::{Result, Unstructured};
use doorward::auth::claims::{ClaimError, Claims};
use doorward::auth::ports::Tokens;
use doorward::domain::id::SessionId;
use doorward::domain::time::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::signing::{ASYMMETRIC, Ring, SYMMETRIC, decoded, encoded};

const NOW: u64 = 1_790_000_000;
const OURS: &str = "doorward";

/// See [`super`].
pub fn check(data: &[u8]) {
    judge(&SYMMETRIC, data);
    judge(&ASYMMETRIC, data);
    // Too short an input is one that ended; what was made of it has been judged.
    let _ended = made(&mut Unstructured::new(data));
}

fn made(u: &mut Unstructured<'_>) -> Result<()> {
    let (ring, other) = match u.ratio(3, 4)? {
        true => (&*SYMMETRIC, &*ASYMMETRIC),
        false => (&*ASYMMETRIC, &*SYMMETRIC),
    };
    let claims = claims(u)?;
    dates(&claims);
    let token = ring.ours.sign(&claims).expect("our own claims");
    if token.len() <= 4096 {
        let opened = ring.ours.open(token.as_bytes());
        let opened = opened.expect("our own token does not open");
        assert_eq!((&opened.claims, opened.key), (&claims, 0));
    }
    judge(ring, token.as_bytes());
    assert!(other.ours.open(token.as_bytes()).is_none(), "confusion");
    if u.arbitrary()? {
        let altered = altered(u, token.into_bytes())?;
        judge(ring, &altered);
        return Ok(());
    }
    let header = header(u, ring)?;
    let payload = payload(u, &claims)?;
    let message = format!("{}.{}", encoded(&header), encoded(&payload));
    let signature = match u.int_in_range(0..=5)? {
        0 => other.sign(0, message.as_bytes()),
        1 => Vec::new(),
        2 => u.arbitrary::<&[u8]>()?.to_vec(),
        place => ring.sign(place % 2, message.as_bytes()),
    };
    let signature = altered(u, encoded(&signature).into_bytes())?;
    judge(ring, &[message.as_bytes(), b".", &signature].concat());
    Ok(())
}

/// Up to three bytes of a text changed, put in or taken out.
pub fn altered(u: &mut Unstructured<'_>, mut text: Vec<u8>) -> Result<Vec<u8>> {
    for _ in 0..u.int_in_range(0..=3)? {
        let place = u.choose_index(text.len() + 1)?;
        match (u.int_in_range(0..=2)?, place < text.len()) {
            (0, true) => text[place] = u.arbitrary()?,
            (1, true) => drop(text.remove(place)),
            _ => text.insert(place, u.arbitrary()?),
        }
    }
    Ok(text)
}

fn claims(u: &mut Unstructured<'_>) -> Result<Claims> {
    let ours = |u: &mut Unstructured<'_>| -> Result<String> {
        Ok(match u.ratio(7, 8)? {
            true => OURS.into(),
            false => u.arbitrary()?,
        })
    };
    let date = |u: &mut Unstructured<'_>| -> Result<u64> {
        Ok(match u.ratio(7, 8)? {
            true => u.int_in_range(NOW - 8..=NOW + 8)?,
            false => u.arbitrary()?,
        })
    };
    let sid = SessionId::new(Timestamp::from_secs(NOW), u.arbitrary()?);
    Ok(Claims {
        iss: ours(u)?,
        aud: ours(u)?,
        sub: u.arbitrary()?,
        name: u.arbitrary()?,
        roles: vec!["admin".into(); u.int_in_range(0..=2)?],
        iat: date(u)?,
        nbf: date(u)?,
        exp: date(u)?,
        jti: u.arbitrary()?,
        sid: match u.ratio(7, 8)? {
            true => sid.to_string(),
            false => u.arbitrary()?,
        },
        generation: u.arbitrary()?,
        ver: u.arbitrary()?,
    })
}

fn header(u: &mut Unstructured<'_>, ring: &Ring) -> Result<Vec<u8>> {
    let kid = &ring.ids[u.choose_index(ring.ids.len())?];
    let alg = ring.algorithm;
    let text = match u.int_in_range(0..=9)? {
        0 => format!(r#"{{"alg":"none","kid":"{kid}","typ":"JWT"}}"#),
        1 => format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT","crit":["x"]}}"#),
        2 => format!(r#"{{"alg":"{alg}","kid":"{kid}","kid":"{kid}","typ":"JWT"}}"#),
        3 => format!(r#"["{alg}","{kid}","JWT"]"#),
        4 => format!(r#"{{"alg":"{alg}","kid":"../../{kid}","typ":"JWT"}}"#),
        5 => format!(r#"{{"typ":"JWT","kid":"{kid}","alg":"{alg}"}}"#),
        6 => format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#),
        _ => format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#),
    };
    match u.ratio(1, 4)? {
        true => altered(u, text.into_bytes()),
        false => Ok(text.into_bytes()),
    }
}

fn payload(u: &mut Unstructured<'_>, claims: &Claims) -> Result<Vec<u8>> {
    let text = serde_json::to_string(claims).expect("claims are JSON");
    let text = match u.int_in_range(0..=7)? {
        0 => u.arbitrary()?,
        1 => text.replacen('{', r#"{"sub":"1","#, 1),
        2 => text.replacen(r#""exp":"#, r#""exp":-"#, 1),
        3 => text.replacen(r#""exp":"#, r#""exp":1e"#, 1),
        4 => text.replacen('{', r#"{"extra":[{}],"#, 1),
        5 => format!("[{text}]"),
        _ => text,
    };
    altered(u, text.into_bytes())
}

/// What we make of a token, against what others do.
fn judge(ring: &Ring, token: &[u8]) {
    let Some(opened) = ring.ours.open(token) else {
        return;
    };
    let (key, payload) = genuine(ring, token).expect("a token opened that is not genuine");
    assert_eq!(opened.key, key, "another key signed it");
    let Value::Object(ours) = serde_json::to_value(&opened.claims).expect("claims are JSON") else {
        panic!("claims are an object");
    };
    assert_eq!(ours.len(), 12, "a claim is not checked here");
    for (name, value) in ours {
        let theirs = payload.get(&name).expect("a claim was made up");
        assert_eq!(*theirs, value, "the claim {name} is read differently");
    }
}

/// The key that signed a token, and its payload, if everything about it is right.
fn genuine(ring: &Ring, token: &[u8]) -> Option<(usize, Value)> {
    let mut parts = token.split(|&b| b == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || token.len() > 4096 {
        return None;
    }
    let message = &token[..header.len() + 1 + payload.len()];
    let header = object(&decoded(header)?)?;
    let says = |name: &str, value: &str| header.get(name).is_some_and(|v| v == value);
    let place = ring.ids.iter().position(|id| says("kid", id))?;
    let ours = says("alg", ring.algorithm) && says("typ", "JWT");
    let three = header.as_object().is_some_and(|members| members.len() == 3);
    let signed = ring.verifies(place, message, &decoded(signature)?);
    if !(ours && three && signed) {
        return None;
    }
    Some((place, object(&decoded(payload)?)?))
}

/// A JSON object in which no key is there twice.
fn object(json: &[u8]) -> Option<Value> {
    let members: Members = serde_json::from_slice(json).ok()?;
    let count = members.0.len();
    let map: serde_json::Map<_, _> = members.0.into_iter().collect();
    (map.len() == count).then_some(Value::Object(map))
}

struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Dates, issuer and audience, against the sentence of the contract.
fn dates(claims: &Claims) {
    let found = claims.check(Timestamp::from_secs(NOW), OURS, OURS);
    let sid = SessionId::parse(&claims.sid);
    let ours = claims.iss == OURS && claims.aud == OURS && !claims.sub.is_empty();
    let begun = claims.iat <= NOW + 5 && claims.nbf <= NOW + 5 && claims.iat < claims.exp;
    let expected = match sid {
        Some(sid) if ours && begun && claims.exp > NOW => Ok(sid),
        Some(_) if ours && begun => Err(ClaimError::Expired),
        _ => Err(ClaimError::Invalid),
    };
    assert_eq!(found, expected);
}
