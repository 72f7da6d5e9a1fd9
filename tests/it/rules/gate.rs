//! Who may pass: rules, and every spelling of a path that might slip around them.

use crate::support::{Response, assert_problem, world, world_with};

const RULES: &str = "rules:
  - { path: /public/**, methods: [GET, HEAD], access: public }
  - { path: /open, access: public }
  - { path: /health/*, access: public }
  - { path: /admin/**, access: { roles: [admin] } }
  - { path: /never/**, access: deny }
";

#[test]
fn rules_decide_and_the_first_match_wins() {
    let (gateway, _app) = world_with(RULES);
    let (alice, bob) = (gateway.alice(), gateway.bob());
    // method, path, then what nobody, Bob and Alice get
    for (method, path, nobody, bobs, alices) in [
        ("GET", "/public", 200, 200, 200),
        ("GET", "/public/", 200, 200, 200),
        ("GET", "/public/a/b.css?x=/admin", 200, 200, 200),
        ("HEAD", "/public/a", 200, 200, 200),
        ("POST", "/public/a", 401, 200, 200),
        ("DELETE", "/public/a", 401, 200, 200),
        ("GET", "/publicity", 401, 200, 200),
        ("GET", "/x/public/a", 401, 200, 200),
        ("GET", "/open", 200, 200, 200),
        ("POST", "/open", 200, 200, 200),
        ("GET", "/open/", 401, 200, 200),
        ("GET", "/open/x", 401, 200, 200),
        ("GET", "/health/live", 200, 200, 200),
        ("GET", "/health/live/x", 401, 200, 200),
        ("GET", "/health", 401, 200, 200),
        ("GET", "/admin", 401, 403, 200),
        ("GET", "/admin/", 401, 403, 200),
        ("GET", "/admin/users", 401, 403, 200),
        ("GET", "/ADMIN/users", 401, 403, 200),
        ("GET", "/%61dmin/users", 401, 403, 200),
        ("GET", "/aDm%49n", 401, 403, 200),
        ("GET", "/administrator", 401, 200, 200),
        ("GET", "/never", 403, 403, 403),
        ("GET", "/Never/ever", 403, 403, 403),
        ("GET", "/anything", 401, 200, 200),
        ("OPTIONS", "/anything", 401, 200, 200),
    ] {
        for (who, cookie, expected) in [
            ("nobody", "", nobody),
            ("Bob", &bob, bobs),
            ("Alice", &alice, alices),
        ] {
            let response = gateway
                .request(method, path)
                .own_origin()
                .cookie(cookie)
                .send();
            assert_eq!(
                response.status, expected,
                "{who} {method} {path}: {response}"
            );
        }
    }
    assert_problem(
        &gateway.get("/admin", &bob),
        403,
        "forbidden",
        "Bob is an administrator",
    );
}

#[test]
fn a_public_rule_matches_exactly_as_sent() {
    let (gateway, app) = world_with(RULES);
    for path in [
        "/PUBLIC/a",
        "/Public",
        "/%70ublic/a",
        "/public%2Fa",
        "/OPEN",
        "/ope%6E",
        "/health/%6Cive%2f",
    ] {
        let response = gateway.get(path, "");
        assert!(
            matches!(response.status, 400 | 401),
            "{path} is public by another spelling: {response}"
        );
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn what_is_denied_by_default_is_closed_and_what_is_public_open() {
    let (gateway, app) =
        world_with("default_access: deny\nrules: [{ path: /app/**, access: authenticated }]");
    let alice = gateway.alice();
    assert_eq!(gateway.get("/app/x", &alice).status, 200);
    assert_problem(
        &gateway.get("/else", &alice),
        403,
        "forbidden",
        "deny lets through",
    );
    assert_eq!(app.count(), 1, "the app was asked for a denied path");
    let (gateway, _app) =
        world_with("default_access: public\nrules: [{ path: /in/**, access: authenticated }]");
    assert_eq!(gateway.get("/else", "").status, 200, "public is closed");
    assert_problem(
        &gateway.get("/in/x", ""),
        401,
        "session_required",
        "a rule is skipped",
    );
    assert_problem(
        &gateway.get("/IN/x", ""),
        401,
        "session_required",
        "upper case slips around a rule",
    );
    assert_problem(
        &gateway.get("/%69n/x", ""),
        401,
        "session_required",
        "encoding slips around a rule",
    );
}

#[test]
fn ambiguous_paths_are_refused_whoever_asks() {
    let (gateway, app) = world_with(RULES);
    let alice = gateway.alice();
    let paths: [&[u8]; 29] = [
        b"/public/../admin",
        b"/public/./admin",
        b"/public/..",
        b"/.",
        b"/..",
        b"/a/.",
        b"/public/%2e%2e/admin",
        b"/public/%2E./admin",
        b"/public/.%2e",
        b"/%2e/admin",
        b"/a%2f%2e%2e%2fadmin",
        b"/public\\..\\admin",
        b"/\\admin",
        b"/a%00",
        b"/a%0d%0aX: y",
        b"/a%7f",
        b"/a%1f",
        b"/a\x01b",
        b"/a%",
        b"/a%2",
        b"/a%zz",
        b"/a%%32e",
        b"/a\xffb",
        b"/caf\xc3\xa9",
        b"/public/..;/admin",
        b"/public/..%20/admin",
        b"/public/%252e%252e/admin",
        b"/public%5c..%5cadmin",
        b"/a%2500",
    ];
    for path in paths {
        for cookie in ["", &alice] {
            let response = gateway.request("GET", path).cookie(cookie).send();
            let shown = String::from_utf8_lossy(path).into_owned();
            if !path.iter().all(u8::is_ascii_graphic) {
                // A head that does not parse is answered before any hook.
                assert_eq!(response.status, 400, "{shown:?} passes: {response}");
                continue;
            }
            assert_problem(
                &response,
                400,
                "path_ambiguous",
                &format!("{shown:?} is read differently by app and gateway"),
            );
        }
    }
    assert_eq!(app.count(), 0, "the app saw an ambiguous path");
}

/// Each with what nobody, Bob and Alice get. `path_ambiguous` is for those whose fate hangs
/// on how the app reads the path, and for nobody else.
#[test]
fn a_doubtful_spelling_is_judged_in_every_reading() {
    let (gateway, app) = world_with(RULES);
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for (path, nobody, bobs, alices) in [
        // No rule tells the readings apart.
        ("//api/v1/info", 401, 200, 200),
        ("/@scope%2fname", 401, 200, 200),
        ("/files/a%5Cb", 401, 200, 200),
        ("/list;sort=up/x", 401, 200, 200),
        ("/files/what%3f", 401, 200, 200),
        ("/files/100%2525", 401, 200, 200),
        ("/files/draft.", 401, 200, 200),
        ("/public/@scope%2fname", 200, 200, 200),
        ("/public//x", 200, 200, 200),
        ("/public/x;v=1", 200, 200, 200),
        ("/never//x", 403, 403, 403),
        ("/admin//x", 401, 403, 200),
        // Some readings are public: whoever has a session may see all of them.
        ("/public%2fx", 400, 200, 200),
        ("//public/x", 400, 200, 200),
        ("/open;x=1", 400, 200, 200),
        ("/open%20", 400, 200, 200),
        ("/open.", 400, 200, 200),
        ("/open%3fx", 400, 200, 200),
        // Some are for administrators.
        ("//admin", 401, 400, 200),
        ("//x/admin", 401, 400, 200),
        ("/admin%2fx", 401, 400, 200),
        ("/admin%5cx", 401, 400, 200),
        ("/admin;v=1", 401, 400, 200),
        ("/Admin;x", 401, 400, 200),
        ("/admin;/users", 401, 400, 200),
        ("/x;a/admin", 401, 200, 200),
        ("/admin%3fx", 401, 400, 200),
        ("/admin%23x", 401, 400, 200),
        ("/%2561dmin", 401, 400, 200),
        ("/admin%20/x", 401, 400, 200),
        ("/admin./x", 401, 400, 200),
        ("/public/x%2f;/..;/admin", 400, 400, 400),
        // Some are for nobody.
        ("//never", 400, 400, 400),
        ("/never%3fx", 400, 400, 400),
        ("/admin;/never", 401, 400, 200),
    ] {
        for (who, cookie, expected) in [
            ("nobody", "", nobody),
            ("Bob", &bob, bobs),
            ("Alice", &alice, alices),
        ] {
            let before = app.count();
            let answer = gateway.get(path, cookie);
            assert_eq!(answer.status, expected, "{who} at {path}: {answer}");
            match expected {
                200 => assert_eq!(app.last().target(), path, "the bytes changed"),
                400 => assert_problem(&answer, 400, "path_ambiguous", path),
                _ => assert_eq!(app.count(), before, "{who} at {path} reached the app"),
            }
        }
    }
}

#[test]
fn a_rule_that_tolerates_a_spelling_gives_the_strictest_refusal() {
    let (gateway, app) = world_with(
        "rules:
  - { path: /repo/admin/**, access: { roles: [admin] } }
  - { path: /repo/**, access: authenticated, ambiguous: [encoded_slash, double_slash, semicolon, encoded_query, double_encoding, trailing] }
  - { path: /pub/**, access: public }
  - { path: /shut/**, access: deny, ambiguous: [encoded_slash] }
",
    );
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for (path, nobody, bobs, alices) in [
        ("/repo/a%2Fb", 401, 200, 200),
        ("/repo//x", 401, 200, 200),
        ("/repo/x;y=1", 401, 200, 200),
        ("/repo/admin%2fx", 401, 403, 200),
        ("/repo//admin", 401, 403, 200),
        ("/repo/admin;x", 401, 403, 200),
        ("/repo/admin%3fx", 401, 403, 200),
        ("/repo/%2561dmin", 401, 403, 200),
        ("/repo/admin%20", 401, 403, 200),
        ("/repo/admin./x", 401, 403, 200),
        // Nobody tolerates an encoded backslash: it divides nothing where it is expected.
        ("/repo/admin%5cx", 401, 400, 200),
        // The strictest, whoever asks.
        ("/shut%2fx", 403, 403, 403),
        // Two doubts, of which one is tolerated.
        ("/shut%2f;x", 400, 400, 400),
        ("/pub%2fx", 400, 200, 200),
        ("/repo/../x", 400, 400, 400),
        ("/repo/%2e%2e/x", 400, 400, 400),
        ("/other/a%2fb", 401, 200, 200),
    ] {
        for (who, cookie, expected) in [
            ("nobody", "", nobody),
            ("Bob", &bob, bobs),
            ("Alice", &alice, alices),
        ] {
            let answer = gateway.get(path, cookie);
            assert_eq!(answer.status, expected, "{who} at {path}: {answer}");
            if expected == 200 {
                assert_eq!(app.last().target(), path, "the bytes changed");
            }
        }
    }
}

#[test]
fn other_hosts_are_misdirected() {
    let (gateway, app) = world_with(
        "public_url: https://app.example.com\nextra_hosts: [internal.example, \"other.example:8443\"]",
    );
    let ask = |host: &str| -> Response { gateway.request("GET", "/").header("Host", host).send() };
    for host in [
        "app.example.com",
        "APP.example.com",
        "app.example.com:443",
        "internal.example",
        "other.example:8443",
    ] {
        assert_problem(
            &ask(host),
            401,
            "session_required",
            &format!("{host} is ours"),
        );
    }
    for host in [
        "evil.example",
        "app.example.com.evil.example",
        "app.example.com:8080",
        "127.0.0.1",
        "other.example",
    ] {
        assert_problem(
            &ask(host),
            421,
            "wrong_host",
            &format!("{host} is served, which DNS rebinding needs"),
        );
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn the_bytes_forwarded_are_those_received() {
    let (gateway, app) = world();
    let alice = gateway.alice();
    for target in [
        "/a%20b",
        "/%41",
        "/a+b",
        "/%E2%82%AC",
        "/a:b@c!$&'()*,=",
        "/~x_-.y",
        "/...",
        "/a?b//c/../d;\\%2f%zz",
        "/x?",
    ] {
        assert_eq!(gateway.get(target, &alice).status, 200, "{target}");
        assert_eq!(
            app.last().target(),
            target,
            "the app sees another target than the rules did"
        );
    }
}
