//! Tests of the hash pool.

use std::time::Duration;

use super::*;
use crate::auth::directory::User;
use crate::domain::id::UserId;
use crate::domain::identity::Identity;

/// bcrypt as cheap as it gets.
fn bcrypt_of(password: &[u8]) -> String {
    bcrypt::hash_with_salt(password, 4, [5; 16])
        .unwrap()
        .to_string()
}

/// argon2id as cheap as it gets.
fn argon2_of(password: &[u8]) -> String {
    let params = Params::new(8, 1, 1, Some(32)).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, &[5; 16])
        .unwrap()
        .to_string()
}

fn pool(concurrent: usize, queue: usize) -> Arc<HashPool> {
    let metrics = Arc::new(Metrics::new().unwrap());
    Arc::new(HashPool::new(concurrent, queue, metrics))
}

/// Somebody of the one network that is there.
fn anybody() -> Turn {
    Turn::Address([192, 0, 2, 1].into())
}

#[test]
fn made_hashes_are_what_owasp_asks_and_verify() {
    let password = Secret::new("correct horse");
    let hash = make(&password).unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    assert!(matches(&hash, b"correct horse"));
    assert!(!matches(&hash, b"correct horsf"));
    assert!(!matches(&hash, b""));
    assert_ne!(hash, make(&password).unwrap(), "one salt for all");
    assert_eq!(make(&Secret::new("a\0b")), Err(HashProblem::Nul));
}

#[test]
fn nul_opens_nothing() {
    for hash in [
        bcrypt_of(b"pw"),
        bcrypt_of(b"pw\0"),
        argon2_of(b"pw"),
        argon2_of(b"pw\0"),
    ] {
        for password in [&b"pw\0"[..], b"\0pw", b"pw\0x", b"\0"] {
            assert!(!matches(&hash, password), "{password:?}");
        }
    }
}

#[test]
fn odd_hashes_match_nothing_and_panic_never() {
    let bcrypt = bcrypt_of(b"pw");
    let argon2 = argon2_of(b"pw");
    let mut odd: Vec<String> = [
        "",
        "$",
        "$$",
        "pw",
        "{SHA}e0d3",
        "$apr1$salt$hash",
        "$6$salt$hash",
        "$2b$",
        "$2b$04$",
        "$2b$99$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$2b$ü4$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$argon2id$",
        "$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=99999999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=18$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=ü$m=8$$$$",
    ]
    .map(String::from)
    .to_vec();
    odd.push(bcrypt.replacen("$2b$", "$2x$", 1));
    odd.push(bcrypt[..59].to_owned());
    odd.push(format!("{bcrypt}x"));
    odd.push(format!("{argon2}$x"));
    for hash in odd {
        assert!(
            ParsedHash::parse(&hash).is_err(),
            "{hash:?} would pass the check"
        );
        assert!(!matches(&hash, b"pw"), "{hash:?}");
    }
}

#[tokio::test]
async fn the_pool_answers() {
    let pool = pool(2, 2);
    for (hash, password, expected) in [
        (argon2_of(b"pw"), "pw", true),
        (argon2_of(b"pw"), "no", false),
        (bcrypt_of(b"pw"), "pw", true),
        ("broken".to_owned(), "pw", false),
    ] {
        let answer = pool
            .verify(&PasswordHash::new(&hash), Secret::new(password), anybody())
            .await;
        assert_eq!(answer, Ok(expected));
    }
    let text = pool.metrics.render().unwrap();
    assert!(text.contains("doorward_password_hash_duration_seconds_count 4"));
}

