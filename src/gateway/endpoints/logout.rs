//! Signing out: the session is ended for good, then the browser is told to forget.

use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderValue, StatusCode, header};
use pingora_proxy::Session;

use super::{Asked, Refused};
use crate::auth::event::{Event, EventKind};
use crate::auth::login::form_field;
use crate::auth::revocation::Reach;
use crate::auth::session::Presented;
use crate::domain::reply::Reply;
use crate::gateway::body;
use crate::gateway::ctx::Ctx;
use crate::gateway::house::House;
use crate::gateway::respond;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The page with one button; a GET ends nothing (an image tag could send it).
pub(super) fn page(ctx: &Ctx) -> Reply {
    ctx.snapshot.pages.logout().into_reply(StatusCode::OK)
}

/// A logout. Without a session it still clears the cookies.
pub(super) async fn submit(
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
    presented: Presented,
    asked: &Asked,
) -> Result<Reply, Refused> {
    let body = body::read(session, &ctx.snapshot.settings.limits).await?;
    let everywhere = form_field(&body, "everywhere")?.as_deref() == Some("true")
        || serde_json::from_slice::<serde_json::Value>(&body)
            .is_ok_and(|json| json.get("everywhere") == Some(&serde_json::Value::Bool(true)));
    let of = match presented {
        Presented::Live(live) => Some((live.id, live.principal.user.identity.id.clone())),
        Presented::Expired { session, user } => Some((session, user)),
        Presented::Absent | Presented::Revoked | Presented::Invalid => None,
    };
    if let Some((id, user)) = of {
        let reach = if everywhere {
            Reach::User(user.clone())
        } else {
            Reach::Session(id)
        };
        house.end(reach, ctx.snapshot.policy.lifetimes).await?;
        let mut event = Event::new(EventKind::Logout)
            .user(&user)
            .session(id)
            .client(asked.client);
        if everywhere {
            event = event.reason("everywhere");
        }
        house.audit(&event);
        ctx.user = Some(user);
    }
    let mut reply = if asked.wants_json {
        Reply::empty(StatusCode::NO_CONTENT)
    } else {
        respond::see_other(&ctx.snapshot.policy.paths.login)
    };
    for cookie in ctx.snapshot.policy.cookies.clear() {
        reply.headers.append(header::SET_COOKIE, cookie);
    }
    reply.headers.insert(
        CLEAR_SITE_DATA,
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    reply.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache, no-store"),
    );
    Ok(reply)
}
