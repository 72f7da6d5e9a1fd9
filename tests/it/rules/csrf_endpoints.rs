//! CSRF tokens at our own endpoints: in the header, or in the hidden field of our forms.

use crate::support::{Gateway, Jar, Request, Response, assert_problem, until, world_with};

const HEADER: &str = "X-CSRF-Token";

/// The endpoints that change something, with a form that would.
const ENDPOINTS: [(&str, &str); 4] = [
    ("/logout", "everywhere=true"),
    ("/revoke", "all=true"),
    ("/_doorward/sessions", "others=true"),
    ("/refresh", ""),
];

fn token_of(jar: &Jar) -> &str {
    jar.csrf.as_deref().expect("a login brings the token")
}

fn ask(gateway: &Gateway, jar: &Jar, path: &str) -> Request {
    jar.request(gateway, "POST", path)
}

#[track_caller]
fn assert_nothing_ended(gateway: &Gateway, all: &[&Jar], world: &str) {
    for jar in all {
        let answer = jar.get(gateway, "/");
        assert_eq!(answer.status, 200, "{world}: {answer}");
        assert!(answer.cookies().is_empty());
    }
}

#[test]
fn without_the_right_token_nothing_ends() {
    for mode in ["token", "both"] {
        let (gateway, _app) = world_with(&format!("csrf: {{ mode: {mode} }}\n"));
        let (jar, other) = (Jar::alice(&gateway), Jar::alice(&gateway));
        let rotated = || gateway.labelled("doorward_refreshes_total", "rotated");
        for (path, form) in ENDPOINTS {
            let before = rotated();
            let with_field = |token: &str| format!("{form}&csrf_token={token}");
            let twice = format!(
                "{}&csrf_token={}",
                with_field(token_of(&jar)),
                token_of(&jar)
            );
            let cases = [
                ("no token", None, form.to_owned()),
                ("a wrong header", Some("x"), form.to_owned()),
                ("another's header", Some(token_of(&other)), form.to_owned()),
                ("a wrong field", None, with_field("x")),
                ("an empty field", None, with_field("")),
                ("another's field", None, with_field(token_of(&other))),
                (
                    "a wrong header before a right field",
                    Some("x"),
                    with_field(token_of(&jar)),
                ),
                ("two fields", None, twice),
            ];
            for (what, header, body) in cases {
                for jar in [jar.clone(), jar.without_access()] {
                    let mut request = ask(&gateway, &jar, path);
                    if let Some(value) = header {
                        request = request.header(HEADER, value);
                    }
                    let answer = request.form(&body).send();
                    let world = format!("{what} at {path} in {mode}");
                    if what == "two fields" && path != "/refresh" {
                        assert_problem(&answer, 400, "bad_request", &world);
                    } else {
                        assert_problem(&answer, 403, "csrf_failed", &world);
                    }
                }
            }
            if path == "/refresh" {
                assert_eq!(rotated(), before, "refused and exchanged all the same");
            }
        }
        assert_nothing_ended(&gateway, &[&jar, &other], mode);
        let in_query = ask(
            &gateway,
            &jar,
            &format!("/logout?csrf_token={}", token_of(&jar)),
        );
        let answer = in_query.form("").send();
        assert_problem(
            &answer,
            403,
            "csrf_failed",
            "a token that stands in every log",
        );
    }
}

#[test]
fn the_right_header_is_enough_everywhere() {
    let (gateway, _app) = world_with("csrf: { mode: both }\n");
    for (path, form) in ENDPOINTS {
        let jar = Jar::alice(&gateway);
        let request = ask(&gateway, &jar, path).header(HEADER, token_of(&jar));
        let answer = request.form(form).send();
        assert!(matches!(answer.status, 200 | 303), "{path}: {answer}");
    }
    let jar = Jar::alice(&gateway);
    let json = ask(&gateway, &jar, "/logout").header(HEADER, token_of(&jar));
    let answer = json.json(&serde_json::json!({})).send();
    assert!(matches!(answer.status, 204 | 303), "{answer}");
    assert_eq!(jar.get(&gateway, "/").status, 401);
}

#[test]
fn the_hidden_field_is_enough_for_our_forms_and_not_for_the_refresh() {
    let (gateway, _app) = world_with("csrf: { mode: both }\n");
    for (path, form) in ENDPOINTS {
        let jar = Jar::alice(&gateway);
        let body = format!("{form}&csrf_token={}", token_of(&jar));
        let answer = ask(&gateway, &jar, path).form(&body).send();
        if path == "/refresh" {
            assert_problem(&answer, 403, "csrf_failed", "no page of ours posts there");
        } else {
            assert!(matches!(answer.status, 200 | 303), "{path}: {answer}");
        }
    }
}

