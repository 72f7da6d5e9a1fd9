//! Against a real Redis: what the suite of all stores cannot ask.

use std::cell::Cell;
use std::time::Duration;

use redis::cmd;

use super::server::Server;
use super::{CHUNK, Redis};
use crate::adapters::store::contract::{self, at, record, stored};
use crate::auth::ports::{Store, StoreError};
use crate::auth::revocation::RevocationScope;
use crate::auth::stored::StoredSession;
use crate::domain::id::{SessionId, UserId};

#[tokio::test]
async fn keeps_the_contract() {
    let Some(server) = Server::start().await else {
        return;
    };
    let number = Cell::new(0);
    contract::holds(async || {
        number.set(number.get() + 1);
        server.store(&format!("{}:", number.get()))
    })
    .await;
}

/// Opens as many sessions of one user, all created at 0.
async fn open_many(store: &Redis, count: usize) -> Vec<StoredSession> {
    let mut all = Vec::new();
    for number in 0..count {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&number.to_be_bytes());
        let mut session = stored("1", 0, 1);
        session.id = SessionId::new(at(0), random);
        contract::open(store, &session).await;
        all.push(session);
    }
    all
}

#[tokio::test]
async fn a_cut_off_reaches_more_sessions_than_one_script_deletes() {
    let Some(server) = Server::start().await else {
        return;
    };
    for reach in [
        RevocationScope::User(UserId::new("1")),
        RevocationScope::Everybody,
    ] {
        let store = server.store(&format!("{reach:?}:"));
        open_many(&store, 2 * CHUNK + 7).await;
        let later = stored("1", 6, 9);
        contract::open(&store, &later).await;
        store.revoke(&record(reach, 5, 900)).await.unwrap();
        assert_eq!(store.count().await.unwrap(), 1);
        let left = store.sessions(None, 9, at(10)).await.unwrap();
        assert_eq!(left, [later]);
    }
}

#[tokio::test]
async fn a_deletion_that_was_interrupted_goes_on_and_shows_nothing_meanwhile() {
    let Some(server) = Server::start().await else {
        return;
    };
    for (cut, user) in [("e", None), ("u1", Some(UserId::new("1")))] {
        let prefix = format!("{cut}:");
        let store = server.store(&prefix);
        let all = open_many(&store, 3).await;
        // What a gateway leaves that ends between two scripts.
        let cuts = format!("{prefix}cuts");
        let time = super::wire::time(at(5));
        let () = server.ask(cmd("HSET").arg(cuts).arg(cut).arg(time)).await;
        for session in &all {
            assert_eq!(store.find(session.id).await.unwrap(), None);
            let renewed = contract::renewed(session, 10);
            assert!(!store.replace(session, &renewed).await.unwrap());
        }
        let listed = store.sessions(user.as_ref(), 9, at(10)).await.unwrap();
        assert_eq!(listed, []);
        let ended = store.open(&stored("1", 6, 9), Some(1), at(10)).await;
        assert_eq!(ended.unwrap(), [], "ended twice");
        assert_eq!(store.count().await.unwrap(), 4);
        store.sweep(at(10)).await.unwrap();
        assert_eq!(store.count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn redis_forgets_sessions_by_itself_but_not_before_their_end() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    let session = stored("1", 0, 1);
    contract::open(&store, &session).await;
    let hour = 3_600_000;
    let check = async |least: i64| {
        for key in [format!("x:s:{}", session.id), "x:u:1".to_owned()] {
            let left: i64 = server.ask(cmd("PTTL").arg(&key)).await;
            assert!((least - 60_000..=least).contains(&left), "{key}: {left}");
        }
    };
    check(1000 + hour).await;
    let longer = StoredSession {
        idle: Duration::from_secs(7200),
        ends: at(7_200_000),
        ..session.clone()
    };
    assert!(store.replace(&session, &longer).await.unwrap());
    check(7_200_000 + hour).await;
}

#[tokio::test]
async fn after_a_loss_the_end_of_tokens_is_not_believed() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    for (number, is_lost, until) in [(1, false, 300), (2, true, 900)] {
        let session = stored("1", 0, number);
        contract::open(&store, &session).await;
        if is_lost {
            let () = server.ask(cmd("SET").arg("x:lost").arg("1")).await;
        }
        let revocation = record(RevocationScope::Session(session.id), 10, 900);
        let kept = store.revoke(&revocation).await.unwrap();
        assert_eq!(kept.until, at(until), "a token outlives its revocation");
    }
}

#[tokio::test]
async fn the_log_is_trimmed_to_an_hour_and_never_empty() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    // Only whole nodes are trimmed.
    let mut small = cmd("CONFIG");
    small.arg(&["SET", "stream-node-max-entries", "1"]);
    let () = server.ask(&small).await;
    let length = async || server.ask::<usize>(cmd("XLEN").arg("x:log")).await;
    store.sweep(at(0)).await.unwrap();
    for id in ["1000-0", "2000-0", "2000-1"] {
        let mut add = cmd("XADD");
        add.arg("x:log").arg(id).arg("reach").arg("e");
        let _: String = server.ask(&add).await;
    }
    store.sweep(at(0)).await.unwrap();
    assert_eq!(length().await, 1, "an empty log looks like a loss");
    store
        .revoke(&record(RevocationScope::Everybody, 1, 9))
        .await
        .unwrap();
    store
        .revoke(&record(RevocationScope::Everybody, 2, 9))
        .await
        .unwrap();
    store.sweep(at(0)).await.unwrap();
    assert_eq!(length().await, 2, "what is fresh is trimmed");
}

