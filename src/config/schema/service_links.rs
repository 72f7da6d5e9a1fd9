//! The variables that Kubernetes gives every pod for each Service of its namespace: of one
//! that is called `doorward` or `doorward-…`, they begin like ours and set nothing.
//!
//! Source: <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>

use std::ffi::OsStr;
use std::net::IpAddr;

use crate::config::schema::environment::Environment;

/// Whether a variable is such a link, by its name and its value. Those of one Service come
/// together, so that a single one that looks like it is none.
pub(crate) fn is_one(name: &str, value: &OsStr, env: &Environment) -> bool {
    let Some(value) = value.to_str() else {
        return false;
    };
    services(name).any(|(service, rest)| {
        let said = |suffix: &str| {
            let value = env.get(&format!("{service}_SERVICE_{suffix}"));
            value.and_then(OsStr::to_str)
        };
        let is_there = said("HOST").is_some_and(is_address) && said("PORT").is_some_and(is_port);
        is_there && is_link(rest, value)
    })
}

/// Every way to read the name as that of a Service and what follows it.
fn services(name: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = name.match_indices('_').map(|(at, _)| at);
    ends.filter_map(|at| name.split_at_checked(at))
}

fn is_link(rest: &str, value: &str) -> bool {
    let parts: Vec<&str> = rest.split('_').skip(1).collect();
    match parts.as_slice() {
        ["SERVICE", "HOST"] => is_address(value),
        ["SERVICE", "PORT", ..] => is_port(value),
        ["PORT"] => is_url(value),
        ["PORT", port, protocol] => is_port(port) && is_protocol(protocol) && is_url(value),
        ["PORT", port, protocol, what] if is_port(port) && is_protocol(protocol) => match *what {
            "PROTO" => is_protocol(value),
            "PORT" => is_port(value),
            "ADDR" => is_address(value),
            _ => false,
        },
        _ => false,
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn is_protocol(text: &str) -> bool {
    ["tcp", "udp", "sctp"]
        .iter()
        .any(|known| text.eq_ignore_ascii_case(known))
}

/// `tcp://10.0.0.11:8080`
fn is_url(text: &str) -> bool {
    let place = text.split_once("://");
    place.is_some_and(|(protocol, place)| {
        let port = place.rsplit_once(':').map(|(_, port)| port);
        is_protocol(protocol) && port.is_some_and(is_port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_service_and_what_only_looks_like_one() {
        let of = |service: &str| {
            let value =
                |suffix: &str, value: &str| (format!("{service}_{suffix}"), value.to_owned());
            [
                value("SERVICE_HOST", "10.0.0.11"),
                value("SERVICE_PORT", "8080"),
                value("SERVICE_PORT_HTTP_WEB", "8080"),
                value("PORT", "tcp://10.0.0.11:8080"),
                value("PORT_8080_TCP", "tcp://10.0.0.11:8080"),
                value("PORT_8080_TCP_PROTO", "tcp"),
                value("PORT_8080_TCP_PORT", "8080"),
                value("PORT_8080_TCP_ADDR", "10.0.0.11"),
                value("PORT_53_UDP", "udp://[fd00::1]:53"),
            ]
        };
        let all: Vec<_> = ["DOORWARD", "DOORWARD_ADMIN", "DOORWARD_A_B"]
            .into_iter()
            .flat_map(of)
            .collect();
        let env = Environment::new(all.clone(), "/");
        for (name, value) in &all {
            assert!(is_one(name, OsStr::new(value), &env), "{name}={value}");
        }
        for (name, value) in [
            ("DOORWARD_PORT", "8080"),
            ("DOORWARD_PORTS", "tcp://10.0.0.11:8080"),
            ("DOORWARD_SERVICE_NAME", "doorward"),
            ("DOORWARD_SERVICE_PORT", "http"),
            ("DOORWARD_PORT_8080_TCP_NAME", "x"),
            ("DOORWARD_PORT_HTTP_TCP", "tcp://10.0.0.11:8080"),
            ("DOORWARD_LISTEN_PORT", "tcp://10.0.0.11:8080"),
            ("DOORWARD_SESION_ACCESS_TTL", "1m"),
        ] {
            assert!(!is_one(name, OsStr::new(value), &env), "{name}={value}");
        }
        let alone = Environment::new([("DOORWARD_PORT", "tcp://10.0.0.11:8080")], "/");
        let value = OsStr::new("tcp://10.0.0.11:8080");
        assert!(
            !is_one("DOORWARD_PORT", value, &alone),
            "there is no Service"
        );
    }
}
