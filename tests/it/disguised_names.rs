//! Headers that tell the app who and where a client is, in every spelling that some server
//! reads as the same name: none of a client's own arrives.

use crate::support::curl::certificate;
use crate::support::h2_frames::H2Request;
use crate::support::{Builder, Gateway, Recorded, Upstream, optional, world, world_with};

/// Every header of every preset, and what Alice's is with that preset.
const FAMILIES: [(&str, &[(&str, &str)]); 3] = [
    (
        "default",
        &[
            ("X-User-Id", "1001"),
            ("X-User-Name", "Alice Example"),
            ("X-User-Roles", "admin"),
        ],
    ),
    (
        "oauth2-proxy",
        &[
            ("X-Forwarded-User", "1001"),
            ("X-Forwarded-Preferred-Username", "alice"),
            ("X-Forwarded-Email", ""),
            ("X-Forwarded-Groups", "admin"),
        ],
    ),
    (
        "authelia",
        &[
            ("Remote-User", "alice"),
            ("Remote-Name", "Alice Example"),
            ("Remote-Email", ""),
            ("Remote-Groups", "admin"),
        ],
    ),
];

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

/// What else may stand between the words of a name (RFC 9110 section 5.6.2).
const SEPARATORS: [char; 14] = [
    '-', '_', '.', '!', '#', '$', '%', '&', '\'', '*', '+', '^', '|', '~',
];

/// The spellings of a name: its own in three cases, every mixture of `-`, `_` and `.`,
/// and every other separator.
fn disguises(name: &str) -> Vec<String> {
    let words: Vec<_> = name.split('-').collect();
    let mut all = vec![name.to_owned(), name.to_lowercase(), name.to_uppercase()];
    let gaps = u32::try_from(words.len() - 1).unwrap();
    for number in 0..3_usize.pow(gaps) {
        let mut rest = number;
        let mut spelled = words[0].to_owned();
        for word in &words[1..] {
            spelled.push(['-', '_', '.'][rest % 3]);
            spelled.push_str(word);
            rest /= 3;
        }
        all.push(spelled);
    }
    if gaps > 0 {
        all.extend(SEPARATORS.map(|separator| words.join(&separator.to_string()).to_lowercase()));
    }
    all.push(mixed_case(name));
    all
}

fn mixed_case(name: &str) -> String {
    let letter = |(at, letter): (usize, char)| match at % 2 {
        0 => letter.to_ascii_lowercase(),
        _ => letter.to_ascii_uppercase(),
    };
    name.chars().enumerate().map(letter).collect()
}

fn fold(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.to_lowercase().chars().map(plain).collect()
}

/// Every value whose name some server may read as this one.
fn told(seen: &Recorded, name: &str) -> Vec<String> {
    seen.fields()
        .into_iter()
        .filter(|(field, _)| fold(field) == fold(name))
        .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
        .collect()
}

/// The app is told of Alice, or of nobody, and nothing that a client said.
#[track_caller]
fn assert_told(seen: &Recorded, preset: &str, alice: bool, what: &str) {
    for (family, names) in FAMILIES {
        for (name, value) in names {
            let ours = alice && family == preset && !value.is_empty();
            let expected = if ours {
                vec![(*value).to_owned()]
            } else {
                vec![]
            };
            assert_eq!(
                told(seen, name),
                expected,
                "{what}, {name}:\n{}",
                seen.text()
            );
        }
    }
    let text = seen.text().to_lowercase();
    assert!(!text.contains("vil"), "{what}: a lie arrived:\n{text}");
}

/// Sends lies to a closed path, to an open one without a session, and to that with one.
#[track_caller]
fn assert_unheard(gateway: &Gateway, app: &Upstream, preset: &str, lies: &[(&str, &str)]) {
    let cookie = gateway.alice();
    for (path, cookie) in [
        ("/x", cookie.as_str()),
        ("/public/x", ""),
        ("/public/x", &cookie),
    ] {
        let request = gateway.request("GET", path).cookie(cookie).fields(lies);
        let answer = request.send();
        assert_eq!(answer.status, 200, "{lies:?}: {answer}");
        let what = format!("{preset}, {path}, {lies:?}");
        assert_told(&app.last(), preset, !cookie.is_empty(), &what);
    }
}

const PUBLIC: &str = "rules: [{ path: /public/**, access: public }]\n";

#[test]
fn cve_2025_64484_ghsa_7r4p_vjf4_gxv4_every_twin_of_every_identity_header_is_removed() {
    let all: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(_, names)| names.iter().flat_map(|(name, _)| disguises(name)))
        .collect();
    for preset in ["default", "oauth2-proxy", "authelia", "none"] {
        let (gateway, app) = world_with(&format!(
            "{PUBLIC}identity_headers: {{ preset: {preset} }}\n"
        ));
        for some in all.chunks(80) {
            let lies: Vec<_> = some.iter().map(|name| (name.as_str(), "evil")).collect();
            assert_unheard(&gateway, &app, preset, &lies);
        }
    }
}

#[test]
fn ghsa_f59h_q822_g45g_custom_headers_have_the_same_protection() {
    let (gateway, app) = world_with(&format!(
        "{PUBLIC}identity_headers: {{ preset: none, set: {{ X-Acme_Login.Name: username }} }}\n"
    ));
    let cookie = gateway.alice();
    for name in disguises("X-Acme-Login-Name") {
        let request = |path: &str| gateway.request("GET", path).header(&name, "evil");
        assert_eq!(request("/public/x").send().status, 200);
        assert_eq!(told(&app.last(), "X-Acme-Login-Name"), [""; 0], "{name}");
        assert_eq!(request("/x").cookie(&cookie).send().status, 200);
        assert_eq!(told(&app.last(), "X-Acme-Login-Name"), ["alice"], "{name}");
    }
}