#[tokio::test]
async fn what_cannot_be_read_is_damage_and_no_missing_session() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    let session = stored("1", 0, 1);
    contract::open(&store, &session).await;
    let key = format!("x:s:{}", session.id);
    let () = server
        .ask(cmd("HSET").arg(key).arg("record").arg("{}"))
        .await;
    let () = server
        .ask(cmd("HSET").arg("x:live").arg("?").arg("1 2"))
        .await;
    let damaged = |e| matches!(e, StoreError::Damaged { .. });
    assert!(damaged(store.find(session.id).await.unwrap_err()));
    assert!(damaged(store.sessions(None, 9, at(1)).await.unwrap_err()));
    assert!(damaged(store.live(at(1)).await.unwrap_err()));
}

/// Redis compares bytes, and another version may write the same session in other ones.
#[tokio::test]
async fn a_record_of_the_future_is_renewed_whole() {
    let Some(server) = Server::start().await else {
        return;
    };
    let store = server.store("x:");
    let login = stored("1", 0, 1);
    contract::open(&store, &login).await;
    let key = format!("x:s:{}", login.id);
    let record = async || {
        server
            .ask::<String>(cmd("HGET").arg(&key).arg("record"))
            .await
    };
    let ours = record().await;
    for (name, new, critical) in [
        ("a new field", r#""amr": [ "pwd" ]"#, false),
        ("a critical one", r#""bound": 1, "crit": ["bound"]"#, true),
    ] {
        let future = ours.replacen(r#"{"v":1"#, &format!(r#"{{ {new} , "v": 2"#), 1);
        let mut set = cmd("HSET");
        set.arg(&key).arg("record").arg(&future);
        let () = server.ask(&set).await;
        let found = store.find(login.id).await.unwrap().unwrap();
        let next = contract::renewed(&found, 10);
        let other = contract::renewed(&login, 10);
        assert!(!store.replace(&login, &other).await.unwrap(), "{name}");
        assert_eq!(record().await, future, "{name}");
        match store.replace(&found, &next).await {
            Ok(true) if !critical => {
                let text = record().await;
                assert!(text.ends_with(r#","amr":[ "pwd" ]}"#), "{text}");
                let again = store.replace(&found, &next).await.unwrap();
                assert!(!again, "one token was worth two rotations");
                assert_eq!(store.find(login.id).await.unwrap(), Some(next));
            }
            Err(StoreError::Newer { .. }) if critical => {
                assert_eq!(record().await, future, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_fits_is_accepted() {
    let Some(server) = Server::start().await else {
        return;
    };
    server.store("x:").check().await.unwrap();
}
