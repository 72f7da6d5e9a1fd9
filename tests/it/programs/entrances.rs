//! A token opens what its paths, its methods and the rules all let through, by each entrance,
//! and the app sees who it is and no token.

use crate::programs::{basic, bearer, gateway_with, made};
use crate::support::{Builder, Gateway, Jar, Response, Upstream, assert_problem};

const EVERY_ENTRANCE: &str = "api: { accept: [bearer, basic, header], header: X-API-Key }\n";

fn ask(gateway: &Gateway, method: &str, path: &str, shown: &(&str, String)) -> Response {
    gateway
        .request(method, path)
        .header(shown.0, &shown.1)
        .send()
}

#[test]
fn each_entrance_opens_paths_and_methods_and_rules_together() {
    let narrow = ["--paths", "/api/**,/admin/**", "--methods", "GET,POST,MOVE"];
    let (token, entry) = made("ci", "bob", &narrow);
    let rules = "rules:\n  - { path: /admin/**, access: { roles: [admin] } }\n  - { path: /api/open, access: public }\n";
    let (gateway, app) = gateway_with(&[&entry], &format!("{EVERY_ENTRANCE}{rules}"));
    let entrances = [
        bearer(&token),
        ("authorization", format!("bEARER   {token}")),
        ("authorization", format!("Bearer\t{token}")),
        ("authorization", format!("Bearer \t {token}")),
        ("authorization", basic("x", &token).1.replace(' ', "\t")),
        basic("whoever", &token),
        basic(&token, ""),
        basic(&token, "x-oauth-basic"),
        ("x-api-key", token.clone()),
    ];
    for shown in &entrances {
        for (method, path, status) in [
            ("GET", "/api/x?y=1", 200),
            ("POST", "/api/x", 200),
            ("GET", "/api/open", 200),
            ("PUT", "/api/x", 403),
            ("HEAD", "/api/x", 403),
            ("GET", "/other", 403),
            ("GET", "/admin/x", 403),
            ("GET", "/API/x", 403),
            ("GET", "/%61pi/x", 403),
            // As some apps read it, this is another path.
            ("GET", "/api%2fx", 403),
            ("GET", "/api;x/y", 403),
        ] {
            let before = app.count();
            let answer = ask(&gateway, method, path, shown);
            let what = format!("{shown:?} {method} {path}: {answer}");
            assert_eq!(answer.status, status, "{what}");
            assert!(answer.cookies().is_empty(), "{what}");
            assert_eq!(app.count() - before, usize::from(status == 200), "{what}");
            if status == 200 {
                let seen = app.last();
                assert_eq!(seen.all("x-user-id"), ["1002"], "{what}");
                assert!(!seen.text().contains(&token), "{what}");
                assert!(seen.all(shown.0).is_empty(), "{what}");
            }
        }
        let destination = gateway.request("MOVE", "/api/a").header(shown.0, &shown.1);
        let there = destination.clone().header("Destination", "/api/b").send();
        assert_eq!(there.status, 200, "{there}");
        let away = destination.header("Destination", "/other").send();
        assert_problem(
            &away,
            403,
            "forbidden",
            "a second path escapes the narrowing",
        );
    }
}

#[test]
fn an_entrance_that_is_not_accepted_refuses_and_another_header_is_the_apps() {
    let (token, entry) = made("ci", "alice", &[]);
    for (accept, taken) in [
        ("[bearer]", [200, 401, 200]),
        ("[basic]", [401, 200, 200]),
        ("[header], header: X-API-Key", [401, 401, 200]),
        ("[]", [401, 401, 200]),
    ] {
        let (gateway, _app) = gateway_with(&[&entry], &format!("api: {{ accept: {accept} }}"));
        let shown = [bearer(&token), basic("", &token)];
        for (shown, status) in shown.iter().zip(taken) {
            let answer = ask(&gateway, "GET", "/", shown);
            assert_eq!(answer.status, status, "{accept}: {shown:?}: {answer}");
            if status == 401 {
                assert_problem(&answer, 401, "token_invalid", "another entrance");
            }
        }
    }
}

