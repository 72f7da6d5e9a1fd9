//! CSRF by token: an unsafe request repeats the token of its session in a header.

use crate::support::{Gateway, Jar, Response, assert_page, assert_problem, until, world_with};

const HEADER: &str = "X-CSRF-Token";

fn token_of(jar: &Jar) -> &str {
    jar.csrf.as_deref().expect("a login brings the token")
}

/// A post to the app as a page of ours sends it, with these fields.
#[track_caller]
fn post(gateway: &Gateway, jar: &Jar, fields: &[(&str, &str)]) -> Response {
    let request = jar.request(gateway, "POST", "/transfer");
    request.fields(fields).form("amount=1000").send()
}

#[test]
fn only_the_token_of_this_session_opens_the_app() {
    for mode in ["token", "both"] {
        let (gateway, app) = world_with(&format!("csrf: {{ mode: {mode} }}\n"));
        let jar = Jar::alice(&gateway);
        let right = token_of(&jar).to_owned();
        let (second, bob) = (Jar::alice(&gateway), Jar::bob(&gateway));
        assert_ne!(
            token_of(&second),
            right,
            "a token of the user, not of the session"
        );
        let other = if right.starts_with('A') { "B" } else { "A" };
        let altered = format!("{other}{}", &right[1..]);
        let refresh = jar.refresh.clone().unwrap();
        for (what, fields) in [
            ("no token", vec![]),
            ("an empty token", vec![(HEADER, "")]),
            ("nonsense", vec![(HEADER, "x")]),
            ("an altered token", vec![(HEADER, altered.as_str())]),
            ("a quoted token", vec![(HEADER, &format!("\"{right}\""))]),
            ("another session's token", vec![(HEADER, token_of(&second))]),
            ("somebody else's token", vec![(HEADER, token_of(&bob))]),
            ("the refresh token", vec![(HEADER, refresh.as_str())]),
            ("the token twice", vec![(HEADER, &right), (HEADER, &right)]),
            (
                "a wrong one beside it",
                vec![(HEADER, "x"), (HEADER, &right)],
            ),
            ("another header", vec![("X-XSRF-Token", &right)]),
            ("an underscore", vec![("X_CSRF_Token", &right)]),
        ] {
            let answer = post(&gateway, &jar, &fields);
            assert_problem(&answer, 403, "csrf_failed", &format!("{what} in {mode}"));
        }
        let in_form = jar.request(&gateway, "POST", "/transfer");
        let in_form = in_form.form(&format!("csrf_token={right}")).send();
        assert_problem(
            &in_form,
            403,
            "csrf_failed",
            "the app's forms are not ours to read",
        );
        assert_eq!(app.count(), 0, "the app was asked");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let request = jar.request(&gateway, method, "/transfer");
            let answer = request.header("x-csrf-TOKEN", &right).body("x").send();
            assert_eq!(answer.status, 200, "{method} in {mode}: {answer}");
        }
        assert_eq!(app.count(), 4);
        assert_eq!(app.last().body, b"x");
        for method in ["GET", "HEAD", "OPTIONS"] {
            let answer = jar.request(&gateway, method, "/").send();
            assert_eq!(answer.status, 200, "{method} changes nothing: {answer}");
        }
    }
}

#[test]
fn a_token_alone_is_enough_in_token_mode_and_not_in_both() {
    for (mode, passes) in [("token", true), ("both", false)] {
        let (gateway, app) = world_with(&format!("csrf: {{ mode: {mode} }}\n"));
        let jar = Jar::alice(&gateway);
        for site in ["cross-site", "same-site"] {
            let answer = gateway
                .request("POST", "/transfer")
                .header("Sec-Fetch-Site", site)
                .header(HEADER, token_of(&jar))
                .cookie(&jar.cookies())
                .send();
            if passes {
                assert_eq!(answer.status, 200, "{site}: {answer}");
            } else {
                assert_problem(&answer, 403, "csrf_failed", &format!("{mode}, {site}"));
            }
        }
        let foreign = gateway
            .request("POST", "/transfer")
            .header("Origin", "https://evil.example")
            .header(HEADER, token_of(&jar))
            .cookie(&jar.cookies())
            .send();
        assert_problem(&foreign, 403, "origin_not_allowed", "a foreign origin");
        assert_eq!(app.count(), if passes { 2 } else { 0 });
    }
}

