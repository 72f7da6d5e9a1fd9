//! A request that was admitted: the proof of it, and how far it has come on its way to the
//! app and back.

use http::{Method, StatusCode, Uri};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use crate::auth::bounce::Arrival;
use crate::auth::pass::Pass;
use crate::gateway::connection::response_timeout::ResponseTimer;

/// An admitted request.
pub(crate) struct Admission {
    /// The proof.
    pub(crate) pass: Pass,
    /// Whether it comes from a bounce page of ours.
    pub(crate) arrival: Arrival,
    /// The present attempt to have it answered by the app.
    pub(crate) attempt: Attempt,
    /// Bytes of the answer's body that came from the app.
    pub(crate) answer_seen: usize,
    /// What to say of it if its end passes pingora by.
    pub(crate) untold: Option<UnseenEnd>,
}

impl Admission {
    /// Of a request that goes to the app next.
    pub(crate) fn new(pass: Pass, arrival: Arrival, session: &Session) -> Self {
        let request = session.req_header();
        Self {
            pass,
            arrival,
            attempt: Attempt::default(),
            answer_seen: 0,
            untold: Some(UnseenEnd {
                method: request.method.clone(),
                uri: request.uri.clone(),
                status: None,
            }),
        }
    }
}

/// The connections to the app that were tried, and what goes over the last of them.
#[derive(Default)]
pub(crate) struct Attempt {
    /// How many were tried.
    pub(crate) tries: u8,
    /// What the next of them heeds.
    pub(crate) again: Option<Retry>,
    /// Bytes of the request body that went by.
    pub(crate) body_seen: u64,
    /// Ends the wait for the head of the app's answer.
    pub(crate) answer_timer: Option<ResponseTimer>,
}

/// How a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// There was no descriptor, and a moment later there may be one.
    AfterDelay,
    /// A kept connection broke under the request. Another one may break too, so this time
    /// it is none of the pool: a request is sent twice at most.
    FreshConnection,
}

/// What there is to say of a request whose future was dropped, as that of a request that is
/// cut is: pingora's `logging` does not run for it.
pub(crate) struct UnseenEnd {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// Of the answer, once it has begun.
    pub(crate) status: Option<StatusCode>,
}

/// No `Pass`, no upstream. Cannot happen; if it does, it fails closed.
pub(crate) fn not_admitted<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "the request was not admitted")
}
