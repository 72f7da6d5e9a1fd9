//! Our own endpoints: a row for each, with everything about it that is no code.
//!
//! Where it is, how it is called, what proves that it was meant and what it asks of the
//! session stand here once. In which order that is checked is code, in the gate; what an
//! endpoint does, in its own file.

use http::Method;

use super::policy::Paths;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A CORS preflight.
    Preflight,
    /// A CORS preflight for what pages of every origin may read.
    OpenPreflight,
    /// The login page.
    LoginPage,
    /// A login.
    Login,
    /// The page with one button.
    LogoutPage,
    /// A logout.
    Logout,
    /// The exchange of a refresh token.
    Refresh,
    /// RFC 7009.
    Revoke,
    /// Who am I.
    WhoAmI,
    /// My sessions.
    Sessions,
    /// Ending some of my sessions.
    EndSessions,
    /// The page that deletes the cookies with one button.
    CookiesPage,
    /// Deleting the cookies, also for a head that is too large.
    DeleteCookies,
    /// The public keys.
    Jwks,
}

/// A row of [`ENDPOINTS`].
#[derive(Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Which it is.
    pub id: Endpoint,
    /// Where it is.
    pub place: Place,
    /// How it is called.
    pub verb: Verb,
    /// What proves that a request was meant.
    pub csrf: CsrfRule,
    /// What it asks of the session.
    pub session: SessionRule,
    /// Its name for programs; stable.
    pub name: &'static str,
    /// What it is to a person who asks what answers a request.
    pub title: &'static str,
}

/// Where an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `paths.login`
    Login,
    /// `paths.logout`
    Logout,
    /// `paths.refresh`
    Refresh,
    /// `paths.revoke`
    Revoke,
    /// `paths.jwks`
    Jwks,
    /// This, with its slash, behind `paths.prefix`.
    Under(&'static str),
    /// Wherever a preflight asks.
    Anywhere,
}

/// How an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET and HEAD: nothing changes.
    Read,
    /// POST.
    Write,
    /// OPTIONS, of a preflight.
    Ask,
}

/// What proves that a request to an endpoint was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfRule {
    /// Nothing has to: it changes nothing.
    Unchecked,
    /// The origin, whoever asks. A forged login would sign the victim in as somebody else,
    /// and a forged deletion of the cookies signs them out without a session to speak for.
    Origin,
    /// What `csrf` says, where a cookie of ours came along; a token stands in the header.
    Header,
    /// The same; a form of our own has the token in a field.
    HeaderOrForm,
    /// The same, and the origin also where no cookie came: it clears the browser nevertheless.
    HeaderOrFormAlways,
}

/// What an endpoint asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRule {
    /// Nothing: it takes the cookies as they came.
    AsSent,
    /// That it is renewed, if it can be; else there is none.
    RenewedIfPossible,
    /// That it is renewed where that is due, or the request is refused.
    Renewed,
    /// The same, and that there is one: without, it is shown like a page of the app, and the
    /// way leads to the login and back.
    Required,
}

/// Writes the rows of [`ENDPOINTS`], one a line.
macro_rules! endpoints {
    ($($id:ident, $place:ident $(($under:literal))?, $verb:ident, $csrf:ident, $session:ident, $name:literal, $title:literal;)+) => {
        &[$(EndpointSpec {
            id: Endpoint::$id,
            place: Place::$place $(($under))?,
            verb: Verb::$verb,
            csrf: CsrfRule::$csrf,
            session: SessionRule::$session,
            name: $name,
            title: $title,
        }),+]
    };
}

