//! Whether an unsafe request was meant by the person whose cookie it carries.
//!
//! By origin (modes `origin` and `both`), the first that applies:
//! 1. `Sec-Fetch-Site: same-origin` or `none` passes.
//! 2. An `Origin` that is ours or allowed passes; a foreign one was refused before.
//! 3. `Sec-Fetch-Site` with another value and no `Origin` fails.
//! 4. With neither header (no current browser does that) it passes while the cookies are
//!    Strict and have no domain, so that the browser itself never sends them along with what
//!    another site started; else only if a program sent it as JSON, which no form can and no
//!    script of another site may without saying its `Origin` first.
//!
//! By token (modes `token` and `both`): a header repeats the token of the session, which
//! another site can neither read nor make. A form of our own pages has no way to set a
//! header, and carries it in a field.

use http::HeaderName;

use super::cors::RequestOrigin;
use super::denial::{Denial, Unproven};
use super::ports::Tokens;
use crate::domain::id::SessionId;
use crate::domain::request::{FetchSite, RequestView};

/// The name of the hidden field of our own pages.
pub(crate) const FIELD: &str = "csrf_token";

/// `csrf`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csrf {
    /// What is checked.
    pub mode: CsrfMode,
    /// The header that repeats the token.
    pub header: HeaderName,
}

/// `csrf.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum CsrfMode {
    /// By origin.
    Origin,
    /// By token.
    Token,
    /// By both.
    Both,
    /// No check at all, but for logins.
    Off,
}

impl CsrfMode {
    /// Whether there is a token at all.
    pub const fn uses_tokens(self) -> bool {
        matches!(self, Self::Token | Self::Both)
    }

    /// Whether the origin counts.
    const fn checks_origin(self) -> bool {
        matches!(self, Self::Origin | Self::Both)
    }
}

/// Checks that an unsafe request comes from a page of ours or of an allowed origin.
///
/// # Errors
/// [`Denial::CsrfFailed`]
pub(crate) fn check_origin(
    view: &RequestView<'_>,
    caller: &RequestOrigin,
    cookies_confined: bool,
) -> Result<(), Denial> {
    let unproven = match (caller, view.fetch_site()) {
        _ if view.is_safe() => return Ok(()),
        (_, FetchSite::SameOrigin | FetchSite::None) => return Ok(()),
        (RequestOrigin::Ours | RequestOrigin::Allowed(_), _) => return Ok(()),
        (RequestOrigin::Unsaid, FetchSite::Absent) => {
            if cookies_confined || view.is_json_of_a_program() {
                return Ok(());
            }
            Unproven::Unsaid
        }
        (RequestOrigin::Unsaid | RequestOrigin::Foreign | RequestOrigin::Anyone, _) => {
            Unproven::Elsewhere
        }
    };
    Err(Denial::CsrfFailed(unproven))
}

/// Where the token of an unsafe request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a token that nobody looks for is no check"]
pub enum Token {
    /// In the header and right; or none is asked for.
    Right,
    /// Not in the header; a form of ours has it in [`FIELD`].
    InForm,
}

impl Csrf {
    /// Checks an unsafe request of `session` as far as its head goes.
    ///
    /// # Errors
    /// [`Denial::CsrfFailed`]
    pub fn check(
        &self,
        tokens: &dyn Tokens,
        view: &RequestView<'_>,
        caller: &RequestOrigin,
        cookies_confined: bool,
        session: SessionId,
    ) -> Result<Token, Denial> {
        if view.is_safe() {
            return Ok(Token::Right);
        }
        if self.mode.checks_origin() {
            check_origin(view, caller, cookies_confined)?;
        }
        if !self.mode.uses_tokens() {
            return Ok(Token::Right);
        }
        match view.only(&self.header) {
            Some(token) if tokens.is_csrf_token(session, token) => Ok(Token::Right),
            Some(_) => Err(Denial::CsrfFailed(Unproven::Token)),
            None if view.headers.contains_key(&self.header) => {
                Err(Denial::CsrfFailed(Unproven::Token))
            }
            None => Ok(Token::InForm),
        }
    }
}

#[cfg(test)]
mod tests;
