//! Whether a browser keeps our cookies, and who else gets them.

use super::facts::Facts;
use super::finding::Finding;
use crate::adapters::config::settings::CsrfMode;
use crate::domain::origin::{Origin, Scheme};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let settings = &facts.settings;
    let mut found = Vec::new();
    let over_http = settings.cookies_over_http;
    match &settings.public_url {
        Some(origin) if origin.scheme() == Scheme::Https => {
            if over_http {
                found.push(Finding::problem(
                    "cookies.insecure_over_https",
                    (
                        "insecure.cookies_over_http is on, and public_url is https",
                        "without Secure and the __Host- prefix, whoever controls the network can read and replace session cookies through one plain request",
                        "remove insecure.cookies_over_http",
                    ),
                ));
            }
            let plain = |origin: &&Origin| {
                origin.scheme() == Scheme::Http && !origin.authority().is_loopback()
            };
            for foreign in settings.cors.allowed_origins.iter().filter(plain) {
                found.push(Finding::problem(
                    "cors.plain_origin",
                    (
                        format!("cors.allowed_origins has {foreign}, and public_url is https"),
                        "whoever controls the network can put a script into that page, which then acts for signed-in users",
                        "serve that origin over https and list it so",
                    ),
                ));
            }
        }
        Some(origin) if origin.authority().is_loopback() => {}
        Some(origin) if over_http => found.push(in_the_clear(&origin.to_string())),
        Some(origin) => found.push(Finding::problem(
            "cookies.secure_over_http",
            (
                format!("public_url is {origin}, and our cookies are Secure"),
                "browsers keep Secure cookies only over https: nobody can stay signed in",
                "serve it over https, and write so in public_url",
            ),
        )),
        None => {
            let open = settings.listen.iter().filter(|a| !a.ip().is_loopback());
            let open: Vec<String> = open.map(ToString::to_string).collect();
            if !open.is_empty() && over_http {
                found.push(in_the_clear(&open.join(", ")));
            } else if !open.is_empty() {
                found.push(Finding::problem(
                    "cookies.no_public_url",
                    (
                        format!("{} can be reached by others, and public_url is not set", open.join(", ")),
                        "every Host is answered, and which Origin is ours is taken from the request; on a plain listener nobody stays signed in either",
                        "set public_url to the https:// origin that browsers use",
                    ),
                ));
            } else if !settings.trusted_proxies.is_empty() {
                found.push(Finding::note(
                    "cookies.no_public_url",
                    (
                        "public_url is not set, and requests come through a proxy",
                        "what the app is told of scheme and host, and which Origin is ours, depends on what the proxy passes on",
                        "set public_url to the https:// origin that browsers use",
                    ),
                ));
            } else {
                found.push(Finding::note(
                    "cookies.no_public_url",
                    (
                        "public_url is not set, and this machine alone reaches the gateway",
                        "if a proxy on it speaks TLS with browsers, their https:// origin is not taken for ours: WebSockets are refused, and the app is told http",
                        "behind a proxy set public_url, or list it in trusted_proxies and let it send X-Forwarded-Proto",
                    ),
                ));
            }
        }
    }
    if settings.csrf.mode == CsrfMode::Off {
        found.push(Finding::problem(
            "csrf.off",
            (
                "csrf.mode is off",
                "another site can make a signed-in browser send requests",
                "remove it, or write origin",
            ),
        ));
    }
    if let Some(domain) = &settings.cookies.domain {
        found.push(Finding::note(
            "cookies.domain",
            (
                format!("cookies.domain is {domain}"),
                "every host below it receives the session cookies and can set some of the same name",
                "remove it, unless several hosts share one login on purpose",
            ),
        ));
    }
    found
}

fn in_the_clear(place: &str) -> Finding {
    Finding::problem(
        "cookies.in_the_clear",
        (
            format!("insecure.cookies_over_http is on at {place}"),
            "session cookies travel in clear text and can be read and replaced on the way",
            "serve it over https and remove insecure.cookies_over_http",
        ),
    )
}
