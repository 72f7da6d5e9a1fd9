//! Who answers where: the gateway, its public side, the app around it, the operators' side.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::facts::{Facts, UpstreamSeen, Visit, Visited};
use super::finding::Finding;
use crate::adapters::config::settings::Upstream;
use crate::adapters::descriptors::{needed_for, per_connection};
use crate::domain::origin::{Origin, Scheme};

/// Wider networks of public addresses than this hold more than one operator's machines;
/// those of large content networks are smaller.
const WIDEST_V4: u8 = 12;
const WIDEST_V6: u8 = 28;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = gateway(facts);
    found.extend(upstream(&facts.upstream, &facts.settings.upstream));
    found.extend(own_login(facts));
    for address in &facts.admin_at {
        let words = (
            format!("the operators' listener answers at {address}"),
            "metrics and health are readable without a password from there",
            "set admin.listen to 127.0.0.1:9180, or let only those who collect metrics reach it",
        );
        found.push(match is_private(address.ip()) {
            true => Finding::note("network.admin_open", words),
            false => Finding::problem("network.admin_open", words),
        });
    }
    for net in facts
        .settings
        .trusted_proxies
        .iter()
        .filter(|net| is_wide(net))
    {
        found.push(Finding::problem(
            "network.proxies_wide",
            (
                format!("trusted_proxies has {net}"),
                "whoever is in it chooses the address that it appears to come from: throttling and audit lines no longer mean anything",
                "name the addresses of the proxies alone",
            ),
        ));
    }
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
        found.push(Finding::note(
            "network.open_files",
            (
                format!(
                    "the gateway may have {files} files open, and limits.connections of {limit} takes {needed}"
                ),
                "each request takes up to two, and the gateway some of its own: it takes fewer connections than the limit says",
                "raise it (LimitNOFILE= of systemd, `ulimit -n`), or lower limits.connections",
            ),
        ));
    }
    if facts.settings.log.query {
        found.push(Finding::note(
            "log.query",
            (
                "log.query is on",
                "what apps put into their query strings, tokens included, stays in the log",
                "remove it where nobody needs it",
            ),
        ));
    }
    found
}

fn is_ours(visit: &Visit) -> bool {
    let code = visit.session.code();
    visit.session.status == 401 && code.is_some_and(|code| code.starts_with("session_"))
}

