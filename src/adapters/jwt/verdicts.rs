//! What a token amounts to, with real keys and the real revocations: the same whether it was
//! seen before or not.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::Keyring;
use crate::adapters::jwt::algorithm::Algorithm;
use crate::adapters::store::replica::RevocationIndex;
use crate::auth::claims::Claims;
use crate::auth::directory::User;
use crate::auth::policy::{Policy, principals};
use crate::auth::ports::Tokens;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::test_support::{NOW, policy_with, user};
use crate::auth::verified::TokenCache;
use crate::auth::visitor::AccessTokenState;
use crate::domain::id::{SessionId, UserId};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

const STALE: Duration = Duration::from_secs(120);

fn ring(keys: &[u8]) -> Arc<Keyring> {
    let secrets: Vec<_> = keys.iter().map(|key| Secret::new([*key; 32])).collect();
    Arc::new(Keyring::new(Algorithm::Hs256, &secrets).unwrap())
}

fn bob() -> User {
    user("1002", "bob", &["staff"])
}

/// The settings that a reload may find: keys, users, issuer, and how stale is too stale.
fn policy(variant: usize, revoked: &Arc<RevocationIndex>, verified: TokenCache) -> Policy {
    let mut users = vec![user("1001", "alice", &["admin"]), bob()];
    let mut keys: &[u8] = &[1, 2];
    let mut issuer = "doorward";
    let mut stale = None;
    match variant {
        1 => users.truncate(1),
        2 => users[1].token_version = 1,
        3 => users[1].disabled = true,
        4 => keys = &[2, 1],
        5 => keys = &[2],
        6 => issuer = "another",
        7 => stale = Some(STALE),
        8 => users[1].identity.roles.clear(),
        _ => {}
    }
    let tokens = ring(keys);
    policy_with(users, |policy| {
        let names = &policy.identity_headers;
        policy.principals = Arc::new(principals(&policy.directory, tokens.as_ref(), names));
        policy.users = policy.principals.clone();
        policy.tokens = tokens;
        policy.issuer = issuer.into();
        policy.session.refuse_when_stale = stale;
        policy.revoked = Arc::clone(revoked) as Arc<_>;
        policy.verified = verified;
    })
}

const VARIANTS: usize = 9;

fn at(from_now: i64) -> Timestamp {
    Timestamp::from_secs(NOW.secs().checked_add_signed(from_now).unwrap())
}

fn session(number: u8) -> SessionId {
    SessionId::new(at(-100), [number; 10])
}

/// A token of `user`, signed by the first of `keys`, good from `begin` to `end`.
fn token(keys: &[u8], user: &User, number: u8, begin: i64, end: i64) -> Vec<u8> {
    let ring = ring(keys);
    let claims = Claims {
        iss: "doorward".into(),
        aud: "doorward".into(),
        sub: user.identity.id.to_string(),
        name: "B".into(),
        roles: vec![],
        iat: at(begin).secs(),
        nbf: at(begin).secs(),
        exp: at(end).secs(),
        jti: "j".into(),
        sid: session(number).to_string(),
        generation: 0,
        ver: ring.version(user, 0).unwrap(),
    };
    ring.sign(&claims).unwrap().into_bytes()
}

fn good() -> Vec<u8> {
    token(&[1], &bob(), 1, -10, 890)
}

fn pool() -> Vec<Vec<u8>> {
    let raised = User {
        token_version: 1,
        ..bob()
    };
    vec![
        good(),
        token(&[1], &user("1001", "alice", &[]), 2, -10, 100),
        token(&[2], &bob(), 3, -60, 300),
        token(&[1], &raised, 4, -10, 890),
        token(&[1], &user("1003", "carol", &[]), 5, -10, 890),
        token(&[3], &bob(), 1, -10, 890),
        token(&[1], &bob(), 6, 60, 400),
        token(&[1], &bob(), 7, -90, -30),
        token(&[1], &bob(), 8, 50, 50),
        b"x".to_vec(),
    ]
}

fn revocation(reach: RevocationScope) -> Revocation {
    Revocation {
        reach,
        at: at(0),
        until: at(10_000),
    }
}

fn name(presented: &AccessTokenState) -> String {
    format!("{presented:?}")
        .split([' ', '('])
        .next()
        .unwrap()
        .to_owned()
}

