//! What broke on the way, made into a refusal: one function.

use pingora::{Error, ErrorSource, ErrorType};

use crate::auth::denial::Denial;

/// What the client is told of a pingora error; `None`: nobody is there to be told.
/// The error's text goes to the log alone, it names hosts behind us.
pub(super) fn denial_of(e: &Error) -> Option<Denial> {
    use ErrorType::{
        ConnectTimedout, ConnectionClosed, HTTPStatus, ReadError, ReadTimedout, WriteError,
        WriteTimedout,
    };
    match (e.esource(), e.etype()) {
        (_, HTTPStatus(413)) => Some(Denial::PayloadTooLarge),
        (_, HTTPStatus(504)) => Some(Denial::UpstreamTimeout),
        (ErrorSource::Downstream, ReadTimedout) => Some(Denial::RequestTimeout),
        (
            ErrorSource::Downstream,
            ConnectionClosed | ReadError | WriteError | WriteTimedout | ErrorType::H2Error,
        ) => None,
        (ErrorSource::Downstream, _) => Some(Denial::BadRequest),
        (ErrorSource::Upstream, ConnectTimedout | ReadTimedout | WriteTimedout) => {
            Some(Denial::UpstreamTimeout)
        }
        (ErrorSource::Upstream, _) => Some(Denial::UpstreamUnreachable),
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Denial::InternalError),
    }
}
