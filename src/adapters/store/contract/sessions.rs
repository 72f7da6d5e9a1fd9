//! Sessions: kept whole, compared whole, listed in order, forgotten in time.

use std::time::Duration;

use super::{at, id, live, open, record, renewed, stored};
use crate::auth::ports::Store;
use crate::auth::revocation::RevocationScope;
use crate::auth::stored::{MAX_AGENT, StoredSession};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;

pub(super) async fn hold<S: Store>(fresh: &mut impl AsyncFnMut() -> S) {
    keeps_every_field(&fresh().await).await;
    replaces_what_is_kept(&fresh().await).await;
    replaces_nothing_else(&fresh().await).await;
    lists_the_oldest_first(&fresh().await).await;
    leaves_out_what_is_over(&fresh().await).await;
    sweeps_exactly_at_the_end(&fresh().await).await;
    sweeps_by_the_last_renewal(&fresh().await).await;
}

/// Odd ones, each in another field.
fn odd(session: &StoredSession) -> Vec<StoredSession> {
    let with = |change: fn(&mut StoredSession)| {
        let mut odd = session.clone();
        change(&mut odd);
        odd
    };
    vec![
        with(|s| s.version = "12.\"\\\u{1F980}\n".into()),
        with(|s| s.version = String::new()),
        with(|s| s.idle = Duration::from_nanos(1_000_000_007)),
        with(|s| s.idle = Duration::MAX),
        with(|s| s.ends = Timestamp::from_millis(u64::MAX)),
        // Above 2^53, where a double cannot tell neighbours apart.
        with(|s| s.generation = u64::MAX - 1),
        with(|s| s.renewed = at(1)),
        with(|s| s.seen = Some(s.renewed)),
        with(|s| s.token_until = Timestamp::from_millis(u64::MAX)),
        with(|s| s.client = "2001:db8::ffff".parse().unwrap()),
        with(|s| s.client = "::ffff:192.0.2.1".parse().unwrap()),
        with(|s| s.agent = String::new()),
        with(|s| s.agent = "x".repeat(MAX_AGENT)),
        with(|s| s.agent = "\"\\'; DROP {} [] %00".into()),
    ]
}

async fn keeps_every_field(store: &dyn Store) {
    let mut kept = 0;
    let long = "x".repeat(300);
    for user in ["1", "", "zoë", "a:b c\"\\\n", "a\0", "{a}*", long.as_str()] {
        for session in odd(&stored(user, 0, 0)) {
            kept += 1;
            let session = StoredSession {
                id: id(0, kept),
                ..session
            };
            open(store, &session).await;
            let found = store.find(session.id).await.unwrap();
            assert_eq!(found.as_ref(), Some(&session));
        }
        let of_user = store.sessions(Some(&UserId::new(user)), 99, at(1)).await;
        assert_eq!(of_user.unwrap().len(), 14, "{user:?}");
    }
    assert_eq!(store.count().await.unwrap(), u64::from(kept));
    assert_eq!(live(store, 0).await, []);
}

async fn replaces_what_is_kept(store: &dyn Store) {
    let (mut current, other) = (stored("1", 0, 1), stored("1", 0, 2));
    open(store, &current).await;
    open(store, &other).await;
    let mut steps = odd(&current);
    steps.push(renewed(&current, 200));
    for next in steps {
        assert!(store.replace(&current, &next).await.unwrap(), "{next:?}");
        let found = store.find(next.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&next));
        current = next;
    }
    // To itself: nothing changes, and that is no failure.
    assert!(store.replace(&current, &current).await.unwrap());
    assert_eq!(store.find(other.id).await.unwrap().as_ref(), Some(&other));
    let of_user = store.sessions(Some(&other.user), 9, at(1)).await.unwrap();
    assert_eq!(of_user, [current, other], "the place in the list");
    assert_eq!(store.count().await.unwrap(), 2);
}

async fn replaces_nothing_else(store: &dyn Store) {
    let kept = stored("1", 0, 1);
    let next = renewed(&kept, 100);
    let absent = store.replace(&kept, &next).await.unwrap();
    assert!(!absent, "a session out of nothing");
    assert_eq!(store.find(kept.id).await.unwrap(), None);
    assert_eq!(store.count().await.unwrap(), 0);

    open(store, &kept).await;
    for different in odd(&kept) {
        let replaced = store.replace(&different, &next).await.unwrap();
        assert!(!replaced, "taken for what is kept: {different:?}");
        let found = store.find(kept.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&kept), "changed all the same");
    }
    assert!(store.replace(&kept, &next).await.unwrap());
    let again = store.replace(&kept, &next).await.unwrap();
    assert!(!again, "one token was worth two rotations");
}