#[test]
fn what_is_not_ours_reaches_the_app_byte_for_byte() {
    let (_token, entry) = made("ci", "alice", &[]);
    let (gateway, app) = gateway_with(&[&entry], EVERY_ENTRANCE);
    let alice = gateway.alice();
    for (name, value) in [
        ("Authorization", "Bearer xyz"),
        ("Authorization", "bearer  eyJhbGciOiJIUzI1NiJ9.e30.x"),
        ("Authorization", "Basic YWxpY2U6c2VjcmV0"),
        ("Authorization", "Basic ZHdfOng="), // `dw_:x`, which begins like one
        ("Authorization", "Basic %%%"),
        ("Authorization", "Digest dw_0"),
        ("X-API-Key", "key-of-the-app"),
    ] {
        let begins_like_ours = value == "Basic ZHdfOng=";
        let request = gateway.request("GET", "/").cookie(&alice);
        let answer = request.header(name, value).send();
        assert_eq!(
            answer.status,
            if begins_like_ours { 401 } else { 200 },
            "{value}: {answer}"
        );
        if !begins_like_ours {
            assert_eq!(app.last().all(name), [value], "{value}");
        }
    }
}

#[test]
fn an_apps_own_tokens_are_ours_only_where_tokens_are_configured() {
    let (token, _entry) = made("ci", "alice", &[]);
    let app = Upstream::start();
    for (yaml, is_ours) in [
        ("", false),
        ("tokens: []\n", true),
        ("tokens: { file: none.yml }\n", true),
        ("api: { accept: [] }\n", true),
        ("tokens: null\napi: null\n", false),
    ] {
        let setup = Builder::new(&app).yaml(yaml);
        setup.dir().write("none.yml", "[]");
        let gateway = setup.start();
        let alice = gateway.alice();
        let whole = |(_, value): (&str, String)| value;
        for value in [
            whole(bearer(&token)),
            whole(basic("dw_x", "y")),
            token.clone(),
        ] {
            let request = gateway.request("GET", "/").cookie(&alice);
            let answer = request.header("Authorization", &value).send();
            if is_ours {
                assert_problem(&answer, 401, "token_invalid", yaml);
            } else {
                assert_eq!(answer.status, 200, "{value}: {answer}");
                assert_eq!(app.last().all("authorization"), [value]);
            }
        }
    }
}

