//! Signing in: throttle, hash, session, cookie, in this order.

use std::sync::Arc;

use http::{StatusCode, header};
use pingora_proxy::Session;

use super::{Asked, Refused};
use crate::adapters::observe::metrics::LoginResult;
use crate::adapters::pages::{LoginError, LoginView};
use crate::adapters::{clock, entropy};
use crate::auth::denial::Denial;
use crate::auth::event::{Event, EventKind};
use crate::auth::issue::{Issued, issue, new_session};
use crate::auth::location::FROM_APP;
use crate::auth::login::{Credentials, LoginFormat, way_back};
use crate::auth::login_flow::{LoginFlow, Proof};
use crate::auth::policy::Policy;
use crate::auth::ports::{Passwords, SignError, StoreError, Turn};
use crate::auth::redirect::safe_return;
use crate::auth::session::Visitor;
use crate::auth::stored::Device;
use crate::auth::throttle::Source;
use crate::domain::id::UserId;
use crate::domain::reply::Reply;
use crate::gateway::ctx::Ctx;
use crate::gateway::house::House;
use crate::gateway::{body, inbound, respond};
use crate::service::sessions::Ending;

/// The form; or straight on, for who is signed in already.
pub(super) fn page(ctx: &Ctx, visitor: &Visitor, asked: &Asked) -> Result<Reply, Refused> {
    let back_to = way_back(&asked.query)?;
    let back_to = safe_return(back_to.as_deref());
    if visitor.presented.live().is_some() {
        if asked.query == FROM_APP.as_bytes() && !ctx.snapshot.policy.paths.login_is_under_prefix()
        {
            return Err(Denial::LoginPathTaken.into());
        }
        return Ok(respond::see_other(back_to));
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
    house: &Arc<House>,
    session: &mut Session,
    ctx: &mut Ctx,
    visitor: &Visitor,
    asked: &Asked,
) -> Result<Reply, Refused> {
    let format = asked.login_format?;
    let body = body::read(session, &ctx.snapshot.settings.limits).await?;
    let mut typed = Credentials::parse(&body, format)?;
    if typed.back_to.is_none() {
        typed.back_to = way_back(&asked.query)?;
    }
    let outcome = authenticate(house, ctx, &typed, asked).await;
    house.metrics.login(match &outcome {
        Ok(_) => LoginResult::Success,
        Err(Denial::BadCredentials) => LoginResult::BadCredentials,
        Err(Denial::TooManyAttempts { .. }) => LoginResult::TooManyAttempts,
        Err(Denial::Overloaded) => LoginResult::Overloaded,
        Err(_) => LoginResult::Refused,
    });
    let proved = match outcome {
        Ok(proved) => proved,
        Err(denial) => return Err(refused(ctx, denial, format, &typed, asked)),
    };
    let device = inbound::device(session, asked.client);
    let opened = open(house, proved, visitor, typed.remember_me, &device).await;
    let issued = match opened {
        Ok(issued) => issued,
        Err(denial) => return Err(refused(ctx, denial, format, &typed, asked)),
    };
    let user = issued.session.user();
    ctx.user = Some(user.clone());
    house.sessions.audit(
        &Event::new(EventKind::Login)
            .user(user)
            .session(issued.session.id)
            .client(asked.client),
    );
    let mut reply = match format {
        LoginFormat::Form => respond::see_other(safe_return(typed.back_to.as_deref())),
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
            respond::json(StatusCode::OK, &body)
        }
    };
    // `send` adds them, and what they mean for caches.
    reply.headers.remove(header::CACHE_CONTROL);
    ctx.cookies = issued.cookies;
    let policy = &ctx.snapshot.policy;
    let known = asked
        .browser
        .remember(policy, user, clock::now(), entropy::random());
    ctx.cookies.extend(known);
    Ok(reply)
}

