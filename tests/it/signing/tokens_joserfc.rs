//! The second opinion of joserfc, which knows all of JOSE: it verifies what we issue, and
//! whatever else the standards let it make of a token is refused.

use crate::signing::tokens::{Library, second_opinion};

const JOSERFC: Library = Library {
    name: "joserfc",
    verify: r#"
import json, sys, warnings
warnings.simplefilter("ignore")
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey
task = json.load(sys.stdin)
if "jwks" in task:
    key = KeySet.import_key_set(task["jwks"])
else:
    key = OctKey.import_key(task["key"])
token = jwt.decode(task["token"], key, algorithms=[task["alg"]])
assert token.header["typ"] == "JWT", token.header
here = {"essential": True, "value": "doorward"}
there = {"essential": True}
jwt.JWTClaimsRegistry(iss=here, aud=here, sub=there, exp=there, nbf=there, iat=there,
    jti=there).validate(token.claims)
print(json.dumps(token.claims))
"#,
    forge: r#"
import base64, hashlib, hmac, json, sys, warnings
warnings.simplefilter("ignore")
from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.registry import HeaderParameter
task = json.load(sys.stdin)
alg, claims, kid, secret = task["alg"], task["claims"], task["kid"], task["key"]
kinds = {"HS256": OctKey, "ES256": ECKey, "RS256": RSAKey, "EdDSA": OKPKey}
ours = kinds[alg].import_key(secret)
strangers = {"HS256": OctKey.import_key("a-key-of-the-attacker-of-more-than-32-bytes"),
    "ES256": ECKey.generate_key("P-256"), "RS256": RSAKey.generate_key(2048),
    "EdDSA": OKPKey.generate_key("Ed25519")}
payload = json.dumps(claims)
more = {"x": HeaderParameter("x", "str")}
def sign(key, alg=alg, **header):
    registry = jws.JWSRegistry(header_registry=more, algorithms=[alg], strict_check_header=False)
    header = {"alg": alg, "kid": kid, "typ": "JWT", **header}
    return jws.serialize_compact(header, payload, key, registry=registry)
def seal(key, alg, enc, text=payload, **header):
    registry = jwe.JWERegistry(algorithms=[alg, enc, "DEF"], strict_check_header=False)
    header = {"alg": alg, "enc": enc, "kid": kid, "typ": "JWT", **header}
    return jwe.encrypt_compact(header, text, key, registry=registry)
out = {"honest": jwt.encode({"alg": alg, "kid": kid}, claims, ours, algorithms=[alg])}
for name, key in strangers.items():
    brought = key.as_dict(private=False) if name != "HS256" else key.as_dict()
    out["signed by a stranger with " + name] = sign(key, name)
    out["with the stranger's key in it, " + name] = sign(key, name, jwk=brought)
    out["with its key elsewhere, " + name] = sign(key, name, jku="https://attacker.example/jwks.json")
out["not signed"] = sign(ours, "none")
out["with our own key in it"] = sign(ours, jwk=ours.as_dict(private=False) if alg != "HS256" else {})
out["with a crit that is known to it"] = sign(ours, crit=["x"], x="y")
out["whose payload is not encoded"] = sign(ours, b64=False, crit=["b64"])
out["of another type"] = sign(ours, typ="at+jwt")
out["with a content type"] = sign(ours, cty="JWT")
out["of another key"] = sign(ours, kid="other")
protected = {"alg": alg, "kid": kid, "typ": "JWT"}
out["in flattened JSON"] = jws.serialize_json({"protected": protected}, payload, ours, algorithms=[alg])
out["in general JSON"] = jws.serialize_json([{"protected": protected}], payload, ours, algorithms=[alg])
out["with an unprotected header"] = jws.serialize_json(
    {"protected": {"alg": alg}, "header": {"kid": kid, "typ": "JWT"}}, payload, ours, algorithms=[alg])
if alg == "HS256":
    for size in (16, 32):
        cut = OctKey.import_key(secret[:size])
        enc = "A%dGCM" % (size * 8)
        out["encrypted with " + enc] = seal(cut, "dir", enc)
        out["compressed and encrypted with " + enc] = seal(cut, "dir", enc, zip="DEF")
    whole = OctKey.import_key(secret)
    out["encrypted with a password"] = seal(whole, "PBES2-HS256+A128KW", "A128GCM")
    out["in a token"] = seal(cut, "dir", "A256GCM", out["honest"], cty="JWT")
else:
    # It makes no HMAC key of a PEM, so that is left to the standard library.
    hmac_key = OctKey.import_key(json.dumps(ours.as_dict(private=False)))
    for name in ("HS256", "HS384", "HS512"):
        out["under %s of our JWK" % name] = sign(hmac_key, name)
        hash = getattr(hashlib, "sha" + name[2:])
        header = json.dumps({"alg": name, "kid": kid, "typ": "JWT"})
        message = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode()
            for part in (header, payload))
        tag = hmac.new(ours.as_pem(private=False), message.encode(), hash).digest()
        tag = base64.urlsafe_b64encode(tag).rstrip(b"=").decode()
        out["under %s of our PEM" % name] = message + "." + tag
if alg in ("RS256", "ES256"):
    # Whoever has our public key can encrypt for us; that says nothing of who it was.
    wrap = "RSA-OAEP" if alg == "RS256" else "ECDH-ES"
    key = kinds[alg].import_key(ours.as_pem(private=False))
    out["encrypted for us"] = seal(key, wrap, "A256GCM")
    out["in a token for us"] = seal(key, wrap, "A256GCM", out["honest"], cty="JWT")
if alg == "RS256":
    for other in ("RS384", "RS512", "PS256"):
        out["with " + other] = sign(ours, other)
if alg == "EdDSA":
    out["that calls it Ed25519"] = sign(ours, "Ed25519")
print(json.dumps(out))
"#,
};

#[test]
fn joserfc_agrees_about_hs256() {
    second_opinion(&JOSERFC, "HS256");
}

#[test]
fn joserfc_agrees_about_es256() {
    second_opinion(&JOSERFC, "ES256");
}

#[test]
fn joserfc_agrees_about_rs256() {
    second_opinion(&JOSERFC, "RS256");
}

#[test]
fn joserfc_agrees_about_eddsa() {
    second_opinion(&JOSERFC, "EdDSA");
}
