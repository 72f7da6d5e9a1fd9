//! What `check` says of a configuration that is good: what it leaves open, perhaps on purpose,
//! and what an earlier version did that it may rely on.

use super::reader::Section;
use super::settings::{Access, Openness, Settings};
use super::tree::Shape;
use crate::auth::rules::{Hole, Rules};

/// `cookies.name` of who wrote none.
const DEFAULT_NAME: &str = "doorward";

/// Everything worth a look, each a whole sentence.
pub(super) fn of(root: &Section<'_>, settings: &Settings) -> Vec<String> {
    let mut notes = holes(settings);
    notes.extend(defaults(root, settings));
    if !settings.trusted_proxies.is_empty() && settings.forward_headers.from_trusted.is_empty() {
        notes.push(
            "of trusted_proxies X-Forwarded-For, -Proto and -Host are read; X-Real-IP, Forwarded and other X-Forwarded-* no longer reach the app. If it needs one that your proxy sets itself, list it in forward_headers.from_trusted."
                .to_owned(),
        );
    }
    notes.extend(ports(settings));
    let keeps_identity = |(_, rule): &(usize, &super::settings::Rule)| {
        rule.access == Access::Public && rule.openness == Openness::Session
    };
    let rules = settings.rules.iter().enumerate().filter(keeps_identity);
    let rules: Vec<String> = rules
        .map(|(number, _)| format!("rules[{number}]"))
        .collect();
    if !rules.is_empty() {
        notes.push(format!(
            "{}: the app is told who is there if somebody is signed in, and such answers are private to caches. Write identity: off beside access: public where everybody gets the same.",
            rules.join(", ")
        ));
    }
    notes
}

/// Cookies are kept by host alone (RFC 6265 section 8.5), whatever the port.
fn ports(settings: &Settings) -> Option<String> {
    if settings.cookies.name != DEFAULT_NAME {
        return None;
    }
    let seen: Vec<String> = match &settings.public_url {
        Some(public) => {
            let public = public.to_string();
            let hosts = settings.extra_hosts.iter();
            hosts
                .map(ToString::to_string)
                .chain([public])
                .filter(|host| has_port(host))
                .collect()
        }
        None => {
            let addresses = settings.listen.iter();
            addresses
                .filter(|address| ![0, 80, 443].contains(&address.port()))
                .map(ToString::to_string)
                .collect()
        }
    };
    let seen = (!seen.is_empty()).then(|| seen.join(", "))?;
    Some(format!(
        "{seen}: cookies know no ports. Another Doorward on another port of the same host signs people out of this one, and this one out of it: give each a cookies.name of its own."
    ))
}

/// Whether an origin or a host ends in a port.
fn has_port(host: &str) -> bool {
    let after = host.rsplit_once(':').map(|(_, port)| port);
    after.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Defaults that an earlier version had otherwise, where the file leaves them to us.
fn defaults(root: &Section<'_>, settings: &Settings) -> Vec<String> {
    let is_unset = |section: &str, key: &str| match root.get(section).map(|spot| &spot.node.shape) {
        Some(Shape::Map(entries)) => entries.iter().all(|entry| entry.key != key),
        _ => true,
    };
    let mut notes = Vec::new();
    if let Some(most) = settings.limits.connections_per_address
        && settings.trusted_proxies.is_empty()
        && is_unset("limits", "connections_per_address")
    {
        notes.push(format!(
            "limits.connections_per_address is {most} now, an eighth of connections; it was unlimited. If many people come through one address, a proxy of yours perhaps, list it in trusted_proxies, or set the key (null: no limit)."
        ));
    }
    if let Some(most) = settings.session.max_per_user
        && is_unset("session", "max_per_user")
    {
        notes.push(format!(
            "session.max_per_user is {most} now; it was unlimited: one more login ends the user's oldest session. Set the key where an account has more of them (null: no limit)."
        ));
    }
    notes
}

/// Rules beside which something passes by asking for less.
fn holes(settings: &Settings) -> Vec<String> {
    let rules = Rules::new(settings.rules.clone(), settings.default_access.clone());
    let holes = rules.holes().into_iter();
    holes.filter_map(|hole| told(settings, &hole)).collect()
}

fn told(settings: &Settings, hole: &Hole) -> Option<String> {
    let named = |number: usize| {
        let rule = settings.rules.get(number)?;
        Some(format!("rules[{number}] ({})", rule.path))
    };
    let methods = &settings.rules.get(hole.rule)?.methods;
    let lists = |method: &str| methods.iter().any(|listed| listed == method);
    let restricts = match methods.join(", ") {
        none if none.is_empty() => "every method".to_owned(),
        some if lists("GET") && !lists("HEAD") => format!("{some} (GET means HEAD too)"),
        some => some,
    };
    let mut left = Vec::new();
    if !hole.methods.is_empty() {
        left.push(hole.methods.join(", "));
    }
    if hole.unnamed {
        left.push("every method that no rule names".to_owned());
    }
    let (by, mend) = match hole.left_to {
        Some(by) if by < hole.rule => (
            format!("{} before it", named(by)?),
            "Put the rule that asks for more first",
        ),
        by => (
            by.map_or(Some("default_access".to_owned()), named)?,
            "Leave methods out to restrict them all",
        ),
    };
    Some(format!(
        "{} restricts {restricts}, and leaves {} to {by}, which asks for less. {mend}.",
        named(hole.rule)?,
        left.join(" and "),
    ))
}
