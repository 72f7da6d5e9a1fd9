//! RFC 7009: ending the session of a token. The answer is 200 whether or not the token
//! was known, so that nobody can ask which are.

use std::sync::Arc;

use http::StatusCode;
use pingora_proxy::Session;

use super::{Asked, Refused, read_body};
use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::login::{LoginFormat, form_field};
use crate::auth::policy::Policy;
use crate::auth::revocation::Reach;
use crate::auth::session::{Presented, Visitor};
use crate::domain::id::{SessionId, UserId};
use crate::domain::reply::Reply;
use crate::gateway::ctx::Ctx;
use crate::gateway::house::House;

/// The role that may end anybody's session.
const ADMIN: &str = "admin";

/// With the session cookie: `token=` of one's own; with the role `admin` anybody's, and
/// `session=`, `user=` (an id, else a user name) and `all=true`.
pub(super) async fn submit(
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
    visitor: Visitor,
    asked: &Asked,
) -> Result<Reply, Refused> {
    let body = read_body(session, ctx, &visitor).await?;
    let by = visitor.presented.required()?;
    if asked.login_format != Ok(LoginFormat::Form) {
        return Err(Denial::UnsupportedMediaType.into());
    }
    let identity = &by.principal.user.identity;
    ctx.user = Some(identity.id.clone());
    let named = Named::parse(&body)?;
    let is_admin = identity.has_any_role(&[ADMIN.to_owned()]);
    if !is_admin && !matches!(named, Named::Token(_)) {
        return Err(Denial::Forbidden.into());
    }
    let policy = &ctx.snapshot.policy;
    let (reach, user, reason) = match named {
        Named::Token(token) => {
            let found = owner(house, policy, token.as_bytes()).await?;
            let found = found.filter(|(_, user)| is_admin || *user == identity.id);
            let Some((id, user)) = found else {
                return Ok(Reply::empty(StatusCode::OK));
            };
            (Reach::Session(id), Some(user), "token")
        }
        Named::Session(id) => {
            let owner = house.owner(id).await?.map(|(_, user)| user);
            (Reach::Session(id), owner, "session")
        }
        Named::User(name) => {
            let Some(user) = policy.directory.named(&name) else {
                return Ok(Reply::empty(StatusCode::OK));
            };
            let id = user.identity.id.clone();
            (Reach::User(id.clone()), Some(id), "user")
        }
        Named::Everybody => (Reach::Everybody, None, "all"),
    };
    let mut event = Event::new(EventKind::Revoke)
        .client(asked.client)
        .reason(reason);
    event.user = user;
    event.session = match &reach {
        Reach::Session(id) => Some(*id),
        Reach::User(_) | Reach::Everybody => None,
    };
    house.end(reach, policy.lifetimes).await?;
    house.audit(&event);
    Ok(Reply::empty(StatusCode::OK))
}

/// The session of a token, of either kind, and whose it is.
pub(in crate::gateway) async fn owner(
    house: &House,
    policy: &Policy,
    token: &[u8],
) -> Result<Option<(SessionId, UserId)>, Denial> {
    if let Some(refresh) = policy.tokens.open_refresh(token) {
        return house.owner(refresh.session).await;
    }
    let presented = Presented::judge(policy, token, clock::now());
    Ok(presented.owner().map(|(id, user)| (id, user.clone())))
}

/// What the form names; exactly one thing.
enum Named {
    Token(String),
    Session(SessionId),
    User(String),
    Everybody,
}

impl Named {
    fn parse(body: &[u8]) -> Result<Self, Denial> {
        let fields = (
            form_field(body, "token")?,
            form_field(body, "session")?,
            form_field(body, "user")?,
            form_field(body, "all")?,
        );
        match fields {
            (Some(token), None, None, None) => Ok(Self::Token(token)),
            (None, Some(session), None, None) => SessionId::parse(&session)
                .map(Self::Session)
                .ok_or(Denial::BadRequest),
            (None, None, Some(user), None) => Ok(Self::User(user)),
            (None, None, None, Some(all)) if all == "true" => Ok(Self::Everybody),
            _ => Err(Denial::BadRequest),
        }
    }
}
