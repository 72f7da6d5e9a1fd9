//! Calls at the same time: each is atomic.

use std::sync::Arc;

use super::{at, id, live, open, record, renewed, stored};
use crate::auth::ports::Store;
use crate::auth::revocation::RevocationScope;
use crate::auth::stored::StoredSession;
use crate::domain::id::UserId;

pub(super) async fn hold<S: Store + 'static>(mut fresh: impl AsyncFnMut() -> Arc<S>) {
    one_rotation_wins(fresh().await).await;
    no_rotation_brings_back(fresh().await).await;
    the_limit_holds(fresh().await).await;
}

async fn one_rotation_wins<S: Store + 'static>(store: Arc<S>) {
    let mut current = stored("1", 0, 1);
    open(store.as_ref(), &current).await;
    for round in 0..5 {
        let tasks: Vec<_> = (0..50)
            .map(|tab| {
                let (store, old) = (Arc::clone(&store), current.clone());
                let new = StoredSession {
                    agent: format!("tab {tab}"),
                    ..renewed(&old, round)
                };
                tokio::spawn(async move {
                    let won = store.replace(&old, &new).await.unwrap();
                    won.then_some(new)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            winners.extend(task.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "one token, {} successors", winners.len());
        let kept = store.find(current.id).await.unwrap();
        assert_eq!(kept.as_ref(), winners.first());
        current = winners.remove(0);
    }
}

async fn no_rotation_brings_back<S: Store + 'static>(store: Arc<S>) {
    for number in 0..30_u8 {
        let first = stored("1", 0, number);
        open(store.as_ref(), &first).await;
        let rotating = {
            let (store, mut current) = (Arc::clone(&store), first.clone());
            tokio::spawn(async move {
                loop {
                    let next = renewed(&current, 1);
                    if !store.replace(&current, &next).await.unwrap() {
                        return;
                    }
                    current = next;
                }
            })
        };
        let reach = match number % 3 {
            0 => RevocationScope::Session(first.id),
            1 => RevocationScope::User(first.user.clone()),
            _ => RevocationScope::Everybody,
        };
        for _ in 0..number % 5 {
            tokio::task::yield_now().await;
        }
        store.revoke(&record(reach.clone(), 0, 9000)).await.unwrap();
        // The acknowledgement is the promise, whatever the rotation is about.
        assert_eq!(store.find(first.id).await.unwrap(), None, "{reach:?}");
        rotating.await.unwrap();
        assert_eq!(store.find(first.id).await.unwrap(), None, "{reach:?}");
        let of_user = store.sessions(Some(&first.user), 9, at(1)).await;
        assert_eq!(of_user.unwrap(), []);
        assert_eq!(store.count().await.unwrap(), 0);
    }
}

async fn the_limit_holds<S: Store + 'static>(store: Arc<S>) {
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            let session = stored("1", n, 1);
            tokio::spawn(async move { store.open(&session, Some(3), at(20)).await })
        })
        .collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.extend(task.await.unwrap().unwrap());
    }
    let user = UserId::new("1");
    let left = store.sessions(Some(&user), 99, at(20)).await.unwrap();
    assert_eq!(left.len(), 3, "logins at the same time got past the limit");
    assert_eq!(ended.len(), 17);
    assert_eq!(live(store.as_ref(), 20).await.len(), 17, "each ended once");
    for n in 0..20 {
        let kept = left.iter().any(|session| session.id == id(n, 1));
        let told = ended
            .iter()
            .any(|e| e.reach == RevocationScope::Session(id(n, 1)));
        assert!(
            kept != told,
            "session {n}: kept {kept}, told as ended {told}"
        );
    }
}
