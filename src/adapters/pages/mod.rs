//! The pages that a person sees: sign in, sign out, my sessions, the two ways back in
//! from another site, the way out of too many cookies, and the error page.
//!
//! They promise to work without a script, to load nothing from anywhere, and to be
//! readable by everybody: one inline style sheet admitted by its hash, real labels,
//! light and dark, from 320 pixels up. Every value is escaped by the templates;
//! nothing here may ever mark a value of a client as safe.

pub(crate) mod device;
mod html;
mod sessions;
pub(crate) mod when;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

pub(crate) use self::html::Html;
use self::html::{Framed, Isolation, render};
pub(crate) use self::sessions::{Ended, SessionsView};
use crate::auth::policy::Paths;

/// `pages`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branding {
    /// The heading of the login page.
    pub title: String,
    /// The logo, already read.
    pub logo: Option<Logo>,
}

/// A logo that was read from a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/svg+xml`, `image/png`, `image/jpeg` or `image/webp`, by the content.
    pub media_type: &'static str,
    /// The file, at most 256 KiB.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// Everything that the pages share, prepared once for a set of branding.
#[derive(Clone, Debug)]
pub struct Pages {
    logout: String,
    sessions: String,
    cookies: String,
    /// What the box on the form says; `None` without the box.
    remember: Option<Cow<'static, str>>,
    frame: Frame,
    csp: HeaderValue,
    csp_in_own_frames: HeaderValue,
}

/// What the login form shows.
#[derive(Clone, Debug, Default)]
pub struct LoginView<'a> {
    /// Where to go after signing in: a path on this origin.
    pub rd: &'a str,
    /// What was typed last time; empty at first.
    pub username: &'a str,
    /// Whether the box was ticked last time.
    pub remember_me: bool,
    /// Why the last attempt did not succeed.
    pub error: Option<LoginError>,
    /// What stands in the way of signing in, whatever is typed.
    pub obstacle: Option<&'a Obstacle>,
    /// The scheme that the request is taken to have come by, for `doorward doctor`.
    pub scheme: &'a str,
}

/// What stands in the way of signing in, or of what comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `Secure` cookies are about to be set over plain HTTP to a host that is not loopback:
    /// the browser would drop them.
    PlainHttp,
    /// A proxy says that the browser is on HTTPS, and is not believed: whatever is compared
    /// with our origin (WebSockets, scripts) is refused.
    UntrustedProxy {
        /// The origin that the browser is at.
        browser: String,
        /// The one that we take for ours.
        ours: String,
    },
}

/// Why a login did not succeed, as far as the person who tried may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// No such user, wrong password or disabled: never told apart.
    BadCredentials,
    /// Name or address is locked for now.
    TooManyAttempts {
        /// How long that will last.
        retry_after: Duration,
    },
    /// The same in a browser that is not known; one that is would not have to wait.
    UnknownBrowser {
        /// How long that will last.
        retry_after: Duration,
    },
    /// The hash queue is full.
    Overloaded,
    /// The store cannot be reached.
    Unavailable,
}

/// What an error page says.
#[derive(Clone, Copy, Debug)]
pub struct ErrorView<'a> {
    /// The status that the reply has.
    pub status: u16,
    /// The stable code of the refusal; an unknown one gets words by its status.
    pub code: &'a str,
    /// What the request is called, for who asks the operator about it.
    pub request_id: Option<&'a str>,
    /// A link to what helps: (address, label).
    pub action: Option<(&'a str, &'a str)>,
}

impl Pages {
    /// Prepares the pages for these branding. `remember_me` is how long the box on the
    /// login form keeps somebody signed in; there is no box without.
    pub fn new(branding: &Branding, paths: &Paths, remember_me: Option<Duration>) -> Self {
        let logo = branding.logo.as_ref().map(|logo| {
            let bytes = STANDARD.encode(&logo.bytes);
            format!("data:{};base64,{bytes}", logo.media_type)
        });
        Self {
            logout: paths.logout.clone(),
            sessions: format!("{}/sessions", paths.prefix),
            cookies: format!("{}/cookies", paths.prefix),
            remember: remember_me.map(words::remember_me),
            frame: Frame {
                title: branding.title.clone(),
                logo,
            },
            csp: html::content_security_policy(STYLE, Framed::Never),
            csp_in_own_frames: html::content_security_policy(STYLE, Framed::ByUs),
        }
    }

    /// The login form.
    ///
    /// It has no `action`, so that it is sent to the address that it is shown at: of that
    /// the browser keeps the fragment (`#/deep/link`), also over the redirect that follows.
    pub fn login(&self, view: &LoginView<'_>) -> Html {
        let wrong = view.error == Some(LoginError::BadCredentials);
        let notes = match (view.obstacle.is_some(), view.error.is_some()) {
            (true, true) => Some("obstacle message"),
            (true, false) => Some("obstacle"),
            (false, true) => Some("message"),
            (false, false) => None,
        };
        self.html(&LoginPage {
            frame: &self.frame,
            view,
            remember: self.remember.as_deref(),
            message: view.error.map(words::login_error),
            wrong,
            notes,
        })
    }

