//! Users of the file beside those of another source, before the real gate.

use std::sync::Mutex;

use http::{HeaderMap, HeaderValue, header};

use super::*;
use crate::auth::claims::Claims;
use crate::auth::denial::Denial;
use crate::auth::directory::User;
use crate::auth::gate::{Decision, Step};
use crate::auth::login_flow::{Checked, LoginFailure, LoginFlow, Proof};
use crate::auth::policy::principals;
use crate::auth::ports::Tokens as _;
use crate::auth::test_support::{NOW, PlainTokens, get, policy_with, user};
use crate::auth::visitor::AccessTokenState;
use crate::domain::id::{SessionId, Username};

/// Users of the file and of a source that changes while the policy is in force.
#[derive(Default)]
struct Several {
    file: HashMap<UserId, Arc<Principal>>,
    others: Mutex<HashMap<UserId, Arc<Principal>>>,
    asked: Mutex<Vec<String>>,
}

impl Users for Several {
    fn resolve(&self, subject: &UserId) -> Resolved {
        self.asked.lock().unwrap().push(subject.to_string());
        match self.file.resolve(subject) {
            Resolved::Gone => self.others.lock().unwrap().resolve(subject),
            known @ Resolved::Known(_) => known,
        }
    }
}

impl Several {
    /// The other source says from now on that these are its users.
    fn become_others(&self, policy: &Policy, users: Vec<User>) {
        let directory = crate::auth::directory::Directory::new(users);
        let rendered = principals(&directory, &PlainTokens, &policy.identity_headers);
        *self.others.lock().unwrap() = rendered;
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Alice stands in the file, Dave too but disabled; Erin is of elsewhere.
fn world() -> (Policy, Arc<Several>) {
    let mut dave = user("4", "dave", &[]);
    dave.disabled = true;
    let file = vec![user("1", "alice", &["admin"]), dave];
    let mut several = None;
    let policy = policy_with(file, |policy| {
        let made = Arc::new(Several {
            file: HashMap::clone(&policy.principals),
            ..Several::default()
        });
        policy.users = made.clone();
        several = Some(made);
    });
    let several = several.unwrap();
    several.become_others(&policy, vec![user("5", "erin", &["admin"])]);
    (policy, several)
}

fn token(subject: &str, version: &str) -> String {
    let claims = Claims {
        iss: "doorward".into(),
        aud: "doorward".into(),
        sub: subject.into(),
        name: String::new(),
        roles: vec![],
        iat: NOW.secs(),
        nbf: NOW.secs(),
        exp: NOW.secs() + 900,
        jti: "j".into(),
        sid: SessionId::new(NOW, [1; 10]).to_string(),
        generation: 0,
        ver: version.into(),
    };
    PlainTokens.sign(&claims).unwrap()
}

/// What the gate makes of `GET /admin/x` with a token of this subject.
fn outcome(policy: &Policy, subject: &str) -> String {
    let mut headers = HeaderMap::new();
    let cookie = format!("__Host-doorward={}", token(subject, "0.hash"));
    headers.insert(header::COOKIE, HeaderValue::try_from(cookie).unwrap());
    match policy.decide(&get("/admin/x", &headers), NOW).step {
        Step::Decided(Decision::Forward(pass)) => pass
            .identity_headers()
            .iter()
            .find(|(name, _)| name == "X-User-Id")
            .map(|(_, value)| format!("as {}", value.to_str().unwrap()))
            .unwrap(),
        Step::Decided(Decision::Deny(denial, _)) => denial.code().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_subject_that_is_not_in_the_file_is_asked_for() {
    let (policy, several) = world();
    for (subject, expected, asks) in [
        ("1", "as 1", false),
        ("4", "session_revoked", false),
        ("5", "as 5", true),
        ("6", "session_revoked", true),
    ] {
        for _ in 0..2 {
            assert_eq!(outcome(&policy, subject), expected, "{subject}");
            let asked = several.asked();
            assert_eq!(!asked.is_empty(), asks, "{subject}: {asked:?}");
        }
    }
}

#[test]
fn the_file_wins() {
    let (policy, several) = world();
    let imposters = vec![user("1", "mallory", &[]), user("4", "dave", &["admin"])];
    several.become_others(&policy, imposters);
    assert_eq!(outcome(&policy, "1"), "as 1");
    assert_eq!(outcome(&policy, "4"), "session_revoked", "enabled again");
    assert_eq!(several.asked(), [] as [&str; 0]);
}

#[test]
fn a_change_elsewhere_counts_at_once_and_without_a_reload() {
    let (policy, several) = world();
    let erin = || user("5", "erin", &["admin"]);
    let with = |change: fn(&mut User)| {
        let mut erin = erin();
        change(&mut erin);
        vec![erin]
    };
    for (name, users, expected) in [
        ("as before", vec![erin()], "as 5"),
        (
            "less",
            with(|erin| erin.identity.roles.clear()),
            "forbidden",
        ),
        ("more", vec![erin()], "as 5"),
        (
            "disabled",
            with(|erin| erin.disabled = true),
            "session_revoked",
        ),
        ("enabled", vec![erin()], "as 5"),
        (
            "signed out",
            with(|erin| erin.token_version = 1),
            "session_revoked",
        ),
        ("removed", vec![], "session_revoked"),
    ] {
        several.become_others(&policy, users);
        for visit in 1..=2 {
            let seen = outcome(&policy, "5");
            assert_eq!(seen, expected, "{name}, visit {visit}");
        }
    }
}

#[test]
fn a_token_of_a_user_of_elsewhere_is_verified_once() {
    let (policy, several) = world();
    let token = token("5", "0.hash");
    let session = || match AccessTokenState::judge(&policy, token.as_bytes(), NOW) {
        AccessTokenState::Live(session) => session,
        other => panic!("{other:?}"),
    };
    let first = session();
    assert!(Arc::ptr_eq(&first, &session()), "verified on each request");
    several.become_others(&policy, vec![user("5", "erin", &[])]);
    let changed = session();
    assert!(!Arc::ptr_eq(&first, &changed));
    assert!(changed.principal.user.identity.roles.is_empty());
}

/// So far: a name that was typed is looked for in the file alone.
#[test]
fn who_is_of_elsewhere_cannot_sign_in_with_a_password() {
    let (policy, _several) = world();
    let flow = LoginFlow::begin(&policy, &Username::canonical("erin"));
    let failure = flow.advance(Proof::Password(Checked::Right)).unwrap_err();
    assert_eq!(failure, LoginFailure::UnknownUser);
    assert_eq!(Denial::from(failure), Denial::BadCredentials);
}
