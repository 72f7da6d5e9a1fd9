//! The settings that heads are sent to, and the people with their tokens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use doorward::adapters::attempts::Local;
use doorward::adapters::jwt::Keyring;
use doorward::adapters::observe::metrics::Metrics;
use doorward::adapters::store::memory::Memory;
use doorward::adapters::store::replica::RevocationIndex;
use doorward::auth::claims::{Claims, Dates};
use doorward::auth::denial::Denial;
use doorward::auth::issue::Issued;
use doorward::auth::policy::Policy;
use doorward::auth::ports::{Revoked, Tokens};
use doorward::auth::principal::Principal;
use doorward::auth::refresh::RefreshToken;
use doorward::auth::revocation::{Revocation, RevocationScope};
use doorward::auth::session::Session;
use doorward::config::{Environment, load_text};
use doorward::domain::id::{SessionId, UserId};
use doorward::domain::secret::Secret;
use doorward::domain::time::Timestamp;
use doorward::gateway::shared_state::SharedState;
use doorward::gateway::snapshot::Snapshot;

/// The time of every request.
pub const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// How many worlds there are.
pub const WORLDS: usize = SETTINGS.len();

/// What all have: people, keys, and a rule of each kind.
const COMMON: &str = r#"
upstream: http://127.0.0.1:9
signing: { key: a fuzzed key of thirty-two bytes }
session: { store: memory }
users:
  - { id: "1", username: alice, name: "Alice, Zoë 100%", email: a@example.com, password_hash: "$2b$04$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu" }
  - { id: "2", username: bob, name: Bob, roles: [admin, "Zoë 1%"], password_hash: "$2b$04$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu" }
  - { id: "3", username: carol, name: Carol, roles: [admin], disabled: true, password_hash: "$2b$04$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu" }
