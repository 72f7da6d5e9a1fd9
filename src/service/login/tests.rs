//! The order of a login, over the memory store: what each step finds done, and what it leaves.

use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::adapters::attempts::Local;
use crate::adapters::store::Memory;
use crate::auth::login::LoginFormat;
use crate::auth::ports::{Overloaded, Revoked};
use crate::auth::test_support::{NOW, policy_with, user};
use crate::auth::throttle::{Attempt, Locked};
use crate::domain::id::Username;
use crate::domain::secret::Secret;
use crate::service::test_support::service_over;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const LIMITS: AttemptLimits = AttemptLimits {
    max_attempts: 3,
    window: Duration::from_secs(900),
    lockout: Duration::from_secs(900),
    address_attempts: 100,
};

type Steps = Arc<Mutex<Vec<&'static str>>>;

/// Counts as the real one does, and writes down when it was asked.
struct Counters(Local, Steps);

#[async_trait]
impl Attempts for Counters {
    async fn begin(
        &self,
        name: &Username,
        source: Source,
        limits: AttemptLimits,
        now: Timestamp,
    ) -> Result<Result<Attempt, Locked>, StoreError> {
        self.1.lock().push("begin");
        self.0.begin(name, source, limits, now).await
    }

    async fn succeeded(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.1.lock().push("succeeded");
        self.0.succeeded(attempt).await
    }

    async fn withdrawn(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.1.lock().push("withdrawn");
        self.0.withdrawn(attempt).await
    }
}

/// Takes `right` for everybody's password; has no time for `later`.
struct Hashes(Steps);

#[async_trait]
impl Passwords for Hashes {
    async fn verify(
        &self,
        _hash: &PasswordHash,
        password: Secret,
        _turn: Turn,
    ) -> Result<bool, Overloaded> {
        self.0.lock().push("hash");
        match password.expose() {
            b"later" => Err(Overloaded),
            password => Ok(password == b"right"),
        }
    }
}

struct World {
    logins: LoginService<Hashes>,
    sessions: Arc<SessionService>,
    told: Arc<Mutex<Vec<Event>>>,
    steps: Steps,
    policy: Policy,
}

impl World {
    fn new() -> Self {
        let mut bob = user("2", "bob", &[]);
        bob.disabled = true;
        let policy = policy_with(vec![user("1", "alice", &[]), bob], |_| {});
        let (sessions, told) = service_over(Arc::new(Memory::new()));
        let steps = Steps::default();
        let attempts = Counters(Local::new(LIMITS), Arc::clone(&steps));
        let hashes = Hashes(Arc::clone(&steps));
        let service = Arc::clone(&sessions);
        Self {
            logins: LoginService::new(service, Arc::new(attempts), hashes, [7; 32]),
            sessions,
            told,
            steps,
            policy,
        }
    }

    async fn try_login(&self, name: &str, password: &str) -> Result<LoginFlow, Denial> {
        let body = format!("username={name}&password={password}");
        let typed = Credentials::parse(body.as_bytes(), LoginFormat::Form).unwrap();
        let browser = Browser::default();
        let from = From {
            client: CLIENT,
            browser: &browser,
        };
        let login = self
            .logins
            .authenticate(&self.policy, LIMITS, &typed, from, NOW);
        login.await
    }

    async fn open(
        &self,
        today: &Policy,
        proved: LoginFlow,
        earlier: &[SessionId],
        number: u8,
    ) -> Result<Issued, Denial> {
        let random = Random {
            session: [number; 10],
            token: [number; 16],
        };
        let device = Device::new(CLIENT, b"agent");
        let now = NOW.after(Duration::from_millis(number.into()));
        let opening = Opening {
            earlier,
            remember: false,
            device: &device,
        };
        let opened = self.logins.open(today, proved, opening, now, random);
        opened.await
    }

    fn told(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let told = self.told.lock();
        told.iter()
            .map(|event| (event.kind.name(), event.reason))
            .collect()
    }
}

