//! The replica against plain maps: whatever happens, it says what they say.

use std::collections::HashMap;

use proptest::prelude::*;

use super::RevocationIndex;
use crate::auth::ports::Revoked as _;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

#[derive(Clone, Debug)]
enum Step {
    Apply(Revocation),
    Forget(Timestamp),
}

/// What a replica is, without regard to memory and locks.
#[derive(Default)]
struct Model {
    sessions: HashMap<SessionId, Timestamp>,
    cuts: HashMap<Option<UserId>, (Timestamp, Timestamp)>,
}

impl Model {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Apply(Revocation { reach, at, until }) => {
                let who = match reach {
                    RevocationScope::Session(id) => {
                        // Its tokens end on whole seconds.
                        let until = Timestamp::from_secs(until.secs());
                        let known = self.sessions.entry(*id).or_insert(until);
                        *known = until.max(*known);
                        return;
                    }
                    RevocationScope::User(user) => Some(user.clone()),
                    RevocationScope::Everybody => None,
                };
                let known = self.cuts.entry(who).or_insert((*at, *until));
                *known = (known.0.max(*at), known.1.max(*until));
            }
            Step::Forget(now) => {
                self.sessions.retain(|_, until| until.secs() >= now.secs());
                self.cuts.retain(|_, (_, until)| *until > *now);
            }
        }
    }

    fn cut_off(&self, user: &UserId) -> Option<Timestamp> {
        let at = |who| self.cuts.get(&who).map(|(at, _)| *at);
        at(Some(user.clone())).max(at(None))
    }

    fn is_revoked(&self, id: SessionId, user: &UserId) -> bool {
        self.sessions.contains_key(&id) || self.cut_off(user).is_some_and(|at| id.created() <= at)
    }

    fn all(&self) -> Vec<Revocation> {
        let sessions = self.sessions.iter().map(|(id, until)| Revocation {
            reach: RevocationScope::Session(*id),
            at: id.created(),
            until: *until,
        });
        let cuts = self.cuts.iter().map(|(who, (at, until))| Revocation {
            reach: who
                .clone()
                .map_or(RevocationScope::Everybody, RevocationScope::User),
            at: *at,
            until: *until,
        });
        sessions.chain(cuts).collect()
    }
}

fn session(created: u64) -> SessionId {
    SessionId::new(Timestamp::from_millis(created), [5; 10])
}

fn user(number: u64) -> UserId {
    UserId::new(&number.to_string())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reach = prop_oneof![
        6 => (0..12_u64).prop_map(|created| RevocationScope::Session(session(created))),
        3 => (0..3_u64).prop_map(|number| RevocationScope::User(user(number))),
        1 => Just(RevocationScope::Everybody),
    ];
    let apply = (reach, 0..12_u64, 0..9000_u64).prop_map(|(reach, at, until)| {
        Step::Apply(Revocation {
            reach,
            at: Timestamp::from_millis(at),
            until: Timestamp::from_millis(until),
        })
    });
    let forget = (0..9000_u64).prop_map(|now| Step::Forget(Timestamp::from_millis(now)));
    proptest::collection::vec(prop_oneof![5 => apply, 1 => forget], 0..60)
}

fn sorted(mut all: Vec<Revocation>) -> Vec<String> {
    all.sort_by_key(|one| format!("{one:?}"));
    all.iter().map(|one| format!("{one:?}")).collect()
}

proptest! {
    #[test]
    fn it_says_what_plain_maps_say(steps in steps()) {
        let (replica, mut model) = (RevocationIndex::new(), Model::default());
        for step in &steps {
            let before = model.all().len();
            model.take(step);
            match step {
                Step::Apply(revocation) => replica.apply(revocation),
                Step::Forget(now) => {
                    prop_assert_eq!(replica.forget(*now), before - model.all().len());
                }
            }
            prop_assert_eq!(replica.len(), model.all().len());
            for number in 0..4 {
                prop_assert_eq!(replica.cut_off(&user(number)), model.cut_off(&user(number)));
                for created in 0..13 {
                    let id = session(created);
                    let expected = model.is_revoked(id, &user(number));
                    prop_assert_eq!(replica.is_revoked(id, &user(number)), expected, "{} {:?}", id, step);
                }
            }
        }
        prop_assert_eq!(sorted(replica.all()), sorted(model.all()));
        // What one replica tells another is the same set again.
        let other = RevocationIndex::new();
        other.load(&replica.all());
        prop_assert_eq!(sorted(other.all()), sorted(replica.all()));
    }
}

#[test]
fn what_was_taken_in_is_in_force_for_every_thread() {
    const EACH: u64 = 20_000;
    let replica = RevocationIndex::new();
    let (replica, nobody) = (&replica, &user(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..EACH {
                    let id = session(thread * EACH + number);
                    assert!(!replica.is_revoked(id, nobody));
                    replica.apply(&Revocation {
                        reach: RevocationScope::Session(id),
                        at: id.created(),
                        until: Timestamp::from_secs(9),
                    });
                    if number % 1000 == 0 {
                        replica.forget(Timestamp::from_secs(9));
                    }
                    assert!(replica.is_revoked(id, nobody), "lost while others write");
                }
            });
        }
    });
    assert_eq!(replica.len() as u64, 4 * EACH);
}