async fn lists_the_oldest_first(store: &dyn Store) {
    // Opened in no order; the last one of another user in between.
    for (user, created) in [("1", 30), ("1", 10), ("2", 20), ("1", 40), ("1", 5)] {
        open(store, &stored(user, created, 1)).await;
    }
    let user = UserId::new("1");
    for (most, expected) in [
        (0, vec![]),
        (1, vec![5]),
        (3, vec![5, 10, 30]),
        (4, vec![5, 10, 30, 40]),
        (usize::MAX, vec![5, 10, 30, 40]),
    ] {
        let listed = store.sessions(Some(&user), most, at(50)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|n| stored("1", n, 1)).collect();
        assert_eq!(listed, expected, "at most {most}");
    }
    for (most, expected) in [(0, 0), (1, 1), (4, 4), (5, 5), (usize::MAX, 5)] {
        let listed = store.sessions(None, most, at(50)).await.unwrap();
        assert_eq!(listed.len(), expected, "at most {most}");
    }
    let nobody = UserId::new("3");
    assert_eq!(store.sessions(Some(&nobody), 9, at(50)).await.unwrap(), []);
}

async fn leaves_out_what_is_over(store: &dyn Store) {
    // The first two end at 1000 and 1010, the third is young.
    for created in [0, 10, 900] {
        open(store, &stored("1", created, 1)).await;
    }
    let user = UserId::new("1");
    for (now, expected) in [(999, 3), (1000, 2), (1010, 1), (1899, 1), (1900, 0)] {
        for whose in [Some(&user), None] {
            let listed = store.sessions(whose, 9, at(now)).await.unwrap();
            assert_eq!(listed.len(), expected, "{whose:?} at {now}");
        }
    }
    // What is left out takes nobody's place.
    for whose in [Some(&user), None] {
        let listed = store.sessions(whose, 1, at(1500)).await.unwrap();
        assert_eq!(listed, [stored("1", 900, 1)]);
    }
}

async fn sweeps_exactly_at_the_end(store: &dyn Store) {
    let absolute = StoredSession {
        ends: at(700),
        ..stored("2", 0, 2)
    };
    let remembered = StoredSession {
        idle: Duration::from_millis(5000),
        ..stored("2", 0, 3)
    };
    for session in [&stored("1", 0, 1), &absolute, &remembered] {
        open(store, session).await;
    }
    let dead = record(RevocationScope::Everybody, 0, 800);
    // Of a time before them all.
    let dead = crate::auth::revocation::Revocation {
        at: Timestamp::EPOCH,
        ..dead
    };
    store.revoke(&dead).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 3);
    for (now, swept, left) in [
        (699, 0, 3),
        (700, 1, 2),
        (700, 0, 2),
        (999, 1, 2),
        (1000, 1, 1),
        (4999, 0, 1),
        (5000, 1, 0),
    ] {
        assert_eq!(store.sweep(at(now)).await.unwrap(), swept, "at {now}");
        assert_eq!(store.count().await.unwrap(), left, "at {now}");
    }
    for session in [&stored("1", 0, 1), &absolute, &remembered] {
        assert_eq!(store.find(session.id).await.unwrap(), None);
        let of_user = store.sessions(Some(&session.user), 9, at(0)).await;
        assert_eq!(of_user.unwrap(), []);
    }
    assert_eq!(
        live(store, 0).await,
        [],
        "a session that ran out needs no record"
    );
}

async fn sweeps_by_the_last_renewal(store: &dyn Store) {
    let (login, other) = (stored("1", 0, 1), stored("1", 0, 2));
    open(store, &login).await;
    open(store, &other).await;
    let renewed = renewed(&login, 800);
    assert!(store.replace(&login, &renewed).await.unwrap());
    assert_eq!(store.sweep(at(1799)).await.unwrap(), 1);
    let found = store.find(login.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&renewed), "renewed, and swept as idle");
    assert_eq!(store.sweep(at(1800)).await.unwrap(), 1);
    // Ended and forgotten: nothing is left of it for a sweep.
    let ended = stored("1", 0, 3);
    open(store, &ended).await;
    let reach = RevocationScope::Session(ended.id);
    store.revoke(&record(reach, 10, 100)).await.unwrap();
    assert_eq!(store.sweep(at(9000)).await.unwrap(), 1, "only the record");
    assert_eq!(store.count().await.unwrap(), 0);
}
