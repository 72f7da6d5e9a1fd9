//! My sessions: where I am signed in, and ending some of it.
//!
//! Everybody sees and ends their own and nobody else's: whose a session is, the store
//! says, never the request.

use std::cmp::Reverse;
use std::sync::Arc;

use http::StatusCode;
use pingora_proxy::Session;

use super::logout::{Extent, sign_out};
use super::{EndpointRequest, read_body, token_for};
use crate::adapters::clock;
use crate::adapters::pages::when::rfc3339;
use crate::adapters::pages::{Ended, SessionsView, device};
use crate::auth::denial::Denial;
use crate::auth::login::form_field;
use crate::auth::ports::{Revoked, StoreError};
use crate::auth::problem::Refusal;
use crate::auth::session;
use crate::auth::stored::StoredSession;
use crate::auth::visitor::Caller;
use crate::domain::id::{SessionId, UserId};
use crate::domain::reply::Reply;
use crate::domain::time::Timestamp;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;
use crate::service::sessions::{Ending, Found};

/// How many are shown; a guess at what somebody might still read.
const SHOWN: usize = 200;

/// How many of one person are read at once. A guess: whoever has more signs in by a
/// program that never signs out, and sees the oldest.
const READ: usize = 10_000;

/// The page, or JSON for a program.
pub(super) async fn list(
    shared: &Arc<SharedState>,
    ctx: &mut Ctx,
    caller: Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let csrf_token = token_for(ctx, &caller);
    let here = caller.presented.required()?;
    let identity = &here.principal.user.identity;
    ctx.user = Some(identity.id.clone());
    let now = clock::now();
    let mut sessions = of_user(shared, &identity.id, now).await?;
    sessions.sort_by_key(|one| (one.id != here.id, Reverse((one.last_used(), one.id))));
    let more = sessions.len().saturating_sub(SHOWN);
    let done = done(shared, &here, &sessions, &asked.query);
    sessions.truncate(SHOWN);
    if asked.wants_json {
        let sessions: Vec<_> = sessions.iter().map(|one| json(one, here.id)).collect();
        let body = serde_json::json!({ "sessions": sessions, "more": more });
        return Ok(Reply::json(StatusCode::OK, &body));
    }
    let view = SessionsView {
        name: &identity.name,
        sessions: &sessions,
        current: here.id,
        more,
        done,
        csrf_token: &csrf_token,
        now,
    };
    Ok(ctx
        .snapshot
        .pages
        .sessions(&view)
        .into_reply(StatusCode::OK))
}

/// Ends one of them, or all others.
pub(super) async fn end(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    caller: Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let body = read_body(session, ctx, &caller).await?;
    let here = caller.presented.clone().required()?;
    let user = here.user().clone();
    ctx.user = Some(user.clone());
    let (ended, told): (Vec<StoredSession>, _) = match Named::parse(&body)? {
        Named::One(id) if id == here.id => {
            return sign_out(shared, ctx, &caller, asked, Extent::Here).await;
        }
        Named::One(id) => {
            let found = shared.sessions.store.find(id).await.map_err(away)?;
            // Somebody else's is as unknown as one that never was.
            let found = found.filter(|found| found.user == user);
            if found.is_none() && asked.wants_json {
                return Err(Denial::NotFound.into());
            }
            (found.into_iter().collect(), id.to_string())
        }
        Named::Others => {
            let mut others = of_user(shared, &user, clock::now()).await?;
            others.retain(|one| one.id != here.id);
            (others, "others".to_owned())
        }
    };
    let endings = ended
        .iter()
        .map(|one| {
            Ending::revoke(
                Found::session(one),
                Some(asked.device.client),
                "self_service",
            )
        })
        .collect();
    let lifetimes = ctx.snapshot.policy.session.lifetimes;
    let ended = shared.sessions.end_all(endings, lifetimes, clock::now());
    ended.await?;
    if asked.wants_json {
        return Ok(Reply::empty(StatusCode::NO_CONTENT));
    }
    let prefix = &ctx.snapshot.policy.paths.prefix;
    Ok(own_reply::see_other(&format!(
        "{prefix}/sessions?ended={told}"
    )))
}

/// What a form or a program wants to end; exactly one thing.
enum Named {
    One(SessionId),
    Others,
}

impl Named {
    fn parse(body: &[u8]) -> Result<Self, Denial> {
        let (session, others) = match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(json) => {
                let text = |key| {
                    json.get(key).map(|v: &serde_json::Value| match v {
                        serde_json::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    })
                };
                (text("session"), text("others"))
            }
            Err(_not_json) => (form_field(body, "session")?, form_field(body, "others")?),
        };
        match (session, others.as_deref()) {
            (Some(id), None) => SessionId::parse(&id)
                .map(Self::One)
                .ok_or(Denial::BadRequest),
            (None, Some("true")) => Ok(Self::Others),
            _ => Err(Denial::BadRequest),
        }
    }
}

async fn of_user(
    shared: &SharedState,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<StoredSession>, Denial> {
    let sessions = shared.sessions.store.sessions(Some(user), READ, now).await;
    sessions.map_err(away)
}

/// What the page says was done. The query is anybody's word (a link can bring it), so
/// only what is true now is repeated.
fn done(
    shared: &SharedState,
    here: &session::Session,
    sessions: &[StoredSession],
    query: &[u8],
) -> Option<Ended> {
    let said = form_field(query, "ended").ok()??;
    if said == "others" {
        let alone = sessions.iter().all(|one| one.id == here.id);
        return alone.then_some(Ended::Others);
    }
    let id = SessionId::parse(&said)?;
    let user = here.user();
    shared
        .sessions
        .index
        .is_revoked(id, user)
        .then_some(Ended::One)
}

fn json(session: &StoredSession, current: SessionId) -> serde_json::Value {
    serde_json::json!({
        "id": session.id.to_string(),
        "device": device::name(&session.agent),
        "agent": session.agent,
        "address": session.client,
        "created": rfc3339(session.created()),
        "last_seen": rfc3339(session.last_used()),
        "ends": rfc3339(session.end()),
        "current": session.id == current,
    })
}

fn away(e: StoreError) -> Denial {
    log::error!("sessions could not be read: {e}");
    Denial::StoreUnavailable
}
