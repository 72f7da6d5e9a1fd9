//! The request as the app receives it, and the app's answer as the client does.
//!
//! All of this happens in pingora's upstream filters, after hop-by-hop and
//! `Connection`-nominated fields are gone: a header that is set earlier could be
//! taken out again by `Connection: X-User-Id`.

use std::net::IpAddr;

use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::ctx::Ctx;
use super::inbound::{Peer, X_FORWARDED_FOR, X_FORWARDED_HOST};
use crate::auth::cors::APP_CORS_HEADERS;
use crate::auth::headers::{folded, same_folded};
use crate::auth::pass::Pass;
use crate::domain::cookie;

/// Headers that make an app believe in another path, method or host than the one
/// that was judged. Removed whoever sends them.
const OVERRIDES: [&str; 8] = [
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-override-url",
];

/// What a proxy says about its client; believed from trusted ones only.
const ABOUT_CLIENT: [&str; 5] = [
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
];

/// Makes the client's request the one that the app may trust.
///
/// # Errors
/// If a header cannot be set, which would leave a stranger's in place.
pub(super) fn request(
    session: &Session,
    upstream: &mut RequestHeader,
    ctx: &Ctx,
    pass: &Pass,
    peer: Peer,
) -> pingora::Result<()> {
    let policy = &ctx.snapshot.policy;
    strip(upstream, ctx, peer);
    cookies(session, upstream, ctx)?;
    forwarded(session, upstream, ctx, peer)?;
    for (name, value) in pass.identity_headers(&policy.identity_headers) {
        upstream.insert_header(name, value)?;
    }
    Ok(())
}

/// Takes out every header that could lie about who or where the client is.
fn strip(upstream: &mut RequestHeader, ctx: &Ctx, peer: Peer) {
    let identity = &ctx.snapshot.policy.identity_headers;
    let lies = |name: &str| {
        let any_of = |list: &[&str]| list.iter().any(|ours| same_folded(name, ours));
        identity.strips(name)
            || any_of(&OVERRIDES)
            || (!peer.trusted && (any_of(&ABOUT_CLIENT) || folded(name).starts_with("x-forwarded-")))
            // A proxy sets the usual spelling and passes its client's others on, which the
            // app may read as one: they are lies from a trusted proxy too.
            || (name != folded(name)
                && (any_of(&ABOUT_CLIENT) || folded(name).starts_with("x-forwarded-")))
    };
    let names: Vec<HeaderName> = upstream
        .headers
        .keys()
        .filter(|name| lies(name.as_str()))
        .cloned()
        .collect();
    for name in names {
        upstream.remove_header(&name);
    }
}

/// Takes our cookies out. Over HTTP/2 a client may split its cookies over several
/// fields; HTTP/1.1 must have them in one (RFC 9113 §8.2.3).
fn cookies(session: &Session, upstream: &mut RequestHeader, ctx: &Ctx) -> pingora::Result<()> {
    let headers = &session.req_header().headers;
    if !upstream.headers.contains_key(header::COOKIE) {
        return Ok(());
    }
    let split = session.req_header().version == Version::HTTP_2
        && headers.get_all(header::COOKIE).iter().count() > 1;
    let kept = match cookie::without_ours(headers, &ctx.snapshot.policy.cookies) {
        Some(kept) => kept,
        None if split => {
            let all = headers.get_all(header::COOKIE).iter();
            all.map(|value| value.as_bytes().to_vec()).collect()
        }
        None => return Ok(()),
    };
    upstream.remove_header(&header::COOKIE);
    let fields = if split && !kept.is_empty() {
        vec![kept.join(&b"; "[..])]
    } else {
        kept
    };
    for field in fields {
        if let Ok(value) = HeaderValue::from_bytes(&field) {
            upstream.append_header(header::COOKIE, value)?;
        }
    }
    Ok(())
}

/// `X-Forwarded-Proto` and `-Host` from `public_url`, else from where the client
/// came in; `-For` replaced, or appended to what a trusted proxy sent.
fn forwarded(
    session: &Session,
    upstream: &mut RequestHeader,
    ctx: &Ctx,
    peer: Peer,
) -> pingora::Result<()> {
    let request = session.req_header();
    let before = request
        .headers
        .get_all(&X_FORWARDED_FOR)
        .iter()
        .map(HeaderValue::as_bytes);
    let before: Vec<&[u8]> = before.filter(|_| peer.trusted).collect();
    let mut chain = before.join(&b", "[..]);
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(text_of(peer.address).as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&chain) {
        upstream.insert_header("X-Forwarded-For", value)?;
    }
    let public = ctx.snapshot.public_origin.as_ref();
    if let Some(origin) = public {
        upstream.insert_header("X-Forwarded-Proto", origin.scheme().as_str())?;
        upstream.insert_header("X-Forwarded-Host", origin.authority().to_string())?;
        return Ok(());
    }
    let proto = if ctx.over_tls { "https" } else { "http" };
    upstream.insert_header("X-Forwarded-Proto", proto)?;
    if !(peer.trusted && request.headers.contains_key(&X_FORWARDED_HOST)) {
        let host = match (request.version, request.uri.authority()) {
            (Version::HTTP_2, Some(authority)) => HeaderValue::try_from(authority.as_str()).ok(),
            _ => request.headers.get(header::HOST).cloned(),
        };
        if let Some(host) = host {
            upstream.insert_header("X-Forwarded-Host", host)?;
        }
    }
    Ok(())
}

