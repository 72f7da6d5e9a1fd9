//! Random operations in the same order on a store and on a model: a plain list that is
//! searched from end to end. What no single promise above thought of shows here.

use super::{at, id, sorted, stored};
use crate::auth::ports::Store;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::auth::stored::StoredSession;
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;

const OPERATIONS: u64 = 600;
const USERS: [&str; 4] = ["a", "ab", "", "b"];

#[derive(Default)]
struct Model {
    sessions: Vec<StoredSession>,
    records: Vec<Revocation>,
}

impl Model {
    fn open(&mut self, new: &StoredSession, most: Option<u32>, now: Timestamp) -> Vec<Revocation> {
        self.sessions.push(new.clone());
        self.sessions.sort_by_key(|session| session.id);
        let mut others = self.of(Some(&new.user), now);
        others.retain(|session| session.id != new.id);
        let room = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap().max(1) - 1);
        others.truncate(others.len().saturating_sub(room));
        others
            .into_iter()
            .map(|oldest| {
                self.revoke(&Revocation {
                    reach: RevocationScope::Session(oldest.id),
                    at: now,
                    until: oldest.token_until,
                })
            })
            .collect()
    }

    fn of(&self, user: Option<&UserId>, now: Timestamp) -> Vec<StoredSession> {
        let mut found = self.sessions.clone();
        found.retain(|s| user.is_none_or(|user| s.user == *user) && !s.is_over(now));
        found
    }

    fn replace(&mut self, old: &StoredSession, new: &StoredSession) -> bool {
        let place = self.sessions.iter_mut().find(|kept| *kept == old);
        place.map(|kept| *kept = new.clone()).is_some()
    }

    fn revoke(&mut self, revocation: &Revocation) -> Revocation {
        let mut kept = revocation.clone();
        self.sessions.retain(|session| {
            let early = session.created() <= revocation.at;
            let reached = match &revocation.reach {
                RevocationScope::Session(id) => session.id == *id,
                RevocationScope::User(user) => session.user == *user && early,
                RevocationScope::Everybody => early,
            };
            if reached && kept.reach == RevocationScope::Session(session.id) {
                kept.until = kept.until.min(session.token_until);
            }
            !reached
        });
        self.records.retain(|record| {
            if record.reach == kept.reach {
                kept.at = kept.at.max(record.at);
                kept.until = kept.until.max(record.until);
            }
            record.reach != kept.reach
        });
        self.records.push(kept.clone());
        kept
    }

    fn sweep(&mut self, now: Timestamp) -> usize {
        let before = self.sessions.len() + self.records.len();
        self.sessions.retain(|session| !session.is_over(now));
        self.records.retain(|record| record.until > now);
        before - self.sessions.len() - self.records.len()
    }

    fn live(&self, now: Timestamp) -> Vec<Revocation> {
        let mut live = self.records.clone();
        live.retain(|record| record.until > now);
        sorted(live)
    }
}

/// A small generator with a fixed seed: a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn user(&mut self) -> UserId {
        UserId::new(USERS[usize::try_from(self.below(4)).unwrap()])
    }

    fn reach(&mut self, model: &Model) -> RevocationScope {
        match self.below(12) {
            0 => RevocationScope::Everybody,
            1..4 => RevocationScope::User(self.user()),
            4 => RevocationScope::Session(id(self.below(50), 77)),
            _ => self
                .session(model)
                .map_or(RevocationScope::Everybody, |session| {
                    RevocationScope::Session(session.id)
                }),
        }
    }

    fn session(&mut self, model: &Model) -> Option<StoredSession> {
        let count = u64::try_from(model.sessions.len()).unwrap();
        let place = usize::try_from(self.below(count.max(1))).unwrap();
        model.sessions.get(place).cloned()
    }
}

pub(super) async fn agrees(store: &dyn Store) {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut model = Model::default();
    let mut now: u64 = 0;
    for step in 0..OPERATIONS {
        now += dice.below(20);
        step_both(store, &mut model, &mut dice, now, step).await;
        let user = dice.user();
        let mut listed = store.sessions(None, usize::MAX, at(now)).await.unwrap();
        listed.sort_by_key(|session| session.id);
        assert_eq!(listed, model.of(None, at(now)), "step {step}");
        let of_user = store.sessions(Some(&user), usize::MAX, at(now)).await;
        assert_eq!(
            of_user.unwrap(),
            model.of(Some(&user), at(now)),
            "step {step}"
        );
        let live = sorted(store.live(at(now)).await.unwrap());
        assert_eq!(live, model.live(at(now)), "step {step}");
        let count = u64::try_from(model.sessions.len()).unwrap();
        assert_eq!(store.count().await.unwrap(), count, "step {step}");
    }
}

async fn step_both(store: &dyn Store, model: &mut Model, dice: &mut Dice, now: u64, step: u64) {
    match dice.below(10) {
        0..5 => {
            // Some by a clock that went back. The number keeps ids apart.
            let created = now.saturating_sub(dice.below(4) * 10);
            let number = u8::try_from(step % 251).unwrap();
            let session = stored(dice.user().as_str(), created, number);
            let most = [None, Some(2), Some(5)][usize::try_from(dice.below(3)).unwrap()];
            let ended = store.open(&session, most, at(now)).await.unwrap();
            let expected = model.open(&session, most, at(now));
            assert_eq!(sorted(ended), sorted(expected), "step {step}");
        }
        5..8 => {
            let Some(old) = dice.session(model) else {
                return;
            };
            let mut new = super::renewed(&old, now);
            new.seen = (dice.below(2) == 0).then_some(new.renewed);
            let presented = if dice.below(4) == 0 { &new } else { &old };
            let replaced = store.replace(presented, &new).await.unwrap();
            assert_eq!(replaced, model.replace(presented, &new), "step {step}");
        }
        8 => {
            let cut = now.saturating_sub(dice.below(300));
            let revocation = super::record(dice.reach(model), cut, now + dice.below(900));
            let kept = store.revoke(&revocation).await.unwrap();
            assert_eq!(kept, model.revoke(&revocation), "step {step}");
        }
        _ => {
            let swept = store.sweep(at(now)).await.unwrap();
            assert_eq!(swept, model.sweep(at(now)), "step {step}");
        }
    }
}
