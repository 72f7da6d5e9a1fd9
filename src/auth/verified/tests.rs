//! What enters, what is found, and how much is kept. That a verdict is the same with the
//! cache and without is shown with real keys, beside them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::auth::claims::{Claims, Dates};
use crate::auth::directory::User;
use crate::auth::policy::Policy;
use crate::auth::ports::{DecodedToken, Sealed, SignError, Tokens};
use crate::auth::refresh::RefreshToken;
use crate::auth::test_support::{NOW, PlainTokens, policy_with, user};
use crate::auth::visitor::AccessTokenState as Verdict;
use crate::domain::id::SessionId;

/// Counts what is opened.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Tokens for Counted {
    fn open(&self, token: &[u8]) -> Option<DecodedToken> {
        self.0.fetch_add(1, Ordering::Relaxed);
        PlainTokens.open(token)
    }
    fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        PlainTokens.sign(claims)
    }
    fn version(&self, user: &User, key: usize) -> Option<String> {
        PlainTokens.version(user, key)
    }
    fn seal_refresh(&self, token: &RefreshToken) -> Result<String, SignError> {
        PlainTokens.seal_refresh(token)
    }
    fn open_refresh(&self, token: &[u8]) -> Option<RefreshToken> {
        PlainTokens.open_refresh(token)
    }
    fn csrf_token(&self, session: SessionId) -> Result<String, SignError> {
        PlainTokens.csrf_token(session)
    }
    fn is_csrf_token(&self, session: SessionId, presented: &[u8]) -> bool {
        PlainTokens.is_csrf_token(session, presented)
    }
    fn seal(&self, what: Sealed, text: &[u8]) -> Result<String, SignError> {
        PlainTokens.seal(what, text)
    }
    fn is_sealed(&self, what: Sealed, text: &[u8], seal: &[u8]) -> bool {
        PlainTokens.is_sealed(what, text, seal)
    }
    fn jwks(&self) -> Option<&str> {
        None
    }
}

fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let users = vec![user("1001", "alice", &[]), user("1002", "bob", &[])];
    policy_with(users, change)
}

fn token(sub: &str, number: u64) -> String {
    let created = NOW.before(Duration::from_secs(10));
    let claims = Claims {
        iss: "doorward".into(),
        aud: "doorward".into(),
        sub: sub.into(),
        name: String::new(),
        roles: vec![],
        iat: created.secs(),
        nbf: created.secs(),
        exp: created.secs() + 900,
        jti: number.to_string(),
        sid: SessionId::new(created, [1; 10]).to_string(),
        generation: number,
        ver: "0.hash".into(),
    };
    PlainTokens.sign(&claims).unwrap()
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Absent => "absent",
        Verdict::Live(_) => "live",
        Verdict::Expired { .. } => "expired",
        Verdict::Revoked => "revoked",
        Verdict::Invalid => "invalid",
        Verdict::Unverifiable => "doubtful",
    }
}

#[test]
fn a_token_is_opened_once_and_one_session_serves_all_its_requests() {
    let tokens = Arc::new(Counted::default());
    let policy = policy(|policy| policy.tokens = Arc::clone(&tokens) as Arc<dyn Tokens>);
    let token = token("1001", 1);
    let first = Verdict::judge(&policy, token.as_bytes(), NOW);
    let again = Verdict::judge(&policy, token.as_bytes(), NOW);
    let (Verdict::Live(first), Verdict::Live(again)) = (first, again) else {
        panic!("not live");
    };
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(tokens.0.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_not_live_at_first_sight_does_not_enter() {
    let policy = policy(|_| ());
    let good = token("1001", 1);
    for (world, token, now, expected) in [
        ("altered", good.replacen('7', "6", 1), NOW, "invalid"),
        (
            "expired",
            good.clone(),
            NOW.after(Duration::from_secs(890)),
            "expired",
        ),
        (
            "not yet",
            good.clone(),
            NOW.before(Duration::from_secs(60)),
            "invalid",
        ),
        ("of nobody", token("1003", 1), NOW, "revoked"),
    ] {
        let verdict = Verdict::judge(&policy, token.as_bytes(), now);
        assert_eq!(name(&verdict), expected, "{world}");
        assert_eq!(policy.verified.len(), 0, "{world}: it was kept");
    }
    Verdict::judge(&policy, good.as_bytes(), NOW);
    assert_eq!(policy.verified.len(), 1);
}

#[test]
fn the_bytes_of_all_entries_stay_within_the_capacity() {
    const SMALL: usize = 256 * 1024;
    let policy = policy(|policy| policy.verified = TokenCache::new(SMALL));
    let principal = &policy.principals["1001"];
    let dates = Dates {
        issued: NOW,
        not_before: NOW,
        expires: NOW.after(Duration::from_secs(900)),
    };
    let id = SessionId::new(NOW, [1; 10]);
    let mut presented = Vec::new();
    for length in [100, 500, 4000] {
        for number in 0..3_000u64 {
            let token = format!("{number:0length$}");
            let session = Session::new(principal, id, number, dates);
            policy.verified.keep(token.as_bytes(), &Arc::new(session));
            presented.push(token);
        }
        let kept = |token: &&String| {
            let found = policy
                .verified
                .find(token.as_bytes(), |user| policy.is_of_today(user));
            found.is_some()
        };
        let kept: Vec<usize> = presented.iter().filter(kept).map(String::len).collect();
        let bytes: usize = kept.iter().map(|length| length + OVERHEAD).sum();
        assert!(bytes <= SMALL, "{bytes} with {length} each");
        assert!(kept.contains(&length), "none of {length}");
    }
}

#[test]
fn who_makes_many_tokens_does_not_push_out_those_in_use() {
    let policy = policy(|policy| policy.verified = TokenCache::new(256 * 1024));
    let in_use = token("1002", 0);
    let opened = |token: &str| {
        policy
            .verified
            .find(token.as_bytes(), |user| policy.is_of_today(user))
    };
    Verdict::judge(&policy, in_use.as_bytes(), NOW);
    for number in 0..10_000 {
        let once = token("1001", number);
        assert_eq!(name(&Verdict::judge(&policy, once.as_bytes(), NOW)), "live");
        if number % 50 == 0 {
            assert!(opened(&in_use).is_some(), "pushed out after {number}");
        }
    }
}

#[test]
fn a_session_of_another_policys_user_is_not_found() {
    let old = policy(|_| ());
    let token = token("1001", 1);
    Verdict::judge(&old, token.as_bytes(), NOW);
    let found = |today: &Policy| {
        old.verified
            .find(token.as_bytes(), |user| today.is_of_today(user))
    };
    assert!(found(&old).is_some());
    assert!(found(&policy(|_| ())).is_none(), "built anew");
    let without = policy_with(vec![user("1002", "bob", &[])], |_| ());
    assert!(found(&without).is_none(), "removed");
}
