//! The request as the app receives it.
//!
//! All of this happens in pingora's upstream filters, after hop-by-hop and
//! `Connection`-nominated fields are gone: a header that is set earlier could be
//! taken out again by `Connection: X-User-Id`.

use http::header;
use http::{HeaderMap, HeaderValue, Version};
use pingora::http::RequestHeader;
use pingora_proxy::Session;

use crate::auth::bounce::Arrival;
use crate::domain::cookie;
use crate::gateway::connection::peer::Peer;
use crate::gateway::request::admission::not_admitted;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::inbound::{
    Facts, X_FORWARDED_FOR, dropped, forwarded_host, host_field, origin_form,
};
use crate::gateway::request::versions;

/// Makes the client's request the one that the app may trust.
///
/// # Errors
/// If a header cannot be set, which would leave a stranger's in place, or if the request
/// was not admitted.
pub(crate) fn request(
    session: &mut Session,
    upstream: &mut RequestHeader,
    ctx: &Ctx,
) -> pingora::Result<()> {
    let (Some(admission), Some(facts)) = (ctx.stage.admission(), &ctx.facts) else {
        return not_admitted();
    };
    versions::request(session, upstream)?;
    if facts.drops_headers {
        strip(upstream, ctx, facts.peer);
    }
    let machines = &ctx.snapshot.policy.machines;
    let token_in = admission.pass.token_in();
    if let Some(header) = token_in.and_then(|entrance| machines.header_of(entrance)) {
        upstream.remove_header(header);
    }
    target(session, upstream)?;
    if admission.arrival == Arrival::Bounced {
        // What the browser says of our page is not what began the request.
        upstream.insert_header("Sec-Fetch-Site", HeaderValue::from_static("cross-site"))?;
        upstream.remove_header(&header::REFERER);
    }
    cookies(session, upstream, ctx)?;
    forwarded(session, upstream, ctx, facts)?;
    let (id_header, id) = ctx.id_header();
    upstream.insert_header(id_header, id)?;
    if let Some(host) = &ctx.snapshot.upstream_host {
        upstream.insert_header(header::HOST, host.clone())?;
    }
    for (name, value) in admission.pass.identity_headers() {
        upstream.insert_header(name.clone(), value.clone())?;
    }
    Ok(())
}

/// Takes out every header that could make the app see another request than the one that was
/// judged.
fn strip(upstream: &mut RequestHeader, ctx: &Ctx, peer: Peer) {
    let names = dropped(&upstream.headers, peer, &ctx.snapshot.policy.client_headers);
    for name in names.cloned().collect::<Vec<_>>() {
        upstream.remove_header(&name);
    }
}

/// A target in absolute form becomes the path that was judged: an app may take host and
/// scheme from it, which nobody has compared with anything (RFC 9112 §3.2.2).
fn target(session: &Session, upstream: &mut RequestHeader) -> pingora::Result<()> {
    let sent = session.req_header().raw_path();
    let judged = origin_form(sent);
    if judged.len() != sent.len() {
        upstream.set_raw_path(judged)?;
    }
    Ok(())
}

/// Takes our cookies out.
fn cookies(session: &Session, upstream: &mut RequestHeader, ctx: &Ctx) -> pingora::Result<()> {
    let headers = &session.req_header().headers;
    let Some(kept) = cookie::without_ours(headers, &ctx.snapshot.policy.cookies) else {
        return Ok(());
    };
    if upstream.remove_header(&header::COOKIE).is_none() {
        // The client's `Connection` named it.
        return Ok(());
    }
    for field in kept {
        if let Ok(value) = HeaderValue::try_from(field) {
            upstream.append_header(header::COOKIE, value)?;
        }
    }
    Ok(())
}

/// `X-Forwarded-Proto` and `-Host` from `public_url`, else from where the client
/// came in; `-For` replaced, or appended to what a trusted proxy knows. All of it is written
/// anew: what a proxy passed on of its own client's words is not believed.
fn forwarded(
    session: &Session,
    upstream: &mut RequestHeader,
    ctx: &Ctx,
    facts: &Facts,
) -> pingora::Result<()> {
    let request = session.req_header();
    if let Some(chain) = forwarded_for(&request.headers, ctx, facts) {
        upstream.insert_header("X-Forwarded-For", chain)?;
    }
    if let Some(public) = &ctx.snapshot.public {
        upstream.insert_header("X-Forwarded-Proto", public.scheme.clone())?;
        upstream.insert_header("X-Forwarded-Host", public.authority.clone())?;
        return Ok(());
    }
    let proto = HeaderValue::from_static(facts.request.scheme.as_str());
    upstream.insert_header("X-Forwarded-Proto", proto)?;
    // The value of `Host` as it is: nothing is copied but over HTTP/2.
    let host = match (
        forwarded_host(facts.peer, &request.headers),
        request.version,
    ) {
        (Some(told), _) => Some(HeaderValue::from_bytes(told)),
        (None, Version::HTTP_2) => host_field(request).map(HeaderValue::from_bytes),
        (None, _) => request.headers.get(header::HOST).cloned().map(Ok),
    };
    if let Some(Ok(host)) = host {
        upstream.insert_header("X-Forwarded-Host", host)?;
    }
    Ok(())
}

/// The address of the client, and of the trusted proxies on the way from there to us.
/// Whatever stands to the left of the client in the chain of a proxy, the client wrote: apps
/// that take the leftmost address would believe it.
fn forwarded_for(headers: &HeaderMap, ctx: &Ctx, facts: &Facts) -> Option<HeaderValue> {
    let peer = facts.peer;
    if let Some(handle) = &ctx.handle
        && !(peer.trusted && headers.contains_key(&X_FORWARDED_FOR))
    {
        return handle.line.peer_address(peer.address);
    }
    let addresses = facts.chain.iter().rev().chain([&peer.address]);
    let texts: Vec<String> = addresses.map(ToString::to_string).collect();
    HeaderValue::try_from(texts.join(", ")).ok()
}
