//! Connections that end with their session: looking at the clock, and the line in the
//! log of a request whose end pingora did not see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri};
use pingora_proxy::Session;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ctx::Ctx;
use super::house::House;
use super::record::Ended;
use super::snapshot::Snapshot;
use crate::adapters::clock;
use crate::adapters::observe::metrics::Verdict;
use crate::auth::denial::Denial;
use crate::auth::pass::Pass;
use crate::domain::id::{SessionId, UserId};

/// How often the clock is looked at: a quarter of the promised second.
const LOOK: Duration = Duration::from_millis(250);

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
        let mut questions = JoinSet::new();
        for id in house.open.due(clock::now()) {
            questions.spawn(ask(Arc::clone(house), id));
        }
        while questions.join_next().await.is_some() {}
    }
}

async fn ask(house: Arc<House>, id: SessionId) {
    let found = match timeout(ASK, house.store.find(id)).await {
        Ok(Ok(found)) => found,
        Ok(Err(e)) => return doubt(&house, id, &e),
        Err(late) => return doubt(&house, id, &late),
    };
    match found.filter(|session| !session.is_over(clock::now())) {
        Some(session) => house.open.lives_until(id, session.end()),
        None => house.open.over(id, Denial::SessionExpired),
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

/// What there is to say of a request that may be cut: pingora's `logging` does not run
/// for a future that is dropped.
pub(super) struct Story {
    snapshot: Arc<Snapshot>,
    started: Instant,
    client: Option<std::net::IpAddr>,
    method: Method,
    uri: Uri,
    status: StatusCode,
    bytes: usize,
    user: Option<UserId>,
    rule: Option<usize>,
}

impl Story {
    /// Of a request that the app has answered with this status.
    pub(super) fn of(session: &Session, status: StatusCode, ctx: &Ctx) -> Self {
        let request = session.req_header();
        Self {
            snapshot: Arc::clone(&ctx.snapshot),
            started: ctx.started,
            client: ctx.client,
            method: request.method.clone(),
            uri: request.uri.clone(),
            status,
            bytes: 0,
            user: ctx.user.clone(),
            rule: ctx.pass().and_then(Pass::rule),
        }
    }

    /// The body went on by so many bytes.
    pub(super) fn passed(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Writes the access line and counts the request.
    pub(super) fn tell(&self, house: &House, session: SessionId, why: Option<Denial>) {
        let verdict = why.map_or(Verdict::Forwarded, |why| Verdict::Refused(why.code()));
        let ended = Ended {
            snapshot: &self.snapshot,
            started: self.started,
            client: self.client,
            method: &self.method,
            uri: &self.uri,
            status: self.status.as_u16(),
            bytes: self.bytes,
            verdict,
            user: self.user.as_ref(),
            session: Some(session),
            rule: self.rule,
        };
        ended.tell(house);
    }
}
