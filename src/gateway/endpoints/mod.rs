//! Our own endpoints, one file each; here is only who answers what.

mod login;
mod logout;
mod revoke;
mod session;

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use pingora_proxy::Session;

use super::ctx::{Ctx, Stage};
use super::house::House;
use super::respond;
use crate::auth::denial::Denial;
use crate::auth::gate::Endpoint;
use crate::auth::redirect::{Presentation, in_place};
use crate::auth::session::Presented;
use crate::domain::reply::Reply;
use crate::domain::request::RequestView;

/// What an endpoint may know of the request: the view's facts that are still needed
/// once the body has been read.
pub(super) struct Asked {
    /// How a refusal is shown.
    pub(super) shown: Presentation,
    /// Whether a program asked for JSON.
    pub(super) wants_json: bool,
    /// The query.
    pub(super) query: Vec<u8>,
    /// How the body says what it is.
    pub(super) login_format: Result<crate::auth::login::LoginFormat, Denial>,
    /// The client.
    pub(super) client: std::net::IpAddr,
    /// Whether our Secure cookies would be thrown away: plain HTTP to another machine.
    pub(super) cookies_cannot_work: bool,
}

impl Asked {
    pub(super) fn of(view: &RequestView<'_>, secure_cookies: bool) -> Self {
        let loopback =
            matches!(&view.host, crate::domain::request::Host::At(host) if host.is_loopback());
        Self {
            shown: in_place(view),
            wants_json: !view.is_navigation()
                && (view.accepts("application/json") || view.has_content_type("application/json")),
            query: view.query.unwrap_or_default().to_vec(),
            login_format: crate::auth::login::LoginFormat::of(view),
            client: view.client,
            cookies_cannot_work: secure_cookies
                && view.scheme == crate::domain::origin::Scheme::Http
                && !loopback,
        }
    }
}

/// Answers a request for one of our endpoints.
///
/// # Errors
/// If the client is gone.
pub(super) async fn serve(
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: Endpoint,
    presented: Presented,
    asked: Asked,
) -> pingora::Result<()> {
    let answered = match endpoint {
        Endpoint::Preflight => Ok(ctx.snapshot.policy.cors.preflight()),
        Endpoint::LoginPage => login::page(ctx, &presented, &asked),
        Endpoint::Login => login::submit(house, session, ctx, &presented, &asked).await,
        Endpoint::LogoutPage => Ok(logout::page(ctx)),
        Endpoint::Logout => logout::submit(house, session, ctx, presented, &asked).await,
        Endpoint::Revoke => revoke::submit(house, session, ctx, presented, &asked).await,
        Endpoint::WhoAmI => session::who_am_i(ctx, presented),
        Endpoint::Jwks => Ok(jwks(ctx)),
    };
    let (stage, reply) = match answered {
        Ok(reply) => (Stage::Served, reply),
        Err(Refused { denial, reply }) => {
            let reply = match reply {
                Some(reply) => respond::decorate(*reply, denial),
                None => respond::refusal(ctx, denial, &asked.shown),
            };
            (Stage::Denied(denial), reply)
        }
    };
    ctx.stage = stage;
    respond::send(session, ctx, reply).await
}

/// An endpoint said no, perhaps with a page of its own.
pub(super) struct Refused {
    denial: Denial,
    reply: Option<Box<Reply>>,
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self {
            denial,
            reply: None,
        }
    }
}

fn jwks(ctx: &Ctx) -> Reply {
    let keys = ctx.snapshot.policy.tokens.jwks().unwrap_or("{\"keys\":[]}");
    Reply::with_body(
        StatusCode::OK,
        "application/json",
        keys.to_owned().into_bytes(),
    )
    .header(
        header::CACHE_CONTROL,
        // Short, so that a rotated key is known before the first token of it matters.
        HeaderValue::from_static("public, max-age=60"),
    )
}
