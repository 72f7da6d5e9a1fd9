//! RFC 7009: ending the session of a token. The answer is 200 whether or not the token
//! was known, so that nobody can ask which are.

use std::sync::Arc;

use http::StatusCode;
use pingora_proxy::Session;

use super::{EndpointRequest, read_body};
use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::login::{LoginFormat, form_field};
use crate::auth::problem::Refusal;
use crate::auth::visitor::Caller;
use crate::domain::id::SessionId;
use crate::domain::reply::Reply;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::shared_state::SharedState;
use crate::service::sessions::{Ending, RevocationTarget};

/// With the session cookie: `token=` of one's own; with the role `admin.role` anybody's, and
/// `session=`, `user=` (an id, else a user name) and `all=true`.
pub(super) async fn submit(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    caller: Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let body = read_body(session, ctx, &caller).await?;
    let by = caller.presented.required()?;
    if asked.login_format != Ok(LoginFormat::Form) {
        return Err(Denial::UnsupportedMediaType.into());
    }
    let identity = &by.principal.user.identity;
    ctx.user = Some(identity.id.clone());
    let target = parse(&body)?;
    let role = ctx.snapshot.settings.admin.role.as_ref();
    let is_admin = role.is_some_and(|role| identity.roles.contains(role));
    let reason = match target {
        RevocationTarget::Token(_) => "token",
        _ if !is_admin => return Err(Denial::Forbidden.into()),
        RevocationTarget::Session(_) => "session",
        RevocationTarget::User(_) => "user",
        RevocationTarget::TokenName(_) => "token_name",
        RevocationTarget::Everybody => "all",
    };
    let (policy, now) = (&ctx.snapshot.policy, clock::now());
    let found = shared.sessions.resolve(policy, &target, now).await?;
    let may_end = |owner: &Option<_>| is_admin || owner.as_ref() == Some(&identity.id);
    if let Some(found) = found.filter(|found| may_end(&found.user)) {
        let ending = Ending::revoke(found, Some(asked.device.client), reason);
        shared
            .sessions
            .end(&ending, policy.session.lifetimes, now)
            .await?;
    }
    Ok(Reply::empty(StatusCode::OK))
}

/// What the form names; exactly one thing.
fn parse(body: &[u8]) -> Result<RevocationTarget, Denial> {
    let fields = (
        form_field(body, "token")?,
        form_field(body, "session")?,
        form_field(body, "user")?,
        form_field(body, "all")?,
    );
    match fields {
        (Some(token), None, None, None) => Ok(RevocationTarget::Token(token)),
        (None, Some(session), None, None) => SessionId::parse(&session)
            .map(RevocationTarget::Session)
            .ok_or(Denial::BadRequest),
        (None, None, Some(user), None) => Ok(RevocationTarget::User(user)),
        (None, None, None, Some(all)) if all == "true" => Ok(RevocationTarget::Everybody),
        _ => Err(Denial::BadRequest),
    }
}