    /// The page that signs out with one button.
    pub fn logout(&self, csrf_token: &str) -> Html {
        self.html(&LogoutPage {
            frame: &self.frame,
            action: &self.logout,
            sessions: &self.sessions,
            csrf_token,
        })
    }

    /// The page that refreshes itself into `target`, so that a navigation that came
    /// from another site becomes one of our own and carries the `Strict` cookies.
    pub fn bounce(&self, target: &str) -> Html {
        self.passing(&BouncePage {
            frame: &self.frame,
            target: &on_this_origin(target),
        })
    }

    /// The same as [`Pages::bounce`] with a click.
    pub fn confirm(&self, target: &str) -> Html {
        self.passing(&ConfirmPage {
            frame: &self.frame,
            target: &on_this_origin(target),
        })
    }

    /// A refusal or a breakdown, for a person.
    pub fn error(&self, view: &ErrorView<'_>) -> Html {
        let (heading, sentence) = words::refusal(view.code, view.status);
        self.html(&ErrorPage {
            frame: &self.frame,
            heading,
            sentence,
            view,
        })
    }

    /// What stands in a frame of a page of ours where the session is over: one link to the
    /// login, in the whole window.
    pub fn frame(&self, login: &str) -> Html {
        let page = FramePage {
            frame: &self.frame,
            login,
        };
        Html {
            csp: self.csp_in_own_frames.clone(),
            framed: Framed::ByUs,
            ..self.passing(&page)
        }
    }

    /// The way out for a browser that sends too many cookies: one button that deletes them.
    /// `refused` is the status and the code of a refusal that it answers.
    pub fn cookies(&self, refused: Option<(u16, &str)>) -> Html {
        let (heading, sentence) = match refused {
            Some((status, code)) => words::refusal(code, status),
            None => words::COOKIES,
        };
        self.html(&CookiesPage {
            frame: &self.frame,
            heading,
            sentence,
            action: &self.cookies,
            refused,
        })
    }

    /// The page of the demo's app: who it was told you are, and how.
    pub fn whoami(&self, name: &str, headers: &[(String, String)]) -> Html {
        self.html(&WhoamiPage {
            frame: &self.frame,
            name,
            headers,
            logout: &self.logout,
            sessions: &self.sessions,
        })
    }

    /// A page that only passes through to the app.
    fn passing(&self, page: &impl Template) -> Html {
        Html {
            isolation: Isolation::None,
            ..self.html(page)
        }
    }

    fn html(&self, page: &impl Template) -> Html {
        Html {
            body: render(page),
            csp: self.csp.clone(),
            framed: Framed::Never,
            isolation: Isolation::SameOrigin,
        }
    }
}

/// The one style sheet. Its hash is what lets it run, so it is served as it stands.
const STYLE: &str = include_str!("../../../templates/style.css");

/// What surrounds every page.
#[derive(Clone, Debug)]
struct Frame {
    title: String,
    logo: Option<String>,
}

impl Frame {
    fn style(&self) -> &'static str {
        STYLE
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: &'a Frame,
    view: &'a LoginView<'a>,
    remember: Option<&'a str>,
    message: Option<Cow<'static, str>>,
    wrong: bool,
    /// The ids of what is said above the form, for those who hear it.
    notes: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    frame: &'a Frame,
    action: &'a str,
    sessions: &'a str,
    csrf_token: &'a str,
}

#[derive(Template)]
#[template(path = "bounce.html")]
struct BouncePage<'a> {
    frame: &'a Frame,
    target: &'a str,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: &'a Frame,
    target: &'a str,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: &'a Frame,
    heading: &'static str,
    sentence: &'static str,
    view: &'a ErrorView<'a>,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct FramePage<'a> {
    frame: &'a Frame,
    login: &'a str,
}

#[derive(Template)]
#[template(path = "cookies.html")]
struct CookiesPage<'a> {
    frame: &'a Frame,
    heading: &'static str,
    sentence: &'static str,
    action: &'a str,
    refused: Option<(u16, &'a str)>,
}

#[derive(Template)]
#[template(path = "whoami.html")]
struct WhoamiPage<'a> {
    frame: &'a Frame,
    name: &'a str,
    headers: &'a [(String, String)],
    logout: &'a str,
    sessions: &'a str,
}

/// `target` spelled so that a browser stays on this origin.
///
/// `//evil.example` and `/\evil.example` begin with a slash and name another host;
/// with `/.` in front they are the same path of this one (URL Standard, "path
/// state"). Browsers drop tabs and line breaks before they parse, so a target with
/// a control character is not repaired but replaced.
fn on_this_origin(target: &str) -> Cow<'_, str> {
    let Some(rest) = target.strip_prefix('/') else {
        return Cow::Borrowed("/");
    };
    if target.chars().any(char::is_control) {
        return Cow::Borrowed("/");
    }
    if rest.starts_with(['/', '\\']) {
        return Cow::Owned(format!("/.{target}"));
    }
    Cow::Borrowed(target)
}
