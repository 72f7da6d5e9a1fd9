//! Who am I: what a page of the app may ask about its own visitor.

use http::StatusCode;

use super::Refused;
use crate::adapters::clock;
use crate::auth::session::Presented;
use crate::domain::reply::Reply;
use crate::gateway::ctx::Ctx;
use crate::gateway::respond;

pub(super) fn who_am_i(ctx: &mut Ctx, presented: Presented) -> Result<Reply, Refused> {
    let session = presented.required()?;
    let identity = &session.principal.user.identity;
    let left = session.expires.since(clock::now()).as_secs();
    ctx.user = Some(identity.id.clone());
    let body = serde_json::json!({
        "id": identity.id.as_str(),
        "username": identity.username.as_str(),
        "name": identity.name,
        "roles": identity.roles,
        "expires_in": left,
        // Until tokens are renewed the session ends with its token.
        "session_expires_in": left,
    });
    Ok(respond::json(StatusCode::OK, &body))
}
