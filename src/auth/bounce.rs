//! The navigation behind a bounce page.
//!
//! A link from another site arrives without our Strict cookies, and the bounce page leads
//! the browser to the same target once more, from our own origin now. To the app that would
//! look like a request of its own pages. So the page leaves a cookie, sealed over the target
//! and its time: the navigation that brings it back is told to the app as what it is, from
//! another site and without our page as its `Referer`.

use std::time::Duration;

use http::header::HeaderValue;

use super::policy::Policy;
use super::ports::Sealed;
use crate::domain::cookie;
use crate::domain::request::{FetchSite, RequestView};
use crate::domain::time::Timestamp;

/// How long a browser may take from the page to its target.
const MAX_AGE: Duration = Duration::from_secs(60);

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// As it says itself.
    Direct,
    /// Over the bounce page: another site began it.
    Bounced,
    /// It carries a bounce that is not its own, or too old, and that nobody needs any more.
    Spent,
}

impl Policy {
    /// The `Set-Cookie` of a bounce page that leads to `target`; `None` if the crypto library
    /// fails, and then the app is told what the browser says.
    pub fn bounce_cookie(&self, target: &str, now: Timestamp) -> Option<HeaderValue> {
        let until = now.after(MAX_AGE).millis();
        let seal = self.tokens.seal(Sealed::Bounce, &text(until, target));
        let value = format!("{until}.{}", seal.ok()?);
        self.cookies.set_bounce(&value, MAX_AGE)
    }

    /// How a request came. Only the navigation that a bounce page leads to can be one: of
    /// nothing else the cookie is looked for.
    pub fn arrival(&self, view: &RequestView<'_>, now: Timestamp) -> Arrival {
        let Some(value) = cookie::find(view.headers, &self.cookies.names().bounce) else {
            return Arrival::Direct;
        };
        if !view.is_navigation() || view.fetch_site() != FetchSite::SameOrigin {
            return Arrival::Direct;
        }
        match self.is_bounce(value, &view.target(), now) {
            true => Arrival::Bounced,
            false => Arrival::Spent,
        }
    }

    fn is_bounce(&self, value: &[u8], target: &str, now: Timestamp) -> bool {
        let text_of_value = std::str::from_utf8(value).ok();
        let Some((until, seal)) = text_of_value.and_then(|value| value.split_once('.')) else {
            return false;
        };
        let Ok(until) = until.parse() else {
            return false;
        };
        now < Timestamp::from_millis(until)
            && self
                .tokens
                .is_sealed(Sealed::Bounce, &text(until, target), seal.as_bytes())
    }
}

fn text(until: u64, target: &str) -> Vec<u8> {
    [&until.to_be_bytes()[..], target.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use http::header::{self, HeaderMap};

    use super::*;
    use crate::auth::test_support::{NOW, get, policy_with, user};

    #[test]
    fn a_bounce_is_of_one_target_and_a_minute() {
        let policy = policy_with(vec![user("1", "alice", &[])], |_| {});
        let set = policy.bounce_cookie("/a?b=c", NOW).unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let value = pair.split_once('=').unwrap().1;
        let forged = format!("{}A", &value[..value.len() - 1]);
        let name = "__Host-doorward-bounce";
        for (cookie, target, site, seconds, expected) in [
            (value, "/a?b=c", "same-origin", 0, Arrival::Bounced),
            (value, "/a?b=c", "same-origin", 59, Arrival::Bounced),
            (value, "/a?b=c", "same-origin", 60, Arrival::Spent),
            (value, "/a?b=d", "same-origin", 0, Arrival::Spent),
            (value, "/", "same-origin", 0, Arrival::Spent),
            (value, "/a?b=c", "none", 0, Arrival::Direct),
            (value, "/a?b=c", "cross-site", 0, Arrival::Direct),
            (&forged, "/a?b=c", "same-origin", 0, Arrival::Spent),
            ("x", "/a?b=c", "same-origin", 0, Arrival::Spent),
        ] {
            let mut headers = HeaderMap::new();
            let mut set = |name: &'static str, value: &str| {
                headers.insert(name, value.parse().unwrap());
            };
            set("sec-fetch-site", site);
            set("sec-fetch-mode", "navigate");
            set("sec-fetch-dest", "document");
            set(header::COOKIE.as_str(), &format!("{name}={cookie}"));
            let now = NOW.after(Duration::from_secs(seconds));
            let view = get(target, &headers);
            assert_eq!(
                policy.arrival(&view, now),
                expected,
                "{target} from {site} after {seconds} s"
            );
        }
    }
}