/// Every endpoint that has a path; those at one path stand together.
pub(crate) static ENDPOINTS: &[EndpointSpec] = endpoints! {
    LoginPage,     Login,              Read,  Unchecked,          RenewedIfPossible, "login_page",     "our own login page";
    Login,         Login,              Write, Origin,             AsSent,            "login",          "our own login";
    LogoutPage,    Logout,             Read,  Unchecked,          AsSent,            "logout_page",    "our own page to log out";
    Logout,        Logout,             Write, HeaderOrFormAlways, AsSent,            "logout",         "our own logout";
    Refresh,       Refresh,            Write, Header,             AsSent,            "refresh",        "our own exchange of a refresh token";
    Revoke,        Revoke,             Write, HeaderOrForm,       Renewed,           "revoke",         "our own revocation of a token";
    WhoAmI,        Under("/session"),  Read,  Unchecked,          Renewed,           "session",        "our own answer to who is signed in";
    Sessions,      Under("/sessions"), Read,  Unchecked,          Required,          "sessions",       "our own list of sessions";
    EndSessions,   Under("/sessions"), Write, HeaderOrForm,       Required,          "end_sessions",   "our own end of sessions";
    CookiesPage,   Under("/cookies"),  Read,  Unchecked,          AsSent,            "cookies_page",   "our own page to delete the cookies";
    DeleteCookies, Under("/cookies"),  Write, Origin,             AsSent,            "delete_cookies", "our own deletion of the cookies";
    Jwks,          Jwks,               Read,  Unchecked,          AsSent,            "jwks",           "our own public keys";
};

/// A preflight.
pub(crate) static PREFLIGHT: EndpointSpec = preflight(Endpoint::Preflight);
/// A preflight for what pages of every origin may read.
pub(crate) static OPEN_PREFLIGHT: EndpointSpec = preflight(Endpoint::OpenPreflight);

const fn preflight(id: Endpoint) -> EndpointSpec {
    EndpointSpec {
        id,
        place: Place::Anywhere,
        verb: Verb::Ask,
        csrf: CsrfRule::Unchecked,
        session: SessionRule::AsSent,
        name: "preflight",
        title: "our own answer to a preflight, 204",
    }
}

impl Place {
    /// Where endpoints are, each place once, in the order of the table.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<_> = ENDPOINTS.iter().map(|row| row.place).collect();
        all.dedup();
        all
    }

    /// The key of `paths` that moves it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
            Self::Jwks => "jwks",
            Self::Under(_) | Self::Anywhere => "prefix",
        }
    }

    /// The value of that key.
    pub fn path(self, paths: &Paths) -> &str {
        match self {
            Self::Login => &paths.login,
            Self::Logout => &paths.logout,
            Self::Refresh => &paths.refresh,
            Self::Revoke => &paths.revoke,
            Self::Jwks => &paths.jwks,
            Self::Under(_) | Self::Anywhere => &paths.prefix,
        }
    }
}

impl Verb {
    /// What a method does here.
    pub(super) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Read),
            Method::POST => Some(Self::Write),
            _ => None,
        }
    }

    /// Its methods, for `Allow`.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Write => "POST",
            Self::Ask => "OPTIONS",
        }
    }
}

impl SessionRule {
    /// Whether a session is renewed on the way to it, so that it can be used.
    pub(super) const fn renews(self) -> bool {
        match self {
            Self::AsSent => false,
            Self::RenewedIfPossible | Self::Renewed | Self::Required => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_verb_mean_one_endpoint() {
        for (at, row) in ENDPOINTS.iter().enumerate() {
            let same = |other: &&EndpointSpec| {
                other.id == row.id || (other.place, other.verb) == (row.place, row.verb)
            };
            let twin = ENDPOINTS.iter().take(at).find(same);
            assert!(twin.is_none(), "{row:?} cannot be told from {twin:?}");
        }
        let mut places = Place::all();
        places.dedup_by_key(|place| place.key());
        let keys: Vec<_> = places.iter().map(|place| place.key()).collect();
        let expected = ["login", "logout", "refresh", "revoke", "prefix", "jwks"];
        assert_eq!(keys, expected, "the rows of one path do not stand together");
    }

    #[test]
    fn whatever_changes_something_is_checked() {
        for row in ENDPOINTS {
            let unchecked = row.csrf == CsrfRule::Unchecked;
            assert_eq!(
                unchecked,
                row.verb == Verb::Read,
                "{row:?} may be called by another site"
            );
        }
    }
}
