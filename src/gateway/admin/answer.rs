//! Answers to operators: text, JSON, and refusals as problems with a stable code.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::auth::denial::Denial;
use crate::auth::problem::{PROBLEM, problem_body};

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
    pub(super) fn into_response(self) -> Response<Vec<u8>> {
        let (status, code, detail) = self.parts();
        let body = problem_body(status, code, detail, None);
        let mut response = with_body(status, PROBLEM, &body);
        let mut add = |name: HeaderName, value: &'static str| {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        };
        match self {
            Self::TokenRequired => add(header::WWW_AUTHENTICATE, "Bearer realm=\"doorward\""),
            Self::TokenInvalid => add(
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"doorward\", error=\"invalid_token\"",
            ),
            Self::Because(Denial::MethodNotAllowed { allow }, _) => add(header::ALLOW, allow),
            Self::Because(Denial::StoreUnavailable, _) => add(header::RETRY_AFTER, "2"),
            Self::Because(..) | Self::Reload(_) => {}
        }
        response
    }
}

impl From<Denial> for ApiError {
    fn from(denial: Denial) -> Self {
        Self::Because(denial, denial.sentence())
    }
}

/// For what is not served, and for all of the API where nobody may use it.
pub(super) fn not_found() -> Response<Vec<u8>> {
    ApiError::from(Denial::NotFound).into_response()
}

pub(super) fn text(status: StatusCode, body: &str) -> Response<Vec<u8>> {
    with_body(status, "text/plain; charset=utf-8", body)
}

pub(super) fn json(body: &serde_json::Value) -> Response<Vec<u8>> {
    with_body(StatusCode::OK, "application/json", &body.to_string())
}

pub(super) fn empty() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

fn with_body(status: StatusCode, kind: &'static str, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.as_bytes().to_vec());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
