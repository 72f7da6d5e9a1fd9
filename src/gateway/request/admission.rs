//! A request that was admitted: the proof of it, and how far it has come on its way to the
//! app and back.

use http::{Method, StatusCode, Uri};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use crate::auth::bounce::Arrival;
use crate::auth::pass::Pass;
use crate::gateway::connection::response_timeout::ResponseTimer;

/// An admitted request.
pub(in crate::gateway) struct Admission {
    /// The proof.
    pub(in crate::gateway) pass: Pass,
    /// Whether it comes from a bounce page of ours.
    pub(in crate::gateway) arrival: Arrival,
    /// The present attempt to have it answered by the app.
    pub(in crate::gateway) attempt: Attempt,
    /// Bytes of the answer's body that came from the app.
    pub(in crate::gateway) answer_seen: usize,
    /// What to say of it if its end passes pingora by.
    pub(in crate::gateway) untold: Option<UnseenEnd>,
}

impl Admission {
    /// Of a request that goes to the app next.
    pub(in crate::gateway) fn new(pass: Pass, arrival: Arrival, session: &Session) -> Self {
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
pub(in crate::gateway) struct Attempt {
    /// How many were tried.
    pub(in crate::gateway) tries: u8,
    /// What the next of them heeds.
    pub(in crate::gateway) again: Option<Retry>,
    /// Bytes of the request body that went by.
    pub(in crate::gateway) body_seen: u64,
    /// Ends the wait for the head of the app's answer.
    pub(in crate::gateway) answer_timer: Option<ResponseTimer>,
}

/// How a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Retry {
    /// There was no descriptor, and a moment later there may be one.
    AfterDelay,
    /// A kept connection broke under the request. Another one may break too, so this time
    /// it is none of the pool: a request is sent twice at most.
    FreshConnection,
}

/// What there is to say of a request whose future was dropped, as that of a request that is
/// cut is: pingora's `logging` does not run for it.
pub(in crate::gateway) struct UnseenEnd {
    pub(in crate::gateway) method: Method,
    pub(in crate::gateway) uri: Uri,
    /// Of the answer, once it has begun.
    pub(in crate::gateway) status: Option<StatusCode>,
}

/// No `Pass`, no upstream. Cannot happen; if it does, it fails closed.
pub(in crate::gateway) fn not_admitted<T>() -> Result<T> {
    Error::e_explain(ErrorType::InternalError, "the request was not admitted")
}
