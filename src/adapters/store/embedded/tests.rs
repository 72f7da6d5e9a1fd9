//! Tests of the embedded store beside the contract: the file, and what may have
//! happened to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::file::{DRAFT, FILE, settings};
use super::*;
use crate::adapters::store::contract::{self, at, live, record, session, sorted, user};
use crate::adapters::store::scratch::Scratch;
use crate::auth::revocation::RevocationScope;
use crate::domain::id::SessionId;

mod sessions;

/// A store with a few records and sessions, closed again.
async fn filled(scratch: &Scratch) -> Vec<Revocation> {
    let records = vec![
        record(session(1), 10, 100),
        record(user("1001"), 11, 101),
        record(RevocationScope::Everybody, 12, 102),
    ];
    let store = Embedded::open(scratch.path()).unwrap();
    for record in &records {
        store.revoke(record).await.unwrap();
    }
    for session in living() {
        contract::open(&store, &session).await;
    }
    sorted(records)
}

/// Opens the store; a rehearsal has to say the same before, and to change nothing.
fn opened(dir: &Path) -> Result<Embedded, StoreError> {
    let before = fs::read(dir.join(FILE)).unwrap();
    let rehearsed = Embedded::rehearse(dir);
    assert!(fs::read(dir.join(FILE)).unwrap() == before, "it wrote");
    let opened = Embedded::open(dir);
    match (rehearsed, &opened) {
        (Ok(()), Ok(_)) | (Err(StoreError::Damaged { .. }), Err(StoreError::Damaged { .. })) => {}
        (rehearsed, _) => panic!("rehearsed {rehearsed:?}, then {opened:?}"),
    }
    opened
}

