//! What every store promises, as one suite. A store's own tests call [`holds`].

use crate::auth::ports::Store;
use crate::auth::revocation::{Reach, Revocation};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn session(number: u8) -> Reach {
    Reach::Session(SessionId::new(at(1_790_000_000_000), [number; 10]))
}

pub(super) fn user(id: &str) -> Reach {
    Reach::User(UserId::new(id))
}

pub(super) fn record(reach: Reach, cut: u64, until: u64) -> Revocation {
    Revocation {
        reach,
        at: at(cut),
        until: at(until),
    }
}

/// Every live record at `now`, in an order that can be compared.
pub(super) async fn live(store: &dyn Store, now: u64) -> Vec<Revocation> {
    sorted(store.live(at(now)).await.unwrap())
}

pub(super) fn sorted(mut records: Vec<Revocation>) -> Vec<Revocation> {
    records.sort_by_key(|record| format!("{record:?}"));
    records
}

/// Runs the suite, each promise on a fresh store.
pub(super) async fn holds<S: Store>(mut fresh: impl FnMut() -> S) {
    begins_empty(&fresh()).await;
    keeps_each_reach(&fresh()).await;
    forgets_exactly_at_the_end(&fresh()).await;
    merges_to_the_later(&fresh()).await;
    remembers_users(&fresh()).await;
}

async fn begins_empty(store: &dyn Store) {
    assert_eq!(live(store, 0).await, []);
    assert_eq!(store.sweep(at(u64::MAX)).await.unwrap(), 0);
    assert_eq!(
        store.known_users().await.unwrap(),
        None,
        "a first start would end the sessions of users who were never known"
    );
}

async fn keeps_each_reach(store: &dyn Store) {
    let records = sorted(vec![
        record(session(1), 10, 100),
        record(session(2), 11, 101),
        record(user("1001"), 12, 102),
        record(user("zoë"), 13, 103),
        record(user("e"), 14, 104),
        record(user(""), 15, 105),
        record(Reach::Everybody, 16, u64::MAX),
    ]);
    for record in &records {
        store.revoke(record).await.unwrap();
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
    for reach in [session(1), user("1"), Reach::Everybody] {
        store.revoke(&record(reach.clone(), 20, 100)).await.unwrap();
        store.revoke(&record(reach.clone(), 10, 200)).await.unwrap();
        store.revoke(&record(reach.clone(), 5, 50)).await.unwrap();
    }
    let expected = [session(1), user("1"), Reach::Everybody].map(|reach| record(reach, 20, 200));
    assert_eq!(
        live(store, 0).await,
        sorted(expected.to_vec()),
        "a later, weaker record freed a session"
    );
}

async fn remembers_users(store: &dyn Store) {
    let saves: [&[(&str, &str)]; 4] = [
        &[("1", "0.a"), ("2", "0.b")],
        &[("2", "1.b"), ("zoë", "0.c")],
        &[],
        &[("1", "0.a")],
    ];
    for save in saves {
        let save: Vec<_> = save
            .iter()
            .map(|(id, version)| (UserId::new(id), (*version).to_owned()))
            .collect();
        store.remember_users(&save).await.unwrap();
        let mut known = store
            .known_users()
            .await
            .unwrap()
            .expect("a save is a save");
        known.sort();
        assert_eq!(known, save, "the last save counts, whole");
    }
    assert_eq!(live(store, 0).await, []);
}
