//! Revocations: what they reach, how long they are remembered, how two become one.

use super::{at, id, live, open, record, renewed, session, sorted, stored, user};
use crate::auth::ports::Store;
use crate::auth::revocation::RevocationScope;

pub(super) async fn hold<S: Store>(fresh: &mut impl AsyncFnMut() -> S) {
    keeps_each_reach(&fresh().await).await;
    forgets_exactly_at_the_end(&fresh().await).await;
    merges_to_the_later(&fresh().await).await;
    ends_one_session(&fresh().await).await;
    lasts_as_long_as_the_tokens(&fresh().await).await;
    ends_the_sessions_of_a_user(&fresh().await).await;
    ends_the_sessions_of_everybody(&fresh().await).await;
}

async fn keeps_each_reach(store: &dyn Store) {
    let records = sorted(vec![
        record(session(1), 10, 100),
        record(session(2), 11, 101),
        record(user("1001"), 12, 102),
        record(user("zoë"), 13, 103),
        record(user("e"), 14, 104),
        record(user(""), 15, 105),
        record(user("a:b c\"\\\n"), 16, 106),
        record(user(&"x".repeat(300)), 17, 107),
        record(RevocationScope::Everybody, 18, u64::MAX),
    ]);
    for record in &records {
        assert_eq!(&store.revoke(record).await.unwrap(), record);
    }
    assert_eq!(live(store, 0).await, records);
}

async fn forgets_exactly_at_the_end(store: &dyn Store) {
    let short = record(session(1), 10, 100);
    let long = record(user("1"), 10, 200);
    store.revoke(&short).await.unwrap();
    store.revoke(&long).await.unwrap();
    assert_eq!(live(store, 99).await.len(), 2, "forgotten too early");
    assert_eq!(live(store, 100).await, std::slice::from_ref(&long));
    assert_eq!(store.sweep(at(99)).await.unwrap(), 0);
    assert_eq!(store.sweep(at(100)).await.unwrap(), 1);
    assert_eq!(store.sweep(at(100)).await.unwrap(), 0);
    assert_eq!(live(store, 0).await, [long], "the sweep took a live record");
}

async fn merges_to_the_later(store: &dyn Store) {
    for reach in [session(1), user("1"), RevocationScope::Everybody] {
        let steps = [
            ((20, 100), (20, 100)),
            ((10, 200), (20, 200)),
            ((5, 50), (20, 200)),
        ];
        for ((cut, until), (kept_cut, kept_until)) in steps {
            let kept = store.revoke(&record(reach.clone(), cut, until)).await;
            assert_eq!(
                kept.unwrap(),
                record(reach.clone(), kept_cut, kept_until),
                "the record as kept is what everybody else is told"
            );
        }
    }
    let expected =
        [session(1), user("1"), RevocationScope::Everybody].map(|reach| record(reach, 20, 200));
    assert_eq!(
        live(store, 0).await,
        sorted(expected.to_vec()),
        "a later, weaker record freed a session"
    );
}

/// Whenever it was created: a session is named, not dated.
async fn ends_one_session(store: &dyn Store) {
    let (ended, other) = (stored("1", 50, 1), stored("1", 50, 2));
    open(store, &ended).await;
    open(store, &other).await;
    let reach = RevocationScope::Session(ended.id);
    store.revoke(&record(reach, 10, 100)).await.unwrap();
    assert_eq!(store.find(ended.id).await.unwrap(), None);
    assert_eq!(store.find(other.id).await.unwrap().as_ref(), Some(&other));
    for whose in [None, Some(&ended.user)] {
        let left = store.sessions(whose, 9, at(60)).await.unwrap();
        assert_eq!(left, std::slice::from_ref(&other));
    }
    assert_eq!(store.count().await.unwrap(), 1);
    let back = store.replace(&ended, &renewed(&ended, 60)).await.unwrap();
    assert!(!back, "a renewal brought an ended session back");
    assert_eq!(store.find(ended.id).await.unwrap(), None);
}

async fn lasts_as_long_as_the_tokens(store: &dyn Store) {
    // Of a session that was never there, the caller's word counts.
    let unknown = record(session(9), 10, 9000);
    assert_eq!(store.revoke(&unknown).await.unwrap(), unknown);
    // The tokens of one that was renewed live longer than those of its login.
    for (number, renew, until, expected) in [
        (1, None, 9000, 300),
        (2, Some(200), 9000, 500),
        (3, Some(200), 400, 400),
    ] {
        let session = stored("1", 0, number);
        open(store, &session).await;
        if let Some(now) = renew {
            let renewed = renewed(&session, now);
            assert!(store.replace(&session, &renewed).await.unwrap());
        }
        let reach = RevocationScope::Session(session.id);
        let kept = store.revoke(&record(reach.clone(), 210, until)).await;
        let expected = record(reach, 210, expected);
        assert_eq!(kept.unwrap(), expected, "session {number}");
        assert!(live(store, 0).await.contains(&expected), "{number}");
    }
    assert_eq!(live(store, 500).await, [unknown]);
}

/// Up to the very millisecond, and nobody whose id only looks alike.
async fn ends_the_sessions_of_a_user(store: &dyn Store) {
    let reached = [stored("a", 10, 1), stored("a", 20, 2)];
    let spared = [
        stored("a", 21, 3),
        stored("", 10, 4),
        stored("ab", 10, 5),
        stored("A", 10, 6),
        stored("a\0", 10, 7),
        stored("*", 10, 8),
    ];
    for session in reached.iter().chain(&spared) {
        open(store, session).await;
    }
    let cut = record(user("a"), 20, 9000);
    assert_eq!(
        store.revoke(&cut).await.unwrap(),
        cut,
        "it is nobody's token"
    );
    for session in &reached {
        assert_eq!(store.find(session.id).await.unwrap(), None, "{session:?}");
    }
    for session in &spared {
        let kept = store.find(session.id).await.unwrap();
        assert_eq!(kept.as_ref(), Some(session));
        let of_user = store.sessions(Some(&session.user), 9, at(30)).await;
        assert_eq!(of_user.unwrap(), std::slice::from_ref(session));
    }
    assert_eq!(store.count().await.unwrap(), 6);
    assert_eq!(live(store, 0).await, [cut], "one record, not one a session");
    // A pattern is an id like any other.
    store.revoke(&record(user("*"), 20, 9000)).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 5);
}

async fn ends_the_sessions_of_everybody(store: &dyn Store) {
    let (ended, spared) = ([("a", 10), ("b", 20), ("", 15)], [("a", 21), ("c", 500)]);
    let opened = |(user, created)| stored(user, created, 1);
    for session in ended.map(opened).iter().chain(&spared.map(opened)) {
        open(store, session).await;
    }
    let cut = record(RevocationScope::Everybody, 20, 9000);
    assert_eq!(store.revoke(&cut).await.unwrap(), cut);
    let left = store.sessions(None, 9, at(500)).await.unwrap();
    let mut left: Vec<_> = left.iter().map(|session| session.id).collect();
    left.sort();
    assert_eq!(left, [id(21, 1), id(500, 1)]);
    assert_eq!(store.count().await.unwrap(), 2);
    assert_eq!(live(store, 0).await, [cut]);
}