fn gateway(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let public_is_ours = matches!(&facts.public, Some(Ok(visit)) if is_ours(visit));
    for (address, visited) in &facts.listeners {
        match visited {
            Ok(visit) if is_ours(visit) => {}
            Ok(visit) => found.push(Finding::problem(
                "network.not_ours",
                (
                    format!(
                        "{address} answers, but not as this gateway (status {})",
                        visit.session.status
                    ),
                    "another program has the port, or the gateway runs with other settings",
                    "stop the other one, or restart the gateway with this configuration",
                ),
            )),
            // Seen from a container of its own, the gateway is elsewhere.
            Err(_) if public_is_ours => {}
            Err(why) => found.push(Finding::silent(
                "network.silent",
                (
                    format!("no gateway answers at {address}: {why}"),
                    "what is served could not be looked at",
                    "start it with this configuration, or run doctor where it runs",
                ),
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

fn public(url: &Origin, visited: &Visited) -> Option<Finding> {
    let visit = match visited {
        Ok(visit) => visit,
        Err(why) => {
            return Some(Finding::silent(
                "network.public_silent",
                (
                    format!("{url} does not answer: {why}"),
                    "this is where browsers go; or it cannot be reached from here alone",
                    "look at the name, the proxy before the gateway, and its certificate",
                ),
            ));
        }
    };
    if visit.session.code().as_deref() == Some("wrong_host") {
        return Some(Finding::problem(
            "network.host_lost",
            (
                format!("behind {url} the gateway is asked for another host"),
                "every request is refused with 421",
                "let the proxy pass Host on (nginx: `proxy_set_header Host $host;`)",
            ),
        ));
    }
    if !is_ours(visit) {
        return Some(Finding::problem(
            "network.public_other",
            (
                format!(
                    "{url} does not lead to the gateway (status {})",
                    visit.session.status
                ),
                "people reach something else, perhaps the app without any login",
                "let the proxy send every path to the gateway",
            ),
        ));
    }
    let secure = url.scheme() == Scheme::Https;
    let login = visit.login.as_ref();
    let plain = "<meta name=\"doorward-scheme\" content=\"http\">";
    let says_plain = login.is_some_and(|page| page.body.contains(plain));
    (secure && says_plain).then(|| {
        Finding::problem(
            "network.proto_lost",
            (
                format!("behind {url} the gateway takes requests for plain HTTP"),
                "the login page may warn, and the gateway and the app take the proxy for every client",
                "let the proxy set X-Forwarded-Proto and X-Forwarded-For, and name it in trusted_proxies",
            ),
        )
    })
}

fn own_login(facts: &Facts) -> Option<Finding> {
    let paths = &facts.settings.paths;
    facts.upstream.has_own_login.then(|| {
        Finding::problem(
            "network.own_login",
            (
                format!("the app has a login page of its own at {}", paths.login),
                "the gateway's own is there: nobody reaches the app's, and what is typed for the app counts as failed logins here",
                format!("set paths.all_under_prefix: true, and the gateway's is at {}/login", paths.prefix),
            ),
        )
    })
}

fn upstream(seen: &UpstreamSeen, configured: &Upstream) -> Vec<Finding> {
    let mut found = Vec::new();
    if !seen.answers {
        found.push(Finding::silent(
            "network.upstream_silent",
            (
                "the app does not accept connections",
                "every request that is let through gets 502",
                "start it, or look at `upstream`",
            ),
        ));
    }
    if !seen.around.is_empty() {
        let places: Vec<String> = seen.around.iter().map(ToString::to_string).collect();
        found.push(Finding::problem(
            "network.upstream_open",
            (
                format!("the app answers at {} too, around the gateway", places.join(", ")),
                "whoever reaches it there needs no login, and can name any user in X-User-Id",
                "let the app listen on 127.0.0.1 or a Unix socket alone, or close the port to others",
            ),
        ));
    }
    let elsewhere = seen.addresses.iter().filter(|a| !a.ip().is_loopback());
    let elsewhere: Vec<&SocketAddr> = elsewhere.collect();
    if let (Some(address), false) = (elsewhere.first(), seen.is_here) {
        found.push(Finding::note(
            "network.upstream_elsewhere",
            (
                format!("the app is on another machine ({address})"),
                "whoever else reaches it there needs no login, and can name any user in X-User-Id",
                "let only the gateway reach that port (a firewall, a network of their own, mutual TLS)",
            ),
        ));
    }
    if let (Upstream::Unix(path), Some(mode)) = (configured, seen.socket_mode)
        && mode & 0o002 != 0
    {
        found.push(Finding::note(
            "network.upstream_open",
            (
                format!(
                    "every user of this machine can connect to {}",
                    path.display()
                ),
                "whoever does needs no login, unless the folder keeps them out",
                format!("chmod o-rwx {}", path.display()),
            ),
        ));
    }
    found
}

fn is_wide(net: &IpNet) -> bool {
    match net {
        IpNet::V4(v4) => v4.prefix_len() < WIDEST_V4 && !is_private(v4.network().into()),
        IpNet::V6(v6) => v6.prefix_len() < WIDEST_V6 && !is_private(v6.network().into()),
    }
}

/// Of a network that is not routed on the internet.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
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

    #[test]
    fn networks_too_wide_to_trust() {
        for (net, wide) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("104.0.0.0/8", true),
            ("2000::/3", true),
            ("0.0.0.0/1", true),
            ("10.0.0.0/8", false),
            ("127.0.0.0/8", false),
            ("104.16.0.0/13", false),
            ("2400:cb00::/32", false),
            ("fd00::/8", false),
            ("203.0.113.7/32", false),
        ] {
            assert_eq!(is_wide(&net.parse().unwrap()), wide, "{net}");
        }
    }
}
