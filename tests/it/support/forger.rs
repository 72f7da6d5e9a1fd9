//! A gateway, an honest token of it, and what an attacker makes of that.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Gateway, Upstream, assert_problem, token, world_with};

/// A gateway with one honest token, taken apart.
pub struct Forger {
    /// Before the app.
    pub gateway: Gateway,
    /// What must never be asked.
    pub app: Upstream,
    /// The honest token.
    pub genuine: String,
    /// Its header.
    pub header: Value,
    /// Its claims.
    pub claims: Value,
}

impl Forger {
    /// One whose key the forger knows, which is worse than any real attacker.
    pub fn with_key() -> Self {
        Self::before(&token::signing())
    }

    /// One that signs with this algorithm and a key that it generates.
    pub fn signing_with(algorithm: &str) -> Self {
        Self::before(&format!("signing: {{ algorithm: {algorithm} }}\n"))
    }

    /// One with these settings.
    pub fn before(yaml: &str) -> Self {
        let (gateway, app) = world_with(yaml);
        let genuine = token::of(&gateway.alice()).to_owned();
        let (header, claims) = token::parts(&genuine);
        let forger = Self {
            gateway,
            app,
            genuine,
            header,
            claims,
        };
        forger.assert_opens("the honest token", &forger.genuine);
        forger
    }

    /// The public key, as the gateway shows it.
    pub fn public_key(&self) -> Value {
        let set = self.gateway.get("/.well-known/jwks.json", "").json();
        set["keys"][0].clone()
    }

    /// The header with one member changed or added.
    pub fn header_with(&self, member: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[member] = value;
        header
    }

    /// The claims with one changed or added.
    pub fn claims_with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[claim] = value;
        claims
    }

    /// Signs an altered header over the honest claims.
    pub fn with_header(&self, header: &Value) -> String {
        token::sign(header, &self.claims, token::KEY.as_bytes())
    }

    /// Signs the honest header over altered claims.
    pub fn with_claims(&self, claims: &Value) -> String {
        token::sign(&self.header, claims, token::KEY.as_bytes())
    }

    /// Signs any texts.
    pub fn with_texts(&self, header: &str, claims: &str) -> String {
        let [header, claims] = [header, claims].map(|text| URL_SAFE_NO_PAD.encode(text));
        token::seal(&format!("{header}.{claims}"), token::KEY.as_bytes())
    }

    /// The honest claims under another algorithm's name with an HMAC of that size.
    pub fn confused(&self, algorithm: &str, key: &[u8]) -> String {
        let header = self.header_with("alg", json!(algorithm));
        let input = format!("{}.{}", token::encode(&header), token::encode(&self.claims));
        let hash = match algorithm {
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let tag = hmac::sign(&hmac::Key::new(hash, key), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The token opens the app.
    #[track_caller]
    pub fn assert_opens(&self, what: &str, token: &str) {
        let answer = self.gateway.get("/", &token::cookie(token));
        assert_eq!(answer.status, 200, "{what} is refused: {answer}");
    }

    /// The token is refused as none of ours, and the app is not asked.
    #[track_caller]
    pub fn assert_refused(&self, what: &str, token: impl AsRef<[u8]>) {
        self.assert_denied("session_invalid", what, token);
    }

    /// The token is refused with this code, and the app is not asked.
    #[track_caller]
    pub fn assert_denied(&self, code: &str, what: &str, token: impl AsRef<[u8]>) {
        let before = self.app.count();
        let cookie = [b"__Host-doorward=", token.as_ref()].concat();
        let request = self.gateway.request("GET", "/").header("Cookie", cookie);
        assert_problem(
            &request.send(),
            401,
            code,
            &format!("{what} opens the door"),
        );
        assert_eq!(self.app.count(), before, "the app was asked with {what}");
    }
}
