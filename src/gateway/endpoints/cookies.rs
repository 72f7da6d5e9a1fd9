//! The way out for a browser that sends more cookies than we take: one button deletes them.
//!
//! A sibling host, or an app with a fault, can set so many that every page is a 431, and what
//! the person sees names no way to be rid of them. `Clear-Site-Data: "cookies"` deletes those of
//! the whole registrable domain, which `Set-Cookie` could do only by name, path and domain.
//! Browsers heed it over HTTPS and on `localhost`. Nothing of the request reaches the app.

use http::{HeaderValue, StatusCode, header};

use super::logout::CLEAR_SITE_DATA;
use crate::domain::reply::Reply;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::own_reply;

/// The page with one button; a GET deletes nothing.
pub(super) fn page(ctx: &Ctx) -> Reply {
    ctx.snapshot.pages.cookies(None).into_reply(StatusCode::OK)
}

/// Deletes the cookies and leads to the login. The session that they named ends in this
/// browser alone: they are too many to be read.
pub(super) fn delete(ctx: &mut Ctx) -> Reply {
    ctx.reply_headers.cookies.clear();
    let policy = &ctx.snapshot.policy;
    let mut reply = own_reply::see_other(&policy.paths.login);
    for cookie in policy.cookies.clear() {
        reply.headers.append(header::SET_COOKIE, cookie);
    }
    let cookies = HeaderValue::from_static("\"cookies\"");
    reply.headers.insert(CLEAR_SITE_DATA, cookies);
    let nobody = HeaderValue::from_static("private, no-cache, no-store");
    reply.headers.insert(header::CACHE_CONTROL, nobody);
    reply
}
