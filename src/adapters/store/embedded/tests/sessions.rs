//! The file with sessions in it: over restarts, from the format before, damaged, and
//! after most of them are gone.

use std::time::Duration;

use redb::{ReadableDatabase as _, TableDefinition};

use super::*;
use crate::adapters::store::contract::{id, open, renewed, stored};
use crate::adapters::store::session_record;

type Id = &'static [u8; 16];

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const REVOCATIONS: TableDefinition<'_, &[u8], (u64, u64)> = TableDefinition::new("revocations");
const USERS: TableDefinition<'_, &str, &str> = TableDefinition::new("users");
const SESSIONS: TableDefinition<'_, Id, &[u8]> = TableDefinition::new("sessions");
const BY_END: TableDefinition<'_, (u64, Id), &str> = TableDefinition::new("sessions_by_end");

/// Changes a closed file behind the store's back.
fn alter(scratch: &Scratch, change: impl FnOnce(&WriteTransaction)) {
    let db = settings().open(scratch.path().join(FILE)).unwrap();
    let txn = db.begin_write().unwrap();
    change(&txn);
    txn.commit().unwrap();
}

#[tokio::test]
async fn a_new_process_finds_the_sessions() {
    let scratch = Scratch::new();
    let (login, other) = (stored("1", 0, 1), stored("zoë", 5, 2));
    let renewed = renewed(&login, 100);
    {
        let store = Embedded::open(scratch.path()).unwrap();
        open(&store, &login).await;
        open(&store, &other).await;
        assert!(store.replace(&login, &renewed).await.unwrap());
    }
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(store.count().await.unwrap(), 2);
    let found = store.find(login.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&renewed));
    let of_user = store.sessions(Some(&other.user), 9, at(10)).await;
    assert_eq!(of_user.unwrap(), [other]);
    assert_eq!(store.sweep(at(1099)).await.unwrap(), 1, "the index by end");
}

