//! The login page and its form.

use std::sync::Arc;

use http::{StatusCode, header};
use pingora_proxy::Session;

use super::EndpointRequest;
use crate::adapters::observe::metrics::LoginResult;
use crate::adapters::pages::{LoginError, LoginView};
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::location::FROM_APP;
use crate::auth::login::{Credentials, LoginFormat, way_back};
use crate::auth::problem::Refusal;
use crate::auth::redirect::safe_return;
use crate::auth::throttle::Source;
use crate::auth::visitor::Caller;
use crate::domain::id::SessionId;
use crate::domain::reply::Reply;
use crate::gateway::request::body;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::own_reply;
use crate::gateway::shared_state::SharedState;
use crate::service::login::{From, Opening, Random};

/// The form; or straight on, for who is signed in already.
pub(super) fn page(ctx: &Ctx, caller: &Caller, asked: &EndpointRequest) -> Result<Reply, Refusal> {
    let back_to = way_back(&asked.query)?;
    let back_to = safe_return(back_to.as_deref());
    if caller.presented.live().is_some() {
        if asked.query == FROM_APP.as_bytes() && !ctx.snapshot.policy.paths.login_is_under_prefix()
        {
            return Err(Denial::LoginPathTaken.into());
        }
        return Ok(own_reply::see_other(back_to));
    }
    let view = LoginView {
        rd: back_to,
        username: "",
        remember_me: false,
        error: None,
        obstacle: asked.obstacle.as_ref(),
        scheme: asked.scheme.as_str(),
    };
    Ok(ctx.snapshot.pages.login(&view).into_reply(StatusCode::OK))
}

/// A login, right or wrong.
pub(super) async fn submit(
    shared: &Arc<SharedState>,
    session: &mut Session,
    ctx: &mut Ctx,
    caller: &Caller,
    asked: &EndpointRequest,
) -> Result<Reply, Refusal> {
    let format = asked.login_format?;
    let body = body::read(session, &ctx.snapshot.settings.limits).await?;
    let mut typed = Credentials::parse(&body, format)?;
    if typed.back_to.is_none() {
        typed.back_to = way_back(&asked.query)?;
    }
    let from = From {
        client: asked.device.client,
        browser: &asked.browser,
    };
    let (snapshot, now) = (&ctx.snapshot, clock::now());
    let limits = snapshot.settings.login.attempts;
    let logins = &shared.logins;
    let outcome = logins.authenticate(&snapshot.policy, limits, &typed, from, now);
    let outcome = outcome.await;
    shared.metrics.login(match &outcome {
        Ok(_) => LoginResult::Success,
        Err(Denial::BadCredentials) => LoginResult::BadCredentials,
        Err(Denial::TooManyAttempts { .. }) => LoginResult::TooManyAttempts,
        Err(Denial::Overloaded) => LoginResult::Overloaded,
        Err(_) => LoginResult::Refused,
    });
    let refuse = |denial| refused(ctx, denial, format, &typed, asked);
    let proved = outcome.map_err(refuse)?;
    let earlier: Vec<SessionId> = caller.sessions().collect();
    let opening = Opening {
        earlier: &earlier,
        remember: typed.remember_me,
        device: &asked.device,
    };
    let random = Random {
        session: entropy::random(),
        token: entropy::random(),
    };
    let today = shared.snapshot();
    let opened = logins.open(&today.policy, proved, opening, clock::now(), random);
    let issued = opened.await.map_err(refuse)?;
    let user = issued.session.user().clone();
    ctx.user = Some(user.clone());
    let mut reply = match format {
        LoginFormat::Form => own_reply::see_other(safe_return(typed.back_to.as_deref())),
        LoginFormat::Json => {
            let identity = &issued.session.principal.user.identity;
            let body = serde_json::json!({
                "user": {
                    "id": identity.id.as_str(),
                    "username": identity.username.as_str(),
                    "name": identity.name,
                    "roles": identity.roles,
                },
                "expires_in": issued.expires_in.as_secs(),
            });
            Reply::json(StatusCode::OK, &body)
        }
    };
    // `send` adds them, and what they mean for caches.
    reply.headers.remove(header::CACHE_CONTROL);
    ctx.reply_headers.cookies = issued.cookies;
    let policy = &ctx.snapshot.policy;
    let known = asked
        .browser
        .remember(policy, &user, clock::now(), entropy::random());
    ctx.reply_headers.cookies.extend(known);
    Ok(reply)
}

/// The form again with what went wrong, or a problem for a program. The same for a
/// name that exists and one that does not.
fn refused(
    ctx: &Ctx,
    denial: Denial,
    format: LoginFormat,
    typed: &Credentials,
    asked: &EndpointRequest,
) -> Refusal {
    if format == LoginFormat::Json {
        return denial.into();
    }
    let error = match denial {
        Denial::BadCredentials => LoginError::BadCredentials,
        Denial::TooManyAttempts { retry_after } => {
            let policy = &ctx.snapshot.policy;
            let from = From {
                client: asked.device.client,
                browser: &asked.browser,
            };
            match from.source(policy, typed, clock::now()) {
                Source::Address(_) if policy.known_browsers => {
                    LoginError::UnknownBrowser { retry_after }
                }
                _ => LoginError::TooManyAttempts { retry_after },
            }
        }
        Denial::Overloaded => LoginError::Overloaded,
        Denial::StoreUnavailable => LoginError::Unavailable,
        _ => return denial.into(),
    };
    let view = LoginView {
        rd: safe_return(typed.back_to.as_deref()),
        // Whoever mistyped the password need not type the name again.
        username: &typed.typed_name,
        remember_me: typed.remember_me,
        error: Some(error),
        obstacle: asked.obstacle.as_ref(),
        scheme: asked.scheme.as_str(),
    };
    let html = ctx.snapshot.pages.login(&view);
    Refusal::with(denial, html.into_reply(denial.status()))
}
