//! The rotation under random interleavings, against a small reference.
//!
//! One browser with many tabs, a thief, several processes without a common lock: every
//! request advances from one store operation to the next only when the test says so.
//! Answers arrive late, in another order, or never; processes crash between any two
//! operations; the clock steps back or forward, by more than half the grace only while
//! nothing is under way.
//!
//! Assumed of an honest browser, since the gateway sees to it: a token is presented
//! only when its access token has nearly run out, and an answer arrives within a minute or
//! never (`limits.upstream_read`). What is checked: without a thief nobody is ever
//! refused; each generation is made once; after reuse nothing is given out; and
//! what is presented alone leads exactly where the table in `auth::refresh` says.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;

use super::Memory;
use crate::auth::issue::new_session;
use crate::auth::login_flow::{Checked, LoginFlow, Proof};
use crate::auth::policy::Policy;
use crate::auth::ports::{Store, StoreError};
use crate::auth::refresh::{RefreshToken, RefreshTrigger};
use crate::auth::renewal::{RenewalError, Renewed, note_seen, renew};
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::{Device, StoredSession};
use crate::auth::test_support::{NOW, policy_with, user};
use crate::domain::id::{SessionId, UserId, Username};
use crate::domain::time::Timestamp;

const GRACE: u64 = 10_000;
const ACCESS: u64 = 900_000;
/// An answer that is older than this is lost.
const PATIENCE: u64 = 60_000;
const DAY: u64 = 86_400_000;

/// What happens next. Numbers choose among what is there, whatever their size.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A tab of the browser asks for a page.
    Visit,
    /// A request that is under way does its next store operation.
    Advance(usize),
    /// An answer reaches the browser.
    Deliver(usize),
    /// An answer is lost.
    Lose(usize),
    /// A short while, in milliseconds.
    Wait(u64),
    /// Long enough for access tokens to run out; first all that is under way comes to its end.
    Sleep(u64),
    /// The clock is set back.
    Back(u64),
    /// Every process dies.
    Crash,
    /// The thief copies the browser's cookies.
    Steal,
    /// The thief exchanges what it has.
    Thief,
    /// The thief uses its access token.
    ThiefVisit,
}

fn steps(thief: bool) -> impl Strategy<Value = Vec<Step>> {
    let honest = prop_oneof![
        8 => Just(Step::Visit),
        40 => any::<usize>().prop_map(Step::Advance),
        5 => any::<usize>().prop_map(Step::Deliver),
        1 => any::<usize>().prop_map(Step::Lose),
        2 => (0..6_000_u64).prop_map(Step::Wait),
        1 => (0..2 * ACCESS).prop_map(Step::Sleep),
        1 => prop_oneof![0..GRACE / 2, 0..3_600_000_u64].prop_map(Step::Back),
        1 => Just(Step::Crash),
    ];
    let stolen = prop_oneof![
        2 => Just(Step::Steal),
        2 => Just(Step::Thief),
        1 => Just(Step::ThiefVisit),
    ];
    let step = prop_oneof![
        20 => honest,
        if thief { 2 } else { 0 } => stolen,
    ];
    proptest::collection::vec(step, 1..250)
}

/// A store that lets others go first, before each operation and after it.
struct Stepped(Memory);

async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[async_trait]
impl Store for Stepped {
    async fn find(&self, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
        turn().await;
        let found = self.0.find(id).await;
        turn().await;
        found
    }

    async fn replace(&self, old: &StoredSession, new: &StoredSession) -> Result<bool, StoreError> {
        turn().await;
        let replaced = self.0.replace(old, new).await;
        turn().await;
        replaced
    }

    async fn open(
        &self,
        session: &StoredSession,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        self.0.open(session, most, now).await
    }

