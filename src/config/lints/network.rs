//! Who reaches what, and whose word about it is believed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Lint;
use super::Severity::{Hint, Note, Problem};
use crate::config::settings::Settings;

/// Wider networks of public addresses than this hold more than one operator's machines;
/// those of large content networks are smaller.
const WIDEST_V4: u8 = 12;
const WIDEST_V6: u8 = 28;

pub(crate) fn check(settings: &Settings) -> Vec<Lint> {
    let mut found = Vec::new();
    if settings.public_url.is_none() && !settings.extra_hosts.is_empty() {
        found.push(Lint::new(
            Problem,
            "network.extra_hosts",
            "extra_hosts is set, and public_url is not",
            "without public_url every Host is answered, and extra_hosts does nothing",
            "set public_url",
        ));
    }
    for name in &settings.listen_passed {
        found.push(Lint::new(
            Hint,
            "network.passed",
            format!("{name} is a socket that the service manager has to pass"),
            "run ends with 78 where it was not",
            format!(
                "write FileDescriptorName={} into the socket unit",
                name.trim_start_matches("fd://")
            ),
        ));
    }
    let admin = settings.admin.listen;
    if !admin.ip().is_loopback() {
        let is_inside = admin.ip().is_unspecified() || is_private(admin.ip());
        found.push(Lint::new(
            if is_inside { Note } else { Problem },
            "network.admin_open",
            format!("the operators' listener {admin} can be reached by others"),
            "metrics and health are readable without a password from there",
            "set admin.listen to 127.0.0.1:9180, or let only those who collect metrics reach it",
        ));
    }
    for net in settings.trusted_proxies.iter().filter(|net| is_wide(net)) {
        found.push(Lint::new(
            Problem,
            "network.proxies_wide",
            format!("trusted_proxies has {net}"),
            "whoever is in it chooses the address that it appears to come from: throttling and audit lines no longer mean anything",
            "name the addresses of the proxies alone",
        ));
    }
    if !settings.trusted_proxies.is_empty() && settings.forward_headers.from_trusted.is_empty() {
        found.push(Lint::new(
            Hint,
            "network.from_trusted",
            "of trusted_proxies X-Forwarded-For, -Proto and -Host are read",
            "X-Real-IP, Forwarded and other X-Forwarded-* no longer reach the app",
            "if it needs one that your proxy sets itself, list it in forward_headers.from_trusted",
        ));
    }
    if settings.log.query {
        found.push(Lint::new(
            Note,
            "log.query",
            "log.query is on",
            "what apps put into their query strings, tokens included, stays in the log",
            "remove it where nobody needs it",
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
