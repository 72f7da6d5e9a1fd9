//! Where an app sends the browser, if it must not go there.
//!
//! An app with a login of its own sends whoever it does not know to `/login`, which is ours: a
//! person who is signed in here would be sent back to the app, and so on for ever. And an app
//! that sees another `Host` than the browser's (`upstream_host`) builds addresses of it, which
//! lead nowhere from outside.

use http::header::{self, HeaderMap};
use url::Url;

use super::policy::Paths;
use crate::domain::origin::{Authority, Origin, Scheme};

/// What the query of the login page says of who was sent there by the app.
pub(crate) const FROM_APP: &str = "from=app";

/// The same place under the origin that browsers know, if `Location` names the one that the
/// app alone is told.
pub(crate) fn outside(answer: &HeaderMap, inner: &Authority, origin: &Origin) -> Option<String> {
    let location = answer.get(header::LOCATION)?.to_str().ok()?;
    let leads = Url::parse(location).ok()?;
    if !matches!(leads.scheme(), "http" | "https") {
        return None;
    }
    let authority = match leads.port() {
        Some(port) => format!("{}:{port}", leads.host_str()?),
        None => leads.host_str()?.to_owned(),
    };
    let named = Authority::parse(authority.as_bytes())?;
    let ours = [Scheme::Http, Scheme::Https];
    let is_inner = ours.iter().any(|scheme| named.same_place(inner, *scheme));
    let place = &leads[url::Position::BeforePath..];
    is_inner.then(|| format!("{origin}{place}"))
}

/// Where to go instead, if an answer of the app sends a signed-in person from `asked`, an
/// absolute URL, to the path of our login: a page that says so. `None` if it does not, and
/// if the path is below our prefix, where no other login is.
pub(crate) fn instead_of_login(answer: &HeaderMap, asked: &str, paths: &Paths) -> Option<String> {
    if paths.login_is_under_prefix() {
        return None;
    }
    let mut locations = answer.get_all(header::LOCATION).iter();
    let location = locations.next()?.to_str().ok()?;
    let asked = Url::parse(asked).ok()?;
    let leads = asked.join(location).ok()?;
    let is_ours = leads.host() == asked.host()
        && leads.port() == asked.port()
        && leads.path() == paths.login
        && leads.query() != Some(FROM_APP);
    is_ours.then(|| format!("{}?{FROM_APP}", paths.login))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn paths(login: &str) -> Paths {
        Paths {
            login: login.into(),
            logout: "/logout".into(),
            refresh: "/refresh".into(),
            revoke: "/revoke".into(),
            prefix: "/_doorward".into(),
            jwks: "/jwks".into(),
        }
    }

    #[test]
    fn every_way_to_write_our_login_is_seen_and_no_other_place() {
        let at_login = paths("/login");
        for (location, leads) in [
            ("/login", true),
            ("/login?next=%2Ftree%3F", true),
            ("/login#x", true),
            ("login", false),
            ("../login", true),
            ("../../x/../login?a=b", true),
            ("https://app.example/login", true),
            ("http://app.example/login", true),
            ("//app.example/login?next=/", true),
            ("HTTPS://APP.EXAMPLE/login", true),
            ("https://app.example:8443/login", false),
            ("https://other.example/login", false),
            ("//other.example/login", false),
            ("/login/", false),
            ("/hub/login", false),
            ("/logins", false),
            ("/login?from=app", false),
            ("?x=/login", false),
            ("", false),
            ("http://[", false),
        ] {
            let mut answer = HeaderMap::new();
            answer.insert(header::LOCATION, HeaderValue::from_str(location).unwrap());
            let to = instead_of_login(&answer, "https://app.example/tree/work?x", &at_login);
            assert_eq!(to.is_some(), leads, "{location}");
        }
        assert_eq!(
            instead_of_login(&HeaderMap::new(), "https://app.example/", &at_login),
            None
        );
    }

    #[test]
    fn a_place_of_the_inner_host_is_one_of_ours() {
        let origin = Origin::parse(b"https://app.example").unwrap();
        for (inner, location, expected) in [
            (
                "127.0.0.1:8888",
                "http://127.0.0.1:8888/lab?a=b#c",
                Some("/lab?a=b#c"),
            ),
            ("127.0.0.1:8888", "https://127.0.0.1:8888", Some("/")),
            (
                "127.0.0.1:8888",
                "http://127.0.0.1:8888//evil.example/",
                Some("//evil.example/"),
            ),
            ("127.0.0.1:8888", "http://127.0.0.1/lab", None),
            (
                "127.0.0.1:8888",
                "http://127.0.0.1:8888@evil.example/",
                None,
            ),
            ("127.0.0.1:8888", "/lab", None),
            ("127.0.0.1:8888", "//127.0.0.1:8888/lab", None),
            ("inner.example", "http://INNER.example:80/x", Some("/x")),
            ("inner.example", "https://inner.example/x", Some("/x")),
            ("inner.example", "ftp://inner.example/x", None),
            ("inner.example", "https://other.example/x", None),
            ("[::1]:81", "http://[::1]:81/x", Some("/x")),
        ] {
            let mut answer = HeaderMap::new();
            answer.insert(header::LOCATION, HeaderValue::from_str(location).unwrap());
            let inner = Authority::parse(inner.as_bytes()).unwrap();
            let expected = expected.map(|place| format!("https://app.example{place}"));
            assert_eq!(outside(&answer, &inner, &origin), expected, "{location}");
        }
    }

    #[test]
    fn below_our_prefix_is_no_login_of_an_app() {
        let mut answer = HeaderMap::new();
        answer.insert(
            header::LOCATION,
            HeaderValue::from_static("/_doorward/login"),
        );
        let below = paths("/_doorward/login");
        assert_eq!(
            instead_of_login(&answer, "https://app.example/", &below),
            None
        );
        let own = HeaderValue::from_static("/login");
        answer.insert(header::LOCATION, own);
        assert_eq!(
            instead_of_login(&answer, "https://app.example/", &below),
            None
        );
    }
}
