//! Connections that end with their session: looking at the clock, and the line in the
//! log of a request whose end pingora did not see.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use pingora_proxy::Session;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ctx::Ctx;
use super::house::House;
use super::record::{CLOSED, Ended};
use crate::adapters::clock::{self, Moment};
use crate::adapters::observe::metrics::Verdict;
use crate::auth::denial::Denial;
use crate::auth::ports::StoreError;
use crate::auth::renewal::note_use;
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

/// How often the clock is looked at: a quarter of the promised second.
const LOOK: Duration = Duration::from_millis(250);

/// How often the store is told that a session is used over an open connection.
const NOTE: Duration = Duration::from_secs(60);

/// How long the store may take to say whether a session goes on.
const ASK: Duration = Duration::from_millis(400);

/// Cuts the connections of sessions whose time ran out, for as long as it is polled.
///
/// A connection is admitted until its access token ends. From there on the store knows: a
/// session that was renewed by another request, perhaps through another replica, goes on.
pub(super) async fn end_in_time(house: &Arc<House>) {
    loop {
        tokio::time::sleep(LOOK).await;
        // What the gate does not believe any more is not left open either.
        if house.snapshot().policy.is_stale(clock::now()) {
            house.open.all_over(Denial::StoreUnavailable);
        }
        let most = house.snapshot().settings.limits.unread_answers;
        house.unread.end_surplus(most, Moment::now());
        let mut uses = JoinSet::new();
        for (id, at) in house.open.used(clock::now()) {
            uses.spawn(note(Arc::clone(house), id, at));
        }
        while uses.join_next().await.is_some() {}
        let mut questions = JoinSet::new();
        for id in house.open.due(clock::now()) {
            questions.spawn(ask(Arc::clone(house), id));
        }
        while questions.join_next().await.is_some() {}
    }
}

/// Lets a session live on that is used over an open connection alone.
async fn note(house: Arc<House>, id: SessionId, at: Timestamp) {
    match timeout(ASK, note_use(house.store.as_ref(), id, at)).await {
        Ok(Ok(Some(session))) => {
            // Well before it would be over for want of it.
            let every = NOTE.min(session.idle / 4);
            house.open.use_is_noted(id, at.after(every));
        }
        // `ask` will find that too, when its time has come.
        Ok(Ok(None)) => {}
        Ok(Err(e)) => log::warn!("the use of a session was not noted: {e}"),
        Err(late) => log::warn!("the use of a session was not noted: {late}"),
    }
}

async fn ask(house: Arc<House>, id: SessionId) {
    let found = match timeout(ASK, house.store.find(id)).await {
        Ok(Ok(found)) => found.filter(|session| !session.is_over(clock::now())),
        Ok(Err(e)) => return doubt(&house, id, &e),
        Err(late) => return doubt(&house, id, &late),
    };
    let Some(session) = found else {
        return house.open.over(id, Denial::SessionExpired);
    };
    match StoreError::if_newer(&session) {
        Ok(()) => house.open.lives_until(id, session.end()),
        Err(e) => doubt(&house, id, &e),
    }
}

/// Its token has ended and nobody says that it was renewed: as the gate would refuse a
/// request of it, so its connections end.
fn doubt(house: &House, id: SessionId, e: &dyn std::fmt::Display) {
    log::warn!(
        "connections are cut, since the store does not say whether their session goes on: {e}"
    );
    house.open.over(id, Denial::StoreUnavailable);
}

/// What there is to say of a request whose future was dropped, as that of a request that is
/// cut is: pingora's `logging` does not run for it.
pub(super) struct Untold {
    method: Method,
    uri: Uri,
    /// Of the answer, once it has begun.
    status: Option<StatusCode>,
    /// Of its body.
    bytes: usize,
}

impl Untold {
    /// A request that was admitted.
    pub(super) fn of(session: &Session) -> Self {
        let request = session.req_header();
        Self {
            method: request.method.clone(),
            uri: request.uri.clone(),
            status: None,
            bytes: 0,
        }
    }

    /// The answer has begun.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Its body went on by so many bytes.
    pub(super) fn passed(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Writes the access line and counts the request, unless it ended like any other.
    pub(super) fn tell(self, ctx: &Ctx) {
        let (Some(leash), Some(pass)) = (&ctx.leash, ctx.pass()) else {
            return;
        };
        let why = leash.why();
        if why.is_none() && !leash.is_registered() || std::thread::panicking() {
            return;
        }
        let told = self.status.unwrap_or_else(|| match why {
            // As `Line::say_why` says it.
            Some(why) if leash.line.arrival.is_http1() => why.status(),
            _ => StatusCode::from_u16(CLOSED).unwrap_or_default(),
        });
        let ended = Ended {
            snapshot: &ctx.snapshot,
            started: ctx.started,
            client: ctx.client,
            method: &self.method,
            uri: &self.uri,
            status: told.as_u16(),
            bytes: self.bytes,
            verdict: why.map_or(Verdict::Forwarded, |why| Verdict::Refused(why.code())),
            user: ctx.user.as_ref(),
            session: pass.session().map(|session| session.id),
            rule: pass.rule(),
        };
        ended.tell(ctx.house());
    }
}
