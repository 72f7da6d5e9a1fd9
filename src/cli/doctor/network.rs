//! Who answers where: the gateway, its public side, the app around it.

use std::net::SocketAddr;

use super::facts::{Facts, UpstreamSeen, Visit, Visited};
use crate::adapters::descriptors::{needed_for, per_connection};
use crate::config::lints::Lint;
use crate::config::lints::Severity::{Note, Problem, Silent};
use crate::config::settings::Upstream;
use crate::domain::origin::{Origin, Scheme};

pub(super) fn check(facts: &Facts) -> Vec<Lint> {
    let mut found = gateway(facts);
    found.extend(upstream(&facts.upstream, &facts.settings.upstream));
    found.extend(own_login(facts));
    let limit = facts.settings.limits.connections;
    let redirect = facts
        .settings
        .tls
        .as_ref()
        .and_then(|tls| tls.redirect_from);
    let needed = needed_for(limit, per_connection(redirect.is_some()));
    if let Some(files) = facts
        .open_files
        .filter(|files| u64::try_from(*files).unwrap_or(u64::MAX) < needed)
    {
        found.push(Lint::new(
            Note,
            "network.open_files",
            format!(
                "the gateway may have {files} files open, and limits.connections of {limit} takes {needed}"
            ),
            "each request takes up to two, and the gateway some of its own: it takes fewer connections than the limit says",
            "raise it (LimitNOFILE= of systemd, `ulimit -n`), or lower limits.connections",
        ));
    }
    found
}

fn is_ours(visit: &Visit) -> bool {
    let code = visit.session.code();
    visit.session.status == 401 && code.is_some_and(|code| code.starts_with("session_"))
}

fn gateway(facts: &Facts) -> Vec<Lint> {
    let mut found = Vec::new();
    let public_is_ours = matches!(&facts.public, Some(Ok(visit)) if is_ours(visit));
    for (address, visited) in &facts.listeners {
        match visited {
            Ok(visit) if is_ours(visit) => {}
            Ok(visit) => found.push(Lint::new(
                Problem,
                "network.not_ours",
                format!(
                    "{address} answers, but not as this gateway (status {})",
                    visit.session.status
                ),
                "another program has the port, or the gateway runs with other settings",
                "stop the other one, or restart the gateway with this configuration",
            )),
            // Seen from a container of its own, the gateway is elsewhere.
            Err(_) if public_is_ours => {}
            Err(why) => found.push(Lint::new(
                Silent,
                "network.silent",
                format!("no gateway answers at {address}: {why}"),
                "what is served could not be looked at",
                "start it with this configuration, or run doctor where it runs",
            )),
        }
    }
    let Some(url) = &facts.settings.public_url else {
        return found;
    };
    if let Some(visited) = &facts.public {
        found.extend(public(url, visited));
    }
    found
}

fn public(url: &Origin, visited: &Visited) -> Option<Lint> {
    let visit = match visited {
        Ok(visit) => visit,
        Err(why) => {
            return Some(Lint::new(
                Silent,
                "network.public_silent",
                format!("{url} does not answer: {why}"),
                "this is where browsers go; or it cannot be reached from here alone",
                "look at the name, the proxy before the gateway, and its certificate",
            ));
        }
    };
    if visit.session.code().as_deref() == Some("wrong_host") {
        return Some(Lint::new(
            Problem,
            "network.host_lost",
            format!("behind {url} the gateway is asked for another host"),
            "every request is refused with 421",
            "let the proxy pass Host on (nginx: `proxy_set_header Host $host;`)",
        ));
    }
    if !is_ours(visit) {
        return Some(Lint::new(
            Problem,
            "network.public_other",
            format!(
                "{url} does not lead to the gateway (status {})",
                visit.session.status
            ),
            "people reach something else, perhaps the app without any login",
            "let the proxy send every path to the gateway",
        ));
    }
    let secure = url.scheme() == Scheme::Https;
    let login = visit.login.as_ref();
    let plain = "<meta name=\"doorward-scheme\" content=\"http\">";
    let says_plain = login.is_some_and(|page| page.body.contains(plain));
    (secure && says_plain).then(|| {
        Lint::new(
            Problem,
            "network.proto_lost",
            format!("behind {url} the gateway takes requests for plain HTTP"),
            "the login page may warn, and the gateway and the app take the proxy for every client",
            "let the proxy set X-Forwarded-Proto and X-Forwarded-For, and name it in trusted_proxies",
        )
    })
}

