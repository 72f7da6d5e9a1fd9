//! Our own answers: a [`Reply`] in, bytes out. Every one of them, refusals and
//! breakdowns too, passes through [`send`], so that CORS, `Vary` and the transport
//! headers stand on all of them.

use std::borrow::Cow;

use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora_proxy::Session;

use crate::adapters::clock;
use crate::adapters::pages::ErrorView;
use crate::auth::denial::Denial;
use crate::auth::problem::{Refusal, decorated};
use crate::auth::redirect::{Presentation, login_location};
use crate::domain::reply::Reply;
use crate::gateway::request::body;
use crate::gateway::request::ctx::{Ctx, Stage};
use crate::gateway::request::versions;
use crate::gateway::snapshot::Snapshot;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What stands on every answer of ours that says nothing else: kept by nobody, taken for
/// nothing but what it is, and harmless where somebody makes a browser show it.
const DEFAULTS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, NO_STORE),
    NOSNIFF,
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ),
];

/// Writes a whole answer.
///
/// # Errors
/// If the client is gone; there is nobody to tell.
pub(crate) async fn send(session: &mut Session, ctx: &Ctx, reply: Reply) -> pingora::Result<()> {
    let bodiless = reply.status == StatusCode::NO_CONTENT;
    let mut head = ResponseHeader::build(reply.status, Some(reply.headers.len()))?;
    for (name, value) in &reply.headers {
        head.append_header(name, value)?;
    }
    ctx.reply_headers
        .stamp(&mut head, ctx.id_header(), ctx.hsts())?;
    ctx.reply_headers.give_cookies(&mut head)?;
    for (name, value) in DEFAULTS {
        if !head.headers.contains_key(&name) {
            head.insert_header(name, value)?;
        }
    }
    if !bodiless {
        head.insert_header(header::CONTENT_LENGTH, reply.body.len().to_string())?;
    }
    if let Some(handle) = &ctx.handle {
        handle.progress.is_answered.set(true);
    }
    versions::end_refused_handshake(session);
    let empty = bodiless || session.req_header().method == Method::HEAD || reply.body.is_empty();
    session.write_response_header(Box::new(head), empty).await?;
    if !empty {
        let body = match reply.body {
            Cow::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        session.write_response_body(Some(body), true).await?;
    }
    body::discard(session).await;
    Ok(())
}

/// Refuses a request, in the way that was decided for it.
///
/// # Errors
/// As [`send`].
pub(crate) async fn deny(
    session: &mut Session,
    ctx: &mut Ctx,
    refusal: impl Into<Refusal>,
    shown: &Presentation,
) -> pingora::Result<()> {
    let refusal = refusal.into();
    ctx.stage = Stage::Denied(refusal.denial);
    let reply = reply_to(&ctx.snapshot, ctx.request_id.as_str(), refusal, shown);
    send(session, ctx, reply).await
}

/// The answer that says no.
fn reply_to(snapshot: &Snapshot, id: &str, refusal: Refusal, shown: &Presentation) -> Reply {
    let (pages, denial) = (&snapshot.pages, refusal.denial);
    let id = match denial {
        // The same text for every name: a difference is one to look for.
        Denial::BadCredentials | Denial::TooManyAttempts { .. } => None,
        _ => Some(id),
    };
    let reply = match shown {
        _ if refusal.reply.is_some() => return refusal.into_reply(id),
        Presentation::Problem => return refusal.into_reply(id),
        Presentation::BasicChallenge => {
            let ask = HeaderValue::from_static("Basic realm=\"doorward\", charset=\"UTF-8\"");
            let reply = refusal.into_reply(id);
            return reply.header(header::WWW_AUTHENTICATE, ask);
        }
        Presentation::Page if denial == Denial::HeaderTooLarge => {
            let status = denial.status();
            let page = pages.cookies(Some((status.as_u16(), denial.code())));
            page.into_reply(status)
        }
        Presentation::Page => {
            let login = login_location(&snapshot.policy.paths.login, "/");
            let action = denial
                .lacks_session()
                .then_some((login.as_str(), "Sign in"));
            let view = ErrorView {
                status: denial.status().as_u16(),
                code: denial.code(),
                request_id: id,
                action,
            };
            pages.error(&view).into_reply(denial.status())
        }
        Presentation::Frame { location } => pages.frame(location).into_reply(denial.status()),
        Presentation::Login { location } => return see_other(location),
        Presentation::Bounce { target } => {
            let page = pages.bounce(target).into_reply(StatusCode::OK);
            return marked(snapshot, page, target);
        }
        Presentation::Confirm { target } => {
            let page = pages.confirm(target).into_reply(StatusCode::OK);
            return marked(snapshot, page, target);
        }
    };
    decorated(reply, denial)
}

/// A page that leads back to itself, with the cookie by which that is recognised.
fn marked(snapshot: &Snapshot, mut page: Reply, target: &str) -> Reply {
    let cookie = snapshot.policy.bounce_cookie(target, clock::now());
    if let Some(cookie) = cookie {
        page.headers.append(header::SET_COOKIE, cookie);
    }
    page
}

const NOSNIFF: (HeaderName, HeaderValue) = (
    header::X_CONTENT_TYPE_OPTIONS,
    HeaderValue::from_static("nosniff"),
);

/// 303: whatever the method was, go there with GET.
pub(crate) fn see_other(location: &str) -> Reply {
    let location = HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/"));
    Reply::empty(StatusCode::SEE_OTHER)
        .header(header::LOCATION, location)
        .header(header::CACHE_CONTROL, NO_STORE)
}
