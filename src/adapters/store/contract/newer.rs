//! Sessions of a newer version: used like any other, and nothing of them is lost; but for
//! those that it says nobody must use who does not know all of them.

use super::{at, id, live, open, record, renewed, session, stored};
use crate::adapters::store::session_record::{decode, encode};
use crate::auth::ports::{Store, StoreError};
use crate::auth::renewal::{note_seen, note_use};
use crate::auth::revocation::RevocationScope;
use crate::auth::stored::StoredSession;
use crate::domain::id::UserId;

/// What a newer version knows beyond this one.
const NEW: &str = r#""amr":["pwd","otp"],"auth_time":1.50e3,"net":{ "as" : null }"#;

pub(super) async fn hold<S: Store>(fresh: &mut impl AsyncFnMut() -> S) {
    loses_nothing_of_the_future(&fresh().await).await;
    leaves_what_is_critical_alone(&fresh().await).await;
    ends_what_it_does_not_know(&fresh().await).await;
}

/// The session as a newer version keeps it, with these fields.
pub(crate) fn of_the_future(ours: &StoredSession, more: &str) -> StoredSession {
    let text = String::from_utf8(encode(ours)).unwrap();
    let text = text.replacen(r#""v":1"#, r#""v":2"#, 1);
    let text = text.strip_suffix('}').unwrap();
    decode(format!("{text},{more}}}").as_bytes()).expect("layout 2 has the fields of layout 1")
}

async fn loses_nothing_of_the_future(store: &dyn Store) {
    let ours = stored("1", 0, 1);
    let mut current = of_the_future(&ours, NEW);
    open(store, &current).await;
    for now in [100, 200, 300] {
        let next = renewed(&current, now);
        let without = renewed(&ours, now);
        assert!(
            !store.replace(&ours, &without).await.unwrap(),
            "taken for a session of this version, and cut down to one"
        );
        assert!(store.replace(&current, &next).await.unwrap());
        current = store.find(ours.id).await.unwrap().unwrap();
        assert_eq!(current, next);
        let text = String::from_utf8(encode(&current)).unwrap();
        assert!(text.starts_with(r#"{"v":2,"#), "{text}");
        assert!(text.ends_with(&format!(",{NEW}}}")), "{text}");
    }
    let listed = store.sessions(Some(&ours.user), 9, at(300)).await.unwrap();
    assert_eq!(listed, [current]);
}

async fn leaves_what_is_critical_alone(store: &dyn Store) {
    let known = r#""crit":["used","agent"]"#;
    let known = of_the_future(&stored("1", 0, 1), known);
    open(store, &known).await;
    let next = renewed(&known, 100);
    assert!(store.replace(&known, &next).await.unwrap(), "all are known");

    let bound = r#""bound":true,"crit":["used","bound"]"#;
    let bound = of_the_future(&stored("1", 0, 2), bound);
    open(store, &bound).await;
    for next in [&renewed(&bound, 100), &bound] {
        match store.replace(&bound, next).await {
            Err(StoreError::Newer { session, fields }) => {
                assert_eq!((session, fields.as_str()), (bound.id, "bound"));
            }
            other => panic!("{other:?}: changed by who does not know what it means"),
        }
    }
    let unseen = of_the_future(&renewed(&stored("1", 0, 3), 50), r#""crit":["bound"]"#);
    open(store, &unseen).await;
    let noted = note_seen(store, unseen.id, 1, at(100)).await.unwrap();
    assert!(noted, "the store has it");
    let noted = note_use(store, unseen.id, at(100)).await.unwrap();
    assert_eq!(noted.as_ref(), Some(&unseen));
    for kept in [&bound, &unseen] {
        let found = store.find(kept.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(kept));
    }
    let listed = store.sessions(None, 9, at(100)).await.unwrap();
    assert_eq!(listed, [next, bound, unseen]);
    assert_eq!(live(store, 0).await, []);
}

async fn ends_what_it_does_not_know(store: &dyn Store) {
    let bound = |user: &str, number| {
        of_the_future(&stored(user, 0, number), r#""bound":true,"crit":["bound"]"#)
    };
    for (user, number) in [("1", 1), ("2", 2), ("3", 3), ("4", 4), ("5", 5)] {
        open(store, &bound(user, number)).await;
    }
    let reach = session(1);
    let kept = store.revoke(&record(reach.clone(), 10, 900)).await.unwrap();
    assert_eq!(kept, record(reach, 10, 300), "the end of its tokens");
    let reach = RevocationScope::User(UserId::new("2"));
    store.revoke(&record(reach, 10, 900)).await.unwrap();
    let surplus = store.open(&stored("3", 20, 9), Some(1), at(20)).await;
    assert_eq!(surplus.unwrap(), [record(session(3), 20, 300)]);
    for number in [1, 2, 3] {
        assert_eq!(store.find(id(0, number)).await.unwrap(), None, "{number}");
    }
    // With the session that was opened beside them.
    assert_eq!(store.sweep(at(1000)).await.unwrap(), 5, "two, and records");
    assert_eq!(store.sessions(None, 9, at(0)).await.unwrap().len(), 1);
    open(store, &bound("4", 4)).await;
    let everybody = record(RevocationScope::Everybody, 10, 900);
    store.revoke(&everybody).await.unwrap();
    assert_eq!(store.find(id(0, 4)).await.unwrap(), None);
}
