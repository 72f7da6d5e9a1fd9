//! Second opinions: PyJWT verifies what we issue, and we refuse what it forges. joserfc, in
//! `tokens_joserfc`, says the same.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::process::run;
use crate::support::{Builder, Gateway, Upstream, assert_problem, optional, token};

/// A library of others, spoken to in Python: a task comes in as JSON, and so does the answer.
pub struct Library {
    /// For messages.
    pub name: &'static str,
    /// From `token`, `alg` and `jwks` or `key` to the claims, which it must have verified.
    pub verify: &'static str,
    /// From `claims`, `kid`, `alg` and `key` to forgeries by what they are, and one `honest`.
    pub forge: &'static str,
}

const PYJWT: Library = Library {
    name: "PyJWT",
    verify: VERIFY,
    forge: FORGE,
};

const VERIFY: &str = r#"
import json, sys, jwt
from jwt.algorithms import get_default_algorithms
task = json.load(sys.stdin)
if "jwks" in task:
    kid = jwt.get_unverified_header(task["token"])["kid"]
    key = next(k for k in jwt.PyJWKSet.from_dict(task["jwks"]).keys if k.key_id == kid).key
else:
    key = task["key"]
claims = jwt.decode(task["token"], key, algorithms=[task["alg"]], audience="doorward",
    issuer="doorward", options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]})
print(json.dumps(claims))
"#;

const FORGE: &str = r#"
import json, sys, jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa, ed25519
task = json.load(sys.stdin)
alg, claims, kid, key = task["alg"], task["claims"], task["kid"], task.get("key")
own = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
       "RS256": lambda: rsa.generate_private_key(65537, 2048),
       "EdDSA": ed25519.Ed25519PrivateKey.generate,
       "HS256": lambda: "a-key-of-the-attacker-of-more-than-32-bytes"}
out = {}
for name, make in own.items():
    out["signed by a stranger with " + name] = jwt.encode(claims, make(), name, {"kid": kid})
out["not signed"] = jwt.encode(claims, None, "none", {"kid": kid})
if key:
    sign = lambda c, **h: jwt.encode(c, key, alg, {"kid": kid, **h})
    now = claims["iat"]
    out["for another audience"] = sign({**claims, "aud": "other"})
    out["from another issuer"] = sign({**claims, "iss": "other"})
    out["not yet valid"] = sign({**claims, "nbf": now + 3600})
    out["without a session"] = sign({k: v for k, v in claims.items() if k != "sid"})
    out["without an end"] = sign({k: v for k, v in claims.items() if k != "exp"})
    out["with an unknown crit"] = sign(claims, crit=["exp"])
    out["of another type"] = sign(claims, typ="at+jwt")
    out["of another key"] = jwt.encode(claims, key, alg, {"kid": "other"})
    if alg == "HS256":
        for other in ("HS384", "HS512"):
            out["with " + other] = jwt.encode(claims, key, other, {"kid": kid})
    if alg == "RS256":
        for other in ("RS384", "PS256"):
            out["with " + other] = jwt.encode(claims, key, other, {"kid": kid})
    out["honest"] = sign(claims)
print(json.dumps(out))
"#;

fn python(script: &str, task: &Value) -> Option<Result<Value, String>> {
    let python = optional::python_with_jose()?;
    let output = run(Command::new(python).args(["-c", script]), &task.to_string());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(error)
    })
}

/// A private key in PEM, made by openssl.
fn pem(algorithm: &str) -> String {
    let options: &[&str] = match algorithm {
        "ES256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "RS256" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        _ => &["-algorithm", "ED25519"],
    };
    let output = run(Command::new("openssl").arg("genpkey").args(options), "");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn gateway(algorithm: &str, key: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let builder = Builder::new(&app);
    builder.dir().write("signing.key", key);
    let file = builder.dir().join("signing.key");
    let secret = format!("file:{}", file.display());
    let gateway = builder
        .yaml(&format!(
            "signing: {{ algorithm: {algorithm}, key: {secret:?} }}"
        ))
        .start();
    (gateway, app)
}

/// Everything about one algorithm.
pub fn second_opinion(library: &Library, algorithm: &str) {
    let name = library.name;
    if optional::python_with_jose().is_none() || !optional::has("openssl") {
        return;
    }
    let symmetric = algorithm == "HS256";
    let key = if symmetric {
        token::KEY.to_owned()
    } else {
        pem(algorithm)
    };
    let (gateway, app) = gateway(algorithm, &key);
    let cookie = gateway.alice();
    let issued = token::of(&cookie);
    let mut task = json!({ "token": issued, "alg": algorithm });
    if symmetric {
        task["key"] = json!(key);
    } else {
        task["jwks"] = gateway.get("/.well-known/jwks.json", "").json();
    }
    let claims = python(library.verify, &task)
        .unwrap()
        .unwrap_or_else(|error| panic!("{name} refuses our {algorithm} token:\n{error}"));
    assert_eq!(claims["sub"], "1001", "{claims}");
    assert_eq!(claims["name"], "Alice Example", "{claims}");

    let (header, _) = token::parts(issued);
    assert_eq!(header["alg"], algorithm, "{header}");
    let task = json!({ "alg": algorithm, "claims": claims, "kid": header["kid"], "key": key });
    let forged = python(library.forge, &task)
        .unwrap()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut forged = forged.as_object().unwrap().clone();
    let honest = forged.remove("honest").unwrap();
    let answer = gateway.get("/", &token::cookie(honest.as_str().unwrap()));
    assert_eq!(
        answer.status, 200,
        "{name}'s honest {algorithm} token is refused, so its forgeries prove nothing: {answer}"
    );
    let before = app.count();
    for (what, forgery) in forged {
        // A JSON serialisation is an object.
        let text = forgery.as_str().map(String::from);
        let text = text.unwrap_or_else(|| forgery.to_string());
        let response = gateway.get("/", &token::cookie(&text));
        assert_problem(
            &response,
            401,
            "session_invalid",
            &format!("{name}, {algorithm}: a token {what} opens the door"),
        );
    }
    assert_eq!(app.count(), before, "{algorithm}: the app was asked");
}

#[test]
fn pyjwt_agrees_about_hs256() {
    second_opinion(&PYJWT, "HS256");
}

#[test]
fn pyjwt_agrees_about_es256() {
    second_opinion(&PYJWT, "ES256");
}

#[test]
fn pyjwt_agrees_about_rs256() {
    second_opinion(&PYJWT, "RS256");
}

#[test]
fn pyjwt_agrees_about_eddsa() {
    second_opinion(&PYJWT, "EdDSA");
}