#[test]
fn the_token_of_a_session_that_ran_out_is_worth_nothing() {
    let (gateway, app) =
        world_with("csrf: { mode: token }\nsession: { access_ttl: 1s, absolute_timeout: 2s }\n");
    let old = Jar::alice(&gateway);
    until("the session to run out", || {
        old.post_refresh_with_token(&gateway).status == 401
    });
    let count = app.count();
    let answer = post(&gateway, &old, &[(HEADER, token_of(&old))]);
    assert_problem(&answer, 401, "session_expired", "a session that ran out");
    let new = Jar::alice(&gateway);
    let answer = post(&gateway, &new, &[(HEADER, token_of(&old))]);
    assert_problem(&answer, 403, "csrf_failed", "an expired session's token");
    assert_eq!(app.count(), count);
}

#[test]
fn a_person_sees_a_page() {
    let (gateway, _app) = world_with("csrf: { mode: token }\n");
    let jar = Jar::alice(&gateway);
    let answer = gateway
        .request("POST", "/transfer")
        .navigate("same-origin")
        .cookie(&jar.cookies())
        .form("a=1")
        .send();
    assert_page(&answer, 403, "csrf_failed", "a form without the token");
}

#[test]
fn the_cookie_is_readable_and_otherwise_like_the_others() {
    for (yaml, prefix) in [
        ("", "__Host-"),
        (
            "cookies: { domain: example.com, same_site: lax }\n",
            "__Secure-",
        ),
        ("insecure: { cookies_over_http: true }\n", ""),
    ] {
        let (gateway, app) = world_with(&format!("{yaml}csrf: {{ mode: token }}\n"));
        let login = gateway.try_login("alice", "wonderland");
        let cookies = login.cookies();
        let [access, refresh, csrf, _known] = cookies.as_slice() else {
            panic!("not four cookies: {login}");
        };
        assert_eq!(csrf.name, format!("{prefix}doorward-csrf"));
        assert_eq!(access.attribute("HttpOnly"), Some(""));
        assert_eq!(csrf.attribute("HttpOnly"), None, "no script can read it");
        let mut others = refresh.attributes.clone();
        others.retain(|attribute| attribute != "HttpOnly");
        assert_eq!(csrf.attributes, others);
        let text = |cookie: &crate::support::response::SetCookie| {
            format!("{}={}", cookie.name, cookie.value)
        };
        let all = format!("theirs=1; {}; {}", text(access), text(csrf));
        assert_eq!(gateway.get("/", &all).status, 200);
        assert_eq!(app.last().all("Cookie"), ["theirs=1"], "the app sees it");
    }
}

#[test]
fn the_cookie_comes_with_every_renewal_and_goes_at_the_logout() {
    let (gateway, app) = world_with("csrf: { mode: token }\n");
    let mut jar = Jar::alice(&gateway);
    let token = token_of(&jar).to_owned();
    let answer = jar.without_access().get(&gateway, "/");
    let silent = Jar::of(&answer);
    assert_eq!(silent.csrf.as_ref(), Some(&token), "{answer}");
    assert!(app.last().all("Cookie").is_empty());
    let refreshed = silent.post_refresh_with_token(&gateway);
    assert_eq!(
        Jar::of(&refreshed).csrf.as_ref(),
        Some(&token),
        "{refreshed}"
    );
    jar.take(&refreshed);
    let logout = jar.request(&gateway, "POST", "/logout");
    let logout = logout.header(HEADER, &token).form("").send();
    assert_eq!(logout.status, 303, "{logout}");
    assert!(logout.cookie("__Host-doorward-csrf").unwrap().clears());
    let again = Jar::alice(&gateway);
    assert_ne!(token_of(&again), token, "a login does not change it");
}

#[test]
fn who_am_i_tells_the_token() {
    let (gateway, _app) = world_with("csrf: { mode: both }\n");
    let jar = Jar::alice(&gateway);
    for jar in [jar.clone(), jar.without_access()] {
        let who = jar.get(&gateway, "/_doorward/session").json();
        assert_eq!(who["csrf_token"], token_of(&jar), "{who}");
    }
}