fn own_login(facts: &Facts) -> Option<Lint> {
    let paths = &facts.settings.paths;
    facts.upstream.has_own_login.then(|| {
        Lint::new(
            Problem,
            "network.own_login",
            format!("the app has a login page of its own at {}", paths.login),
            "the gateway's own is there: nobody reaches the app's, and what is typed for the app counts as failed logins here",
            format!("set paths.all_under_prefix: true, and the gateway's is at {}/login", paths.prefix),
        )
    })
}

fn upstream(seen: &UpstreamSeen, configured: &Upstream) -> Vec<Lint> {
    let mut found = Vec::new();
    if !seen.answers {
        found.push(Lint::new(
            Silent,
            "network.upstream_silent",
            "the app does not accept connections",
            "every request that is let through gets 502",
            "start it, or look at `upstream`",
        ));
    }
    if !seen.around.is_empty() {
        let places: Vec<String> = seen.around.iter().map(ToString::to_string).collect();
        found.push(Lint::new(
            Problem,
            "network.upstream_open",
            format!(
                "the app answers at {} too, around the gateway",
                places.join(", ")
            ),
            "whoever reaches it there needs no login, and can name any user in X-User-Id",
            "let the app listen on 127.0.0.1 or a Unix socket alone, or close the port to others",
        ));
    }
    let elsewhere = seen.addresses.iter().filter(|a| !a.ip().is_loopback());
    let elsewhere: Vec<&SocketAddr> = elsewhere.collect();
    if let (Some(address), false) = (elsewhere.first(), seen.is_here) {
        found.push(Lint::new(
            Note,
            "network.upstream_elsewhere",
            format!("the app is on another machine ({address})"),
            "whoever else reaches it there needs no login, and can name any user in X-User-Id",
            "let only the gateway reach that port (a firewall, a network of their own, mutual TLS)",
        ));
    }
    if let (Upstream::Unix(path), Some(mode)) = (configured, seen.socket_mode)
        && mode & 0o002 != 0
    {
        found.push(Lint::new(
            Note,
            "network.upstream_open",
            format!(
                "every user of this machine can connect to {}",
                path.display()
            ),
            "whoever does needs no login, unless the folder keeps them out",
            format!("chmod o-rwx {}", path.display()),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_app_is() {
        let app = Upstream::Http {
            host: "app".into(),
            port: 3000,
        };
        let socket = Upstream::Unix("/run/app.sock".into());
        let at = |address: &str, is_here| UpstreamSeen {
            addresses: vec![address.parse().unwrap()],
            answers: true,
            is_here,
            ..UpstreamSeen::default()
        };
        let with_mode = |mode| UpstreamSeen {
            answers: true,
            socket_mode: Some(mode),
            ..UpstreamSeen::default()
        };
        let around = UpstreamSeen {
            around: vec!["192.0.2.7:3000".parse().unwrap()],
            ..at("127.0.0.1:3000", true)
        };
        for (seen, configured, expected) in [
            (at("127.0.0.1:3000", true), &app, None),
            (
                at("192.0.2.7:3000", false),
                &app,
                Some("network.upstream_elsewhere"),
            ),
            (around, &app, Some("network.upstream_open")),
            (with_mode(0o660), &socket, None),
            (with_mode(0o777), &socket, Some("network.upstream_open")),
            (
                UpstreamSeen::default(),
                &app,
                Some("network.upstream_silent"),
            ),
        ] {
            let found: Vec<_> = upstream(&seen, configured).iter().map(|f| f.id).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