rules:
  - { path: /public/**, methods: [GET, HEAD, POST], access: public }
  - { path: /admin/**, access: { roles: [admin] } }
  - { path: /never/**, access: deny }
  - { path: /files/**, access: authenticated, ambiguous: [encoded_slash, double_slash, semicolon] }
"#;

/// What each has of its own.
const SETTINGS: [&str; 6] = [
    "cors: { allowed_origins: [https://spa.example] }",
    "public_url: https://app.example\ncors: { allowed_origins: [https://spa.example] }\ncsrf: { mode: both }\nextra_hosts: [other.example]",
    "csrf: { mode: token }\ncookies: { name: d, same_site: lax }\ntrusted_proxies: [127.0.0.0/8]\nidentity_headers: { preset: oauth2-proxy }",
    "public_url: https://app.example\ncookies: { domain: app.example }\nidentity_headers: { preset: authelia, set: { X-Session_Id: session, X-App.User: id } }",
    "insecure: { cookies_over_http: true }\nidentity_headers: { preset: none, set: { X-Who: username } }\npaths: { login: /in, prefix: /_d }",
    "csrf: { mode: origin, cookie: XSRF-TOKEN }\ntrusted_proxies: [127.0.0.1]\ndefault_access: deny",
];

/// Settings in force, and the tokens of everybody.
pub struct World {
    /// The gateway without a listener.
    pub shared: Arc<SharedState>,
    /// Which of the settings.
    pub number: usize,
    /// When its tokens are good.
    pub now: Timestamp,
    /// What `{name}` stands for in a head.
    tokens: BTreeMap<&'static str, String>,
    /// Access tokens that open, of sessions that live: their session and user.
    pub live: Vec<(String, SessionId, &'static str)>,
    /// Refresh tokens that renew, and what they renew.
    pub renewable: Vec<(String, SessionId, &'static str)>,
}

impl World {
    /// The one of this number.
    pub fn at(number: usize) -> &'static Self {
        static ALL: LazyLock<Vec<World>> =
            LazyLock::new(|| (0..WORLDS).map(|number| World::new(number, NOW)).collect());
        &ALL[number]
    }

    /// The settings of this number.
    pub fn settings(number: usize) -> String {
        format!("{COMMON}{}\n", SETTINGS[number])
    }

    /// With tokens that are good at `now`.
    pub fn new(number: usize, now: Timestamp) -> Self {
        let text = Self::settings(number);
        let nothing: [(&str, &str); 0] = [];
        let env = Environment::new(nothing, "/nonexistent");
        let settings = load_text(&text, Path::new("/nonexistent/doorward.yaml"), &env);
        let settings = settings.expect("the settings are good");
        let replica = Arc::new(RevocationIndex::new());
        let revoked = Arc::clone(&replica) as Arc<dyn Revoked>;
        let snapshot = Snapshot::build(settings, revoked).expect("settings that can be used");
        replica.apply(&Revocation {
            reach: RevocationScope::Session(session(9, now)),
            at: now,
            until: now.after(Duration::from_secs(86_400)),
        });
        let attempts = Arc::new(Local::new(snapshot.settings.login.attempts));
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let store = Arc::new(Memory::new());
        let mut world = Self {
            shared: Arc::new(SharedState::new(
                snapshot, store, attempts, replica, metrics,
            )),
            number,
            now,
            tokens: BTreeMap::new(),
            live: Vec::new(),
            renewable: Vec::new(),
        };
        world.issue();
        world
    }

    /// Tokens of every kind.
    fn issue(&mut self) {
        let snapshot = self.shared.snapshot();
        let policy = &snapshot.policy;
        let foreign = Secret::new("another key of thirty-two bytes!!");
        let foreign = Keyring::new(snapshot.settings.signing.algorithm, &[foreign]);
        let foreign = foreign.expect("a key ring");
        let names = policy.cookies.names();
        let cookies = [
            ("access", &names.access),
            ("refresh", &names.refresh),
            ("csrf", &names.csrf),
        ];
        self.tokens
            .extend(cookies.map(|(what, name)| (what, name.clone())));
        let own = |tokens: &dyn Tokens, claims: &Claims| tokens.sign(claims).expect("a token");
        let by = policy.tokens.as_ref();
        let at = self.now;
        let session = |number| session(number, at);
        let claims = |user, session| claims(policy, user, session, at);
        let alice = claims("1", session(1));
        let bob = claims("2", session(2));
        let with = |change: fn(&mut Claims, u64)| {
            let mut claims = alice.clone();
            change(&mut claims, at.secs());
            own(by, &claims)
        };
        self.live = vec![
            (own(by, &alice), session(1), "1"),
            (own(by, &bob), session(2), "2"),
        ];
        self.tokens.extend([
            ("alice", own(by, &alice)),
            ("bob", own(by, &bob)),
            ("carol", own(by, &claims("3", session(3)))),
            ("nobody", own(by, &claims("4", session(4)))),
            ("foreign", own(&foreign, &bob)),
            ("revoked", own(by, &claims("2", session(9)))),
            ("expired", with(|claims, now| claims.exp = now - 1)),
            ("early", with(|claims, now| claims.nbf = now + 60)),
            ("others", with(|claims, _| claims.aud = "another".into())),
            ("older", with(|claims, _| claims.ver = "7.x".into())),
        ]);
        let refresh = |number: u8| RefreshToken {
            session: session(number),
            generation: 3,
            ends: at.after(Duration::from_secs(3600)),
        };
        let seal = |number| by.seal_refresh(&refresh(number)).expect("a token");
        self.renewable = vec![(seal(1), session(1), "1"), (seal(2), session(2), "2")];
        self.tokens.extend([
            ("alice-refresh", seal(1)),
            ("bob-refresh", seal(2)),
            ("revoked-refresh", seal(9)),
            (
                "foreign-refresh",
                foreign.seal_refresh(&refresh(2)).expect("a token"),
            ),
            ("alice-csrf", by.csrf_token(session(1)).expect("a token")),
            ("bob-csrf", by.csrf_token(session(2)).expect("a token")),
        ]);
    }

    /// Whether this machine is a trusted proxy.
    pub fn trusts(&self) -> bool {
        !self.shared.snapshot().settings.trusted_proxies.is_empty()
    }

    /// A head with the tokens in it.
    pub fn filled(&self, template: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(template.len() + 1024);
        let mut rest = template;
        while let Some(from) = rest.iter().position(|&b| b == b'{') {
            let (before, after) = rest.split_at(from);
            out.extend_from_slice(before);
            let end = after.iter().position(|&b| b == b'}').unwrap_or(0);
            let name = after.get(1..end).unwrap_or_default();
            let token = str::from_utf8(name)
                .ok()
                .and_then(|name| self.tokens.get(name));
            match token {
                // No head grows without bounds.
                Some(token) if out.len() < 64 * 1024 => {
                    out.extend_from_slice(token.as_bytes());
                    rest = &after[end + 1..];
                }
                _ => {
                    out.push(b'{');
                    rest = &after[1..];
                }
            }
        }
        out.extend_from_slice(rest);
        out
    }

    /// What the store would say of a refresh token that opened.
    pub fn renewed(&self, token: &RefreshToken) -> Result<Issued, Denial> {
        let snapshot = self.shared.snapshot();
        let of = |(_, id, user): &&(String, SessionId, &str)| {
            (*id == token.session).then(|| UserId::new(user))
        };
        let user = self.renewable.iter().find_map(|one| of(&one));
        let user = user.ok_or(Denial::SessionRevoked)?;
        let principal = snapshot.policy.principals.get(&user);
        let principal = principal.expect("they may sign in");
        let dates = Dates {
            issued: self.now,
            not_before: self.now,
            expires: self.now.after(snapshot.policy.session.lifetimes.access),
        };
        let session = Session::new(principal, token.session, token.generation + 1, dates);
        Ok(Issued {
            session: Arc::new(session),
            refresh: *token,
            cookies: Vec::new(),
            expires_in: dates.expires.since(dates.issued),
        })
    }
}

/// The session of this number: 1 is Alice's, 2 is Bob's, 9 was revoked.
pub fn session(number: u8, now: Timestamp) -> SessionId {
    SessionId::new(now, [number; 10])
}

fn claims(policy: &Policy, user: &str, session: SessionId, now: Timestamp) -> Claims {
    let id = UserId::new(user);
    // Of somebody who may not sign in the version is right all the same.
    let known = policy.directory.by_id(user);
    let version = known.and_then(|user| policy.tokens.version(user, 0));
    let principal: Option<&Arc<Principal>> = policy.principals.get(&id);
    Claims {
        iss: policy.issuer.clone(),
        aud: policy.audience.clone(),
        sub: user.into(),
        name: String::new(),
        roles: vec!["admin".into()],
        iat: now.secs() - 10,
        nbf: now.secs() - 10,
        exp: now.secs() + 3600,
        jti: "fuzz".into(),
        sid: session.to_string(),
        generation: 3,
        ver: principal.map_or(version.unwrap_or_default(), |p| p.versions[0].clone()),
    }
}
