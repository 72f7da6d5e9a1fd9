//! RFC 7009: ending the session of a token. The answer is 200 whether or not the token
//! was known, so that nobody can ask which are.

use std::sync::Arc;

use http::StatusCode;
use pingora_proxy::Session;

use super::{Asked, Refused};
use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::login::form_field;
use crate::auth::revocation::{Reach, Revocation};
use crate::auth::session::Presented;
use crate::domain::reply::Reply;
use crate::gateway::body;
use crate::gateway::ctx::Ctx;
use crate::gateway::house::House;

/// The role that may end anybody's session.
const ADMIN: &str = "admin";

/// `token=…` with the session cookie: one's own, or anybody's with the role `admin`.
pub(super) async fn submit(
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
    presented: Presented,
    asked: &Asked,
) -> Result<Reply, Refused> {
    let by = presented.required()?;
    let body = body::read(session, ctx.snapshot.settings.limits.login_body).await?;
    if asked.login_format != Ok(crate::auth::login::LoginFormat::Form) {
        return Err(Denial::UnsupportedMediaType.into());
    }
    let token = form_field(&body, "token")?.ok_or(Denial::BadRequest)?;
    ctx.user = Some(by.principal.user.identity.id.clone());

    let now = clock::now();
    let policy = &ctx.snapshot.policy;
    let found = match Presented::judge(policy, token.as_bytes(), now) {
        Presented::Live(live) => Some((live.id, live.principal.user.identity.id.clone())),
        Presented::Expired { session, user } => Some((session, user)),
        Presented::Absent | Presented::Revoked | Presented::Invalid => None,
    };
    let identity = &by.principal.user.identity;
    let may_end = |user: &crate::domain::id::UserId| {
        *user == identity.id || identity.has_any_role(&[ADMIN.to_owned()])
    };
    if let Some((id, user)) = found.filter(|(_, user)| may_end(user)) {
        let lifetimes = policy.lifetimes;
        let revocation = Revocation {
            reach: Reach::Session(id),
            at: now,
            until: now.after(lifetimes.absolute.max(lifetimes.access)),
        };
        house.revoke(&revocation).await.map_err(|e| {
            log::error!("a session could not be ended: {e}");
            Denial::StoreUnavailable
        })?;
        let event = Event::new(EventKind::Revoke).client(asked.client);
        house.audit(&event.user(&user).session(id).reason("token"));
    }
    Ok(Reply::empty(StatusCode::OK))
}
