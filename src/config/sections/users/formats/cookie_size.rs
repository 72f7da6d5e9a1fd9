//! How large a user's session cookie can become, known before anybody logs in.
//!
//! A browser drops a cookie beyond 4096 bytes in silence (RFC 6265 §6.1), and the user
//! would be sent to the login page for ever.

use crate::auth::claims::Claims;
use crate::auth::directory::User;
use crate::domain::fault::Fault;

/// RFC 6265 §6.1: name, value and attributes.
const MAX: usize = 4096;
/// `{"typ":"JWT","alg":"RS256","kid":"…"}` with a `kid` of 64 letters.
const HEADER: usize = 110;
/// The longest signature: RS256 with a key of 4096 bits.
const SIGNATURE: usize = 512;
/// The longer of the two prefixes.
const PREFIX: &str = "__Secure-";
const ATTRIBUTES: &str = "; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=4294967295";

/// What all users' cookies have in common.
pub(crate) struct CookieShape<'a> {
    /// `cookies.name`
    pub(crate) name: &'a str,
    /// `cookies.domain`
    pub(crate) domain: Option<&'a str>,
    /// `signing.issuer`
    pub(crate) issuer: &'a str,
    /// `signing.audience`
    pub(crate) audience: &'a str,
}

impl CookieShape<'_> {
    /// What is wrong if the user's cookie could exceed what browsers keep.
    pub(crate) fn too_large(&self, user: &User) -> Option<Fault> {
        let size = self.bound(user);
        (size > MAX).then(|| {
            Fault::new(
                format!("needs a session cookie of up to {size} bytes, and browsers keep {MAX}"),
                "shorten the name or the roles, or give fewer roles",
            )
        })
    }

    /// An upper bound of the cookie's bytes.
    fn bound(&self, user: &User) -> usize {
        let claims = Claims {
            iss: self.issuer.to_owned(),
            aud: self.audience.to_owned(),
            sub: user.identity.id.to_string(),
            name: user.identity.name.clone(),
            roles: user.identity.roles.clone(),
            // The largest date of RFC 3339, and the longest of everything else.
            iat: 253_402_300_799,
            nbf: 253_402_300_799,
            exp: 253_402_300_799,
            jti: "x".repeat(43),
            sid: "x".repeat(36),
            generation: u64::MAX,
            ver: "x".repeat(64),
        };
        let body = serde_json::to_vec(&claims).map_or(usize::MAX, |json| json.len());
        let token = encoded(HEADER) + 1 + encoded(body) + 1 + encoded(SIGNATURE);
        let domain = self
            .domain
            .map_or(0, |domain| "; Domain=".len() + domain.len());
        PREFIX.len() + self.name.len() + 1 + token + ATTRIBUTES.len() + domain
    }
}

/// The length of `bytes` in base64 without padding.
fn encoded(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}