fn text_of(address: IpAddr) -> String {
    address.to_string()
}

const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
/// nginx heeds it before `Cache-Control`.
const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// Makes the app's answer one that our client may have.
///
/// # Errors
/// If a header cannot be set.
pub(super) fn response(answer: &mut ResponseHeader, ctx: &Ctx) -> pingora::Result<()> {
    drop_hop_by_hop(answer);
    for name in &APP_CORS_HEADERS {
        answer.remove_header(name);
    }
    for (name, value) in &ctx.cors {
        answer.insert_header(name, value)?;
    }
    answer.append_header(header::VARY, "Origin")?;
    if let Some(hsts) = ctx.snapshot.hsts.as_ref().filter(|_| ctx.over_tls) {
        answer.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts)?;
    }
    drop_our_cookies(answer, ctx)?;
    if ctx.pass().is_some_and(|pass| !pass.is_on_public_path()) {
        keep_from_shared_caches(answer)?;
    }
    Ok(())
}

/// What the client sends in a tunnel is no request body: it may be silent for as long
/// as the tunnel may.
pub(super) fn switch_protocols(session: &mut Session, answer: &ResponseHeader, ctx: &Ctx) {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        let limits = &ctx.snapshot.settings.limits;
        session.set_read_timeout(Some(limits.idle_stream));
    }
}

/// What the app said to us alone (RFC 9110 §7.6.1): the fields that its `Connection`
/// nominates, and those that are always between neighbours. Pingora writes its own
/// `Connection` and frames the body; a 101 keeps its `Upgrade`.
fn drop_hop_by_hop(answer: &mut ResponseHeader) {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let nominated: Vec<HeaderName> = answer
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != header::TRANSFER_ENCODING && *name != header::CONTENT_LENGTH)
        .collect();
    let always = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::UPGRADE,
    ];
    for name in nominated.iter().chain(&always) {
        answer.remove_header(name);
    }
}

/// An app that sets a cookie of our name would sign people out, or in as another.
fn drop_our_cookies(answer: &mut ResponseHeader, ctx: &Ctx) -> pingora::Result<()> {
    let style = &ctx.snapshot.policy.cookies;
    let ours =
        |value: &HeaderValue| style.is_like_ours(cookie::name_of_set_cookie(value.as_bytes()));
    let all: Vec<HeaderValue> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    if !all.iter().any(ours) {
        return Ok(());
    }
    log::warn!(
        "the app tried to set one of our cookies ({} or its kin); it was dropped",
        style.names().access
    );
    answer.remove_header(&header::SET_COOKIE);
    for value in all.into_iter().filter(|value| !ours(value)) {
        answer.append_header(header::SET_COOKIE, value)?;
    }
    Ok(())
}

/// What was seen with a session never says `public`, and says `private`: a shared cache
/// would show one person's page to the next, and keeps what only says `max-age` too
/// (RFC 9111 §3).
fn keep_from_shared_caches(answer: &mut ResponseHeader) -> pingora::Result<()> {
    answer.remove_header(&SURROGATE_CONTROL);
    answer.remove_header(&CDN_CACHE_CONTROL);
    answer.remove_header(&X_ACCEL_EXPIRES);
    let said: Vec<String> = answer
        .headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("no-store").split(','))
        .map(|directive| directive.trim().to_owned())
        .collect();
    let shared = |directive: &str| {
        let name = directive.split('=').next().unwrap_or_default();
        ["public", "s-maxage", "proxy-revalidate"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word))
    };
    let restricts = |directive: &String| {
        directive.eq_ignore_ascii_case("private") || directive.eq_ignore_ascii_case("no-store")
    };
    if said.is_empty() {
        // A page that the app says nothing about is not kept at all: else the back
        // button shows it after the logout, from the memory of the browser.
        let is_page = answer
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
        let value = if is_page {
            "private, no-store"
        } else {
            "private"
        };
        answer.insert_header(header::CACHE_CONTROL, value)?;
        return Ok(());
    }
    if !said.iter().any(|d| shared(d)) && said.iter().any(restricts) {
        return Ok(());
    }
    let mut kept: Vec<String> = said.into_iter().filter(|d| !shared(d)).collect();
    if !kept.iter().any(restricts) {
        kept.insert(0, "private".to_owned());
    }
    answer.insert_header(header::CACHE_CONTROL, kept.join(", "))?;
    Ok(())
}
