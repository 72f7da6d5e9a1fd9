//! Whether a browser keeps our cookies, and who else gets them.

use super::Lint;
use super::Severity::{Hint, Note, Problem};
use crate::config::settings::{CsrfMode, Settings};
use crate::domain::origin::{Origin, Scheme};

/// `cookies.name` of who wrote none.
const DEFAULT_NAME: &str = "doorward";

pub(super) fn check(settings: &Settings) -> Vec<Lint> {
    let mut found: Vec<Lint> = reached(settings).into_iter().collect();
    if let Some(origin) = &settings.public_url
        && origin.scheme() == Scheme::Https
    {
        let plain = |foreign: &&Origin| {
            foreign.scheme() == Scheme::Http && !foreign.authority().is_loopback()
        };
        for foreign in settings.cors.allowed_origins.iter().filter(plain) {
            found.push(Lint::new(
                Problem,
                "cors.plain_origin",
                format!("cors.allowed_origins has {foreign}, and public_url is https"),
                "whoever controls the network can put a script into that page, which then acts for signed-in users",
                "serve that origin over https and list it so",
            ));
        }
    }
    if settings.csrf.mode == CsrfMode::Off {
        found.push(Lint::new(
            Problem,
            "csrf.off",
            "csrf.mode is off",
            "another site can make a signed-in browser send requests",
            "remove it, or write origin",
        ));
    }
    if let Some(domain) = &settings.cookies.domain {
        found.push(Lint::new(
            Note,
            "cookies.domain",
            format!("cookies.domain is {domain}"),
            "every host below it receives the session cookies and can set some of the same name",
            "remove it, unless several hosts share one login on purpose",
        ));
    }
    found.extend(ports(settings));
    found
}

/// What the way to browsers does to our cookies.
fn reached(settings: &Settings) -> Option<Lint> {
    let over_http = settings.cookies.over_http;
    let addresses = |all: &mut dyn Iterator<Item = &std::net::SocketAddr>| {
        all.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let in_the_clear = |place: String| {
        Lint::new(
            Problem,
            "cookies.in_the_clear",
            format!("insecure.cookies_over_http is on at {place}"),
            "session cookies travel in clear text and can be read and replaced on the way",
            "serve it over https and remove insecure.cookies_over_http",
        )
    };
    let no_public_url = |severity, what: &str, why, mend| {
        Some(Lint::new(
            severity,
            "cookies.no_public_url",
            what,
            why,
            mend,
        ))
    };
    match &settings.public_url {
        Some(origin) if origin.scheme() == Scheme::Https => over_http.then(|| {
            Lint::new(
                Problem,
                "cookies.insecure_over_https",
                "insecure.cookies_over_http is on, and public_url is https",
                "without Secure and the __Host- prefix, whoever controls the network can read and replace session cookies through one plain request",
                "remove insecure.cookies_over_http",
            )
        }),
        Some(origin) if settings.tls.is_some() => Some(Lint::new(
            Problem,
            "cookies.other_scheme",
            format!("public_url is {origin}, and the listener speaks TLS"),
            "browsers come from another origin, whose requests are refused",
            "write public_url with https://",
        )),
        Some(origin) if over_http => Some(in_the_clear(origin.to_string())),
        Some(origin) if origin.authority().is_loopback() => None,
        Some(origin) => Some(Lint::new(
            Problem,
            "cookies.secure_over_http",
            format!("public_url is {origin}, and our cookies are Secure"),
            "browsers keep Secure cookies only over https: nobody can stay signed in",
            "serve it over https, and write so in public_url",
        )),
        None if over_http => Some(in_the_clear(addresses(&mut settings.listen.iter()))),
        None => {
            let mend = "set public_url to the https:// origin that browsers use";
            let open = addresses(&mut settings.listen.iter().filter(|a| !a.ip().is_loopback()));
            match settings.trusted_proxies.is_empty() {
                _ if !open.is_empty() => no_public_url(
                    Problem,
                    &format!("{open} can be reached by others, and public_url is not set"),
                    "every Host is answered, and which Origin is ours is taken from the request; on a plain listener nobody stays signed in either",
                    mend,
                ),
                false => no_public_url(
                    Note,
                    "public_url is not set, and requests come through a proxy",
                    "what the app is told of scheme and host, and which Origin is ours, depends on what the proxy passes on",
                    mend,
                ),
                true => no_public_url(
                    Note,
                    "public_url is not set, and this machine alone reaches the gateway",
                    "if a proxy on it speaks TLS with browsers, their https:// origin is not taken for ours: WebSockets are refused, and the app is told http",
                    "behind a proxy set public_url, or list it in trusted_proxies and let it send X-Forwarded-Proto",
                ),
            }
        }
    }
}

/// Cookies are kept by host alone (RFC 6265 section 8.5), whatever the port.
fn ports(settings: &Settings) -> Option<Lint> {
    if settings.cookies.name != DEFAULT_NAME {
        return None;
    }
    let seen: Vec<String> = match &settings.public_url {
        Some(public) => {
            let hosts = settings.extra_hosts.iter().map(ToString::to_string);
            let all = hosts.chain([public.to_string()]);
            all.filter(|host| has_port(host)).collect()
        }
        None => {
            let odd = |port| ![0, 80, 443].contains(&port);
            let addresses = settings.listen.iter().filter(|address| odd(address.port()));
            addresses.map(ToString::to_string).collect()
        }
    };
    (!seen.is_empty()).then(|| {
        Lint::new(
            Hint,
            "cookies.port",
            format!("{}: cookies know no ports", seen.join(", ")),
            "another Doorward on another port of the same host signs people out of this one, and this one out of it",
            "give each a cookies.name of its own",
        )
    })
}

/// Whether an origin or a host ends in a port.
fn has_port(host: &str) -> bool {
    let after = host.rsplit_once(':').map(|(_, port)| port);
    after.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}
