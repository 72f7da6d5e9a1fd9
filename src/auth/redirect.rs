//! How a refusal is shown: a redirect to the login, a page, or problem+json; and
//! where a login may lead back to.

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::denial::Denial;
use crate::domain::path::{Ambiguity, RequestPath};
use crate::domain::request::{FetchSite, RequestView};

/// `session.cross_site_navigation`: what a cookie-less arrival from another site gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum CrossSiteNavigation {
    /// A page that refreshes itself, so that the Strict cookie comes along.
    Bounce,
    /// The same with a click.
    Confirm,
    /// The login page.
    Login,
}

/// How a denial is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// `application/problem+json`
    Problem,
    /// The same, and a program is asked for a token as the password of Basic.
    BasicChallenge,
    /// An HTML page with the same status.
    Page,
    /// An HTML page with the same status in a frame of a page of ours, with one link to the
    /// login in the whole window.
    Frame {
        /// With `rd` already in it.
        location: String,
    },
    /// 303 to the login page.
    Login {
        /// With `rd` already in it.
        location: String,
    },
    /// 200 with a meta refresh to itself.
    Bounce {
        /// Path and query as received.
        target: String,
    },
    /// 200 with a link to itself.
    Confirm {
        /// Path and query as received.
        target: String,
    },
}

/// What decides the presentation, beside the request.
#[derive(Clone, Copy, Debug)]
pub struct PresentationContext<'a> {
    /// The path of the login page.
    pub login_path: &'a str,
    /// The operator's choice.
    pub cross_site: CrossSiteNavigation,
    /// Whether the browser withholds our cookies on arrivals from other sites.
    pub cookies_are_strict: bool,
    /// Whether an access or a refresh cookie of ours came along.
    pub has_session_cookies: bool,
}

/// The decision table of refusals.
///
/// Only GET and HEAD are ever redirected: a redirected POST loses its body. The
/// bounce is for a page that a person goes to, never for frames or sub-resources,
/// and cannot loop: the second request is no longer cross-site.
pub fn present(
    denial: Denial,
    view: &RequestView<'_>,
    manners: PresentationContext<'_>,
) -> Presentation {
    let redirectable = matches!(*view.method, Method::GET | Method::HEAD);
    if view.is_own_frame() && denial.lacks_session() && redirectable {
        // The form is never framed, so a redirect would end in the browser's own "refused to
        // connect". After the login the page around the frame is the one to go back to.
        return Presentation::Frame {
            location: login_location(manners.login_path, view.asking_page().unwrap_or("/")),
        };
    }
    if !view.is_navigation() || !denial.lacks_session() || !redirectable {
        return in_place(view);
    }
    let withheld = manners.cookies_are_strict
        && !manners.has_session_cookies
        && *view.method == Method::GET
        && view.fetch_site() == FetchSite::CrossSite;
    match manners.cross_site {
        CrossSiteNavigation::Bounce if withheld => Presentation::Bounce {
            target: view.target(),
        },
        CrossSiteNavigation::Confirm if withheld => Presentation::Confirm {
            target: view.target(),
        },
        _ => Presentation::Login {
            location: login_location(manners.login_path, &view.target()),
        },
    }
}

/// How a denial is shown where no redirect helps: a page for a person, a problem for a
/// program.
pub fn in_place(view: &RequestView<'_>) -> Presentation {
    if view.is_navigation() {
        Presentation::Page
    } else {
        Presentation::Problem
    }
}

/// What cannot stand in the value of a query parameter.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\'')
    .add(b'`')
    .add(b';')
    .add(b'=')
    .add(b'?')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'^')
    .add(b'\\');

/// The login page with the way back in `rd`.
pub fn login_location(login_path: &str, back_to: &str) -> String {
    format!(
        "{login_path}?rd={}",
        utf8_percent_encode(back_to, QUERY_VALUE)
    )
}

/// Where a login may lead: a path on this origin, or `/`.
///
/// Whatever a browser might read as another host becomes `/`: `//host`, `/\host`,
/// tabs and line ends that browsers drop, encoded forms of these, user information
/// (each was an advisory of some gateway; CVE-2021-21291 and its relatives).
///
/// ```
/// use doorward::auth::redirect::safe_return;
///
/// assert_eq!(safe_return(Some("/inbox?page=2")), "/inbox?page=2");
/// assert_eq!(safe_return(Some("//evil.example")), "/");
/// assert_eq!(safe_return(Some("/\\evil.example")), "/");
/// assert_eq!(safe_return(None), "/");
/// ```
pub fn safe_return(wanted: Option<&str>) -> &str {
    match wanted {
        Some(target) if is_own_path(target) => target,
        _ => "/",
    }
}

fn is_own_path(target: &str) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Ok(path) = RequestPath::parse(path.as_bytes()) else {
        return false;
    };
    let visible = |b: u8| b.is_ascii_graphic() && b != b'\\';
    let leads_away = [
        Ambiguity::DoubleSlash,
        Ambiguity::EncodedSlash,
        Ambiguity::EncodedBackslash,
    ];
    !leads_away.iter().any(|doubt| path.has(*doubt))
        && path.raw().iter().all(|&b| visible(b))
        && query.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_origin_are_returned_to() {
        for target in [
            "/",
            "/a/b?c=d&e=%20",
            "/caf%C3%A9",
            "/a?url=https://x//y",
            "/a;v=1",
        ] {
            assert_eq!(safe_return(Some(target)), target);
        }
        for target in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%5cevil.example",
            "/%2fevil.example",
            "/%09/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "@evil.example",
            "/../..//evil.example",
            "/.//evil.example",
            "/a\r\nSet-Cookie: x=1",
            "/a b",
            "/caf\u{e9}",
            "/a?b\\c",
            "/a?b\u{a0}c",
            " /a",
            "evil.example/a",
        ] {
            assert_eq!(safe_return(Some(target)), "/", "{target:?} leads elsewhere");
        }
        assert_eq!(safe_return(None), "/");
    }

    #[test]
    fn rd_survives_the_round_trip() {
        for target in ["/a?b=c&d=e+f#", "/%2525;x?y='z'", "/a?rd=/b?c=d"] {
            let location = login_location("/login", target);
            let query = location.strip_prefix("/login?").unwrap();
            let (_, rd) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
            assert_eq!(rd, target);
        }
    }
}