#[test]
fn a_token_without_a_scheme_is_refused_and_never_reaches_the_app() {
    let (token, entry) = made("ci", "alice", &[]);
    let (gateway, app) = gateway_with(&[&entry], EVERY_ENTRANCE);
    let alice = gateway.alice();
    for value in [token.as_str(), "dw_0", "dw_0 x"] {
        let request = gateway.request("GET", "/").cookie(&alice);
        let answer = request.header("Authorization", value).send();
        assert_problem(&answer, 401, "token_invalid", value);
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_token_decides_also_beside_a_cookie_and_two_are_none() {
    let (token, entry) = made("ci", "bob", &["--paths", "/api/**"]);
    let (gateway, app) = gateway_with(&[&entry], EVERY_ENTRANCE);
    let mut jar = Jar::alice(&gateway);
    let with = |jar: &Jar, path: &str, shown: &str| {
        let request = jar.request(&gateway, "GET", path);
        request.header("Authorization", shown).send()
    };
    let good = format!("Bearer {token}");
    assert_eq!(with(&jar, "/api/x", &good).status, 200);
    assert_eq!(app.last().all("x-user-id"), ["1002"], "the cookie decides");
    assert!(
        !app.last().text().contains("doorward"),
        "{}",
        app.last().text()
    );
    assert_problem(
        &with(&jar, "/other", &good),
        403,
        "forbidden",
        "falls back to the cookie",
    );
    let bad = with(&jar, "/api/x", "Bearer dw_wrong");
    assert_problem(
        &bad,
        401,
        "token_invalid",
        "a bad token falls back to the cookie",
    );
    assert!(bad.cookies().is_empty(), "{bad}");
    let twice = jar
        .request(&gateway, "GET", "/api/x")
        .header("Authorization", &good);
    let twice = twice.header("X-API-Key", &token).send();
    assert_problem(&twice, 401, "token_invalid", "two tokens");
    let both = jar
        .request(&gateway, "GET", "/api/x")
        .header("Authorization", &good);
    let both = both.header("Authorization", "Bearer xyz").send();
    assert_problem(&both, 401, "token_invalid", "the app's beside ours");
    jar.refresh(&gateway);
}

#[test]
fn a_page_of_another_site_cannot_use_one_and_no_csrf_token_is_asked() {
    let (token, entry) = made("ci", "alice", &[]);
    for mode in ["origin", "token", "both"] {
        let (gateway, app) = gateway_with(&[&entry], &format!("csrf: {{ mode: {mode} }}\n"));
        let post = || {
            gateway
                .request("POST", "/")
                .header("Authorization", format!("Bearer {token}"))
        };
        let foreign = post().header("Origin", "https://evil.example").send();
        assert_problem(&foreign, 403, "origin_not_allowed", "a foreign origin");
        assert_eq!(app.count(), 0);
        assert_eq!(post().body("x").send().status, 200, "{mode}: no origin");
        assert_eq!(post().own_origin().send().status, 200, "{mode}: our own");
    }
}

/// A browser sends Basic again by itself once somebody has typed it.
#[test]
fn what_another_site_sends_with_the_basic_of_a_browser_is_refused() {
    let (token, entry) = made("ci", "alice", &[]);
    let rules = "rules:\n  - { path: /open/**, access: public, identity: off, cross_origin: anyone }\ncors: { allowed_origins: [https://friend.example] }\n";
    for (mode, refused) in [("origin", 403), ("token", 403), ("both", 403), ("off", 200)] {
        let yaml = format!("{EVERY_ENTRANCE}{rules}csrf: {{ mode: {mode} }}\n");
        let (gateway, app) = gateway_with(&[&entry], &yaml);
        let own = format!("http://127.0.0.1:{}", gateway.port());
        let site = "Sec-Fetch-Site";
        for (method, path, said, status) in [
            ("POST", "/", (site, "cross-site"), refused),
            ("POST", "/", (site, "same-site"), refused),
            ("DELETE", "/open/x", (site, "cross-site"), refused),
            (
                "POST",
                "/open/x",
                ("Origin", "https://evil.example"),
                refused,
            ),
            ("POST", "/open/x", ("Origin", "null"), refused),
            ("GET", "/", (site, "cross-site"), 200),
            ("GET", "/open/x", ("Origin", "https://evil.example"), 200),
            ("POST", "/", (site, "same-origin"), 200),
            ("POST", "/", ("Origin", "https://friend.example"), 200),
            ("POST", "/", ("Origin", own.as_str()), 200),
            ("POST", "/open/x", ("Origin", own.as_str()), 200),
            // git and WebDAV.
            ("POST", "/", ("User-Agent", "git/2.47"), 200),
            ("POST", "/open/x", ("User-Agent", "git/2.47"), 200),
        ] {
            for (entrance, status) in [
                (basic("x", &token), status),
                (basic(&token, ""), status),
                (bearer(&token), 200),
                (("X-API-Key", token.clone()), 200),
            ] {
                let before = app.count();
                let request = gateway.request(method, path).header(said.0, said.1);
                let answer = request.header(entrance.0, &entrance.1).send();
                let what = format!("{mode} {method} {path} {said:?} {entrance:?}: {answer}");
                assert_eq!(answer.status, status, "{what}");
                if status == 403 {
                    assert_problem(&answer, 403, "csrf_failed", &what);
                }
                assert_eq!(app.count() - before, usize::from(status == 200), "{what}");
            }
        }
    }
}

#[test]
fn our_own_endpoints_take_none_but_the_question_who_am_i() {
    let (token, entry) = made("ci", "bob", &["--expires", "never", "--paths", "/api/**"]);
    let (gateway, app) = gateway_with(&[&entry], "csrf: { mode: token }\n");
    let ask = |method: &str, path: &str| {
        let request = gateway.request(method, path);
        request
            .header("Authorization", format!("Bearer {token}"))
            .send()
    };
    let whoami = ask("GET", "/_doorward/session");
    assert_eq!(whoami.status, 200, "{whoami}");
    let told = whoami.json();
    assert_eq!(
        (&told["id"], &told["expires_in"]),
        (&"1002".into(), &serde_json::Value::Null)
    );
    assert!(told.get("csrf_token").is_none(), "{told}");
    for (method, path) in [
        ("GET", "/_doorward/sessions"),
        ("POST", "/_doorward/sessions"),
        ("POST", "/refresh"),
        ("POST", "/revoke"),
    ] {
        let answer = ask(method, path);
        assert_problem(&answer, 401, "session_required", path);
    }
    assert_eq!(app.count(), 0);
}

#[test]
fn a_machine_has_an_identity_of_its_own() {
    let (token, entry) = made("scraper", "x", &[]);
    let entry = entry.replace("user: \"x\"", "id: svc-scraper\n  roles: [metrics]");
    let rules = "rules: [{ path: /metrics, access: { roles: [metrics] } }]\n";
    let (gateway, app) = gateway_with(&[&entry], rules);
    let answer = ask(&gateway, "GET", "/metrics", &bearer(&token));
    assert_eq!(answer.status, 200, "{answer}");
    let seen = app.last();
    let told = ["x-user-id", "x-user-name", "x-user-roles"].map(|name| seen.all(name).concat());
    assert_eq!(told, ["svc-scraper", "scraper", "metrics"]);
    let login = gateway.try_login("svc-scraper", "");
    assert_eq!(login.status, 401, "a machine signs in: {login}");
}
