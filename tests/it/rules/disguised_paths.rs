//! Paths in every disguise: none of them opens what a rule closes, and what is forwarded
//! is what was matched.

use crate::support::h2_request::H2Request;
use crate::support::{Builder, Gateway, Upstream, optional, world, world_with};

const RULES: &str = "rules:
  - { path: /public/**, access: public }
  - { path: /open, access: public }
  - { path: /health/*, access: public }
  - { path: /admin/**, access: { roles: [admin] } }
";

/// Another spelling of a path, and what a stranger and Bob, who is no administrator, get.
type Disguise = (&'static [u8], u16, u16);

/// Spellings of a closed path that begin like a public one, or end like it.
const PUBLIC_AND_YET_NOT: [Disguise; 61] = [
    // A query or a fragment is no path (oauth2-proxy CVE-2025-54576, CVE-2026-41059).
    (b"/secret?/public/x", 401, 200),
    (b"/secret?x=/../public/x", 401, 200),
    (b"/secret?x#/public/x", 400, 400),
    (b"/secret#/public/x", 400, 400),
    (b"/secret%3f/public/x", 401, 200),
    (b"/secret%23/public/x", 401, 200),
    (b"/?/open", 401, 200),
    (b"/#/open", 400, 400),
    (b"?/public/x", 400, 400),
    // Dot segments (Oathkeeper CVE-2026-33494).
    (b"/public/../secret", 400, 400),
    (b"/public/./../secret", 400, 400),
    (b"/public/%2e%2e/secret", 400, 400),
    (b"/public/%2E%2e/secret", 400, 400),
    (b"/public/.%2e/secret", 400, 400),
    (b"/public/%2e/secret", 400, 400),
    (b"/public/..", 400, 400),
    (b"/public/x/..", 400, 400),
    (b"/public/..;/secret", 400, 400),
    (b"/public/..;x=y/secret", 400, 400),
    (b"/public/%2e%2e;/secret", 400, 400),
    (b"/public/..%2fsecret", 400, 400),
    (b"/public/..%5csecret", 400, 400),
    (b"/public/..\\secret", 400, 400),
    (b"/public\\..\\secret", 400, 400),
    (b"/public/..%00/secret", 400, 400),
    (b"/public/..%09/secret", 400, 400),
    (b"/public/..\t/secret", 400, 400),
    (b"/public/..\0/secret", 400, 400),
    (b"/public/..%0d%0a/secret", 400, 400),
    // A slash that is none, or two that are one.
    (b"/public%2f..%2fsecret", 400, 400),
    (b"/public%2fx", 400, 200),
    (b"/public%5cx", 400, 200),
    (b"//public/x", 400, 200),
    (b"/public//../secret", 400, 400),
    (b"///secret", 401, 200),
    (b"/secret//public/x", 401, 200),
    // Overlong UTF-8, and what a careless decoder makes of it.
    (b"/public/%c0%ae%c0%ae/secret", 400, 400),
    (b"/public/%e0%80%ae%e0%80%ae/secret", 400, 400),
    (b"/public/%f0%80%80%ae/secret", 400, 400),
    (b"/public/..%c0%afsecret", 400, 400),
    (b"/public/..%c1%9csecret", 400, 400),
    (b"/public/\xc0\xae\xc0\xae/secret", 400, 400),
    // Broken and foreign escapes.
    (b"/public/%u002e%u002e/secret", 400, 400),
    (b"/public/%2/secret", 400, 400),
    (b"/public/%", 400, 400),
    (b"/public/%zz", 400, 400),
    // Case and encoding: a public rule matches exactly as sent.
    (b"/PUBLIC/x", 401, 200),
    (b"/Public/x", 401, 200),
    (b"/%70ublic/x", 401, 200),
    (b"/publi%63/x", 401, 200),
    (b"/open/", 401, 200),
    (b"/open.", 400, 200),
    (b"/open%20", 400, 200),
    (b"/open%2e", 400, 200),
    (b"/open;", 400, 200),
    (b"/open;x=y", 400, 200),
    (b"/health/x/y", 401, 200),
    (b"/health/", 401, 200),
    (b"/public.", 400, 200),
    (b"/public%20/x", 400, 200),
    // Full-width characters are others, whatever Unicode normalisation makes of them.
    (b"/%ef%bd%90ublic/x", 401, 200),
];

/// Spellings of a path that only administrators may see.
const ADMIN: [Disguise; 25] = [
    (b"/admin", 401, 403),
    (b"/admin/", 401, 403),
    (b"/ADMIN", 401, 403),
    (b"/Admin/x", 401, 403),
    (b"/%61dmin", 401, 403),
    (b"/%41dmin/x", 401, 403),
    (b"/adm%69n/%78", 401, 403),
    (b"/admin?x", 401, 403),
    (b"/admin#x", 400, 400),
    (b"/admin?/public/x", 401, 403),
    (b"/admin/public/x", 401, 403),
    (b"/admin/x;y=z", 401, 403),
    (b"/admin/%20", 401, 403),
    (b"/admin;x=y", 401, 400),
    (b"/admin;/x", 401, 400),
    (b"/admin%2f", 401, 400),
    (b"/admin%2fx", 401, 400),
    (b"/admin//", 401, 403),
    (b"//admin", 401, 400),
    (b"/./admin", 400, 400),
    (b"/x/../admin", 400, 400),
    (b"/admin/.", 400, 400),
    (b"/\\admin", 400, 400),
    (b"/admin%00", 400, 400),
    (b"/admin%c0%ae", 400, 400),
];

fn fits(got: u16, expected: u16) -> bool {
    // A closed door is closed: a head that does not parse is refused before any hook.
    got == expected || (expected == 401 && got == 400)
}

#[track_caller]
fn assert_disguises(gateway: &Gateway, app: &Upstream, disguises: &[Disguise]) {
    let bob = gateway.bob();
    for (path, stranger, bobs) in disguises {
        for (who, cookie, expected) in [("a stranger", "", *stranger), ("Bob", &bob, *bobs)] {
            let before = app.count();
            let answer = gateway.request("GET", path).cookie(cookie).send();
            let shown = String::from_utf8_lossy(path);
            assert_eq!(answer.status, expected, "{who} at {shown:?}: {answer}");
            if expected != 200 {
                assert_eq!(app.count(), before, "{who} at {shown:?} reached the app");
                continue;
            }
            assert_eq!(
                app.last().target(),
                shown,
                "matched as one path, sent as another"
            );
        }
    }
}

#[test]
fn cve_2025_54576_cve_2026_41059_cve_2026_33494_cve_2026_48794_no_spelling_makes_a_path_public() {
    let (gateway, app) = world_with(RULES);
    assert_disguises(&gateway, &app, &PUBLIC_AND_YET_NOT);
}

#[test]
fn no_spelling_slips_around_a_role() {
    let (gateway, app) = world_with(RULES);
    assert_disguises(&gateway, &app, &ADMIN);
    let alice = gateway.alice();
    for (path, stranger, _) in ADMIN {
        let answer = gateway.request("GET", path).cookie(&alice).send();
        let expected = if stranger == 401 { 200 } else { 400 };
        assert_eq!(
            answer.status,
            expected,
            "{:?}",
            String::from_utf8_lossy(path)
        );
    }
}

#[test]
fn over_http_2_no_spelling_is_another() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().yaml(RULES).start();
    let authority = format!("localhost:{}", gateway.port());
    for (path, expected, _) in PUBLIC_AND_YET_NOT.iter().chain(&ADMIN) {
        let mut request = H2Request::new("GET", &authority, "");
        request.fields[3].1 = path.to_vec();
        let outcome = request.send(gateway.port()).unwrap();
        let shown = String::from_utf8_lossy(path);
        assert!(
            // What cannot be a path ends the stream or the connection.
            outcome.status() == *expected || (*expected >= 400 && outcome.status() == 0),
            "{shown:?}: {outcome:?}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
}

#[test]
fn encoded_twice_is_judged_decoded_once_and_twice() {
    let (gateway, app) = world_with(RULES);
    let bob = gateway.bob();
    for (path, stranger, bobs) in [
        ("/public/%252e%252e/admin", 400, 400),
        ("/public/..%252fadmin", 400, 400),
        ("/public/%252f", 200, 200),
        ("/public/%255c", 200, 200),
        ("/%252e%252e/admin", 400, 400),
        ("/%2561dmin", 401, 400),
        ("/%2541dmin/x", 401, 400),
        ("/%252561dmin/x", 401, 400),
        ("/%2570ublic/x", 401, 200),
        ("/public%252fx", 400, 200),
        ("/files/100%2525", 401, 200),
    ] {
        assert_eq!(gateway.get(path, "").status, stranger, "{path}");
        let before = app.count();
        assert_eq!(gateway.get(path, &bob).status, bobs, "{path}");
        match bobs {
            200 => assert_eq!(app.last().target(), path, "decoded on the way"),
            _ => assert_eq!(app.count(), before, "{path} reached the app"),
        }
    }
}

#[test]
fn what_cannot_stand_in_a_request_line_is_refused() {
    // Pingora escapes it, before any hook: the rules would see, and the app get, another
    // target than the client sent (RFC 9112 section 3.2).
    let (gateway, app) = world_with(RULES);
    for path in [
        "/public/a b",
        "/public/a  b",
        "/public/x ",
        "/public/x?a b",
        "/public/x?a=\"b\"",
        "/public/<x>",
        " /public/x",
        "/public/x HTTP/1.1",
        "#/public/x",
        "/secret /public/x",
        "/open ",
        "/open HTTP/1.1",
        "/public /x",
        "/public/.. /admin/../ ",
        "/secret\t/public/x",
        "/public/\t",
        "/public/\x0b",
    ] {
        let answer = gateway.get(path, "");
        assert_eq!(answer.status, 400, "{path:?}: {answer}");
    }
    assert_eq!(app.count(), 0, "the app was asked");
    // Escaped by the client it is a path like any other.
    assert_eq!(gateway.get("/public/a%20b", "").status, 200);
    assert_eq!(app.last().target(), "/public/a%20b");
}

#[test]
fn targets_of_another_form_open_nothing() {
    let (gateway, app) = world_with(RULES);
    let host = format!("127.0.0.1:{}", gateway.port());
    let ask = |method: &str, target: &str| gateway.request(method, target).send();
    for target in [
        "*",
        "",
        "public/x",
        "open",
        &host,
        &format!("{host}/public/x"),
        &format!("{host}/secret?://x/public/x"),
        &format!("x://{host}/public/x"),
        &format!("ftp://{host}/public/x"),
        "http:/public/x",
        "http:public/x",
        "http:///public/x",
        "http://",
        "//evil.example/public/x",
        "http://evil.example/public/x",
        &format!("http://{host}@evil.example/public/x"),
        &format!("http://alice@{host}/public/x"),
        &format!("http://alice:wonderland@{host}/secret"),
        &format!("http://{host}?/public/x"),
        &format!("http://{host}#/public/x"),
        &format!("http://{host}/secret?/public/x"),
        &format!("http://{host}/secret#/public/x"),
        &format!("http://{host}/public/../secret"),
        &format!("http://{host}//public/x"),
        &format!("http://{host}/PUBLIC/x"),
        &format!("http://{host}/secret"),
        &format!("http://{host}\\@evil.example/public/x"),
        &format!("http://{host}:80/public/x"),
    ] {
        let answer = ask("GET", target);
        assert!(fits(answer.status, 401), "{target}: {answer}");
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
    for method in ["OPTIONS", "TRACE", "PRI"] {
        let answer = ask(method, "*");
        assert_eq!(answer.status, 400, "{method} *: {answer}");
    }
    for target in [host.as_str(), "/public/x", "*", "evil.example:443"] {
        let answer = ask("CONNECT", target);
        assert!(
            matches!(answer.status, 400 | 405),
            "CONNECT {target}: {answer}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
    // An honest one is judged by its path, and arrives as that: an app may take host and
    // scheme from what stands before it.
    for scheme in ["http", "HTTP", "https"] {
        let target = format!("{scheme}://{host}/public/x?y");
        let answer = ask("GET", &target);
        assert_eq!(answer.status, 200, "{target}: {answer}");
        assert_eq!(app.last().target(), "/public/x?y");
        assert_eq!(app.last().all("host"), [host.as_str()]);
    }
}

#[test]
fn methods_in_disguise_open_nothing() {
    let (gateway, app) =
        world_with("rules: [{ path: /public/**, methods: [GET, HEAD], access: public }]");
    for method in [
        "POST", "get", "Get", "GETT", "QUERY", "OPTIONS", "TRACE", "PROPFIND",
    ] {
        let answer = gateway.request(method, "/public/x").send();
        assert_eq!(answer.status, 401, "{method}: {answer}");
    }
    for (name, value) in [
        ("X-HTTP-Method-Override", "GET"),
        ("X-HTTP-Method", "GET"),
        ("X-Method-Override", "GET"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Method", "GET"),
    ] {
        let request = gateway.request("DELETE", "/public/x").header(name, value);
        assert_eq!(request.send().status, 401, "{name} is believed");
    }
    for line in [
        "GET\t/public/x",
        " GET /public/x",
        "G<T /public/x",
        "\0GET /public/x",
    ] {
        let host = gateway.port();
        let answer = gateway.raw(format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{host}\r\n\r\n"));
        assert_eq!(answer.status, 400, "{line:?}: {answer}");
    }
    assert_eq!(app.count(), 0, "the app was asked: {:?}", app.requests());
}

#[test]
fn our_own_paths_are_ours_as_they_are_spelled_and_no_other() {
    let (gateway, app) = world();
    // Spelled otherwise they are the app's, and closed like all of it.
    for path in [
        "/LOGIN",
        "/login/",
        "/%6cogin",
        "/login%20",
        "/_DOORWARD/session",
        "/_doorwarden/session",
        "/.well-known/jwks.json",
    ] {
        let answer = gateway.get(path, "");
        assert_eq!(answer.status, 401, "{path}: {answer}");
    }
    for path in [
        "/login;x",
        "//login",
        "/./login",
        "/x/../login",
        "/login%2f",
    ] {
        let answer = gateway.get(path, "");
        assert!(matches!(answer.status, 400 | 401), "{path}: {answer}");
        assert!(!answer.text().contains("name=\"password\""), "{path}");
    }
    assert_eq!(app.count(), 0, "the app was asked");
}
