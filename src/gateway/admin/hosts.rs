//! By which names the admin listener answers over TCP.
//!
//! The attack is DNS rebinding: a page of `http://evil.example:9180` is loaded, its name then
//! points at 127.0.0.1, and its scripts read metrics and health as their own origin. The
//! browser still sends the name in `Host`. An address cannot be rebound, `localhost` is this
//! machine's, and a name without a dot is one that a private network gives (a service of
//! Compose or Kubernetes), which no page of the web has.

use http::{HeaderValue, header};
use pingora::http::RequestHeader;

use crate::auth::denial::Denial;
use crate::auth::problem::Refusal;
use crate::config::settings;
use crate::domain::origin::Authority;
use crate::domain::reply::Reply;

/// Whether the request names this listener. A request without `Host` is of HTTP/1.0, which
/// no browser speaks.
pub(super) fn answers_to(request: &RequestHeader, admin: &settings::Admin) -> bool {
    let host = request.headers.get(header::HOST).map(HeaderValue::as_bytes);
    host.is_none_or(|host| is_ours(host, &admin.hosts))
}

fn is_ours(host: &[u8], hosts: &[String]) -> bool {
    let Some(authority) = Authority::parse(host) else {
        return false;
    };
    let host = authority.host();
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    is_address
        || authority.is_loopback()
        || !name.contains('.')
        || hosts.iter().any(|listed| listed == name)
}

/// 421, with the key that mends it.
pub(super) fn refusal() -> Reply {
    let why = "The admin listener does not answer to this name; admin.hosts lists more.";
    Refusal::because(Denial::WrongHost, why).into_reply(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_web_are_answered_only_when_listed() {
        let listed = ["metrics.example.com".to_owned()];
        for (host, expected) in [
            ("127.0.0.1:9180", true),
            ("10.1.2.3", true),
            ("[::1]:9180", true),
            ("[2001:db8::1]", true),
            ("localhost:9180", true),
            ("LOCALHOST", true),
            ("doorward.localhost", true),
            ("doorward:9180", true),
            ("doorward", true),
            ("metrics.example.com", true),
            ("Metrics.Example.COM:9180", true),
            ("metrics.example.com.", true),
            ("evil.example", false),
            ("evil.example:9180", false),
            ("x.metrics.example.com", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("127.1", false),
            ("", false),
            ("evil.example@127.0.0.1", false),
        ] {
            assert_eq!(is_ours(host.as_bytes(), &listed), expected, "{host:?}");
        }
    }
}
