//! Every refusal, its code and its status, in one place.

use std::time::Duration;

use http::StatusCode;
use strum::{IntoStaticStr, VariantNames};

use crate::domain::id::SessionId;

/// Why a request was not served. The code is stable: apps and people match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Denial {
    /// No token.
    SessionRequired,
    /// A token whose time ran out.
    SessionExpired,
    /// A session that was ended before its time.
    SessionRevoked,
    /// A token that we did not issue, or that was altered.
    SessionInvalid,
    /// No machine token of ours, or not from here or by this entrance.
    TokenInvalid,
    /// A machine token whose date has passed.
    TokenExpired,
    /// A machine token that was revoked, or whose user was removed or disabled.
    TokenRevoked,
    /// Signed in, but not allowed.
    Forbidden,
    /// A foreign `Origin`.
    OriginNotAllowed,
    /// An unsafe request that another site may have started.
    CsrfFailed(Unproven),
    /// A path that can be read in two ways.
    PathAmbiguous,
    /// A `Host` that is not ours.
    WrongHost,
    /// The client was too slow.
    RequestTimeout,
    /// Something of ours broke.
    InternalError,
    /// Wrong name or password; which, nobody learns.
    BadCredentials,
    /// Locked after too many failures.
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many logins wait for a password hash.
    Overloaded,
    /// The store does not answer.
    StoreUnavailable,
    /// A request that does not make sense.
    BadRequest,
    /// A body over its limit.
    PayloadTooLarge,
    /// A head over its limit.
    HeaderTooLarge,
    /// One of our own paths, with a method it does not know.
    MethodNotAllowed {
        /// The methods that it knows, for `Allow`.
        allow: &'static str,
    },
    /// A login that is neither a form nor JSON.
    UnsupportedMediaType,
    /// Under our own prefix, but nothing is there.
    NotFound,
    /// The app has a login of its own at the path of ours.
    LoginPathTaken,
    /// The app cannot be reached.
    UpstreamUnreachable,
    /// The app did not answer in time.
    UpstreamTimeout,
    /// The admin API, without its token.
    AdminTokenRequired,
    /// The admin API, with something that is not its token.
    AdminTokenInvalid,
    /// The admin API: the new settings are not in force.
    ReloadRefused,
}

/// Why an unsafe request is not believed to be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unproven {
    /// It comes from a page that is not ours.
    Elsewhere,
    /// It does not say where it comes from.
    Unsaid,
    /// Its CSRF token is missing, or is not that of the session.
    Token,
}

/// How long to wait before asking again when no better time is known.
const SOON: Duration = Duration::from_secs(2);

impl Denial {
    /// What was revoked: a session, or a machine token.
    pub fn of_revoked(id: SessionId) -> Self {
        match id.is_of_token() {
            true => Self::TokenRevoked,
            false => Self::SessionRevoked,
        }
    }

    /// The stable code: the name in snake case.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::SessionRequired
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::SessionInvalid
            | Self::TokenInvalid
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::BadCredentials
            | Self::AdminTokenRequired
            | Self::AdminTokenInvalid => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::OriginNotAllowed | Self::CsrfFailed(_) => StatusCode::FORBIDDEN,
            Self::PathAmbiguous | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::LoginPathTaken => StatusCode::CONFLICT,
            Self::UpstreamUnreachable => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ReloadRefused => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Whether it says that there is no (longer a) session, so that signing in helps.
    pub const fn lacks_session(self) -> bool {
        matches!(
            self,
            Self::SessionRequired
                | Self::SessionExpired
                | Self::SessionRevoked
                | Self::SessionInvalid
        )
    }

    /// Whether it refuses a machine token.
    pub const fn refuses_token(self) -> bool {
        matches!(
            self,
            Self::TokenInvalid | Self::TokenExpired | Self::TokenRevoked
        )
    }