/// As the release before wrote it: `meta`, `revocations`, `users`, and nothing else.
fn of_the_format_before(scratch: &Scratch, records: &[Revocation]) {
    let path = scratch.path().join(FILE);
    let db = redb::Builder::new().create(&path).unwrap();
    let txn = db.begin_write().unwrap();
    {
        let mut meta = txn.open_table(META).unwrap();
        meta.insert("format", 1).unwrap();
        meta.insert("users_saved", 1).unwrap();
        let mut table = txn.open_table(REVOCATIONS).unwrap();
        for record in records {
            let key = match &record.reach {
                RevocationScope::Session(id) => [b"s", id.as_bytes().as_slice()].concat(),
                RevocationScope::User(user) => [b"u", user.as_str().as_bytes()].concat(),
                RevocationScope::Everybody => b"e".to_vec(),
            };
            let window = (record.at.millis(), record.until.millis());
            table.insert(key.as_slice(), window).unwrap();
        }
        let mut users = txn.open_table(USERS).unwrap();
        users.insert("1", "0.a").unwrap();
        users.insert("zoë", "3.b").unwrap();
    }
    txn.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_the_format_before_loses_nothing() {
    let scratch = Scratch::new();
    let records = sorted(vec![
        record(session(1), 10, 100),
        record(user("zoë"), 11, 101),
        record(RevocationScope::Everybody, 12, 102),
    ]);
    of_the_format_before(&scratch, &records);
    // The second start finds today's format.
    for start in 0..2 {
        let store = Embedded::open(scratch.path()).unwrap();
        assert_eq!(live(&store, 0).await, records, "start {start}");
        let mut known = store.known_users().await.unwrap().unwrap();
        known.sort();
        let expected = [("1", "0.a"), ("zoë", "3.b")]
            .map(|(id, version)| (UserId::new(id), version.to_owned()));
        assert_eq!(known, expected, "the next start would end every session");
        assert_eq!(store.count().await.unwrap(), start);
        let number = u8::try_from(start).unwrap();
        open(&store, &stored("1", 20, number)).await;
    }
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(store.count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_damage() {
    let (good, bad) = (stored("1", 0, 1), stored("1", 0, 2));
    let other = session_record::encode(&good);
    for (name, bytes) in [
        ("nothing", b"".as_slice()),
        ("half", &other[..other.len() / 2]),
        ("another layout without our fields", b"{\"v\":2}"),
        ("another session's", &other),
    ] {
        let scratch = Scratch::new();
        {
            let store = Embedded::open(scratch.path()).unwrap();
            open(&store, &good).await;
            open(&store, &bad).await;
        }
        alter(&scratch, |txn| {
            let mut table = txn.open_table(SESSIONS).unwrap();
            table.insert(bad.id.as_bytes(), bytes).unwrap();
        });
        // It is one of a million: the start does not read it, but no call overlooks it.
        let store = Embedded::open(scratch.path()).unwrap();
        let is_damage =
            |error| matches!(error, StoreError::Damaged { path, .. } if path.ends_with(FILE));
        assert!(is_damage(store.find(bad.id).await.unwrap_err()), "{name}");
        let renewed = renewed(&bad, 10);
        let replaced = store.replace(&bad, &renewed).await;
        assert!(is_damage(replaced.unwrap_err()), "{name}");
        for whose in [None, Some(&bad.user)] {
            let listed = store.sessions(whose, 9, at(10)).await;
            assert!(is_damage(listed.unwrap_err()), "{name}");
        }
        let reach = RevocationScope::Session(bad.id);
        let revoked = store.revoke(&record(reach, 10, 100)).await;
        assert!(is_damage(revoked.unwrap_err()), "{name}");
        assert_eq!(
            live(&store, 0).await,
            [],
            "{name}: refused, and yet recorded"
        );
        // Nobody else suffers for it, and a wider revocation does not need it.
        store.ready().await.unwrap();
        assert_eq!(store.find(good.id).await.unwrap().as_ref(), Some(&good));
        store.revoke(&record(user("1"), 10, 100)).await.unwrap();
        assert_eq!(store.count().await.unwrap(), 0, "{name}");
    }
}

/// As no version wrote it yet: with its new field first, and blanks.
fn of_the_future(session: &StoredSession, more: &str) -> Vec<u8> {
    let text = String::from_utf8(session_record::encode(session)).unwrap();
    let text = text.replacen(r#"{"v":1"#, &format!(r#"{{ {more} , "v": 2"#), 1);
    text.into_bytes()
}

/// What stands in the closed file for a session.
fn record_of(scratch: &Scratch, session: &StoredSession) -> Vec<u8> {
    let db = settings().open(scratch.path().join(FILE)).unwrap();
    let table = db.begin_read().unwrap().open_table(SESSIONS).unwrap();
    let slot = table.get(session.id.as_bytes()).unwrap().unwrap();
    slot.value().to_vec()
}

#[tokio::test]
async fn a_record_of_the_future_is_renewed_whole() {
    let scratch = Scratch::new();
    let login = stored("1", 0, 1);
    let store = Embedded::open(scratch.path()).unwrap();
    open(&store, &login).await;
    drop(store);
    let future = of_the_future(&login, r#""amr": [ "pwd" ]"#);
    alter(&scratch, |txn| {
        let mut table = txn.open_table(SESSIONS).unwrap();
        table.insert(login.id.as_bytes(), &*future).unwrap();
    });
    let store = Embedded::open(scratch.path()).unwrap();
    let found = store.find(login.id).await.unwrap().unwrap();
    assert!(store.replace(&found, &renewed(&found, 10)).await.unwrap());
    drop(store);
    let text = String::from_utf8(record_of(&scratch, &login)).unwrap();
    assert!(text.starts_with(r#"{"v":2,"id""#), "{text}");
    assert!(text.contains(r#""generation":1,"#), "{text}");
    assert!(text.ends_with(r#","amr":[ "pwd" ]}"#), "{text}");
}

#[tokio::test]
async fn a_record_with_a_critical_field_of_the_future_stays_as_it_is() {
    let scratch = Scratch::new();
    let (login, other) = (stored("1", 20, 1), stored("1", 0, 2));
    let store = Embedded::open(scratch.path()).unwrap();
    open(&store, &login).await;
    open(&store, &other).await;
    drop(store);
    let future = of_the_future(&login, r#""bound": 1, "crit": ["bound"]"#);
    alter(&scratch, |txn| {
        let mut table = txn.open_table(SESSIONS).unwrap();
        table.insert(login.id.as_bytes(), &*future).unwrap();
    });
    let store = Embedded::open(scratch.path()).unwrap();
    let found = store.find(login.id).await.unwrap().unwrap();
    let replaced = store.replace(&found, &renewed(&found, 10)).await;
    assert!(matches!(replaced, Err(StoreError::Newer { .. })));
    // Writes back whom it spares.
    let everybody = record(RevocationScope::Everybody, 10, 900);
    store.revoke(&everybody).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 1);
    store.ready().await.unwrap();
    drop(store);
    assert_eq!(record_of(&scratch, &login), future);
}

/// All of them wait while the first is on its way to the disk.
#[tokio::test]
async fn one_damaged_record_fails_nobody_else() {
    let scratch = Scratch::new();
    let bad = stored("bad", 0, 255);
    let store = Embedded::open(scratch.path()).unwrap();
    open(&store, &bad).await;
    drop(store);
    alter(&scratch, |txn| {
        let mut table = txn.open_table(SESSIONS).unwrap();
        table.insert(bad.id.as_bytes(), b"".as_slice()).unwrap();
    });
    let store = Arc::new(Embedded::open(scratch.path()).unwrap());
    let tasks: Vec<_> = (0..100_u8)
        .map(|number| {
            let (store, bad) = (Arc::clone(&store), bad.clone());
            tokio::spawn(async move {
                if number % 10 == 5 {
                    assert!(store.replace(&bad, &renewed(&bad, 1)).await.is_err());
                } else {
                    open(store.as_ref(), &stored("1", 0, number)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    drop(store);
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(store.count().await.unwrap(), 91);
}

#[tokio::test]
async fn an_index_that_is_short_is_refused() {
    let scratch = Scratch::new();
    let session = stored("1", 0, 1);
    {
        let store = Embedded::open(scratch.path()).unwrap();
        open(&store, &session).await;
    }
    alter(&scratch, |txn| {
        let key = (session.end().millis(), session.id.as_bytes());
        let mut table = txn.open_table(BY_END).unwrap();
        assert!(table.remove(key).unwrap().is_some());
    });
    match Embedded::open(scratch.path()) {
        Err(StoreError::Damaged { reason, .. }) => {
            assert!(
                reason.contains("1 sessions, and indexes of 1 and 0"),
                "{reason}"
            );
        }
        other => panic!("{other:?}: a session that no sweep would find"),
    }
}

#[tokio::test]
async fn the_space_of_swept_sessions_is_given_back() {
    let scratch = Scratch::new();
    let path = scratch.path().join(FILE);
    // One in a thousand stays, all over the file.
    let session = |number: u64| {
        let session = stored(&(number % 100).to_string(), number, 1);
        let stays = number % 1000 == 999;
        StoredSession {
            idle: Duration::from_secs(if stays { 3600 } else { 1 }),
            ends: at(9_000_000),
            ..session
        }
    };
    drop(Embedded::open(scratch.path()).unwrap());
    alter(&scratch, |txn| {
        for number in 0..20_000 {
            tables::open(txn, &session(number), None, at(number)).unwrap();
        }
    });
    let store = Embedded::open(scratch.path()).unwrap();
    store
        .revoke(&record(user("nobody"), 10, 100))
        .await
        .unwrap();
    let full = fs::metadata(&path).unwrap().len();
    assert_eq!(store.sweep(at(900_000)).await.unwrap(), 19_981);
    // What is on disk now is what `kill -9` leaves; who ends in peace cuts the file.
    let crashed = Scratch::new();
    let copy = crashed.path().join(FILE);
    let swept = fs::copy(&path, &copy).unwrap();
    let store = Embedded::open(crashed.path()).unwrap();
    let opened = fs::metadata(&copy).unwrap().len();
    println!("20000 sessions: {full} bytes; swept: {swept}; started again: {opened}");
    assert!(opened < full / 5, "{full} bytes, and still {opened}");
    let left = store.sessions(None, 99, at(900_000)).await.unwrap();
    let expected: Vec<_> = (0..20).map(|n| session(n * 1000 + 999)).collect();
    assert_eq!(left, expected);
    assert_eq!(store.sweep(at(9_000_000)).await.unwrap(), 20);
}

/// Logins and sweeps for ever: free pages are used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_does_not_grow_over_logins_and_sweeps() {
    let scratch = Scratch::new();
    let path = scratch.path().join(FILE);
    let store = Arc::new(Embedded::open(scratch.path()).unwrap());
    let mut sizes = Vec::new();
    for _ in 0..6 {
        fill(&store, 3_000).await;
        assert_eq!(store.sweep(at(900_000)).await.unwrap(), 3_000);
        sizes.push(fs::metadata(&path).unwrap().len());
    }
    println!("after each round: {sizes:?}");
    assert!(sizes[5] <= sizes[1] * 2, "it grows: {sizes:?}");
}

/// Sessions of a hundred users, a millisecond apart.
async fn fill(store: &Arc<Embedded>, count: u64) {
    let tasks: Vec<_> = (0..32)
        .map(|worker| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for number in (worker..count).step_by(32) {
                    let user = (number % 100).to_string();
                    open(store.as_ref(), &stored(&user, number, 1)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_sweep_of_many_goes_on_to_the_last() {
    let scratch = Scratch::new();
    let store = Arc::new(Embedded::open(scratch.path()).unwrap());
    let count = 2 * u64::try_from(PORTION).unwrap() + 1;
    fill(&store, count).await;
    let living = StoredSession {
        id: id(0, 9),
        ..renewed(&stored("1", 0, 9), 900_000)
    };
    let living = StoredSession {
        ends: at(1_000_000),
        ..living
    };
    open(store.as_ref(), &living).await;
    let swept = store.sweep(at(900_000)).await.unwrap();
    assert_eq!(u64::try_from(swept).unwrap(), count);
    assert_eq!(store.find(living.id).await.unwrap(), Some(living));
}
