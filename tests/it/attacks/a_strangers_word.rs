//! What a stranger says of its address, scheme, host, path or method, in every spelling:
//! nothing of it is believed, and nothing of it arrives.

use crate::support::disguise::{disguises, told};
use crate::support::{Request, world, world_with};

/// What makes an app believe in another path, method or host; nobody may send it.
const OVERRIDES: [&str; 9] = [
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-Override-URL",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-Method",
    "X-HTTP-Host-Override",
];

/// What a proxy says of its client; believed from a trusted one alone.
const ABOUT_CLIENT: [&str; 12] = [
    "Forwarded",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
];

#[test]
fn cve_2026_40575_cve_2024_21494_what_a_stranger_says_of_itself_is_removed_in_every_spelling() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let names = OVERRIDES.iter().chain(&ABOUT_CLIENT).chain(&[
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
    ]);
    let all: Vec<_> = names.flat_map(|name| disguises(name)).collect();
    for some in all.chunks(80) {
        let request = gateway.request("GET", "/x").cookie(&cookie);
        let lie = |request: Request, name: &String| request.header(name, "evil");
        let answer = some.iter().fold(request, lie).send();
        assert_eq!(answer.status, 200, "{answer}");
        let text = app.last().text().to_lowercase();
        assert!(!text.contains("evil"), "a stranger is believed:\n{text}");
        for (name, value) in [
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Forwarded-Proto", "http"),
        ] {
            assert_eq!(told(&app.last(), name), [value], "{name}:\n{text}");
        }
    }
}

#[test]
fn a_trusted_proxy_may_not_override_and_passes_no_twin_on() {
    let (gateway, app) = world_with("trusted_proxies: [127.0.0.0/8]");
    let cookie = gateway.alice();
    let twins = ABOUT_CLIENT.iter().flat_map(|name| {
        let own = name.to_lowercase();
        disguises(name)
            .into_iter()
            .filter(move |spelled| spelled.to_lowercase() != own)
    });
    let all: Vec<_> = OVERRIDES
        .iter()
        .flat_map(|name| disguises(name))
        .chain(twins)
        .collect();
    for some in all.chunks(80) {
        let request = gateway.request("GET", "/x").cookie(&cookie);
        let lie = |request: Request, name: &String| request.header(name, "evil");
        let answer = some.iter().fold(request, lie).send();
        assert_eq!(answer.status, 200, "{answer}");
        let text = app.last().text().to_lowercase();
        assert!(!text.contains("evil"), "a proxy passes a lie on:\n{text}");
    }
}

#[test]
fn cve_2026_34457_cve_2026_33495_nothing_that_a_client_says_exempts_it() {
    let (gateway, app) = world_with("rules: [{ path: /public/**, access: public }]");
    for (name, values) in [
        (
            "User-Agent",
            &[
                "kube-probe/1.30",
                "GoogleHC/1.0",
                "ELB-HealthChecker/2.0",
                "Prometheus/2.50",
                "doorward",
                "",
            ][..],
        ),
        ("X-Forwarded-Uri", &["/public/x"]),
        ("X-Forwarded-Host", &["localhost", "127.0.0.1"]),
        ("X-Forwarded-Proto", &["https", "http"]),
        ("X-Forwarded-For", &["127.0.0.1", "::1", "10.0.0.1"]),
        ("X-Forwarded-Method", &["OPTIONS"]),
        ("X-Forwarded-User", &["alice"]),
        ("X-Original-URL", &["/public/x"]),
        ("X-Real-IP", &["127.0.0.1"]),
        ("X-User-Id", &["1001"]),
        ("X-Requested-With", &["XMLHttpRequest"]),
        (
            "Authorization",
            &["Basic YWxpY2U6d29uZGVybGFuZA==", "Bearer x"],
        ),
        ("Proxy-Authorization", &["Basic YWxpY2U6d29uZGVybGFuZA=="]),
        ("Upgrade", &["foo", "websocket", "h2c"]),
        ("Referer", &["http://127.0.0.1/public/x"]),
        ("Purpose", &["prefetch"]),
    ] {
        for value in values {
            let request = gateway.request("GET", "/secret").header(name, value);
            let answer = request.header("Connection", "Upgrade").send();
            assert_eq!(
                answer.status, 401,
                "{name}: {value} opens the door: {answer}"
            );
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn cve_2024_21494_cve_2024_21499_a_strangers_address_and_scheme_decide_nothing() {
    let (gateway, _app) = world_with("login: { address_attempts: 3 }\n");
    let lies = |request: Request, number: usize| {
        request
            .header("X-Forwarded-For", format!("203.0.113.{number}"))
            .header("X-Real-IP", format!("203.0.113.{number}"))
            .header("Forwarded", format!("for=203.0.113.{number}"))
    };
    // Another scheme makes no other origin ours.
    let claimed = gateway
        .request("GET", "/x")
        .header("X-Forwarded-Proto", "https");
    let origin = gateway.origin().replace("http:", "https:");
    let answer = claimed.header("Origin", origin).send();
    assert_eq!(answer.code(), "origin_not_allowed", "{answer}");
    // Nor another host.
    let claimed = gateway
        .request("GET", "/x")
        .header("X-Forwarded-Host", "evil.example");
    let answer = claimed.header("Origin", "http://evil.example").send();
    assert_eq!(answer.code(), "origin_not_allowed", "{answer}");
    for number in 1..=3 {
        let request = gateway.login_request(&format!("user-{number}"), "wrong");
        assert_eq!(lies(request, number).send().status, 401, "attempt {number}");
    }
    let answer = lies(gateway.login_request("user-4", "wrong"), 4).send();
    assert_eq!(
        answer.status, 429,
        "a new address for every attempt: {answer}"
    );
    gateway.wait_for_log(&["access", "status=429", "client=127.0.0.1"]);
    assert!(!gateway.log().contains("203.0.113."), "{}", gateway.log());
}