#[tokio::test]
async fn each_step_comes_in_its_turn_and_says_why_it_is_the_last() {
    for (name, password, denial, steps, reason) in [
        (
            "alice",
            "right",
            None,
            &["begin", "hash", "succeeded"][..],
            None,
        ),
        (
            "alice",
            "wrong",
            Some("bad_credentials"),
            &["begin", "hash"],
            Some("wrong_password"),
        ),
        (
            "nobody",
            "right",
            Some("bad_credentials"),
            &["begin", "hash"],
            Some("unknown_user"),
        ),
        (
            "bob",
            "right",
            Some("bad_credentials"),
            &["begin", "hash"],
            Some("disabled"),
        ),
        (
            "alice",
            "later",
            Some("overloaded"),
            &["begin", "hash", "withdrawn"],
            Some("overloaded"),
        ),
    ] {
        let world = World::new();
        let outcome = world.try_login(name, password).await;
        assert_eq!(outcome.err().map(Denial::code), denial, "{name} {password}");
        assert_eq!(*world.steps.lock(), steps, "{name} {password}");
        let told: Vec<_> = reason
            .map(|why| ("login_failed", Some(why)))
            .into_iter()
            .collect();
        assert_eq!(world.told(), told, "{name} {password}");
        assert_eq!(world.sessions.store.count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn whoever_is_locked_hears_it_before_any_hash_right_or_wrong() {
    let world = World::new();
    for _ in 0..LIMITS.max_attempts {
        world.try_login("alice", "wrong").await.unwrap_err();
    }
    world.steps.lock().clear();
    for password in ["wrong", "right"] {
        let denial = world.try_login("alice", password).await.unwrap_err();
        assert_eq!(denial.code(), "too_many_attempts");
    }
    assert_eq!(
        *world.steps.lock(),
        ["begin", "begin"],
        "a hash was computed"
    );
    assert_eq!(world.told().last(), Some(&("login_failed", Some("locked"))));
    assert!(
        world
            .told()
            .contains(&("lockout", Some("too_many_attempts")))
    );
}

#[tokio::test]
async fn the_earlier_session_of_the_browser_ends_before_the_new_one_is_given_out() {
    let world = World::new();
    let proved = world.try_login("alice", "right").await.unwrap();
    let first = world.open(&world.policy, proved, &[], 1).await.unwrap();
    let proved = world.try_login("alice", "right").await.unwrap();
    let earlier = [first.session.id];
    let second = world
        .open(&world.policy, proved, &earlier, 2)
        .await
        .unwrap();
    assert_ne!(
        first.session.id, second.session.id,
        "the browser chose its session"
    );
    let index = &world.sessions.index;
    assert!(index.is_revoked(first.session.id, first.session.user()));
    assert!(!index.is_revoked(second.session.id, second.session.user()));
    let kept = world.sessions.store.find(second.session.id).await.unwrap();
    assert!(kept.is_some(), "given out and not kept");
    assert_eq!(world.told(), [("login", None), ("login", None)]);
}

#[tokio::test]
async fn a_user_who_changed_while_the_password_was_checked_gets_no_session() {
    let disabled = || {
        let mut alice = user("1", "alice", &[]);
        alice.disabled = true;
        alice
    };
    let repassworded = || {
        let mut alice = user("1", "alice", &[]);
        alice.password_hash = PasswordHash::new("another");
        alice
    };
    for users in [vec![], vec![disabled()], vec![repassworded()]] {
        let world = World::new();
        let proved = world.try_login("alice", "right").await.unwrap();
        let today = policy_with(users, |_| {});
        let denial = world.open(&today, proved, &[], 1).await.unwrap_err();
        assert_eq!(denial, Denial::BadCredentials);
        assert_eq!(world.sessions.store.count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest_and_is_told() {
    let mut world = World::new();
    world.policy.session.max_per_user = Some(2);
    let mut opened = Vec::new();
    for number in 1..=3 {
        let proved = world.try_login("alice", "right").await.unwrap();
        opened.push(
            world
                .open(&world.policy, proved, &[], number)
                .await
                .unwrap(),
        );
    }
    let index = &world.sessions.index;
    let ended: Vec<bool> = opened
        .iter()
        .map(|one| index.is_revoked(one.session.id, one.session.user()))
        .collect();
    assert_eq!(ended, [true, false, false]);
    assert!(world.told().contains(&("revoke", Some("max_per_user"))));
}