    async fn sessions(
        &self,
        user: Option<&UserId>,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<StoredSession>, StoreError> {
        self.0.sessions(user, most, now).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.0.count().await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<Revocation, StoreError> {
        self.0.revoke(revocation).await
    }

    async fn live(&self, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        self.0.live(now).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.0.sweep(now).await
    }

    async fn known_users(&self) -> Result<Option<Vec<(UserId, String)>>, StoreError> {
        self.0.known_users().await
    }

    async fn remember_users(&self, users: &[(UserId, String)]) -> Result<(), StoreError> {
        self.0.remember_users(users).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.0.ready().await
    }
}

type Outcome = Result<Renewed, RenewalError>;

/// What a request that is under way will say.
enum Work<'a> {
    Renewal(Pin<Box<dyn Future<Output = Outcome> + 'a>>),
    Sighting(Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>),
}

/// One of the browser's two tokens, or of the thief's.
#[derive(Clone, Copy, Debug)]
struct Pair {
    refresh: RefreshToken,
    issued: u64,
}

struct Answer {
    pair: Pair,
    creation_time: u64,
}

/// What the table says of a token that is presented alone.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Next,
    Same,
    Reuse,
    Ended,
}

/// The reference: a state and the table, nothing else.
fn table(
    stored: Option<&StoredSession>,
    presented: u64,
    way: RefreshTrigger,
    now: u64,
) -> Expected {
    let Some(stored) = stored else {
        return Expected::Ended;
    };
    let young = |since: Timestamp| now.saturating_sub(since.millis()) < GRACE;
    let lately = way == RefreshTrigger::Transparent && stored.seen.is_some_and(young);
    let early = stored.seen.is_none_or(|seen| now <= seen.millis());
    match stored.generation.checked_sub(presented) {
        Some(0) | None => Expected::Next,
        Some(1) if young(stored.renewed) || lately || early => Expected::Same,
        Some(_) => Expected::Reuse,
    }
}

struct World<'a> {
    policy: &'a Policy,
    store: &'a Stepped,
    session: SessionId,
    now: u64,
    /// The time of the last step back is not added up: how far each moves is enough.
    under_way: Vec<(u64, Work<'a>)>,
    answers: Vec<Answer>,
    browser: Pair,
    thief: Option<Pair>,
    robbed: bool,
    ended: bool,
    made: Vec<u64>,
}

fn device() -> Device {
    Device::new([192, 0, 2, 1].into(), b"model")
}

/// Runs a future of the plain store, which never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..64 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
    }
    panic!("it waits for something");
}

impl<'a> World<'a> {
    fn renewal(&self, token: RefreshToken, way: RefreshTrigger) -> Work<'a> {
        let (policy, store, now) = (self.policy, self.store, Timestamp::from_millis(self.now));
        Work::Renewal(Box::pin(async move {
            renew(policy, store, &token, way, &device(), now, [0; 16]).await
        }))
    }

    /// What the gate does with a page: a token that still lives is noted, another renewed.
    fn visit(&mut self) {
        let old = self.now >= self.browser.issued.saturating_add(ACCESS / 10 * 9);
        let token = self.browser.refresh;
        let work = if old {
            self.renewal(token, RefreshTrigger::Transparent)
        } else {
            let (store, now) = (self.store, Timestamp::from_millis(self.now));
            Work::Sighting(Box::pin(async move {
                note_seen(store, token.session, token.generation, now)
                    .await
                    .map(|_is_there| ())
            }))
        };
        self.under_way.push((self.now, work));
    }

    fn advance(&mut self, place: usize) {
        let mut cx = Context::from_waker(Waker::noop());
        let polled = match &mut self.under_way[place].1 {
            Work::Renewal(future) => future.as_mut().poll(&mut cx).map(Some),
            Work::Sighting(future) => future.as_mut().poll(&mut cx).map(|_| None),
        };
        if let Poll::Ready(outcome) = polled {
            drop(self.under_way.remove(place));
            if let Some(pair) = outcome.and_then(|outcome| self.settle(outcome)) {
                self.answers.push(Answer {
                    pair,
                    creation_time: self.now,
                });
            }
        }
    }

    /// Checks what came out; the pair that is given to whoever asked.
    fn settle(&mut self, outcome: Outcome) -> Option<Pair> {
        let now = self.now;
        let issued = match outcome.expect("the store is there") {
            Renewed::Rotated(issued) => {
                let generation = issued.refresh.generation;
                assert!(!self.made.contains(&generation), "two branches");
                self.made.push(generation);
                issued
            }
            Renewed::Repeated(issued) => issued,
            Renewed::Refused(denial) => {
                assert!(self.ended, "refused for nothing: {denial:?}");
                return None;
            }
            Renewed::Reused(_) => {
                assert!(self.robbed, "a false alarm");
                at_once(self.store.revoke(&Revocation {
                    reach: RevocationScope::Session(self.session),
                    at: Timestamp::from_millis(now),
                    until: Timestamp::from_millis(now + DAY),
                }))
                .unwrap();
                self.ended = true;
                return None;
            }
        };
        if self.ended {
            // Made before the end and answered after it: worth nothing any more.
            assert_eq!(self.stored(), None, "it lives after its end");
            return None;
        }
        Some(Pair {
            refresh: issued.refresh,
            issued: now,
        })
    }

    fn finish(&mut self) {
        while !self.under_way.is_empty() {
            self.advance(0);
        }
    }

    fn stored(&self) -> Option<StoredSession> {
        at_once(self.store.find(self.session)).unwrap()
    }

    /// Presents a token while nothing else is under way, and asks the table.
    fn present_alone(&mut self, token: RefreshToken, way: RefreshTrigger) -> Option<Pair> {
        let before = self.stored();
        let expected = table(before.as_ref(), token.generation, way, self.now);
        let Work::Renewal(work) = self.renewal(token, way) else {
            return None;
        };
        let outcome = at_once(work);
        let got = match &outcome {
            Ok(Renewed::Rotated(_)) => Expected::Next,
            Ok(Renewed::Repeated(issued)) => {
                let newest = before.map(|stored| stored.generation);
                assert_eq!(Some(issued.refresh.generation), newest, "another successor");
                Expected::Same
            }
            Ok(Renewed::Reused(_)) => Expected::Reuse,
            Ok(Renewed::Refused(_)) | Err(_) => Expected::Ended,
        };
        assert_eq!(got, expected, "generation {}", token.generation);
        self.settle(outcome)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Visit if self.under_way.len() < 8 => self.visit(),
            Step::Advance(n) if !self.under_way.is_empty() => {
                self.advance(n % self.under_way.len());
            }
            Step::Deliver(n) if !self.answers.is_empty() => {
                let place = n % self.answers.len();
                self.browser = self.answers.remove(place).pair;
            }
            Step::Lose(n) if !self.answers.is_empty() => {
                let place = n % self.answers.len();
                let _lost = self.answers.remove(place);
            }
            Step::Wait(millis) => {
                // A request is not under way for longer than half the grace.
                let now = self.now + millis;
                let slow = |(began, _): &(u64, Work<'_>)| now > began + GRACE / 2;
                if self.under_way.iter().any(slow) {
                    self.finish();
                }
                self.now = now;
                self.answers
                    .retain(|answer| now <= answer.creation_time + PATIENCE);
            }
            Step::Sleep(millis) => {
                self.finish();
                self.answers.clear();
                self.now += GRACE + millis;
                // Half of the time the next pages ask all at once instead.
                if millis % 2 == 0
                    && let Some(pair) = self.present_alone_if_old()
                {
                    self.browser = pair;
                }
            }
            Step::Back(millis) => {
                if millis > GRACE / 2 {
                    self.finish();
                }
                self.now = self.now.saturating_sub(millis);
            }
            Step::Crash => {
                self.under_way.clear();
                self.answers.clear();
            }
            Step::Steal => self.thief = Some(self.browser),
            Step::Thief => {
                if let Some(loot) = self.thief {
                    self.finish();
                    self.robbed = true;
                    self.thief = self.present_alone(loot.refresh, RefreshTrigger::Explicit);
                }
            }
            Step::ThiefVisit => {
                if let Some(loot) = self.thief {
                    self.finish();
                    let generation = loot.refresh.generation;
                    let now = Timestamp::from_millis(self.now);
                    at_once(note_seen(self.store, self.session, generation, now)).unwrap();
                }
            }
            Step::Visit | Step::Advance(_) | Step::Deliver(_) | Step::Lose(_) => {}
        }
    }

    fn present_alone_if_old(&mut self) -> Option<Pair> {
        let old = self.now >= self.browser.issued.saturating_add(ACCESS / 10 * 9);
        old.then(|| self.present_alone(self.browser.refresh, RefreshTrigger::Transparent))?
    }
}

