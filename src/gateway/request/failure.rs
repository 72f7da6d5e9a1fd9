//! What broke on the way, made into a refusal, and told to whoever is still there.

use std::io;

use pingora::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};

use crate::auth::denial::Denial;
use crate::auth::redirect::{Presentation, in_place};
use crate::gateway::connection::chunks::Doubt;
use crate::gateway::request::ctx::Ctx;
use crate::gateway::request::own_reply;
use crate::gateway::request::reset;
use crate::gateway::shared_state::SharedState;

/// What the client is told of a pingora error; `None`: nobody is there to be told.
/// The error's text goes to the log alone, it names hosts behind us.
fn denial_of(e: &Error) -> Option<Denial> {
    use ErrorType::{
        ConnectTimedout, ConnectionClosed, HTTPStatus, ReadError, ReadTimedout, WriteError,
        WriteTimedout,
    };
    match (e.esource(), e.etype()) {
        (_, HTTPStatus(413)) => Some(Denial::PayloadTooLarge),
        (_, HTTPStatus(504)) => Some(Denial::UpstreamTimeout),
        (ErrorSource::Downstream, ReadTimedout) => Some(Denial::RequestTimeout),
        (ErrorSource::Downstream, ReadError) if is_in_doubt(e) => Some(Denial::BadRequest),
        (
            ErrorSource::Downstream,
            ConnectionClosed | ReadError | WriteError | WriteTimedout | ErrorType::H2Error,
        ) => None,
        (ErrorSource::Downstream, _) => Some(Denial::BadRequest),
        (ErrorSource::Upstream, ConnectTimedout | ReadTimedout | WriteTimedout) => {
            Some(Denial::UpstreamTimeout)
        }
        (ErrorSource::Upstream, _) if is_late(e) => Some(Denial::UpstreamTimeout),
        (ErrorSource::Upstream, _) => Some(Denial::UpstreamUnreachable),
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Denial::InternalError),
    }
}

/// Whether a connection said itself that its time is over, as that of a tunnel does: pingora
/// has one kind for all that fails while reading.
fn is_late(e: &Error) -> bool {
    let cause = e.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

/// Whether the client is there, and what it sends makes no sense.
fn is_in_doubt(e: &Error) -> bool {
    let cause = e.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(Doubt::is_behind)
}

/// Tells the client what broke, if anybody is there and nothing was said yet.
pub(crate) async fn report(
    shared: &SharedState,
    session: &mut Session,
    e: &Error,
    ctx: &mut Ctx,
) -> FailToProxy {
    let admission = ctx.stage.admission_mut();
    let timer = admission.and_then(|admission| admission.attempt.answer_timer.take());
    let denial = match timer {
        Some(timer) if timer.client_was_late() => Some(Denial::RequestTimeout),
        Some(timer) if timer.timed_out() => Some(Denial::UpstreamTimeout),
        _ => denial_of(e),
    };
    let error_code = denial.map_or(499, |denial| denial.status().as_u16());
    // A 103 is no answer yet.
    let answered = session
        .response_written()
        .is_some_and(|written| !written.status.is_informational());
    if answered {
        reset::break_off(session);
    }
    if let Some(denial) = denial.filter(|_| !answered) {
        ctx.reply_headers
            .drop_late_cookies(&shared.sessions, ctx.stage.pass());
        let shown = ctx.facts.as_ref().map_or(Presentation::Problem, |facts| {
            in_place(&facts.view(session))
        });
        // The connection ends here, and the answer says so.
        session.set_keepalive(None);
        if let Err(e) = own_reply::deny(session, ctx, denial, &shown).await {
            log::debug!("the client was gone before it could be told: {e}");
        }
    }
    FailToProxy {
        error_code,
        can_reuse_downstream: false,
    }
}