#[test]
fn without_tokens_there_is_no_trace_of_them() {
    for mode in ["origin", "off"] {
        let yaml = format!("csrf: {{ mode: {mode}, cookie: theirs }}\n");
        let (gateway, app) = world_with(&yaml);
        let login = gateway.try_login("alice", "wonderland");
        assert_eq!(login.cookies().len(), 3, "{mode}: {login}");
        let jar = Jar::of(&login);
        assert_eq!(jar.csrf, None);
        let who = jar.get(&gateway, "/_doorward/session").json();
        assert!(who.get("csrf_token").is_none(), "{mode}: {who}");
        let page = gateway.request("GET", "/logout").navigate("none");
        let page = page.cookie(&jar.cookies()).send().text();
        assert!(!page.contains("csrf_token"), "{mode}: {page}");
        assert_eq!(post(&gateway, &jar, &[]).status, 200);
        let with_theirs = format!("{}; theirs=1", jar.cookies());
        assert_eq!(gateway.get("/", &with_theirs).status, 200);
        assert_eq!(app.last().all("Cookie"), ["theirs=1"], "not ours in {mode}");
    }
}

#[test]
fn a_public_path_asks_only_who_is_signed_in() {
    let (gateway, app) = world_with(
        "csrf: { mode: token }\nsession: { access_ttl: 4s }\nrules: [{ path: /hook, access: public }]\n",
    );
    let jar = Jar::alice(&gateway);
    let hook = |jar: &Jar| jar.request(&gateway, "POST", "/hook").body("x");
    let answer = hook(&jar).send();
    assert_problem(&answer, 403, "csrf_failed", "it would act in Alice's name");
    assert_eq!(app.count(), 0);
    assert_eq!(hook(&jar).header(HEADER, token_of(&jar)).send().status, 200);
    assert_eq!(app.last().all("X-User-Id"), ["1001"]);
    assert_eq!(hook(&Jar::default()).send().status, 200, "a webhook");
    until("an expired session to count as nobody", || {
        hook(&jar).send().status == 200
    });
    assert!(app.last().all("X-User-Id").is_empty());
}

#[test]
fn an_unsafe_request_is_renewed_only_with_the_right_token() {
    let (gateway, app) = world_with("csrf: { mode: token }\nsession: { access_ttl: 2s }\n");
    let jar = Jar::alice(&gateway);
    let other = Jar::alice(&gateway);
    let alone = Jar {
        refresh: None,
        ..jar.clone()
    };
    until("the access token to run out", || {
        alone.get(&gateway, "/").status == 401
    });
    let count = app.count();
    for jar in [jar.clone(), jar.without_access()] {
        for fields in [
            vec![],
            vec![(HEADER, "x")],
            vec![(HEADER, token_of(&other))],
        ] {
            let answer = post(&gateway, &jar, &fields);
            assert_problem(
                &answer,
                403,
                "csrf_failed",
                &format!("renewed with {fields:?}"),
            );
            assert!(answer.cookies().is_empty(), "renewed: {answer}");
        }
    }
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 0.0);
    assert_eq!(app.count(), count);
    let answer = post(&gateway, &jar, &[(HEADER, token_of(&jar))]);
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(app.last().body, b"amount=1000");
    let next = Jar::of(&answer);
    assert_eq!(next.csrf, jar.csrf, "the page's token is good no longer");
    assert_eq!(gateway.labelled("doorward_refreshes_total", "rotated"), 1.0);
    assert_eq!(
        post(&gateway, &next, &[(HEADER, token_of(&jar))]).status,
        200
    );
}

#[test]
fn a_token_outlives_a_rotation_of_the_keys() {
    let (gateway, _app) = world_with("csrf: { mode: token }\n");
    let jar = Jar::alice(&gateway);
    let rotated = gateway.command(&["keys", "rotate"], "");
    assert!(rotated.status.success(), "{rotated:?}");
    let answer = post(&gateway, &jar, &[(HEADER, token_of(&jar))]);
    assert_eq!(answer.status, 200, "an open page is refused: {answer}");
    let renewed = Jar::of(&jar.without_access().get(&gateway, "/"));
    assert_ne!(renewed.csrf, jar.csrf, "still under the retired key");
    assert_eq!(
        post(&gateway, &renewed, &[(HEADER, token_of(&renewed))]).status,
        200
    );
}