fn run(steps: &[Step]) {
    let policy = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.session.lifetimes.idle = Duration::from_millis(3000 * DAY);
        p.session.lifetimes.absolute = Duration::from_millis(3000 * DAY);
    });
    let login = LoginFlow::begin(&policy, &Username::canonical("bob"))
        .advance(Proof::Password(Checked::Right))
        .and_then(|proved| proved.complete(&policy));
    let stored = new_session(&policy, login.unwrap(), false, &device(), NOW, [7; 10]).unwrap();
    let store = Stepped(Memory::new());
    at_once(store.open(&stored, None, NOW)).unwrap();
    let mut world = World {
        policy: &policy,
        store: &store,
        session: stored.id,
        now: NOW.millis(),
        under_way: Vec::new(),
        answers: Vec::new(),
        browser: Pair {
            refresh: RefreshToken {
                session: stored.id,
                generation: 0,
                ends: stored.end(),
            },
            issued: NOW.millis(),
        },
        thief: None,
        robbed: false,
        ended: false,
        made: Vec::new(),
    };
    for step in steps {
        world.take(*step);
    }
    world.finish();
}

/// How many histories each test tries; more with `DOORWARD_MODEL_CASES`.
fn cases() -> ProptestConfig {
    let more = std::env::var("DOORWARD_MODEL_CASES").ok();
    let cases = more.and_then(|text| text.parse().ok()).unwrap_or(2000);
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_honest_browser_is_never_logged_out(steps in steps(false)) {
        run(&steps);
    }

    #[test]
    fn with_a_thief_there_is_one_branch_and_reuse_ends_it(steps in steps(true)) {
        run(&steps);
    }
}
