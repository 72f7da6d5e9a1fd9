//! An app that has a login of its own, at the path of ours.
//!
//! Such an app sends whoever it does not know to `/login`, which is ours: a person who is
//! signed in here would be sent back to the app, and so on for ever.

use http::header::{self, HeaderMap};
use url::Url;

use super::policy::Paths;

/// What the query of the login page says of who was sent there by the app.
pub const FROM_APP: &str = "from=app";

/// Where to go instead, if an answer of the app sends a signed-in person from `asked`, an
/// absolute URL, to the path of our login: a page that says so. `None` if it does not, and
/// if the path is below our prefix, where no other login is.
pub fn instead(answer: &HeaderMap, asked: &str, paths: &Paths) -> Option<String> {
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
            let to = instead(&answer, "https://app.example/tree/work?x", &at_login);
            assert_eq!(to.is_some(), leads, "{location}");
        }
        assert_eq!(
            instead(&HeaderMap::new(), "https://app.example/", &at_login),
            None
        );
    }

    #[test]
    fn below_our_prefix_is_no_login_of_an_app() {
        let mut answer = HeaderMap::new();
        answer.insert(
            header::LOCATION,
            HeaderValue::from_static("/_doorward/login"),
        );
        let below = paths("/_doorward/login");
        assert_eq!(instead(&answer, "https://app.example/", &below), None);
        let own = HeaderValue::from_static("/login");
        answer.insert(header::LOCATION, own);
        assert_eq!(instead(&answer, "https://app.example/", &below), None);
    }
}
