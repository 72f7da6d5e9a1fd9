//! Open connections: the exchanges that have gone on for a while and have to end with the
//! session for which they were admitted, whatever they are: WebSockets, streams of events
//! or pictures, long polls, uploads. Everything else is over soon, and its next request
//! meets the gate.
//!
//! A download of known length may finish (`session.cut_downloads`).
//!
//! As many as `limits.connections` and `limits.h2_streams` admit.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::adapters::observe::metrics::Counted;
use crate::auth::denial::Denial;
use crate::auth::revocation::{Revocation, RevocationScope};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// An exchange that can be ended from outside.
pub trait Cancel: fmt::Debug + Send + Sync {
    /// Ends it. Of several reasons the first counts.
    fn cancel(&self, why: Denial);

    /// Whether it may outlive its session.
    fn may_finish(&self) -> bool;

    /// When somebody last sent something over it, if that was since this was asked.
    fn take_use(&self) -> Option<Timestamp>;
}

/// All of them, by their sessions.
#[derive(Debug, Default)]
pub struct LiveConnections {
    sessions: Mutex<HashMap<SessionId, OfSession>>,
}

#[derive(Debug)]
struct OfSession {
    user: UserId,
    /// When the session is over unless somebody renewed it.
    due: Timestamp,
    /// When the store is told again that it is used.
    next_use: Option<Timestamp>,
    connections: Vec<(Arc<dyn Cancel>, Counted)>,
}

impl OfSession {
    /// When somebody last sent something over one of them, if it is time to say so.
    fn takes_use(&self, now: Timestamp) -> Option<Timestamp> {
        if self.next_use.is_some_and(|next| now < next) {
            return None;
        }
        let uses = self
            .connections
            .iter()
            .map(|(exchange, _)| exchange.take_use());
        // Every one of them is asked.
        uses.fold(None, Option::max)
    }

    /// Cuts them; a download that may finish is nobody's from now on.
    fn cancel(&mut self, why: Denial) {
        self.connections.retain(|(exchange, _)| {
            let ends = !exchange.may_finish();
            if ends {
                exchange.cancel(why);
            }
            ends
        });
    }
}

impl LiveConnections {
    /// Another one, which counts for as long as it is kept here.
    pub fn add(
        &self,
        whose: (SessionId, &UserId),
        due: Timestamp,
        exchange: &Arc<dyn Cancel>,
        count: Counted,
    ) {
        let (id, user) = whose;
        let mut sessions = self.sessions.lock();
        let of_session = sessions.entry(id).or_insert_with(|| OfSession {
            user: user.clone(),
            due,
            next_use: None,
            connections: Vec::new(),
        });
        of_session.due = of_session.due.max(due);
        of_session.connections.push((Arc::clone(exchange), count));
    }

    /// It has ended.
    pub fn remove(&self, id: SessionId, exchange: &Arc<dyn Cancel>) {
        let mut sessions = self.sessions.lock();
        if let Some(of_session) = sessions.get_mut(&id) {
            of_session
                .connections
                .retain(|(other, _)| !Arc::ptr_eq(other, exchange));
            if of_session.connections.is_empty() {
                sessions.remove(&id);
            }
        }
    }

    /// Cuts what these revocations reach; they are in force already.
    pub fn revoked(&self, revocations: &[Revocation]) {
        let mut sessions = self.sessions.lock();
        for revocation in revocations {
            let reached = |id: &SessionId| id.created() <= revocation.at;
            match &revocation.reach {
                RevocationScope::Session(id) => {
                    if let Some(of_session) = sessions.get_mut(id) {
                        of_session.cancel(Denial::of_revoked(*id));
                    }
                }
                RevocationScope::User(user) => sessions
                    .iter_mut()
                    .filter(|(id, of_session)| of_session.user == *user && reached(id))
                    .for_each(|(_, of_session)| of_session.cancel(Denial::SessionRevoked)),
                RevocationScope::Everybody => sessions
                    .iter_mut()
                    .filter(|(id, _)| reached(id))
                    .for_each(|(_, of_session)| of_session.cancel(Denial::SessionRevoked)),
            }
        }
        sessions.retain(|_, of_session| !of_session.connections.is_empty());
    }

    /// The sessions that may be over at `now`.
    pub(super) fn due(&self, now: Timestamp) -> Vec<SessionId> {
        let sessions = self.sessions.lock();
        let due = sessions
            .iter()
            .filter(|(id, of)| of.due <= now && !id.is_of_token());
        due.map(|(id, _)| *id).collect()
    }

    /// The machine tokens among them: no store knows of those.
    pub(super) fn tokens(&self) -> Vec<SessionId> {
        let sessions = self.sessions.lock();
        let tokens = sessions.keys().filter(|id| id.is_of_token());
        tokens.copied().collect()
    }

    /// The sessions that are used, and when they were last, for the store to hear of it.
    pub(super) fn used(&self, now: Timestamp) -> Vec<(SessionId, Timestamp)> {
        let sessions = self.sessions.lock();
        let used = sessions.iter().filter(|(id, _)| !id.is_of_token());
        used.filter_map(|(id, of)| Some((*id, of.takes_use(now)?)))
            .collect()
    }

    /// The store has heard of it, and need not before `next`.
    pub(super) fn use_is_noted(&self, id: SessionId, next: Timestamp) {
        if let Some(of_session) = self.sessions.lock().get_mut(&id) {
            of_session.next_use = Some(next);
        }
    }

    /// The session goes on, for all that is known now until `due`.
    pub(super) fn lives_until(&self, id: SessionId, due: Timestamp) {
        if let Some(of_session) = self.sessions.lock().get_mut(&id) {
            of_session.due = due;
        }
    }

    /// Nobody knows which of them have ended.
    pub fn all_over(&self, why: Denial) {
        let mut sessions = self.sessions.lock();
        sessions.values_mut().for_each(|of| of.cancel(why));
        sessions.retain(|_, of_session| !of_session.connections.is_empty());
    }

    /// The session is over.
    pub(super) fn over(&self, id: SessionId, why: Denial) {
        let mut sessions = self.sessions.lock();
        if let Some(of_session) = sessions.get_mut(&id) {
            of_session.cancel(why);
            if of_session.connections.is_empty() {
                sessions.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
