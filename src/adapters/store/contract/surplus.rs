//! The limit on a user's sessions: the oldest end, as if they had been revoked.

use super::{at, id, live, open, record, renewed, sorted, stored};
use crate::auth::ports::Store;
use crate::auth::revocation::RevocationScope;
use crate::domain::id::UserId;

pub(super) async fn hold<S: Store>(fresh: &mut impl AsyncFnMut() -> S) {
    ends_the_oldest(&fresh().await).await;
    counts_only_the_users_own_living(&fresh().await).await;
    keeps_the_new_one(&fresh().await).await;
}

async fn ends_the_oldest(store: &dyn Store) {
    // In no order, and the limit is lowered later.
    for created in [20, 10, 30] {
        let session = stored("1", created, 1);
        let ended = store.open(&session, Some(3), at(30)).await.unwrap();
        assert_eq!(ended, [], "{created}: the limit itself is allowed");
    }
    let oldest = stored("1", 10, 1);
    let renewed = renewed(&oldest, 35);
    assert!(store.replace(&oldest, &renewed).await.unwrap());

    let fourth = stored("1", 40, 1);
    let ended = store.open(&fourth, Some(3), at(40)).await.unwrap();
    // The oldest by creation, however lately renewed; its tokens end at 335.
    let first = record(RevocationScope::Session(oldest.id), 40, 335);
    assert_eq!(ended, std::slice::from_ref(&first));
    assert_eq!(live(store, 40).await, ended);
    assert_eq!(store.find(oldest.id).await.unwrap(), None);

    let fifth = stored("1", 50, 1);
    let ended = store.open(&fifth, Some(2), at(50)).await.unwrap();
    let more = [20, 30].map(|n| record(RevocationScope::Session(id(n, 1)), 50, n + 300));
    assert_eq!(sorted(ended), more);
    assert_eq!(
        live(store, 50).await,
        sorted([&[first], &more[..]].concat())
    );
    let left = store.sessions(Some(&fifth.user), 9, at(50)).await.unwrap();
    assert_eq!(left, [fourth, fifth]);
    assert_eq!(store.count().await.unwrap(), 2);
}

async fn counts_only_the_users_own_living(store: &dyn Store) {
    // Of "a": one is over at 1500, one lives. The rest belongs to others.
    let others = [("", 2), ("ab", 3), ("A", 4)];
    open(store, &stored("a", 0, 1)).await;
    open(store, &stored("a", 1000, 1)).await;
    for (user, number) in others {
        open(store, &stored(user, 1000, number)).await;
    }
    let new = stored("a", 1500, 1);
    let ended = store.open(&new, Some(2), at(1500)).await.unwrap();
    assert_eq!(ended, [], "a session that is over was counted");
    let newer = stored("a", 1501, 1);
    let ended = store.open(&newer, Some(2), at(1501)).await.unwrap();
    assert_eq!(
        ended,
        [record(RevocationScope::Session(id(1000, 1)), 1501, 1300)]
    );
    for (other, _) in others {
        let of_other = store.sessions(Some(&UserId::new(other)), 9, at(1501)).await;
        assert_eq!(of_other.unwrap().len(), 1, "{other:?}");
    }
}

/// Even if a clock that was set back makes it the oldest, or nothing is allowed.
async fn keeps_the_new_one(store: &dyn Store) {
    open(store, &stored("1", 500, 1)).await;
    for (created, most) in [(100, 1), (50, 0)] {
        let new = stored("1", created, 1);
        let ended = store.open(&new, Some(most), at(500)).await.unwrap();
        assert_eq!(ended.len(), 1);
        let left = store.sessions(Some(&new.user), 9, at(500)).await.unwrap();
        assert_eq!(left, [new]);
    }
    assert_eq!(store.count().await.unwrap(), 1);
}
