//! The request as the app receives it.
//!
//! All of this happens in pingora's upstream filters, after hop-by-hop and
//! `Connection`-nominated fields are gone: a header that is set earlier could be
//! taken out again by `Connection: X-User-Id`.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Version};
use pingora::http::RequestHeader;
use pingora_proxy::Session;

use super::ctx::Ctx;
use super::decide::not_admitted;
use super::inbound::{Peer, X_FORWARDED_FOR, X_FORWARDED_HOST, host_field};
use crate::auth::headers::same_folded;
use crate::domain::cookie;

/// Headers that make an app believe in another path, method or host than the one
/// that was judged. Removed whoever sends them.
const OVERRIDES: [&str; 9] = [
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-override-url",
    "x-http-host-override",
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
/// If a header cannot be set, which would leave a stranger's in place, or if the request
/// was not admitted.
pub(super) fn request(
    session: &Session,
    upstream: &mut RequestHeader,
    ctx: &Ctx,
) -> pingora::Result<()> {
    let Some(pass) = ctx.pass() else {
        return not_admitted();
    };
    let Some(peer) = ctx.peer else {
        return not_admitted();
    };
    strip(upstream, ctx, peer);
    cookies(session, upstream, ctx)?;
    forwarded(session, upstream, ctx, peer)?;
    for (name, value) in pass.identity_headers() {
        upstream.insert_header(name.clone(), value.clone())?;
    }
    Ok(())
}

/// Takes out every header that could lie about who or where the client is.
fn strip(upstream: &mut RequestHeader, ctx: &Ctx, peer: Peer) {
    let identity = &ctx.snapshot.policy.identity_headers;
    let lies = |name: &str| identity.strips(name) || is_about_path_or_client(name, peer);
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

/// Whether a header speaks of the path, the method, the host or the client, and is not to
/// be believed.
fn is_about_path_or_client(name: &str, peer: Peer) -> bool {
    // Most names are none of those, and this is asked of each.
    if !matches!(
        name.as_bytes().first(),
        Some(b'f' | b't' | b'x' | b'F' | b'T' | b'X')
    ) {
        return false;
    }
    let any_of = |list: &[&str]| list.iter().any(|ours| same_folded(name, ours));
    any_of(&OVERRIDES)
        // A proxy sets the usual spelling and passes its client's others on, which the
        // app may read as one: they are lies from a trusted proxy too.
        || ((any_of(&ABOUT_CLIENT) || is_forwarded(name))
            && (!peer.trusted || !same_folded(name, name)))
}

/// Whether a name, however spelled, is of the `X-Forwarded-*` family.
fn is_forwarded(name: &str) -> bool {
    const FAMILY: &str = "x-forwarded-";
    name.get(..FAMILY.len())
        .is_some_and(|start| same_folded(start, FAMILY))
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
    if let Some(chain) = forwarded_for(&request.headers, ctx, peer) {
        upstream.insert_header("X-Forwarded-For", chain)?;
    }
    if let Some(public) = &ctx.snapshot.public {
        upstream.insert_header("X-Forwarded-Proto", public.scheme.clone())?;
        upstream.insert_header("X-Forwarded-Host", public.authority.clone())?;
        return Ok(());
    }
    let proto = if ctx.over_tls { "https" } else { "http" };
    upstream.insert_header("X-Forwarded-Proto", HeaderValue::from_static(proto))?;
    if !(peer.trusted && request.headers.contains_key(&X_FORWARDED_HOST)) {
        // The value as it is: nothing is copied but over HTTP/2.
        let host = match request.version {
            Version::HTTP_2 => host_field(request).map(HeaderValue::from_bytes),
            _ => request.headers.get(header::HOST).cloned().map(Ok),
        };
        if let Some(Ok(host)) = host {
            upstream.insert_header("X-Forwarded-Host", host)?;
        }
    }
    Ok(())
}

/// The address of the client, after those that a trusted proxy named.
fn forwarded_for(headers: &HeaderMap, ctx: &Ctx, peer: Peer) -> Option<HeaderValue> {
    if let Some(leash) = &ctx.leash
        && !(peer.trusted && headers.contains_key(&X_FORWARDED_FOR))
    {
        return leash.line.peer_address(peer.address);
    }
    let before = headers.get_all(&X_FORWARDED_FOR).iter();
    let before: Vec<&[u8]> = before
        .filter(|_| peer.trusted)
        .map(HeaderValue::as_bytes)
        .collect();
    let mut chain = before.join(&b", "[..]);
    if !chain.is_empty() {
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.address.to_string().as_bytes());
    HeaderValue::from_bytes(&chain).ok()
}