/// The sessions of [`filled`], the oldest first.
fn living() -> [StoredSession; 3] {
    [20, 21, 22].map(|created| contract::stored("1001", created, 7))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    let scratch = Scratch::new();
    let mut number = 0;
    contract::holds(async || {
        number += 1;
        let dir = scratch.path().join(number.to_string());
        fs::create_dir(&dir).unwrap();
        Embedded::open(&dir).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_new_process_finds_everything() {
    let scratch = Scratch::new();
    let records = filled(&scratch).await;
    let users = [(UserId::new("1"), "0.a".to_owned())];
    {
        let store = Embedded::open(scratch.path()).unwrap();
        assert_eq!(live(&store, 0).await, records);
        store.remember_users(&users).await.unwrap();
    }
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(live(&store, 0).await, records);
    assert_eq!(store.known_users().await.unwrap().unwrap(), users);
}

#[tokio::test]
async fn the_file_is_private_and_whole() {
    let scratch = Scratch::new();
    filled(&scratch).await;
    let names: Vec<_> = fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [FILE], "a draft was left");
    let metadata = fs::metadata(scratch.path().join(FILE)).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

/// Whoever was killed left a file that has to be repaired; whoever has it open is not disturbed.
#[tokio::test]
async fn a_rehearsal_repairs_in_memory() {
    let scratch = Scratch::new();
    let records = filled(&scratch).await;
    let running = Embedded::open(scratch.path()).unwrap();
    Embedded::rehearse(scratch.path()).unwrap();
    running.revoke(&records[0]).await.unwrap();
    let killed = Scratch::new();
    fs::copy(scratch.path().join(FILE), killed.path().join(FILE)).unwrap();
    let store = opened(killed.path()).unwrap();
    assert_eq!(live(&store, 0).await, records);
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    for (name, make) in [
        (FILE, "mkdir"),
        (FILE, "mkfifo"),
        (FILE, "ln -s nowhere"),
        (FILE, "ln -s /dev/zero"),
        (DRAFT, "mkdir"),
    ] {
        let scratch = Scratch::new();
        let mut words = make.split(' ');
        let made = std::process::Command::new(words.next().unwrap())
            .args(words)
            .arg(scratch.path().join(name))
            .status();
        assert!(made.unwrap().success(), "{make}");
        for outcome in [
            Embedded::inspect(scratch.path()),
            Embedded::rehearse(scratch.path()),
            Embedded::open(scratch.path()).map(drop),
        ] {
            let is_named =
                matches!(&outcome, Err(StoreError::Unavailable(said)) if said.contains(name));
            assert!(is_named, "{make} {name}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_draft_of_a_crashed_start_is_no_store() {
    let scratch = Scratch::new();
    fs::write(scratch.path().join(DRAFT), "half").unwrap();
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(live(&store, 0).await, []);
    assert!(!scratch.path().join(DRAFT).exists());
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_writer_goes_on() {
    let scratch = Scratch::new();
    let records = filled(&scratch).await;
    let store = Embedded::open(scratch.path()).unwrap();
    let answer = store.write::<()>(|_txn| panic!("on purpose")).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert!(store.ready().await.is_err(), "nobody is told");
    let late = record(session(4), 10, 100);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while store.revoke(&late).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "it has stopped");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(store.ready().await.is_ok());
    drop(store);
    let mut all = records;
    all.push(late);
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(live(&store, 0).await, sorted(all));
}

#[tokio::test]
async fn two_at_once_are_refused() {
    let scratch = Scratch::new();
    let _open = Embedded::open(scratch.path()).unwrap();
    assert!(matches!(
        Embedded::open(scratch.path()),
        Err(StoreError::InUse { path }) if path.ends_with(FILE)
    ));
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 8] = [
        ("empty", Vec::clear),
        ("another program's", |file| {
            *file = b"SQLite format 3\0".repeat(1000);
        }),
        ("zeros", |file| file.fill(0)),
        ("one byte", |file| file.truncate(1)),
        ("cut off after its head", |file| file.truncate(4096)),
        ("cut off in the middle", |file| {
            file.truncate(file.len() / 2)
        }),
        ("cut off at the end", |file| file.truncate(file.len() - 100)),
        ("noise", |file| {
            for (index, byte) in file.iter_mut().enumerate() {
                *byte = u8::try_from(index.wrapping_mul(167) % 251).unwrap();
            }
        }),
    ];
    for (name, damage) in cases {
        let scratch = Scratch::new();
        filled(&scratch).await;
        let path = scratch.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        match opened(scratch.path()) {
            Err(StoreError::Damaged { path, .. }) => assert!(path.ends_with(FILE)),
            other => panic!("{name}: {other:?}: revocations would be lost in silence"),
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}: was replaced");
    }
}

/// Wherever a byte flips: the records are there, or the file is refused. A sample; with
/// `step_by(1)` (95 s) it held for each of the 37957 bytes that were not zero.
#[tokio::test]
async fn an_altered_page_is_refused_or_harmless() {
    let scratch = Scratch::new();
    let records = filled(&scratch).await;
    let path = scratch.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let used: Vec<_> = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte != 0)
        .map(|(index, _)| index)
        .collect();
    let mut refused = 0;
    for index in used.iter().step_by(used.len() / 60 + 1) {
        let mut bytes = whole.clone();
        bytes[*index] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        match opened(scratch.path()) {
            Ok(store) => {
                let found = live(&store, 0).await;
                assert_eq!(found, records, "byte {index}: nobody noticed");
                let found = store.sessions(None, 9, at(30)).await.unwrap();
                assert_eq!(found, living(), "byte {index}: nobody noticed");
            }
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("byte {index}: {other}"),
        }
    }
    assert!(refused > 0, "no checksum was looked at");
}

/// A bit in a session id would end another session than the one that was revoked.
#[tokio::test]
async fn an_altered_record_is_refused() {
    let scratch = Scratch::new();
    filled(&scratch).await;
    let path = scratch.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let RevocationScope::Session(id) = session(1) else {
        unreachable!("it is one")
    };
    let places: Vec<_> = bytes
        .windows(16)
        .enumerate()
        .filter(|(_, window)| window == id.as_bytes())
        .map(|(place, _)| place)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place + 15] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        opened(scratch.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[tokio::test]
async fn an_unknown_format_is_refused() {
    for (format, said) in [
        (Some(3), "its format is 3"),
        (Some(0), "its format is 0"),
        (None, "does not say its format"),
    ] {
        let scratch = Scratch::new();
        filled(&scratch).await;
        let path = scratch.path().join(FILE);
        let db = settings().open(&path).unwrap();
        tables::set_format(&db, format);
        drop(db);
        match opened(scratch.path()) {
            Err(StoreError::Damaged { reason, .. }) => assert!(reason.contains(said), "{reason}"),
            other => panic!("{format:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_redb_file_of_another_program_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.path().join(FILE);
    drop(Database::create(&path).unwrap());
    assert!(matches!(
        opened(scratch.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_no_damage() {
    let scratch = Scratch::new();
    assert!(matches!(
        Embedded::open(&scratch.path().join("missing")),
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_durable() {
    let scratch = Scratch::new();
    let store = Arc::new(Embedded::open(scratch.path()).unwrap());
    let expected: Vec<_> = (0..500_u64)
        .map(|number| {
            let id = SessionId::new(at(number), [9; 10]);
            record(RevocationScope::Session(id), number, 1_000)
        })
        .collect();
    let tasks: Vec<_> = expected
        .iter()
        .cloned()
        .map(|record| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.revoke(&record).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(store);
    let store = Embedded::open(scratch.path()).unwrap();
    assert_eq!(live(&store, 0).await, sorted(expected));
    assert_eq!(store.sweep(at(1_000)).await.unwrap(), 500);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_writer() {
    let scratch = Scratch::new();
    let store = Embedded::open(scratch.path()).unwrap();
    for number in 0..20 {
        let record = record(session(number), 1, 100);
        let mut revoking = store.revoke(&record);
        // One poll hands the job over, then the request is gone.
        std::future::poll_fn(|context| {
            let _ = revoking.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    }
    store.revoke(&record(session(99), 1, 100)).await.unwrap();
    assert_eq!(live(&store, 0).await.len(), 21);
}

#[tokio::test]
async fn a_store_that_is_lent_can_be_opened_elsewhere_and_comes_back() {
    let scratch = Scratch::new();
    let store = Arc::new(Embedded::open(scratch.path()).unwrap());
    let first = record(RevocationScope::Everybody, 1, 100);
    store.revoke(&first).await.unwrap();
    let mut lent = store.lend().await;
    assert!(store.ready().await.is_err(), "it is not here");
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.live(at(1)).await.unwrap() }
    });
    {
        let other = Embedded::open(scratch.path()).expect("the file is closed");
        assert_eq!(other.live(at(1)).await.unwrap(), [first]);
        let in_use = lent.take_back().await;
        assert!(
            matches!(in_use, Err(StoreError::InUse { .. })),
            "{in_use:?}"
        );
        other
            .revoke(&record(RevocationScope::Everybody, 2, 100))
            .await
            .unwrap();
    }
    assert!(!waiting.is_finished(), "nobody has the store");
    lent.take_back().await.unwrap();
    drop(lent);
    assert_eq!(
        waiting.await.unwrap(),
        [record(RevocationScope::Everybody, 2, 100)],
        "who waited sees all"
    );
    drop(store.lend().await);
    assert!(store.live(at(1)).await.is_err(), "given away");
}
