//! Who am I: what a page of the app may ask about its own visitor.

use http::StatusCode;

use super::token_for;
use crate::adapters::clock;
use crate::auth::problem::Refusal;
use crate::auth::visitor::Caller;
use crate::domain::reply::Reply;
use crate::domain::time::Timestamp;
use crate::gateway::request::ctx::Ctx;

pub(super) fn who_am_i(ctx: &mut Ctx, caller: Caller) -> Result<Reply, Refusal> {
    let csrf_token = token_for(ctx, &caller);
    let refresh = caller.refresh.ours();
    let session = caller.presented.required()?;
    // A program is asked for no CSRF token.
    let is_program = session.machine.is_some();
    let identity = &session.principal.user.identity;
    let now = clock::now();
    let expires = session.dates.expires;
    let left = (expires != Timestamp::NEVER).then(|| expires.since(now).as_secs());
    // Without a refresh token the session cannot be renewed, and ends with this one.
    let session_left = refresh
        .filter(|refresh| refresh.session == session.id)
        .map_or(left, |refresh| Some(refresh.ends.since(now).as_secs()));
    ctx.user = Some(identity.id.clone());
    let mut body = serde_json::json!({
        "id": identity.id.as_str(),
        "username": identity.username.as_str(),
        "name": identity.name,
        "roles": identity.roles,
        "expires_in": left,
        "session_expires_in": session_left,
    });
    if let Some(fields) = body.as_object_mut()
        && !csrf_token.is_empty()
        && !is_program
    {
        fields.insert("csrf_token".to_owned(), csrf_token.into());
    }
    Ok(Reply::json(StatusCode::OK, &body))
}
