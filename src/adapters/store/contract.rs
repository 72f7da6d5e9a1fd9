//! What every store promises, as one suite. A store's own tests call [`holds`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::auth::ports::Store;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::{Extra, StoredSession};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

mod model;
pub(super) mod newer;
mod races;
mod revocations;
mod sessions;
mod surplus;

/// The suite's beginning of time, in 2096: a server that expires its keys by a clock of
/// its own must not do so before the suite asks.
const BASE: u64 = 4_000_000_000_000;

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(BASE.saturating_add(millis))
}

/// A session id that was created at `millis`.
pub(super) fn id(millis: u64, number: u8) -> SessionId {
    SessionId::new(at(millis), [number; 10])
}

pub(super) fn session(number: u8) -> RevocationScope {
    RevocationScope::Session(id(0, number))
}

pub(super) fn user(id: &str) -> RevocationScope {
    RevocationScope::User(UserId::new(id))
}

pub(super) fn record(reach: RevocationScope, cut: u64, until: u64) -> Revocation {
    Revocation {
        reach,
        at: at(cut),
        until: at(until),
    }
}

/// A session of `user` that was opened at `created`, ends 1000 ms later if it is not
/// renewed, 5000 ms later in any case, and has tokens for 300 ms.
pub(crate) fn stored(user: &str, created: u64, number: u8) -> StoredSession {
    StoredSession {
        id: id(created, number),
        user: UserId::new(user),
        version: "0.abc".into(),
        idle: Duration::from_millis(1000),
        ends: at(created + 5000),
        generation: 0,
        renewed: at(created),
        seen: None,
        used: None,
        token_until: at(created + 300),
        client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)),
        agent: "Mozilla/5.0".into(),
        extra: Extra::default(),
    }
}

/// The session as a renewal at `now` leaves it.
pub(super) fn renewed(session: &StoredSession, now: u64) -> StoredSession {
    StoredSession {
        generation: session.generation + 1,
        renewed: at(now),
        token_until: at(now + 300),
        ..session.clone()
    }
}

/// Keeps a session, however many there are.
pub(super) async fn open(store: &dyn Store, session: &StoredSession) {
    let ended = store.open(session, None, session.created()).await.unwrap();
    assert_eq!(
        ended,
        [],
        "a login ended sessions though nothing limits them"
    );
}

/// Every live record at `now`, in an order that can be compared.
pub(super) async fn live(store: &dyn Store, now: u64) -> Vec<Revocation> {
    sorted(store.live(at(now)).await.unwrap())
}

pub(super) fn sorted(mut records: Vec<Revocation>) -> Vec<Revocation> {
    records.sort_by_key(|record| format!("{record:?}"));
    records
}

/// Runs the suite, each promise on a fresh store: one without sessions, revocations and
/// known users. Only one is used at a time.
pub(super) async fn holds<S: Store + 'static>(mut fresh: impl AsyncFnMut() -> S) {
    begins_empty(&fresh().await).await;
    remembers_users(&fresh().await).await;
    revocations::hold(&mut fresh).await;
    sessions::hold(&mut fresh).await;
    surplus::hold(&mut fresh).await;
    newer::hold(&mut fresh).await;
    races::hold(async || Arc::new(fresh().await)).await;
    model::agrees(&fresh().await).await;
}

async fn begins_empty(store: &dyn Store) {
    store.ready().await.unwrap();
    assert_eq!(live(store, 0).await, []);
    assert_eq!(store.count().await.unwrap(), 0);
    assert_eq!(store.sessions(None, 10, at(0)).await.unwrap(), []);
    assert_eq!(store.find(id(0, 1)).await.unwrap(), None);
    assert_eq!(store.sweep(at(u64::MAX)).await.unwrap(), 0);
    assert_eq!(
        store.known_users().await.unwrap(),
        None,
        "a first start would end the sessions of users who were never known"
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
