//! Signing out: the session is ended for good, then the browser is told to forget.

use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderValue, StatusCode, header};
use pingora_proxy::Session;

use super::{EndpointRequest, read_body, token_for};
use crate::adapters::clock;
use crate::auth::denial::Denial;
use crate::auth::login::form_field;
use crate::auth::problem::Refusal;
use crate::auth::visitor::Caller;
use crate::config::settings::{Logout, SiteData};
use crate::domain::id::{SessionId, UserId};
use crate::domain::reply::Reply;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;
use crate::service::sessions::Ending;

pub(super) const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The page with one button; a GET ends nothing (an image tag could send it).
pub(super) fn page(ctx: &Ctx, caller: &Caller) -> Reply {
    let token = token_for(ctx, caller);
    ctx.snapshot.pages.logout(&token).into_reply(StatusCode::OK)
}

/// A logout. Without a session it still clears the cookies.
pub(super) async fn submit(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    caller: &Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let body = read_body(session, ctx, caller).await?;
    let everywhere = form_field(&body, "everywhere")?.as_deref() == Some("true")
        || serde_json::from_slice::<serde_json::Value>(&body)
            .is_ok_and(|json| json.get("everywhere") == Some(&serde_json::Value::Bool(true)));
    let extent = if everywhere {
        Extent::Everywhere
    } else {
        Extent::Here
    };
    sign_out(shared, ctx, caller, asked, extent).await
}

/// How much a logout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What this browser has.
    Here,
    /// All that its user has.
    Everywhere,
}

/// Ends what the cookies name, tells the browser to forget, and leads to the login page.
pub(super) async fn sign_out(
    shared: &SharedState,
    ctx: &mut Ctx,
    caller: &Caller,
    asked: &EndpointRequest,
    extent: Extent,
) -> Result<Reply, Refusal> {
    for (id, user) in named(shared, caller).await? {
        let ending = match extent {
            Extent::Here => Ending::logout(id, &user, asked.device.client),
            Extent::Everywhere => Ending::logout_everywhere(id, &user, asked.device.client),
        };
        let lifetimes = ctx.snapshot.policy.session.lifetimes;
        shared
            .sessions
            .end(&ending, lifetimes, clock::now())
            .await?;
        ctx.user = Some(user);
    }
    // A renewal on the way here must not give back what is taken away now.
    ctx.reply_headers.cookies.clear();
    let mut reply = if asked.wants_json {
        Reply::empty(StatusCode::NO_CONTENT)
    } else {
        own_reply::see_other(&ctx.snapshot.policy.paths.login)
    };
    for cookie in ctx.snapshot.policy.cookies.clear() {
        reply.headers.append(header::SET_COOKIE, cookie);
    }
    let logout = &ctx.snapshot.settings.logout;
    let was_somebody = caller.sessions().next().is_some();
    if was_somebody && !logout.clear_site_data.contains(&SiteData::Cache) {
        // `cache` would empty what the back button shows; so does this, and it takes no time.
        for cookie in ctx.snapshot.policy.cookies.changes() {
            reply.headers.append(header::SET_COOKIE, cookie);
        }
    }
    if let Some(value) = clear_site_data(logout) {
        reply.headers.insert(CLEAR_SITE_DATA, value);
    }
    reply.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache, no-store"),
    );
    Ok(reply)
}

/// `Clear-Site-Data`: the types are quoted strings, separated by commas.
fn clear_site_data(logout: &Logout) -> Option<HeaderValue> {
    let types = logout.clear_site_data.iter();
    let types: Vec<_> = types.map(|kind| format!("\"{}\"", kind.word())).collect();
    let value = HeaderValue::try_from(types.join(", ")).ok();
    value.filter(|value| !value.is_empty())
}

/// The sessions that the cookies name, and whose they are. Both cookies name the same
/// one, but for a browser in which something went wrong.
async fn named(shared: &SharedState, caller: &Caller) -> Result<Vec<(SessionId, UserId)>, Denial> {
    let by_access = caller.presented.owner();
    let mut named: Vec<_> = by_access
        .map(|(id, user)| (id, user.clone()))
        .into_iter()
        .collect();
    for id in caller.sessions().skip(named.len()) {
        named.extend(shared.sessions.owner(id).await?);
    }
    Ok(named)
}