#[derive(Clone, Debug)]
enum Step {
    /// A token of the pool; twice, so that the second is from the cache if any is.
    Present(usize),
    /// One that differs from it in a byte.
    Altered(usize, prop::sample::Index, u8),
    Clock(i64),
    Revoke(RevocationScope),
    Heard,
    Settings(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let reach = prop_oneof![
        4 => (1..9_u8).prop_map(|number| RevocationScope::Session(session(number))),
        1 => Just(RevocationScope::User(UserId::new("1002"))),
        1 => Just(RevocationScope::Everybody),
    ];
    prop_oneof![
        8 => (0..10_usize).prop_map(Step::Present),
        2 => (0..10_usize, any::<prop::sample::Index>(), 1_u8..=255)
            .prop_map(|(token, place, flip)| Step::Altered(token, place, flip)),
        2 => (-200_i64..1_000).prop_map(Step::Clock),
        1 => reach.prop_map(Step::Revoke),
        1 => Just(Step::Heard),
        1 => (0..VARIANTS).prop_map(Step::Settings),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_verdict_does_not_depend_on_what_was_seen_before(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let pool = pool();
        let revoked = Arc::new(RevocationIndex::new());
        let both = |variant| {
            let with = policy(variant, &revoked, TokenCache::default());
            (with, policy(variant, &revoked, TokenCache::new(0)))
        };
        let (mut with, mut without) = both(0);
        let mut now = NOW;
        for step in steps {
            let token = match step {
                Step::Present(token) => pool[token].clone(),
                Step::Altered(token, place, flip) => {
                    let mut token = pool[token].clone();
                    let place = place.index(token.len());
                    token[place] ^= flip;
                    token
                }
                Step::Clock(from_now) => {
                    now = at(from_now);
                    continue;
                }
                Step::Revoke(reach) => {
                    revoked.apply(&revocation(reach));
                    continue;
                }
                Step::Heard => {
                    revoked.mark_synced(now);
                    continue;
                }
                Step::Settings(variant) => {
                    (with, without) = both(variant);
                    continue;
                }
            };
            let expected = format!("{:?}", AccessTokenState::judge(&without, &token, now));
            prop_assert_eq!(without.verified.len(), 0);
            for _ in 0..2 {
                let found = format!("{:?}", AccessTokenState::judge(&with, &token, now));
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}

/// A policy that has seen the token.
fn seen(token: &[u8], revoked: &Arc<RevocationIndex>) -> Policy {
    let policy = policy(7, revoked, TokenCache::default());
    assert_eq!(name(&AccessTokenState::judge(&policy, token, NOW)), "Live");
    assert_eq!(policy.verified.len(), 1, "it was not kept");
    policy
}

#[test]
fn what_ends_a_session_ends_it_also_where_its_token_was_seen() {
    let token = good();
    for reach in [
        RevocationScope::Session(session(1)),
        RevocationScope::User(UserId::new("1002")),
        RevocationScope::Everybody,
    ] {
        let revoked = Arc::new(RevocationIndex::new());
        let policy = seen(&token, &revoked);
        revoked.apply(&revocation(reach.clone()));
        let verdict = AccessTokenState::judge(&policy, &token, NOW);
        assert_eq!(name(&verdict), "Revoked", "{reach:?}");
    }
}

#[test]
fn the_dates_of_a_token_that_was_seen_are_looked_at_again() {
    let token = good();
    let policy = seen(&token, &Arc::new(RevocationIndex::new()));
    for (from_now, expected) in [
        (889, "Live"),
        (890, "Expired"),
        (100_000, "Expired"),
        // The clock was set back, before what `iat` and `nbf` and the leeway allow.
        (-15, "Live"),
        (-16, "Invalid"),
        (0, "Live"),
    ] {
        let verdict = AccessTokenState::judge(&policy, &token, at(from_now));
        assert_eq!(name(&verdict), expected, "{from_now} s from now");
    }
}

#[test]
fn silence_of_the_store_counts_for_a_token_that_was_seen() {
    let token = good();
    let revoked = Arc::new(RevocationIndex::new());
    revoked.mark_synced(NOW);
    let policy = seen(&token, &revoked);
    let later = NOW.after(STALE + Duration::from_secs(1));
    let verdict = AccessTokenState::judge(&policy, &token, later);
    assert_eq!(name(&verdict), "Unverifiable");
}

#[test]
fn one_byte_of_difference_from_a_token_that_was_seen_is_another_token() {
    let token = good();
    let policy = seen(&token, &Arc::new(RevocationIndex::new()));
    for place in 0..token.len() {
        let mut altered = token.clone();
        altered[place] ^= 1;
        let verdict = AccessTokenState::judge(&policy, &altered, NOW);
        assert_eq!(name(&verdict), "Invalid", "byte {place}");
    }
    let longer = [&token[..], b"A"].concat();
    for other in [&token[1..], &token[..token.len() - 1], &longer] {
        assert_eq!(
            name(&AccessTokenState::judge(&policy, other, NOW)),
            "Invalid"
        );
    }
    assert_eq!(policy.verified.len(), 1, "a forged token was kept");
}

#[test]
fn another_policy_has_seen_nothing() {
    let token = good();
    let revoked = Arc::new(RevocationIndex::new());
    for (variant, expected) in [
        (1, "Revoked"),
        (2, "Revoked"),
        (3, "Revoked"),
        (4, "Live"),
        (5, "Invalid"),
        (6, "Invalid"),
        (8, "Live"),
    ] {
        let old = seen(&token, &revoked);
        let fresh = policy(variant, &revoked, TokenCache::default());
        assert_eq!(
            name(&AccessTokenState::judge(&fresh, &token, NOW)),
            expected
        );
        // Not even one that inherits the cache believes it.
        let mut heir = policy(variant, &revoked, TokenCache::default());
        heir.verified = old.verified;
        assert_eq!(name(&AccessTokenState::judge(&heir, &token, NOW)), expected);
    }
}
