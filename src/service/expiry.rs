//! Connections end with their session: when its time has run out, and nobody has renewed it.
//!
//! A connection is admitted until its access token ends. From there on the store knows: a
//! session that was renewed by another request, perhaps through another replica, goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::sessions::SessionService;
use crate::auth::denial::Denial;
use crate::auth::policy::Policy;
use crate::auth::ports::StoreError;
use crate::auth::renewal::note_use;
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// How often the store is told that a session is used over an open connection.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

/// How long the store may take to say whether a session goes on.
const STORE_TIMEOUT: Duration = Duration::from_millis(400);

/// Notes which sessions are used over open connections, and cuts the connections of those
/// whose time has run out.
pub(crate) async fn close_expired(service: &Arc<SessionService>, now: Timestamp) {
    let mut uses = JoinSet::new();
    for (id, at) in service.live.used(now) {
        uses.spawn(note(Arc::clone(service), id, at));
    }
    while uses.join_next().await.is_some() {}
    let mut questions = JoinSet::new();
    for id in service.live.due(now) {
        questions.spawn(ask(Arc::clone(service), id, now));
    }
    while questions.join_next().await.is_some() {}
}

/// Cuts the connections of machine tokens that are no longer good under this policy: taken out
/// of the file, expired, or without their user.
pub(crate) fn close_tokens(service: &SessionService, policy: &Policy, now: Timestamp) {
    for id in service.live.tokens() {
        let known = policy.machines.by_id(id).ok_or(Denial::TokenInvalid);
        if let Err(why) = known.and_then(|known| known.session_at(now)) {
            service.live.over(id, why);
        }
    }
}

/// Lets a session live on that is used over an open connection alone.
async fn note(service: Arc<SessionService>, id: SessionId, at: Timestamp) {
    match timeout(STORE_TIMEOUT, note_use(service.store.as_ref(), id, at)).await {
        Ok(Ok(Some(session))) => {
            // Well before it would be over for want of it.
            let every = NOTE_INTERVAL.min(session.idle / 4);
            service.live.use_is_noted(id, at.after(every));
        }
        // `ask` will find that too, when its time has come.
        Ok(Ok(None)) => {}
        Ok(Err(e)) => log::warn!("the use of a session was not noted: {e}"),
        Err(late) => log::warn!("the use of a session was not noted: {late}"),
    }
}

async fn ask(service: Arc<SessionService>, id: SessionId, now: Timestamp) {
    let found = match timeout(STORE_TIMEOUT, service.store.find(id)).await {
        Ok(Ok(found)) => found.filter(|session| !session.is_over(now)),
        Ok(Err(e)) => return doubt(&service, id, &e),
        Err(late) => return doubt(&service, id, &late),
    };
    let Some(session) = found else {
        return service.live.over(id, Denial::SessionExpired);
    };
    match StoreError::if_newer(&session) {
        Ok(()) => service.live.lives_until(id, session.end()),
        Err(e) => doubt(&service, id, &e),
    }
}

/// Its token has ended and nobody says that it was renewed: as the gate would refuse a request
/// of it, so its connections end.
fn doubt(service: &SessionService, id: SessionId, e: &dyn std::fmt::Display) {
    log::warn!(
        "connections are cut, since the store does not say whether their session goes on: {e}"
    );
    service.live.over(id, Denial::StoreUnavailable);
}

#[cfg(test)]
mod tests;