/// The login once name and password are right. A locked pair is told so before any hash is
/// computed; a name that nobody has costs the same hash as one that somebody has.
async fn authenticate(
    house: &Arc<House>,
    ctx: &Ctx,
    typed: &Credentials,
    asked: &Asked,
) -> Result<LoginFlow, Denial> {
    let snapshot = &ctx.snapshot;
    let flow = LoginFlow::begin(&snapshot.policy, &typed.username);
    let user = snapshot.policy.directory.by_name(&typed.username);
    let tell = |kind, reason| {
        let event = Event::new(kind).client(asked.client).reason(reason);
        house.sessions.audit(&match user {
            Some(user) => event.user(&user.identity.id),
            None => event,
        });
    };
    let away = |e: StoreError| {
        log::error!("a login could not be counted: {e}");
        Denial::StoreUnavailable
    };
    let limits = snapshot.attempt_limits();
    let attempts = house.attempts.as_ref();
    let source = source(&snapshot.policy, typed, asked);
    let begun = attempts.begin(&typed.username, source, limits, clock::now());
    let attempt = match begun.await.map_err(away)? {
        Ok(attempt) => attempt,
        Err(locked) => {
            tell(EventKind::LoginFailed, "locked");
            return Err(Denial::TooManyAttempts {
                retry_after: locked.retry_after,
            });
        }
    };
    let hash = house.hash_for(snapshot, typed);
    let pool = house.passwords.load_full();
    let turn = Turn::of(&attempt);
    let Ok(right) = pool.verify(&hash, typed.password.clone(), turn).await else {
        attempts.withdrawn(attempt).await.map_err(away)?;
        tell(EventKind::LoginFailed, "overloaded");
        return Err(Denial::Overloaded);
    };
    match flow.advance(Proof::Password(right.into())) {
        Ok(proved) => {
            attempts.succeeded(attempt).await.map_err(away)?;
            Ok(proved)
        }
        Err(failure) => {
            tell(EventKind::LoginFailed, failure.reason());
            if attempt.locks() {
                tell(EventKind::Lockout, "too_many_attempts");
            }
            if let Some(milestone) = attempt.milestone().filter(|_| user.is_some()) {
                tell(EventKind::Guessing, milestone);
            }
            Err(failure.into())
        }
    }
}

/// Whose attempt it is: of a browser in which the user has signed in, or of an address. What
/// the browser says is looked at for a name that nobody has too, so that the time does not
/// tell.
fn source(policy: &Policy, typed: &Credentials, asked: &Asked) -> Source {
    let user = policy.directory.by_name(&typed.username);
    let nobody = UserId::new(typed.username.as_str());
    let id = user.map_or(&nobody, |user| &user.identity.id);
    let known = asked.browser.known_for(policy, id, clock::now());
    match known.filter(|_| user.is_some_and(|user| !user.disabled)) {
        Some(browser) => Source::Known(browser),
        None => Source::of(asked.client),
    }
}

/// Opens the session, and ends the one that this browser had before (oauth2-proxy
/// CVE-2026-34454): durable before the new cookies are given out.
async fn open(
    house: &Arc<House>,
    proved: LoginFlow,
    visitor: &Visitor,
    remember: bool,
    device: &Device,
) -> Result<Issued, Denial> {
    let today = house.snapshot();
    let policy = &today.policy;
    let login = proved.complete(policy)?;
    let principal = Arc::clone(login.principal());
    for earlier in visitor.sessions() {
        let ending = Ending::replaced(earlier);
        house
            .sessions
            .end(&ending, policy.lifetimes, clock::now())
            .await?;
    }
    let failed = |e: SignError| {
        log::error!("a session could not be opened: {e}");
        Denial::InternalError
    };
    let now = clock::now();
    let stored =
        new_session(policy, login, remember, device, now, entropy::random()).map_err(failed)?;
    let issued = issue(policy, &principal, &stored, now, entropy::random())
        .map_err(failed)?
        .ok_or(Denial::InternalError)?;
    let store = house.sessions.store.as_ref();
    let surplus = store.open(&stored, policy.max_per_user, now).await;
    let surplus = surplus.map_err(|e| {
        log::error!("a session could not be kept: {e}");
        Denial::StoreUnavailable
    })?;
    house
        .sessions
        .end_surplus(&surplus, &stored.user, device.client);
    Ok(issued)
}

/// The form again with what went wrong, or a problem for a program. The same for a
/// name that exists and one that does not.
fn refused(
    ctx: &Ctx,
    denial: Denial,
    format: LoginFormat,
    typed: &Credentials,
    asked: &Asked,
) -> Refused {
    if format == LoginFormat::Json {
        return denial.into();
    }
    let error = match denial {
        Denial::BadCredentials => LoginError::BadCredentials,
        Denial::TooManyAttempts { retry_after } => {
            let policy = &ctx.snapshot.policy;
            match source(policy, typed, asked) {
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
    Refused {
        denial,
        reply: Some(Box::new(html.into_reply(denial.status()))),
    }
}
