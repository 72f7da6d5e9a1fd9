//! What the benches share: settings in force, built as the gateway builds them, and the
//! requests of a browser.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "each bench uses its part, and stops where something fails"
)]

mod request;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward::adapters::jwt::Keyring;
use doorward::adapters::jwt::keyfile::generate_key;
use doorward::adapters::store::RevocationIndex;
use doorward::auth::claims::Claims;
use doorward::auth::policy::Policy;
use doorward::config::settings::Algorithm;
use doorward::config::{Environment, load_text};
use doorward::domain::id::{SessionId, UserId};
use doorward::domain::time::Timestamp;
use doorward::gateway::snapshot::policy;

pub(crate) use self::request::Request;

/// The time of every request.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The token of that hash, which is good for nothing else.
const MACHINE_TOKEN: &str = "dw_0123456789ABCDEFGHIJabcdefghij4Us3aw";

/// A page that the last of the rules lets somebody with a session see.
pub(crate) const PAGE: &str = "/reports/2026/quarter-3?page=2&sort=date";

const COMMON: &str = r#"
public_url: https://app.example.com
upstream: http://127.0.0.1:9
session: { store: memory }
tokens:
  - { name: ci, user: alice, hash: "sha256:4d7dfe99ded78b97fffd7419c0e8469125d9b8f5e0392a11d6a07336f19984ad", expires: never, paths: [/reports/**] }
users:
  - { id: "1001", username: alice, name: Alice Example, email: alice@example.com, roles: [editor, reports], password_hash: "$2b$04$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu" }
"#;

/// Settings in force.
pub(crate) struct Scene {
    /// What the gate decides by.
    pub(crate) policy: Policy,
}

impl Scene {
    /// HS256 and three rules.
    pub(crate) fn plain() -> Self {
        Self::new(Algorithm::Hs256, 3)
    }

    /// With a new key, and as many rules; the last one is that of [`PAGE`].
    pub(crate) fn new(algorithm: Algorithm, rules: usize) -> Self {
        let nothing: [(&str, &str); 0] = [];
        let env = Environment::new(nothing, "/nonexistent");
        let text = format!("{COMMON}{}", rule_list(rules));
        let settings = load_text(&text, Path::new("/nonexistent/doorward.yaml"), &env).unwrap();
        let keyring = Keyring::new(algorithm, &[generate_key(algorithm).unwrap()]).unwrap();
        Self {
            policy: policy(
                &settings,
                Arc::new(keyring),
                Arc::new(RevocationIndex::new()),
            ),
        }
    }

    /// An access token of Alice as a login makes it, in the session of this number.
    pub(crate) fn token(&self, session: u64) -> String {
        let policy = &self.policy;
        let issued = NOW.before(Duration::from_secs(10));
        let claims = Claims {
            iss: policy.issuer.clone(),
            aud: policy.audience.clone(),
            sub: "1001".into(),
            name: "Alice Example".into(),
            roles: vec!["editor".into(), "reports".into()],
            iat: issued.secs(),
            nbf: issued.secs(),
            exp: NOW.after(Duration::from_secs(890)).secs(),
            jti: session_id(issued, session ^ 0x5555).to_string(),
            sid: session_id(issued, session).to_string(),
            generation: 0,
            ver: policy.principals[&UserId::new("1001")].versions[0].clone(),
        };
        policy.tokens.sign(&claims).unwrap()
    }

    /// The same with one bit of its signature changed.
    pub(crate) fn forged(&self) -> String {
        let token = self.token(1);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (first, rest) = signature.split_at(1);
        let first = if first == "A" { "B" } else { "A" };
        format!("{signed}.{first}{rest}")
    }

    /// The request of Alice's browser for a path, with this token among its cookies.
    pub(crate) fn request(&self, target: &str, token: Option<&str>) -> Request {
        let name = &self.policy.cookies.names().access;
        Request::browser(target, token.map(|token| (name.as_str(), token)))
    }

    /// The request of a program for a path: as the browser's, with a machine token in the place
    /// of its cookie.
    pub(crate) fn program(&self, target: &str) -> Request {
        Request::browser(target, None).with_token(MACHINE_TOKEN)
    }
}

/// An id as sessions have them: the time, and bits without an order.
pub(crate) fn session_id(created: Timestamp, number: u64) -> SessionId {
    let mixed = [number, !number].map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).swap_bytes());
    let mut random = [0; 10];
    for (into, from) in random
        .iter_mut()
        .zip(mixed.iter().flat_map(|n| n.to_le_bytes()))
    {
        *into = from;
    }
    SessionId::new(created, random)
}

/// A public folder, an area for each other number, and at the end the reports.
fn rule_list(count: usize) -> String {
    let mut text = String::from("rules:\n");
    for number in 0..count.saturating_sub(1) {
        let line = match number {
            0 => "  - { path: /assets/**, access: public }".to_owned(),
            n if n % 2 == 0 => {
                format!("  - {{ path: /api/v1/area-{n}/**, access: {{ roles: [admin] }} }}")
            }
            n => format!("  - {{ path: /area-{n}/**, access: {{ roles: [admin] }} }}"),
        };
        writeln!(text, "{line}").unwrap();
    }
    text.push_str("  - { path: /reports/**, access: { roles: [reports] } }\n");
    text
}
