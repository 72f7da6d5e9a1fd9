//! The app's answer as the client receives it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};
use pingora_proxy::Session;

use crate::auth::cors::is_of_cors;
use crate::auth::location;
use crate::domain::cookie;
use crate::domain::lists::members;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::reply_headers::{drop_words_to_shared_caches, is_for_shared_caches};
use crate::gateway::request::versions;
use crate::gateway::shared_state::SharedState;

/// Makes the app's answer one that our client may have.
///
/// # Errors
/// If a header cannot be set.
pub(crate) fn response(
    shared: &Arc<SharedState>,
    session: &mut Session,
    answer: &mut ResponseHeader,
    ctx: &mut Ctx,
) -> pingora::Result<()> {
    let said = Said::by(answer);
    if said.of_cors {
        drop_cors(answer);
    }
    if said.cookies {
        drop_our_cookies(answer, ctx)?;
    }
    if said.hop_by_hop {
        drop_hop_by_hop(answer);
    }
    if said.transfer_coding {
        versions::refuse_codings(answer)?;
    }
    versions::answer(session, answer)?;
    let is_private = ctx.stage.pass().is_some_and(|pass| !pass.may_be_shared());
    if is_interim(answer) {
        // Ours stands on the answer that it announces.
        answer.remove_header(&ctx.snapshot.settings.request_id.name);
        if is_private {
            answer.remove_header(&header::CACHE_CONTROL);
            drop_words_to_shared_caches(answer);
        }
        if let Some(handle) = &ctx.handle {
            handle.line.send_interim(session.req_header(), answer);
        }
        return Ok(());
    }
    note_answer(session, answer, &said, ctx);
    ctx.reply_headers
        .drop_late_cookies(&shared.sessions, ctx.stage.pass());
    switch_protocols(session, answer, ctx);
    if said.events
        && let Some(handle) = &ctx.handle
    {
        handle.line.ends_with_client.set(true);
    }
    if said.location {
        location(session, answer, ctx)?;
    }
    ctx.reply_headers
        .stamp(answer, ctx.id_header(), ctx.hsts())?;
    if is_private {
        keep_from_shared_caches(answer, &said)?;
    }
    ctx.reply_headers.give_cookies(answer)
}

/// Whether a `Connection` may name fields; what it says of itself most often does not.
fn nominates(connection: &HeaderValue) -> bool {
    let said = connection.as_bytes();
    !(said.eq_ignore_ascii_case(b"keep-alive") || said.eq_ignore_ascii_case(b"close"))
}

fn is_event_stream(media_type: &HeaderValue) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    let start = media_type.as_bytes().get(..EVENTS.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
}

/// What an answer speaks of, as far as we have a say in it. Most answers speak of none of
/// it, and this is found in one walk.
#[derive(Debug, Default)]
struct Said {
    of_cors: bool,
    cookies: bool,
    hop_by_hop: bool,
    /// A stream that may be silent for as long as it likes.
    events: bool,
    /// HTML.
    page: bool,
    length: bool,
    /// A length that is no more than [`SMALL`].
    small: bool,
    cache_control: bool,
    shared_caches: bool,
    location: bool,
    transfer_coding: bool,
}

impl Said {
    fn by(answer: &ResponseHeader) -> Self {
        let mut said = Self::default();
        for (name, value) in &answer.headers {
            match name.as_str() {
                "set-cookie" => said.cookies = true,
                "connection" => said.hop_by_hop |= nominates(value),
                "keep-alive" | "proxy-connection" | "upgrade" | "trailer" | "te"
                | "http2-settings" => said.hop_by_hop = true,
                "content-type" => {
                    said.events |= is_event_stream(value);
                    said.page |= value.as_bytes().starts_with(b"text/html");
                }
                "content-length" => {
                    said.length = true;
                    said.small |= is_small(value);
                }
                "cache-control" => said.cache_control = true,
                "location" => said.location = true,
                "transfer-encoding" => said.transfer_coding = true,
                _ if is_for_shared_caches(name) => said.shared_caches = true,
                _ => said.of_cors |= is_of_cors(name),
            }
        }
        said
    }
}

/// Sees a piece of the answer's body go by.
///
/// # Errors
/// If the body ended because the app was silent for too long: what the client has is not
/// all of it, and it must not look as if.
pub(crate) fn piece(
    session: &mut Session,
    chunk: Option<&Bytes>,
    is_last: bool,
    ctx: &mut Ctx,
) -> pingora::Result<()> {
    if let Some(chunk) = chunk {
        pass(session, chunk.len(), ctx);
    }
    let Some(admission) = ctx.stage.admission_mut() else {
        return Ok(());
    };
    let Some(timer) = &admission.attempt.answer_timer else {
        return Ok(());
    };
    if !is_last {
        timer.again();
        return Ok(());
    }
    if timer.timed_out() {
        let e = Error::explain(ErrorType::ReadTimedout, "the app fell silent");
        return Err(e.into_up());
    }
    // Before the connection goes back to the pool, which it does not while the app still reads.
    if session.as_downstream_mut().is_body_done() {
        admission.attempt.answer_timer = None;
    }
    Ok(())
}

