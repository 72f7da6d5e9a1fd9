//! Exchanging a refresh token because the client asked. Silent renewal needs none of it.

use std::sync::Arc;

use http::{StatusCode, header};
use pingora_proxy::Session;

use super::{EndpointRequest, read_body};
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::problem::Refusal;
use crate::auth::refresh::{RefreshToken, RefreshTrigger};
use crate::auth::visitor::{AccessTokenState, Caller, Refresh};
use crate::domain::reply::Reply;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::shared_state::SharedState;
use crate::service::renewal::exchange;

/// The next pair of tokens, or why there is none; then the cookies are cleared, unless
/// the store was away.
pub(super) async fn submit(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    caller: &Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let _nothing = read_body(session, ctx, caller).await?;
    let exchanged = match to_exchange(caller) {
        Ok(token) => {
            let (policy, now) = (&ctx.snapshot.policy, clock::now());
            let (service, random) = (&shared.sessions, entropy::random());
            exchange(
                service,
                policy,
                &token,
                RefreshTrigger::Explicit,
                &asked.device,
                now,
                random,
            )
            .await
        }
        Err(denial) => Err(denial),
    };
    match exchanged {
        Ok(issued) => {
            ctx.user = Some(issued.session.user().clone());
            ctx.reply_headers.cookies = issued.cookies;
            let body = serde_json::json!({ "expires_in": issued.expires_in.as_secs() });
            let mut reply = Reply::json(StatusCode::OK, &body);
            // `send` says what the cookies mean for caches.
            reply.headers.remove(header::CACHE_CONTROL);
            Ok(reply)
        }
        Err(denial) if denial.lacks_session() && denial != Denial::SessionRequired => {
            let forget = ctx.snapshot.policy.cookies.clear();
            ctx.reply_headers.cookies.extend(forget);
            Err(denial.into())
        }
        Err(denial) => Err(denial.into()),
    }
}

/// The token, unless the access token beside it says that it must not be renewed.
fn to_exchange(caller: &Caller) -> Result<RefreshToken, Denial> {
    let token = match caller.refresh {
        Refresh::Ours(token) => token,
        Refresh::Foreign => return Err(Denial::SessionInvalid),
        Refresh::Absent => return Err(Denial::SessionRequired),
    };
    let same = match &caller.presented {
        AccessTokenState::Absent => true,
        AccessTokenState::Live(live) => live.id == token.session,
        AccessTokenState::Expired { session, .. } => *session == token.session,
        AccessTokenState::Revoked => return Err(Denial::SessionRevoked),
        AccessTokenState::Invalid => return Err(Denial::SessionInvalid),
        AccessTokenState::Unverifiable => return Err(Denial::StoreUnavailable),
    };
    if same {
        Ok(token)
    } else {
        Err(Denial::SessionInvalid)
    }
}
