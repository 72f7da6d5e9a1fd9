//! Open connections: the WebSockets and event streams that have to end with the session
//! that opened them. Everything else is over soon, and its next request meets the gate.
//!
//! As many as `limits.connections` and `limits.h2_streams` admit.

use std::collections::HashMap;
use std::sync::Arc;

use http::{StatusCode, header};
use parking_lot::Mutex;
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};
use pingora_proxy::Session;

use super::ctx::Ctx;
use super::cut::Story;
use super::house::House;
use super::leash::Leash;
use crate::adapters::observe::metrics::Counted;
use crate::auth::denial::Denial;
use crate::auth::revocation::{Reach, Revocation};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

/// All of them, by their sessions.
#[derive(Debug, Default)]
pub struct OpenConnections {
    sessions: Mutex<HashMap<SessionId, OfSession>>,
}

#[derive(Debug)]
struct OfSession {
    user: UserId,
    /// When the session is over unless somebody renewed it.
    due: Timestamp,
    connections: Vec<(Arc<Leash>, Counted)>,
}

impl OfSession {
    fn pull(&self, why: Denial) {
        for (leash, _) in &self.connections {
            leash.pull(why);
        }
    }
}

impl OpenConnections {
    fn add(&self, whose: (SessionId, &UserId), due: Timestamp, leash: &Arc<Leash>, count: Counted) {
        let (id, user) = whose;
        let mut sessions = self.sessions.lock();
        let of_session = sessions.entry(id).or_insert_with(|| OfSession {
            user: user.clone(),
            due,
            connections: Vec::new(),
        });
        of_session.due = of_session.due.max(due);
        of_session.connections.push((Arc::clone(leash), count));
    }

    fn remove(&self, id: SessionId, leash: &Arc<Leash>) {
        let mut sessions = self.sessions.lock();
        if let Some(of_session) = sessions.get_mut(&id) {
            of_session
                .connections
                .retain(|(other, _)| !Arc::ptr_eq(other, leash));
            if of_session.connections.is_empty() {
                sessions.remove(&id);
            }
        }
    }

    /// Cuts what these revocations reach; they are in force already.
    pub fn revoked(&self, revocations: &[Revocation]) {
        let sessions = self.sessions.lock();
        for revocation in revocations {
            let reached = |id: &SessionId| id.created() <= revocation.at;
            match &revocation.reach {
                Reach::Session(id) => {
                    if let Some(of_session) = sessions.get(id) {
                        of_session.pull(Denial::SessionRevoked);
                    }
                }
                Reach::User(user) => sessions
                    .iter()
                    .filter(|(id, of_session)| of_session.user == *user && reached(id))
                    .for_each(|(_, of_session)| of_session.pull(Denial::SessionRevoked)),
                Reach::Everybody => sessions
                    .iter()
                    .filter(|(id, _)| reached(id))
                    .for_each(|(_, of_session)| of_session.pull(Denial::SessionRevoked)),
            }
        }
    }

    /// The sessions that may be over at `now`.
    pub(super) fn due(&self, now: Timestamp) -> Vec<SessionId> {
        let sessions = self.sessions.lock();
        let due = sessions.iter().filter(|(_, of)| of.due <= now);
        due.map(|(id, _)| *id).collect()
    }

    /// The session goes on, for all that is known now until `due`.
    pub(super) fn lives_until(&self, id: SessionId, due: Timestamp) {
        if let Some(of_session) = self.sessions.lock().get_mut(&id) {
            of_session.due = due;
        }
    }

    /// Nobody knows which of them have ended.
    pub(super) fn all_over(&self, why: Denial) {
        for of_session in self.sessions.lock().values() {
            of_session.pull(why);
        }
    }

    /// The session is over.
    pub(super) fn over(&self, id: SessionId, why: Denial) {
        if let Some(of_session) = self.sessions.lock().get(&id) {
            of_session.pull(why);
        }
    }
}

/// An open connection of a session, registered until this is dropped.
pub(super) struct Open {
    house: Arc<House>,
    id: SessionId,
    leash: Arc<Leash>,
    story: Option<Story>,
}

impl Open {
    /// The body went on by so many bytes.
    pub(super) fn passed(&mut self, bytes: usize) {
        if let Some(story) = &mut self.story {
            story.passed(bytes);
        }
    }

    /// The request came to its own end, and is recorded like any other.
    pub(super) fn ended(mut self) {
        self.story = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.house.open.remove(self.id, &self.leash);
        if let Some(story) = self.story.take() {
            story.tell(&self.house, self.id, self.leash.why());
        }
    }
}

/// Registers what the app opens with this head, if it stays open.
///
/// # Errors
/// If it could not be cut; it must not be opened then.
pub(super) fn register(
    house: &Arc<House>,
    session: &Session,
    head: &ResponseHeader,
    ctx: &mut Ctx,
) -> pingora::Result<()> {
    let is_tunnel = head.status == StatusCode::SWITCHING_PROTOCOLS;
    if !is_tunnel && !is_event_stream(head) {
        return Ok(());
    }
    let Some(whose) = ctx.pass().and_then(|pass| pass.session()) else {
        return Ok(());
    };
    let Some(leash) = ctx.leash.clone() else {
        return Error::e_explain(ErrorType::InternalError, "the request has no leash");
    };
    if is_tunnel {
        leash.line.becomes_tunnel();
    }
    let user = whose.user();
    let count = house.metrics.session_connection();
    house
        .open
        .add((whose.id, user), whose.dates.expires, &leash, count);
    // Revoked since the gate looked, and before the connection stood in the list.
    if ctx.snapshot.policy.revoked.is_revoked(whose.id, user) {
        leash.pull(Denial::SessionRevoked);
    }
    ctx.open = Some(Open {
        house: Arc::clone(house),
        id: whose.id,
        leash,
        story: Some(Story::of(session, head.status, ctx)),
    });
    Ok(())
}

fn is_event_stream(head: &ResponseHeader) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    let value = head.headers.get(header::CONTENT_TYPE);
    value.is_some_and(|value| {
        let mut parts = value.as_bytes().split(|&b| b == b';');
        let essence = parts.next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(EVENTS)
    })
}

#[cfg(test)]
mod tests;