/// What our page puts into its first form.
#[track_caller]
fn hidden_field(page: &Response) -> String {
    let text = page.text();
    let rest = text.split("name=\"csrf_token\" value=\"").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no hidden field: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn our_pages_carry_the_field() {
    let (gateway, _app) = world_with("csrf: { mode: token }\n");
    let (jar, other) = (Jar::alice(&gateway), Jar::alice(&gateway));
    for path in ["/logout", "/_doorward/sessions"] {
        for jar in [&jar, &jar.without_access()] {
            let page = gateway.request("GET", path).navigate("none");
            let page = page.cookie(&jar.cookies()).send();
            assert_eq!(hidden_field(&page), token_of(jar), "{path}");
            assert!(page.lists("cache-control", "no-store"), "{page}");
        }
    }
    let form = format!("csrf_token={}&session={}", token_of(&jar), other.session());
    let answer = ask(&gateway, &jar, "/_doorward/sessions")
        .form(&form)
        .send();
    assert_eq!(answer.status, 303, "{answer}");
    assert_eq!(other.get(&gateway, "/").status, 401);
    let form = format!("csrf_token={}", token_of(&jar));
    assert_eq!(
        ask(&gateway, &jar, "/logout").form(&form).send().status,
        303
    );
    assert_eq!(jar.get(&gateway, "/").status, 401);
}

#[test]
fn a_login_needs_no_token_and_always_the_right_origin() {
    for mode in ["origin", "token", "both", "off"] {
        let (gateway, _app) = world_with(&format!("csrf: {{ mode: {mode} }}\n"));
        assert_eq!(
            gateway.try_login("alice", "wonderland").status,
            303,
            "{mode}"
        );
        let jar = Jar::alice(&gateway);
        let again = gateway
            .login_request("bob", "builder")
            .cookie(&jar.cookies());
        assert_ne!(again.send().status, 403, "a signed-in browser, {mode}");
        for (field, value, code) in [
            ("Sec-Fetch-Site", "cross-site", "csrf_failed"),
            ("Sec-Fetch-Site", "same-site", "csrf_failed"),
            ("Origin", "https://evil.example", "origin_not_allowed"),
        ] {
            let answer = gateway
                .request("POST", "/login")
                .header(field, value)
                .header(HEADER, token_if_any(&jar))
                .form("username=alice&password=wonderland")
                .send();
            let world = format!("{value} signs the victim in as somebody else in mode {mode}");
            assert_problem(&answer, 403, code, &world);
        }
    }
}

fn token_if_any(jar: &Jar) -> &str {
    jar.csrf.as_deref().unwrap_or("x")
}

#[test]
fn a_logout_without_a_session_takes_the_origin_check() {
    let (gateway, _app) = world_with("csrf: { mode: token }\n");
    let logout = |site: &str, cookie: &str| {
        let request = gateway.request("POST", "/logout");
        let request = request.header("Sec-Fetch-Site", site).cookie(cookie);
        request.form("").send()
    };
    for cookie in ["", "__Host-doorward=x", "__Host-doorward-csrf=x"] {
        assert_eq!(logout("same-origin", cookie).status, 303, "{cookie}");
        let answer = logout("cross-site", cookie);
        assert_problem(&answer, 403, "csrf_failed", cookie);
    }
}

#[test]
fn a_token_does_not_speak_for_a_second_session() {
    let (gateway, _app) = world_with("csrf: { mode: token }\n");
    let (alice, mallory) = (Jar::alice(&gateway), Jar::bob(&gateway));
    // What a sibling host makes of a browser, where cookies are shared with it.
    let mixed = Jar {
        refresh: alice.refresh.clone(),
        ..mallory.clone()
    };
    let form = format!("everywhere=true&csrf_token={}", token_of(&mallory));
    let logout = |site: &str| {
        let request = gateway.request("POST", "/logout");
        let request = request.header("Sec-Fetch-Site", site);
        request.cookie(&mixed.cookies()).form(&form).send()
    };
    let answer = logout("same-site");
    assert_problem(&answer, 403, "csrf_failed", "Mallory signs Alice out");
    assert_nothing_ended(&gateway, &[&alice, &mallory], "a refused logout");
    assert_eq!(logout("same-origin").status, 303);
    assert_eq!(alice.get(&gateway, "/").status, 401);
}

#[test]
fn an_expired_session_logs_out_with_its_token() {
    let (gateway, _app) = world_with("csrf: { mode: token }\nsession: { access_ttl: 1s }\n");
    let jar = Jar::alice(&gateway);
    let alone = Jar {
        refresh: None,
        ..jar.clone()
    };
    until("the access token to run out", || {
        alone.get(&gateway, "/").status == 401
    });
    let answer = ask(&gateway, &alone, "/logout").form("").send();
    assert_problem(
        &answer,
        403,
        "csrf_failed",
        "an expired token's session ended",
    );
    assert_eq!(jar.get(&gateway, "/").status, 200);
    let form = format!("csrf_token={}", token_of(&jar));
    assert_eq!(
        ask(&gateway, &alone, "/logout").form(&form).send().status,
        303
    );
    let answer = jar.without_access().get(&gateway, "/");
    assert_problem(&answer, 401, "session_revoked", "the logout ended nothing");
}
