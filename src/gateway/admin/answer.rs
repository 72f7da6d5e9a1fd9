//! Answers to operators: text, JSON, and refusals as problems with a stable code.

use http::{HeaderValue, StatusCode, header};

use crate::auth::denial::Denial;
use crate::auth::problem::{decorated, problem};
use crate::domain::reply::Reply;

/// Why the admin API says no.
#[derive(Debug)]
pub(super) enum ApiError {
    /// For a reason that the public side knows too, in words of our own.
    Because(Denial, &'static str),
    /// No token.
    TokenRequired,
    /// Not the token.
    TokenInvalid,
    /// The new settings are not in force; why, for the operator.
    Reload(String),
}

impl ApiError {
    /// A request that makes no sense, and why.
    pub(super) const fn bad(why: &'static str) -> Self {
        Self::Because(Denial::BadRequest, why)
    }

    /// What is asked for is not there.
    pub(super) const fn not_found(what: &'static str) -> Self {
        Self::Because(Denial::NotFound, what)
    }

    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::Because(denial, why) => (denial.status(), denial.code(), why),
            Self::TokenRequired => (
                StatusCode::UNAUTHORIZED,
                "admin_token_required",
                "Send the admin token in Authorization.",
            ),
            Self::TokenInvalid => (
                StatusCode::UNAUTHORIZED,
                "admin_token_invalid",
                "This is not the admin token.",
            ),
            Self::Reload(why) => (StatusCode::UNPROCESSABLE_ENTITY, "reload_refused", why),
        }
    }

    /// As an answer: RFC 9457.
    pub(super) fn into_reply(self) -> Reply {
        let (status, code, detail) = self.parts();
        let reply = problem(status, code, detail, None);
        let challenge = match self {
            Self::TokenRequired => "Bearer realm=\"doorward\"",
            Self::TokenInvalid => "Bearer realm=\"doorward\", error=\"invalid_token\"",
            Self::Because(denial, _) => return decorated(reply, denial),
            Self::Reload(_) => return reply,
        };
        let challenge = HeaderValue::from_static(challenge);
        reply.header(header::WWW_AUTHENTICATE, challenge)
    }
}

impl From<Denial> for ApiError {
    fn from(denial: Denial) -> Self {
        Self::Because(denial, denial.sentence())
    }
}

/// For what is not served, and for all of the API where nobody may use it.
pub(super) fn not_found() -> Reply {
    ApiError::from(Denial::NotFound).into_reply()
}

pub(super) fn text(status: StatusCode, body: &str) -> Reply {
    let body = body.as_bytes().to_vec();
    Reply::with_body(status, "text/plain; charset=utf-8", body).unkept()
}

pub(super) fn json(body: &serde_json::Value) -> Reply {
    let body = body.to_string().into_bytes();
    Reply::with_body(StatusCode::OK, "application/json", body).unkept()
}

pub(super) fn empty() -> Reply {
    let no_store = HeaderValue::from_static("no-store");
    Reply::empty(StatusCode::NO_CONTENT).header(header::CACHE_CONTROL, no_store)
}