#[tokio::test]
async fn a_check_that_panics_calls_no_password_wrong() {
    let pool = pool(1, 0);
    let panics: fn() -> bool = || panic!("on purpose");
    assert_eq!(pool.in_turn(anybody(), panics).await, Err(Overloaded));
    assert_eq!(
        pool.in_turn(anybody(), || true).await,
        Ok(true),
        "a place is lost"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hash_steps_back_and_nobody_else_does() {
    let nice = || rustix::process::getpriority_process(None).unwrap();
    let before = nice();
    let stepped_back = pool(1, 0)
        .in_turn(anybody(), move || nice() == background::NICE)
        .await;
    assert_eq!(stepped_back, Ok(true), "it competes with requests");
    assert_eq!(nice(), before, "the caller went with it");
    let other = tokio::task::spawn_blocking(nice).await.unwrap();
    assert_eq!(other, before, "the store's work waits for requests");
}

#[tokio::test]
async fn a_hash_ends_though_every_processor_is_busy() {
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let processors = std::thread::available_parallelism().unwrap().get();
    let busy: Vec<_> = (0..processors * 2)
        .map(|_| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    let hash = PasswordHash::new(&argon2_of(b"pw"));
    let answer = pool(1, 0).verify(&hash, Secret::new("pw"), anybody()).await;
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    assert_eq!(answer, Ok(true));
}

#[tokio::test]
async fn beyond_running_and_queue_is_turned_away_at_once() {
    let pool = pool(1, 2);
    let hash = PasswordHash::new(&argon2_of(b"pw"));
    let end = endless(&pool).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (pool, hash) = (Arc::clone(&pool), hash.clone());
            tokio::spawn(async move { pool.verify(&hash, Secret::new("pw"), anybody()).await })
        })
        .collect();
    let all_wait = async {
        while pool.desk.lock().queue.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    soon(all_wait).await;
    let turned_away = pool.verify(&hash, Secret::new("pw"), anybody());
    assert_eq!(soon(turned_away).await, Err(Overloaded));
    drop(end);
    for task in waiting {
        assert_eq!(task.await.unwrap(), Ok(true), "the queue stood still");
    }
    assert_eq!(
        pool.verify(&hash, Secret::new("pw"), anybody()).await,
        Ok(true)
    );
}

#[tokio::test]
async fn a_caller_who_leaves_frees_the_place() {
    let pool = pool(1, 1);
    let hash = PasswordHash::new(&argon2_of(b"pw"));
    let end = endless(&pool).await;
    for _ in 0..10 {
        let waiting = pool.verify(&hash, Secret::new("pw"), anybody());
        let left = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(left.is_err(), "clients that hang up would fill the queue");
    }
    drop(end);
    assert_eq!(
        pool.verify(&hash, Secret::new("pw"), anybody()).await,
        Ok(true)
    );
    let text = pool.metrics.render().unwrap();
    let hashed = text.contains("doorward_password_hash_duration_seconds_count 1\n");
    assert!(hashed, "hashed for nobody: {text}");
}

#[tokio::test]
async fn a_hash_that_runs_keeps_its_place_though_its_caller_left() {
    let pool = pool(1, 0);
    // Its caller is aborted when it has begun.
    let end = endless(&pool).await;
    let hash = PasswordHash::new(&argon2_of(b"pw"));
    let verify = || pool.verify(&hash, Secret::new("pw"), anybody());
    let refused = soon(verify()).await;
    assert_eq!(refused, Err(Overloaded), "abandoned logins pile up");
    drop(end);
    while pool.desk.lock().running > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(verify().await, Ok(true));
}

#[tokio::test]
async fn who_is_turned_away_for_somebody_else_hears_of_it_at_once() {
    let pool = pool(1, 2);
    let hash = PasswordHash::new(&argon2_of(b"pw"));
    let end = endless(&pool).await;
    let ask = |turn: Turn| {
        let (pool, hash) = (Arc::clone(&pool), hash.clone());
        tokio::spawn(async move { pool.verify(&hash, Secret::new("pw"), turn).await })
    };
    let first = ask(anybody());
    let second = ask(anybody());
    soon(async {
        while pool.desk.lock().queue.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let known = ask(Turn::Known(Username::canonical("alice")));
    assert_eq!(soon(second).await.unwrap(), Err(Overloaded));
    drop(end);
    assert_eq!(first.await.unwrap(), Ok(true));
    assert_eq!(known.await.unwrap(), Ok(true));
}

/// What must not wait for the hash that runs.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let soon = tokio::time::timeout(Duration::from_secs(20), future).await;
    soon.expect("it waits for the hash that runs")
}

/// Somebody else's hash, which runs until what is returned is dropped. Its caller has left.
async fn endless(pool: &Arc<HashPool>) -> std::sync::mpsc::Sender<()> {
    let (end, ends) = std::sync::mpsc::channel();
    let (tell, begun) = tokio::sync::oneshot::channel();
    let in_it = Arc::clone(pool);
    let caller = tokio::spawn(async move {
        let hash = move || {
            tell.send(()).unwrap();
            let _ended = ends.recv();
        };
        in_it.in_turn(anybody(), hash).await
    });
    begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    end
}

fn directory(hashes: &[&str]) -> Directory {
    Directory::new(hashes.iter().enumerate().map(|(number, hash)| User {
        identity: Identity {
            id: UserId::new(&number.to_string()),
            username: Username::canonical(&format!("user{number}")),
            name: String::new(),
            email: None,
            roles: vec![],
        },
        password_hash: PasswordHash::new(hash),
        disabled: false,
        token_version: 0,
    }))
}

#[test]
fn strangers_look_like_users() {
    let users = directory(&["a", "b", "c"]);
    let seed = [1; 32];
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let mut other_seed = 0;
    for number in 0..300 {
        let name = Username::canonical(&format!("stranger{number}"));
        let hash = stand_in(&users, &name, &seed);
        assert_eq!(
            hash,
            stand_in(&users, &name, &seed),
            "a name whose time changes from try to try is nobody's"
        );
        other_seed += usize::from(hash != stand_in(&users, &name, &[2; 32]));
        *seen.entry(hash.as_str().to_owned()).or_default() += 1;
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.values().all(|count| *count > 60), "{seen:?}");
    assert!(other_seed > 100, "the seed does not matter");
}

#[test]
fn without_users_a_hash_stands_in_that_costs_the_same() {
    let hash = stand_in(&Directory::default(), &Username::canonical("x"), &[0; 32]);
    assert!(ParsedHash::parse(hash.as_str()).is_ok());
    let ours = make(&Secret::new("pw")).unwrap();
    assert_eq!(hash.as_str().len(), ours.len());
    assert_eq!(hash.as_str()[..31], ours[..31]);
}
