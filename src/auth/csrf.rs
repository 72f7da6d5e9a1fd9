//! Whether an unsafe request was meant by the person whose cookie it carries.
//!
//! Mode `origin`, for an unsafe method with our cookie, first that applies:
//! 1. `Sec-Fetch-Site: same-origin` or `none` passes.
//! 2. An `Origin` that is ours or allowed passes; a foreign one was refused before.
//! 3. `Sec-Fetch-Site` with another value and no `Origin` fails.
//! 4. With neither header (no current browser does that) it passes only while the
//!    cookies are Strict and have no domain, so that the browser itself never sends
//!    them along with what another site started.

use super::cors::Caller;
use super::denial::Denial;
use crate::domain::request::{FetchSite, RequestView};

/// `csrf.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfMode {
    /// As above.
    Origin,
    /// No check at all.
    Off,
}

/// Checks an unsafe request that carries our cookie, or a login.
///
/// # Errors
/// [`Denial::CsrfFailed`]
pub fn check(
    mode: CsrfMode,
    view: &RequestView<'_>,
    caller: &Caller,
    cookies_confined: bool,
) -> Result<(), Denial> {
    let passes = match (mode, caller, view.fetch_site()) {
        _ if view.is_safe() => true,
        (CsrfMode::Off, _, _) => true,
        (CsrfMode::Origin, _, FetchSite::SameOrigin | FetchSite::None) => true,
        (CsrfMode::Origin, Caller::Ours | Caller::Allowed(_), _) => true,
        (CsrfMode::Origin, Caller::Unsaid, FetchSite::Absent) => cookies_confined,
        (CsrfMode::Origin, Caller::Unsaid | Caller::Foreign, _) => false,
    };
    if passes {
        Ok(())
    } else {
        Err(Denial::CsrfFailed)
    }
}