#[test]
fn ghsa_w9mr_28mw_j8hg_repeated_padded_and_nominated() {
    let (gateway, app) = world_with(PUBLIC);
    for lies in [
        &[
            ("X-User-Id", "evil"),
            ("X-User-Id", "evil2"),
            ("x-user-id", "evil3"),
        ][..],
        &[("X-User-Id", "  evil")],
        &[("X-User-Id", "\tevil\t ")],
        &[("X-User-Id", "")],
        &[("X-User-Id", "\u{e9}vil")],
        &[("X-User-Id", "evil"), ("Connection", "X-User-Id")],
        &[("X_User_Id", "evil"), ("Connection", "X_User_Id")],
        &[("Connection", "x-user-id, x-user-name, x-user-roles")],
        &[("Connection", "close, X-USER-ID"), ("X-User-Id", "evil")],
        &[("Connection", "keep-alive"), ("Connection", "X-User-Roles")],
        &[("Connection", "Cookie")],
        &[(
            "Connection",
            "Authorization, Content-Length, Transfer-Encoding",
        )],
        &[("Proxy-Connection", "X-User-Id"), ("X-User-Id", "evil")],
        &[("Keep-Alive", "X-User-Id"), ("Connection", "Keep-Alive")],
        &[
            ("Connection", "Upgrade, X-User-Id"),
            ("Upgrade", "foo"),
            ("X-User-Id", "evil"),
        ],
        &[
            ("Trailer", "X-User-Id"),
            ("TE", "trailers"),
            ("Connection", "TE, Trailer"),
        ],
    ] {
        assert_unheard(&gateway, &app, "default", lies);
    }
    // What pingora will not strip is refused, and never the app's fault.
    let before = app.count();
    for nominated in [
        "Host",
        "X-Forwarded-For",
        "x-forwarded-proto",
        "X-Forwarded-Host, close",
        ":authority",
        "\"X-User-Id\"",
        "X-User-Id;q=1",
        "a, b, c, d, e, f, g, h, i, j, k, X-User-Id",
    ] {
        let request = gateway
            .request("GET", "/public/x")
            .header("Connection", nominated);
        let answer = request.header("X-User-Id", "evil").send();
        assert_eq!(answer.status, 400, "{nominated}: {answer}");
        assert_eq!(answer.code(), "bad_request", "{nominated}: {answer}");
    }
    let host = format!("127.0.0.1:{}", gateway.port());
    for line in [
        "X-User-Id : evil",
        "X-User-Id\t: evil",
        " X-User-Id: evil",
        "\tX-User-Id: evil",
        "X: y\r\n X-User-Id: evil",
        "X: y\nX-User-Id: evil",
        "X: y\rX-User-Id: evil",
        "X-User-Id\0: evil",
        "X-User\u{a0}Id: evil",
        "X-User-\u{130}d: evil",
        "X User Id: evil",
    ] {
        let head = format!("GET /public/x HTTP/1.1\r\nHost: {host}\r\n{line}\r\n\r\n");
        let answer = gateway.raw(head);
        assert_eq!(answer.status, 400, "{line:?}: {answer}");
    }
    assert_eq!(app.count(), before, "the app was asked");
}

#[test]
fn trailers_say_nothing() {
    let (gateway, app) = world_with(PUBLIC);
    let cookie = gateway.alice();
    for trailer in [
        "X-User-Id: evil",
        "X_User_Id: evil",
        "Remote-User: evil",
        "Cookie: evil=1",
    ] {
        for (path, cookie) in [("/x", cookie.as_str()), ("/public/x", "")] {
            let body = format!("2\r\nhi\r\n0\r\n{trailer}\r\n\r\n");
            let request = gateway.request("POST", path).own_origin().cookie(cookie);
            let request = request.header("Transfer-Encoding", "chunked");
            let name = trailer.split(':').next().unwrap();
            let answer = request.header("Trailer", name).body(body).send();
            assert_eq!(answer.status, 200, "{trailer}: {answer}");
            assert_told(&app.last(), "default", !cookie.is_empty(), trailer);
            assert_eq!(app.last().body, b"hi", "{trailer}");
            assert!(app.last().raw("trailer").is_empty(), "{trailer}");
        }
    }
}

#[test]
fn over_http_2_no_twin_passes() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let ours = certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml(PUBLIC)
        .start();
    let authority = format!("localhost:{}", gateway.port());
    let all = FAMILIES.iter().flat_map(|(_, names)| names.iter());
    let names: Vec<_> = all.flat_map(|(name, _)| disguises(name)).collect();
    for some in names.chunks(80) {
        let mut request = H2Request::new("GET", &authority, "/public/x");
        for name in some {
            request = request.field(&name.to_lowercase(), "evil");
        }
        let outcome = request.send(gateway.port(), &ours.cert).unwrap();
        assert_eq!(outcome.status(), 200, "{outcome:?}");
        assert_told(&app.last(), "default", false, "over HTTP/2");
    }
}

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
        let lie = |request: crate::support::Request, name: &String| request.header(name, "evil");
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
        let lie = |request: crate::support::Request, name: &String| request.header(name, "evil");
        let answer = some.iter().fold(request, lie).send();
        assert_eq!(answer.status, 200, "{answer}");
        let text = app.last().text().to_lowercase();
        assert!(!text.contains("evil"), "a proxy passes a lie on:\n{text}");
    }
}

#[test]
fn cve_2026_34457_cve_2026_33495_nothing_that_a_client_says_exempts_it() {
    let (gateway, app) = world_with(PUBLIC);
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
    let lies = |request: crate::support::Request, number: usize| {
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
