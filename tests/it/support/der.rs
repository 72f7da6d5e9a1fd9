//! Keys as DER and PEM, written by hand: also those that no library would write.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use serde_json::Value;

const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;

/// One element around its parts.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|&byte| byte != 0).unwrap_or(7);
    let length = &length[significant..];
    let mut out = vec![tag];
    if content.len() > 127 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend(length);
    out.extend(content);
    out
}

/// An unsigned number, big endian.
fn integer(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|&byte| byte != 0);
    let number = start.map_or(&[0][..], |start| &number[start..]);
    let sign: &[u8] = if number[0] > 127 { &[0] } else { &[] };
    element(0x02, &[sign, number])
}

/// Also where it is written sloppily.
fn member(jwk: &Value, name: &str) -> Vec<u8> {
    let text = jwk[name].as_str().unwrap_or_else(|| panic!("no {name}"));
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, lenient);
    engine.decode(text).unwrap()
}

/// The bytes of an `oct` JWK.
pub fn secret(jwk: &Value) -> Vec<u8> {
    member(jwk, "k")
}

/// The `SubjectPublicKeyInfo` of a public JWK (RFC 5280 section 4.1).
pub fn public(jwk: &Value) -> Vec<u8> {
    let (algorithm, key) = match jwk["kty"].as_str().unwrap() {
        "EC" => ([EC_PUBLIC_KEY, P256].concat(), point(jwk)),
        "OKP" => (ED25519.to_vec(), member(jwk, "x")),
        _ => (RSA_ENCRYPTION.to_vec(), rsa_public(jwk)),
    };
    let algorithm = element(SEQUENCE, &[&algorithm]);
    let key = element(BITS, &[&[0], &key]);
    element(SEQUENCE, &[&algorithm, &key])
}

/// The uncompressed point of an `EC` JWK.
pub fn point(jwk: &Value) -> Vec<u8> {
    [vec![4], member(jwk, "x"), member(jwk, "y")].concat()
}

/// The `RSAPublicKey` of PKCS #1.
pub fn rsa_public(jwk: &Value) -> Vec<u8> {
    let [n, e] = ["n", "e"].map(|name| integer(&member(jwk, name)));
    element(SEQUENCE, &[&n, &e])
}

/// The PKCS #8 private key of an `EC` or `RSA` JWK, whatever it is worth; the curve is
/// what `crv` says.
pub fn private(jwk: &Value) -> Vec<u8> {
    let (algorithm, key) = if jwk.get("crv").is_some() {
        let curve = if jwk["crv"] == "P-384" { P384 } else { P256 };
        let octets = element(OCTETS, &[&member(jwk, "d")]);
        let public = element(0xa1, &[&element(BITS, &[&[0], &point(jwk)])]);
        let key = element(SEQUENCE, &[&integer(&[1]), &octets, &public]);
        ([EC_PUBLIC_KEY, curve].concat(), key)
    } else {
        let mut numbers = vec![integer(&[0])];
        let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
        numbers.extend(names.map(|name| integer(&member(jwk, name))));
        let key = element(SEQUENCE, &[&numbers.concat()]);
        (RSA_ENCRYPTION.to_vec(), key)
    };
    let algorithm = element(SEQUENCE, &[&algorithm]);
    let key = element(OCTETS, &[&key]);
    element(SEQUENCE, &[&integer(&[0]), &algorithm, &key])
}

/// PEM with line feeds, as OpenSSL writes it.
pub fn pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}
