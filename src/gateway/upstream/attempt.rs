//! The way to the app: which connection, how often, and how long for an answer.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{StatusCode, Version};
use nix::errno::Errno;
use pingora::http::ResponseHeader;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use crate::adapters::clock::Moment;
use crate::gateway::connection::body_rate::BodyRate;
use crate::gateway::connection::response_timeout::ResponseTimer;
use crate::gateway::request::admission::{Admission, Retry, not_admitted};
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::upstream_response::is_interim;
use crate::gateway::shared_state::SharedState;
use crate::gateway::upstream::target::keep_apart;

/// Tries to connect to the app before giving up; nothing has been sent then, so
/// any method may be tried again.
const TRIES: u8 = 3;

/// How long a try waits for a descriptor that is just being given back: pingora loses a kept
/// connection now and then while it takes it out of its pool, and closes it a moment later.
const GIVEN_BACK: Duration = Duration::from_millis(20);

/// The connection for an admitted request.
///
/// # Errors
/// If the app's name has no address, or the request was not admitted.
pub(crate) async fn choose_peer(
    shared: &SharedState,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<Box<HttpPeer>> {
    let Some(Admission { pass, attempt, .. }) = ctx.stage.admission_mut() else {
        return not_admitted();
    };
    attempt.tries = attempt.tries.saturating_add(1);
    // The connection of an earlier try is gone, and its descriptor may be another's.
    attempt.answer_timer = None;
    // A body that was sent before is sent again from its beginning.
    attempt.body_seen = 0;
    let again = attempt.again.take();
    if again == Some(Retry::AfterDelay) {
        tokio::time::sleep(GIVEN_BACK).await;
    }
    let upstream = &ctx.snapshot.upstream;
    let limits = &ctx.snapshot.settings.limits;
    let peer = if session.is_upgrade_req() {
        upstream.tunnel(pass, limits)
    } else {
        upstream.peer(pass)
    };
    match peer {
        Some(mut peer) => {
            // An app that answers early and then reads no more keeps nobody waiting for an
            // answer, and so no wait of ours ends it.
            if !session.as_downstream_mut().is_body_empty() {
                let longest = limits.upstream_read.max(limits.idle_stream);
                peer.options.write_timeout = Some(longest);
                if let Some(handle) = &ctx.handle {
                    handle.progress.owes_body.set(true);
                }
            }
            if again == Some(Retry::FreshConnection) {
                keep_apart(&mut peer);
            }
            Ok(peer)
        }
        None => {
            shared.metrics.upstream(false);
            shared.resolve_now.notify_one();
            Err(Error::explain(ErrorType::ConnectNoRoute, "the upstream has no address").into_up())
        }
    }
}

/// Asks for the name again, since the app may have moved, and tries another of
/// its addresses if it has several. When there was no descriptor, that says nothing of the
/// app, and the same address is tried again.
pub(crate) fn try_again(shared: &SharedState, ctx: &mut Ctx, mut e: Box<Error>) -> Box<Error> {
    let Some(Admission { attempt, .. }) = ctx.stage.admission_mut() else {
        e.set_retry(false);
        return e;
    };
    let tries = attempt.tries;
    if is_lack_of_descriptors(&e) {
        attempt.again = Some(Retry::AfterDelay);
        e.set_retry(tries < TRIES);
        return e;
    }
    shared.metrics.upstream(false);
    shared.resolve_now.notify_one();
    e.set_retry(tries < TRIES && usize::from(tries) < ctx.snapshot.upstream.places());
    e
}

/// Whether a connection failed because this process, or the whole machine, has too many
/// files open.
fn is_lack_of_descriptors(e: &Error) -> bool {
    let cause = e.root_cause().downcast_ref::<std::io::Error>();
    let code = cause.and_then(std::io::Error::raw_os_error);
    code.is_some_and(|code| matches!(Errno::from_raw(code), Errno::EMFILE | Errno::ENFILE))
}

/// Whether a request that broke on the way may be tried again: pingora's rule, and one
/// more: a wait that ran out looks like a kept connection that the app has closed, and
/// would be waited for again.
pub(crate) fn retry_policy(
    peer: &HttpPeer,
    session: &Session,
    e: Box<Error>,
    ctx: &mut Ctx,
    client_reused: bool,
) -> Box<Error> {
    let mut e = e.more_context(format!("Peer: {peer}"));
    let Some(Admission { attempt, .. }) = ctx.stage.admission_mut() else {
        e.set_retry(false);
        return e;
    };
    let timer = attempt.answer_timer.as_ref();
    if timer.is_some_and(ResponseTimer::timed_out)
        || !session.req_header().method.is_idempotent()
        || session.as_ref().retry_buffer_truncated()
    {
        e.set_retry(false);
    } else {
        e.retry.decide_reuse(client_reused);
        attempt.again = Some(Retry::FreshConnection);
    }
    e
}

/// The request is on its way; the wait for the head of the answer begins. The connection of
/// a tunnel keeps its own time.
///
/// # Errors
/// If nobody could end the wait; nothing must be waited for then.
pub(crate) fn await_head(
    session: &mut Session,
    fd: RawFd,
    digest: Option<&Digest>,
    ctx: &mut Ctx,
) -> Result<()> {
    ctx.shared().metrics.upstream(true);
    if session.is_upgrade_req() {
        return Ok(());
    }
    let limits = &ctx.snapshot.settings.limits;
    let wait = limits.upstream_read;
    let has_body = !session.as_downstream_mut().is_body_done();
    let body = has_body.then(|| BodyRate::begin(limits, Moment::now()));
    let socket = digest.and_then(|digest| digest.socket_digest.clone());
    let Some(handle) = &ctx.handle else {
        return Error::e_explain(ErrorType::InternalError, "the request has no cancel handle");
    };
    let Some(Admission { attempt, .. }) = ctx.stage.admission_mut() else {
        return not_admitted();
    };
    handle.progress.is_sent.set(true);
    handle.progress.app.store(fd, Ordering::Relaxed);
    attempt.answer_timer = Some(ResponseTimer::start(
        &handle.line.answers,
        Arc::clone(&handle.progress.is_waiting),
        fd,
        socket,
        wait,
        body,
    ));
    Ok(())
}

/// A head has come; the wait is over unless it announces another.
///
/// # Errors
/// If the app switches to a protocol that nobody asked for: client and app would no longer
/// agree on where an answer ends.
pub(crate) fn see_head(session: &Session, answer: &ResponseHeader, ctx: &mut Ctx) -> Result<()> {
    let is_agreed = session.is_upgrade_req() && answer.version == Version::HTTP_11;
    if answer.status == StatusCode::SWITCHING_PROTOCOLS && !is_agreed {
        let e = Error::explain(ErrorType::InvalidHTTPHeader, "a 101 that nobody asked for");
        return Err(e.into_up());
    }
    let Some(Admission { attempt, .. }) = ctx.stage.admission_mut() else {
        return not_admitted();
    };
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        attempt.answer_timer = None;
    } else if let Some(timer) = &attempt.answer_timer
        && !is_interim(answer)
    {
        timer.has_head(ctx.snapshot.settings.limits.idle_stream);
    }
    Ok(())
}
