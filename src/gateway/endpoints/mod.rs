//! Our own endpoints, one file each; here is only who answers what.

mod cookies;
pub(super) mod https_redirect;
mod login;
mod logout;
mod refresh;
mod revoke;
mod session;
mod sessions;
pub(super) mod whoami;

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use pingora_proxy::Session;

use crate::adapters::pages::Obstacle;
use crate::auth::csrf::FIELD;
use crate::auth::denial::{Denial, Unproven};
use crate::auth::endpoint::{Endpoint, EndpointSpec};
use crate::auth::known::Browser;
use crate::auth::login::form_field;
use crate::auth::policy::Policy;
use crate::auth::redirect::{Presentation, in_place};
use crate::auth::stored::Device;
use crate::auth::visitor::Caller;
use crate::domain::forwarded;
use crate::domain::origin::{Origin, Scheme};
use crate::domain::reply::Reply;
use crate::domain::request::{Host, RequestView};
use crate::gateway::request::body;
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::request::inbound::X_FORWARDED_PROTO;
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;

/// What an endpoint may know of the request: the view's facts that are still needed
/// once the body has been read.
pub(super) struct EndpointRequest {
    /// How a refusal is shown.
    pub(super) shown: Presentation,
    /// Whether a program asked for JSON.
    pub(super) wants_json: bool,
    /// The query.
    pub(super) query: Vec<u8>,
    /// How the body says what it is.
    pub(super) login_format: Result<crate::auth::login::LoginFormat, Denial>,
    /// From where it came.
    pub(super) device: Device,
    /// Who has signed in with this browser before.
    pub(super) browser: Browser,
    /// As which the request came.
    pub(super) scheme: Scheme,
    /// What stands in the way of signing in.
    pub(super) obstacle: Option<Obstacle>,
}

impl EndpointRequest {
    pub(super) fn of(view: &RequestView<'_>, policy: &Policy) -> Self {
        Self {
            shown: in_place(view),
            wants_json: !view.is_navigation()
                && (view.accepts("application/json") || view.has_content_type("application/json")),
            query: view.query.unwrap_or_default().to_vec(),
            login_format: crate::auth::login::LoginFormat::of(view),
            device: Device::of(view),
            browser: Browser::read(policy, view),
            scheme: view.facts.scheme,
            obstacle: obstacle(view, policy),
        }
    }
}

/// What stands in the way of who signs in over plain HTTP, as far as we see.
fn obstacle(view: &RequestView<'_>, policy: &Policy) -> Option<Obstacle> {
    let Host::At(host) = &view.facts.host else {
        return None;
    };
    if view.facts.scheme == Scheme::Https {
        return None;
    }
    let told = forwarded::last_word(view.headers, &X_FORWARDED_PROTO);
    if told.and_then(forwarded::scheme) == Some(Scheme::Https) {
        // Of a proxy that is trusted it would be the scheme.
        let ours = view.facts.own_origin(None)?.to_string();
        return policy.hosts.is_none().then(|| Obstacle::UntrustedProxy {
            browser: Origin::new(Scheme::Https, host.clone()).to_string(),
            ours,
        });
    }
    let are_dropped = policy.cookies.is_secure() && !host.is_loopback();
    are_dropped.then_some(Obstacle::PlainHttp)
}

/// Answers a request for one of our endpoints.
///
/// # Errors
/// If the client is gone.
pub(super) async fn serve(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    endpoint: &EndpointSpec,
    caller: Caller,
    asked: EndpointRequest,
) -> pingora::Result<()> {
    let answered = match endpoint.id {
        Endpoint::Preflight => Ok(ctx.snapshot.policy.cors.preflight()),
        Endpoint::OpenPreflight => Ok(ctx.snapshot.policy.cors.open_preflight()),
        Endpoint::LoginPage => login::page(ctx, &caller, &asked),
        Endpoint::Login => login::submit(shared, session, ctx, &caller, &asked).await,
        Endpoint::LogoutPage => Ok(logout::page(ctx, &caller)),
        Endpoint::Logout => logout::submit(shared, session, ctx, &caller, &asked).await,
        Endpoint::Revoke => revoke::submit(shared, session, ctx, caller, &asked).await,
        Endpoint::Refresh => refresh::submit(shared, session, ctx, &caller, &asked).await,
        Endpoint::WhoAmI => session::who_am_i(ctx, caller),
        Endpoint::Sessions => sessions::list(shared, ctx, caller, &asked).await,
        Endpoint::EndSessions => sessions::end(shared, session, ctx, caller, &asked).await,
        Endpoint::CookiesPage => Ok(cookies::page(ctx)),
        Endpoint::DeleteCookies => Ok(cookies::delete(ctx)),
        Endpoint::Jwks => Ok(jwks(ctx)),
    };
    match answered {
        Ok(reply) => {
            ctx.stage = Stage::Served;
            own_reply::send(session, ctx, reply).await
        }
        Err(refusal) => own_reply::deny(session, ctx, refusal, &asked.shown).await,
    }
}

/// The body of a request to one of our endpoints, once the CSRF token that its head owed
/// was found in it.
pub(super) async fn read_body(
    session: &mut Session,
    ctx: &Ctx,
    caller: &Caller,
) -> Result<Vec<u8>, Denial> {
    let body = body::read(session, &ctx.snapshot.settings.limits).await?;
    if let Some(owner) = caller.csrf_token_due {
        let token = form_field(&body, FIELD)?.ok_or(Denial::CsrfFailed(Unproven::Token))?;
        let tokens = &ctx.snapshot.policy.tokens;
        if !tokens.is_csrf_token(owner, token.as_bytes()) {
            return Err(Denial::CsrfFailed(Unproven::Token));
        }
    }
    Ok(body)
}

/// The CSRF token for a form of ours; empty where none is asked for.
pub(super) fn token_for(ctx: &Ctx, caller: &Caller) -> String {
    let policy = &ctx.snapshot.policy;
    match caller.session() {
        Some(session) if policy.csrf.mode.uses_tokens() => {
            policy.tokens.csrf_token(session).unwrap_or_default()
        }
        _ => String::new(),
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
        HeaderValue::from_static("max-age=60"),
    )
}