/// So many bytes of the answer came from the app.
fn pass(session: &Session, bytes: usize, ctx: &mut Ctx) {
    let Some(admission) = ctx.stage.admission_mut() else {
        return;
    };
    let seen = admission.answer_seen.saturating_add(bytes);
    admission.answer_seen = seen;
    if let Some(handle) = &ctx.handle {
        let unread = match handle.line.arrival.is_http1() {
            true => seen,
            false => seen.saturating_sub(session.body_bytes_sent()),
        };
        ctx.shared().unread.note(handle, unread);
    }
}

/// Where the app sends the browser: never to the host that the app alone is told, and never
/// round and round between a login of its own and ours at the same path.
fn location(session: &Session, answer: &mut ResponseHeader, ctx: &Ctx) -> pingora::Result<()> {
    let Some(facts) = &ctx.facts else {
        return Ok(());
    };
    let settings = &ctx.snapshot.settings;
    let Some(origin) = facts.request.own_origin(settings.public_url.as_ref()) else {
        return Ok(());
    };
    let asked = format!("{origin}{}", facts.view(session).target());
    if let Some(inner) = &settings.upstream_host
        && let Some(outside) = location::outside(&answer.headers, inner, &origin)
    {
        answer.insert_header(header::LOCATION, outside)?;
    }
    let signed_in = ctx
        .stage
        .pass()
        .is_some_and(|pass| pass.session().is_some());
    if !signed_in || !answer.status.is_redirection() {
        return Ok(());
    }
    let paths = &ctx.snapshot.policy.paths;
    let Some(instead) = location::instead_of_login(&answer.headers, &asked, paths) else {
        return Ok(());
    };
    ctx.shared().hints.of_own_login(facts.peer, paths);
    // A browser would keep a 301 beyond the mend.
    answer.set_status(StatusCode::SEE_OTHER)?;
    answer.insert_header(header::LOCATION, instead)?;
    answer.insert_header(header::CACHE_CONTROL, "no-store")
}

/// Whether the head is a 1xx that announces another (103); a 101 is the last one.
pub(crate) fn is_interim(answer: &ResponseHeader) -> bool {
    answer.status.is_informational() && answer.status != StatusCode::SWITCHING_PROTOCOLS
}

/// An answer of no more than this is small to its connection: one that is not taken costs
/// about that.
const SMALL: u64 = 32 * 1024;

/// Whether a length says that its answer is small.
fn is_small(length: &HeaderValue) -> bool {
    let length = length.to_str().ok().and_then(|length| length.parse().ok());
    length.is_some_and(|length: u64| length <= SMALL)
}

/// The answer has begun: what may become of the exchange when its session ends.
fn note_answer(session: &mut Session, answer: &ResponseHeader, said: &Said, ctx: &mut Ctx) {
    let admission = ctx.stage.admission_mut();
    if let Some(untold) = admission.and_then(|admission| admission.untold.as_mut()) {
        untold.status = Some(answer.status);
    }
    let Some(handle) = &ctx.handle else { return };
    handle.progress.is_answered.set(true);
    if said.small {
        handle.progress.has_small_answer.set(true);
    }
    let is_download = said.length && session.as_downstream_mut().is_body_done();
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        if handle.admitted().is_some() {
            handle.line.is_tunnel.set(true);
        }
    } else if is_download && !ctx.snapshot.settings.cut_downloads {
        handle.progress.may_finish.set(true);
    }
}

/// What the client sends in a tunnel is no request body: it may be silent for as long
/// as the tunnel may.
fn switch_protocols(session: &mut Session, answer: &ResponseHeader, ctx: &Ctx) {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        let limits = &ctx.snapshot.settings.limits;
        session.set_read_timeout(Some(limits.idle_stream));
        if let Some(handle) = &ctx.handle {
            handle.line.opens();
        }
    }
}

/// What the app said to us alone (RFC 9110 §7.6.1): the fields that its `Connection`
/// nominates, and those that are always between neighbours. Pingora writes its own
/// `Connection` and frames the body; a 101 keeps its `Upgrade`.
fn drop_hop_by_hop(answer: &mut ResponseHeader) {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let nominated: Vec<HeaderName> = members(&answer.headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != header::TRANSFER_ENCODING && *name != header::CONTENT_LENGTH)
        .collect();
    let always = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("http2-settings"),
        header::UPGRADE,
        header::TE,
        header::TRAILER,
    ];
    for name in nominated.iter().chain(&always) {
        answer.remove_header(name);
    }
}

/// What the app says of CORS; the hints before an answer may say it too.
fn drop_cors(answer: &mut ResponseHeader) {
    let names = answer.headers.keys().filter(|name| is_of_cors(name));
    for name in names.cloned().collect::<Vec<_>>() {
        answer.remove_header(&name);
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
fn keep_from_shared_caches(answer: &mut ResponseHeader, said: &Said) -> pingora::Result<()> {
    if said.shared_caches {
        drop_words_to_shared_caches(answer);
    }
    if !said.cache_control {
        return keep_unsaid(answer, said.page);
    }
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

/// The same for an answer that says nothing about caches.
fn keep_unsaid(answer: &mut ResponseHeader, is_page: bool) -> pingora::Result<()> {
    // A page is not kept at all: else the back button shows it after the logout, from the
    // memory of the browser.
    let value = match is_page {
        true => HeaderValue::from_static("private, no-store"),
        false => HeaderValue::from_static("private"),
    };
    answer.insert_header(header::CACHE_CONTROL, value)
}
