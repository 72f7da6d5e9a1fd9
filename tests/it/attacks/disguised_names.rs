//! Headers that tell the app who a client is, in every spelling that some server reads as the
//! same name: none of a client's own arrives.

use crate::support::disguise::{disguises, told};
use crate::support::h2_request::H2Request;
use crate::support::{Builder, Gateway, Recorded, Upstream, optional, world_with};

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

const PUBLIC: &str = "rules: [{ path: /public/**, access: public }]\n";

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
    let gateway = Builder::new(&app).tls().yaml(PUBLIC).start();
    let authority = format!("localhost:{}", gateway.port());
    let all = FAMILIES.iter().flat_map(|(_, names)| names.iter());
    let names: Vec<_> = all.flat_map(|(name, _)| disguises(name)).collect();
    for some in names.chunks(80) {
        let mut request = H2Request::new("GET", &authority, "/public/x");
        for name in some {
            request = request.field(&name.to_lowercase(), "evil");
        }
        let outcome = request.send(gateway.port()).unwrap();
        assert_eq!(outcome.status(), 200, "{outcome:?}");
        assert_told(&app.last(), "default", false, "over HTTP/2");
    }
}
