//! What the readings of a path come to for one visitor: all admit, all refuse alike, or the
//! spelling decides and is refused for it.

use std::sync::Arc;

use super::{Rejected, user_of};
use crate::auth::denial::Denial;
use crate::auth::pass::Pass;
use crate::auth::rules::{Access, Selected};
use crate::auth::session::Session;
use crate::auth::visitor::AccessTokenState;

/// What a request asks of whoever sent it: for its path and, where it names one, for a second.
/// Owned, so that it can wait for a renewal.
#[derive(Debug)]
pub(super) struct Requirement {
    rule: Option<usize>,
    places: Vec<Place>,
}

/// What the readings of one path ask for.
#[derive(Debug)]
struct Place {
    asked: Vec<Access>,
    tolerated: bool,
}

impl Requirement {
    pub(super) fn of<'a>(places: impl Iterator<Item = &'a Selected<'a>>) -> Self {
        let mut demand = Self {
            rule: None,
            places: Vec::new(),
        };
        for (number, selected) in places.enumerate() {
            if number == 0 {
                demand.rule = selected.strictest().rule;
            }
            demand.places.push(Place {
                asked: selected.readings().map(|r| r.access.clone()).collect(),
                tolerated: selected.is_tolerated(),
            });
        }
        demand
    }

    /// What somebody hears whose session is over for this reason: the same as whoever came
    /// without one.
    pub(super) fn refusal(&self, why: Denial) -> Denial {
        let places = self.places.iter();
        let mut refused = places
            .filter_map(|place| without_session(place.asked.iter(), place.tolerated, why).err());
        refused.next().unwrap_or(why)
    }

    /// The proof that the session satisfies all of it.
    pub(super) fn admit(&self, session: Arc<Session>) -> Result<Pass, Rejected> {
        for place in &self.places {
            for_session(place.asked.iter(), place.tolerated, &session)
                .map_err(|denial| Rejected::of(&session, denial))?;
        }
        Ok(Pass::of(session, self.rule))
    }
}

/// Judges the places that a request names, of which not all are public.
pub(super) fn judge<'a>(
    places: impl Iterator<Item = &'a Selected<'a>>,
    presented: AccessTokenState,
) -> Result<Pass, Rejected> {
    let mut rule = None;
    match presented.required() {
        Ok(session) => {
            for (number, selected) in places.enumerate() {
                if number == 0 {
                    rule = selected.strictest().rule;
                }
                let asked = selected.readings().map(|reading| reading.access);
                for_session(asked, selected.is_tolerated(), &session)
                    .map_err(|denial| Rejected::of(&session, denial))?;
            }
            Ok(Pass::of(session, rule))
        }
        Err(why) => {
            for selected in places {
                let asked = selected.readings().map(|reading| reading.access);
                without_session(asked, selected.is_tolerated(), why)?;
            }
            Err(why.into())
        }
    }
}

/// Whether nobody passes, whatever they show.
pub(super) fn is_closed(selected: &Selected<'_>) -> bool {
    let mut readings = selected.readings();
    readings.all(|reading| *reading.access == Access::Deny)
}

/// The refusal of somebody for whom nobody passes.
pub(super) fn closed(presented: &AccessTokenState) -> Rejected {
    Rejected {
        denial: Denial::Forbidden,
        user: presented.live().map(user_of),
    }
}

fn for_session<'a>(
    asked: impl Iterator<Item = &'a Access>,
    tolerated: bool,
    session: &Session,
) -> Result<(), Denial> {
    alike(asked, tolerated, |access| {
        match access.admits(&session.principal.user.identity) {
            true => Ok(()),
            false => Err(Denial::Forbidden),
        }
    })
}

fn without_session<'a>(
    asked: impl Iterator<Item = &'a Access>,
    tolerated: bool,
    why: Denial,
) -> Result<(), Denial> {
    alike(asked, tolerated, |access| match access {
        Access::Public => Ok(()),
        Access::Deny => Err(Denial::Forbidden),
        Access::Authenticated | Access::Roles(_) => Err(why),
    })
}

/// What all readings say. Where they do not say the same, what somebody gets would depend on
/// how the app reads the path: that is refused as ambiguous, or where the operator tolerates
/// the spelling, as the strictest of them refuses.
fn alike<'a>(
    asked: impl Iterator<Item = &'a Access>,
    tolerated: bool,
    of: impl Fn(&Access) -> Result<(), Denial>,
) -> Result<(), Denial> {
    let mut said: Option<Result<(), Denial>> = None;
    let mut differs = false;
    for access in asked {
        let verdict = of(access);
        said = Some(match said {
            None => verdict,
            Some(before) => {
                differs |= before != verdict;
                stricter(before, verdict)
            }
        });
    }
    match said {
        Some(verdict) if !differs || tolerated => verdict,
        _ => Err(Denial::PathAmbiguous),
    }
}

/// Of two verdicts the one that admits fewer.
fn stricter(a: Result<(), Denial>, b: Result<(), Denial>) -> Result<(), Denial> {
    match (a, b) {
        (Err(Denial::Forbidden), _) | (_, Err(Denial::Forbidden)) => Err(Denial::Forbidden),
        (Err(denial), _) | (_, Err(denial)) => Err(denial),
        (Ok(()), Ok(())) => Ok(()),
    }
}