    /// Whether an honest client would hardly have sent the request: worth an audit line.
    pub const fn is_suspicious(self) -> bool {
        matches!(
            self,
            Self::SessionRevoked
                | Self::SessionInvalid
                | Self::Forbidden
                | Self::OriginNotAllowed
                | Self::CsrfFailed(_)
                | Self::PathAmbiguous
                | Self::WrongHost
        )
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3): an error when a token was there.
    pub const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::SessionRequired | Self::BadCredentials | Self::AdminTokenRequired => {
                Some("Bearer realm=\"doorward\"")
            }
            Self::SessionExpired => Some(
                "Bearer realm=\"doorward\", error=\"invalid_token\", error_description=\"The session has expired\"",
            ),
            Self::SessionRevoked => Some(
                "Bearer realm=\"doorward\", error=\"invalid_token\", error_description=\"The session was ended\"",
            ),
            Self::SessionInvalid => Some(
                "Bearer realm=\"doorward\", error=\"invalid_token\", error_description=\"The token is not valid here\"",
            ),
            Self::TokenInvalid
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::AdminTokenInvalid => Some("Bearer realm=\"doorward\", error=\"invalid_token\""),
            _ => None,
        }
    }

    /// When to try again, for `Retry-After`.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts { retry_after } => Some(retry_after),
            Self::Overloaded | Self::StoreUnavailable => Some(SOON),
            _ => None,
        }
    }

    /// One sentence for the person or program that was refused. Tells nothing
    /// about users, keys or the network behind.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SessionRequired => "Sign in to see this.",
            Self::SessionExpired => "The session has expired. Sign in again.",
            Self::SessionRevoked => "The session was ended. Sign in again.",
            Self::SessionInvalid => "The session cookie is not valid here. Sign in again.",
            Self::TokenInvalid => "The token is not valid here.",
            Self::TokenExpired => "The token has expired.",
            Self::TokenRevoked => "The token was revoked.",
            Self::Forbidden => "This account may not see this.",
            Self::OriginNotAllowed => "Requests from this origin are not allowed.",
            Self::CsrfFailed(Unproven::Elsewhere) => {
                "The request did not come from a page of this site."
            }
            Self::CsrfFailed(Unproven::Unsaid) => {
                "The request does not say which page it comes from. A program sends its body as application/json, or the Origin of this site."
            }
            Self::CsrfFailed(Unproven::Token) => {
                "The CSRF token is missing, or is not that of this session."
            }
            Self::PathAmbiguous => "The path can be read in more than one way.",
            Self::WrongHost => "This host is not served here.",
            Self::RequestTimeout => "The request took too long to arrive.",
            Self::InternalError => "Something went wrong on our side.",
            Self::BadCredentials => "The user name or the password is wrong.",
            Self::TooManyAttempts { .. } => "Too many attempts. Try again later.",
            Self::Overloaded => "Too many people are signing in. Try again in a moment.",
            Self::StoreUnavailable => "Sessions cannot be saved now. Try again in a moment.",
            Self::BadRequest => "The request could not be understood.",
            Self::PayloadTooLarge => "The request body is too large.",
            Self::HeaderTooLarge => "The request head is too large.",
            Self::MethodNotAllowed { .. } => "This method is not known here.",
            Self::UnsupportedMediaType => "Send a form or JSON.",
            Self::NotFound => "There is nothing here.",
            Self::LoginPathTaken => {
                "The app has a login of its own at the path of the gateway's; the operator can set paths.all_under_prefix."
            }
            Self::UpstreamUnreachable => "The app cannot be reached.",
            Self::UpstreamTimeout => "The app did not answer in time.",
            Self::AdminTokenRequired => "Send the admin token in Authorization.",
            Self::AdminTokenInvalid => "This is not the admin token.",
            Self::ReloadRefused => "The new settings are not in force.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_apps_match_on() {
        let stable = [
            "session_required",
            "session_expired",
            "session_revoked",
            "session_invalid",
            "token_invalid",
            "token_expired",
            "token_revoked",
            "forbidden",
            "origin_not_allowed",
            "csrf_failed",
            "path_ambiguous",
            "wrong_host",
            "request_timeout",
            "internal_error",
            "bad_credentials",
            "too_many_attempts",
            "overloaded",
            "store_unavailable",
            "bad_request",
            "payload_too_large",
            "header_too_large",
            "method_not_allowed",
            "unsupported_media_type",
            "not_found",
            "login_path_taken",
            "upstream_unreachable",
            "upstream_timeout",
            "admin_token_required",
            "admin_token_invalid",
            "reload_refused",
        ];
        assert_eq!(Denial::VARIANTS, stable);
        assert_eq!(Denial::CsrfFailed(Unproven::Unsaid).code(), "csrf_failed");
    }
}
