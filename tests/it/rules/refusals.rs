//! How a refusal is shown: redirect, bounce, page or problem, by who asks.

use crate::support::{
    Gateway, Jar, Request, Response, assert_page, assert_problem, world, world_with,
};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

fn fetch(gateway: &Gateway, method: &str, site: &str, mode: &str, dest: &str) -> Request {
    gateway
        .request(method, "/reports?year=2026&x=a%20b")
        .header("Sec-Fetch-Site", site)
        .header("Sec-Fetch-Mode", mode)
        .header("Sec-Fetch-Dest", dest)
        .header("Accept", HTML)
}

#[track_caller]
fn assert_login(response: &Response) {
    assert_eq!(response.status, 303, "{response}");
    assert_eq!(
        response.header("location").as_deref(),
        Some("/login?rd=/reports%3Fyear%3D2026%26x%3Da%2520b"),
        "the way back is lost: {response}"
    );
    assert!(
        response.lists("cache-control", "no-store"),
        "the redirect outlives the login: {response}"
    );
}

#[track_caller]
fn assert_bounce(response: &Response) {
    assert_eq!(response.status, 200, "{response}");
    assert!(
        response.is("text/html") && response.lists("cache-control", "no-store"),
        "{response}"
    );
    let html = response.text();
    assert!(
        html.contains("http-equiv=\"refresh\""),
        "the bounce does not bounce: {response}"
    );
    assert!(
        html.contains("/reports?year=2026&amp;x=a%20b")
            || html.contains("/reports?year=2026&#38;x=a%20b"),
        "the bounce leads elsewhere: {response}"
    );
    let cookies = response.cookies();
    assert_eq!(cookies.len(), 1, "{response}");
    assert_eq!(cookies[0].name, "__Host-doorward-bounce", "{response}");
}

#[test]
fn a_navigation_is_led_to_the_form() {
    let (gateway, app) = world();
    for site in ["none", "same-origin", "same-site"] {
        assert_login(&fetch(&gateway, "GET", site, "navigate", "document").send());
    }
    let old_browser = gateway
        .request("GET", "/reports?year=2026&x=a%20b")
        .header("Accept", HTML)
        .send();
    assert_login(&old_browser);
    let head = fetch(&gateway, "HEAD", "none", "navigate", "document").send();
    assert_login(&head);
    assert!(head.body.is_empty(), "{head}");
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn every_kind_of_ended_session_is_led_to_the_form() {
    let (gateway, _app) = world();
    let ended = gateway.alice();
    gateway.logout(&ended);
    for cookie in [ended.as_str(), "__Host-doorward=x"] {
        assert_login(
            &fetch(&gateway, "GET", "none", "navigate", "document")
                .cookie(cookie)
                .send(),
        );
        let cross = fetch(&gateway, "GET", "cross-site", "navigate", "document")
            .cookie(cookie)
            .send();
        assert_login(&cross);
    }
}

#[test]
fn an_arrival_from_another_site_without_our_cookie_is_bounced() {
    let (gateway, app) = world();
    assert_bounce(&fetch(&gateway, "GET", "cross-site", "navigate", "document").send());
    let with_others = fetch(&gateway, "GET", "cross-site", "navigate", "document")
        .cookie("app=1; lax=2")
        .send();
    assert_bounce(&with_others);
    assert_eq!(app.count(), 0, "the app was asked");
    // The second request comes from our own page: no more bouncing.
    assert_login(&fetch(&gateway, "GET", "same-origin", "navigate", "document").send());
}

#[test]
fn either_session_cookie_says_that_cookies_arrive() {
    let (gateway, app) = world();
    let jar = Jar::alice(&gateway);
    let arrive = |gateway: &Gateway, cookies: &str| {
        let request = fetch(gateway, "GET", "cross-site", "navigate", "document");
        request.cookie(cookies).send()
    };
    let renewed = arrive(&gateway, &jar.without_access().cookies());
    assert_eq!(renewed.status, 200, "{renewed}");
    assert_eq!(app.count(), 1, "bounced, though it could be renewed");
    assert_login(&arrive(&gateway, "__Host-doorward-refresh=x"));
    // Whatever others are there, ours included.
    assert_bounce(&arrive(&gateway, "__Host-doorward-csrf=x; app=1"));
    let (by_endpoint, _app) = world_with("session: { renewal: endpoint }\n");
    let jar = Jar::alice(&by_endpoint).without_access();
    assert_login(&arrive(&by_endpoint, &jar.cookies()));
}

#[test]
fn never_a_bounce_for_posts_frames_or_scripts() {
    let (gateway, _app) = world();
    for (method, mode, dest) in [
        ("GET", "navigate", "iframe"),
        ("GET", "navigate", "frame"),
        ("GET", "navigate", "embed"),
        ("GET", "navigate", "object"),
        ("GET", "no-cors", "image"),
        ("GET", "no-cors", "script"),
        ("GET", "cors", "empty"),
        ("GET", "same-origin", "document"),
        ("GET", "navigate", ""),
        ("DELETE", "cors", "empty"),
    ] {
        let response = fetch(&gateway, method, "cross-site", mode, dest).send();
        assert_problem(
            &response,
            401,
            "session_required",
            &format!("{method} {mode} {dest:?} is redirected or bounced"),
        );
    }
    let post = fetch(&gateway, "POST", "cross-site", "navigate", "document")
        .form("a=1")
        .send();
    assert_page(
        &post,
        401,
        "session_required",
        "a form post is redirected, and its data lost without a word",
    );
}

#[test]
fn confirm_asks_and_login_asks_for_the_password() {
    let (gateway, _app) = world_with("session: { cross_site_navigation: confirm }");
    let page = fetch(&gateway, "GET", "cross-site", "navigate", "document").send();
    assert_eq!(page.status, 200, "{page}");
    assert!(
        !page.text().contains("http-equiv=\"refresh\""),
        "confirm goes on by itself: {page}"
    );
    assert!(
        page.text().contains("href=\"/reports?year=2026"),
        "nothing to click: {page}"
    );
    assert!(page.lists("cache-control", "no-store"), "{page}");
    let (gateway, _app) = world_with("session: { cross_site_navigation: login }");
    assert_login(&fetch(&gateway, "GET", "cross-site", "navigate", "document").send());
}

#[test]
fn lax_cookies_need_no_bounce() {
    let (gateway, _app) = world_with("cookies: { same_site: lax }");
    assert_login(&fetch(&gateway, "GET", "cross-site", "navigate", "document").send());
}

#[test]
fn a_bounce_target_cannot_break_out_of_the_page() {
    let (gateway, _app) = world();
    for target in [
        "/a?q=\"><script>alert(1)</script>",
        "/a?q='onmouseover='alert(1)'&x=\"",
        "/a'b?q=';url=https://evil.example",
    ] {
        let response = gateway.request("GET", target).navigate("cross-site").send();
        if response.status == 400 {
            // Quotes and brackets do not belong in a request line.
            assert!(target.contains('"'), "{target} is honest: {response}");
            continue;
        }
        assert_eq!(response.status, 200, "{response}");
        let html = response.text();
        assert!(
            !html.contains("<script"),
            "a link runs a script on our origin: {response}"
        );
        assert!(
            !html.contains("'onmouseover"),
            "a link breaks out of its attribute: {response}"
        );
        assert!(
            !html.contains("url='"),
            "a quote ends the address early: {response}"
        );
    }
}

#[test]
fn a_form_post_after_the_end_says_so() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.logout(&cookie);
    let post = fetch(&gateway, "POST", "same-origin", "navigate", "document")
        .own_origin()
        .cookie(&cookie)
        .form("a=1")
        .send();
    assert_page(
        &post,
        401,
        "session_revoked",
        "what was typed is lost without a word",
    );
}

#[test]
fn scripts_get_problems_whatever_they_accept() {
    let (gateway, _app) = world();
    let script = gateway
        .request("GET", "/")
        .header("Accept", HTML)
        .header("X-Requested-With", "XMLHttpRequest")
        .send();
    assert_problem(
        &script,
        401,
        "session_required",
        "a script is redirected to a form it cannot read",
    );
    for accept in ["*/*", "application/json", "image/webp"] {
        let response = gateway.request("GET", "/").header("Accept", accept).send();
        assert_problem(&response, 401, "session_required", accept);
    }
    let fetched = fetch(&gateway, "GET", "same-origin", "cors", "empty").send();
    assert_problem(
        &fetched,
        401,
        "session_required",
        "fetch() is redirected to a form",
    );
}

#[test]
fn pages_for_people_problems_for_programs_whatever_was_refused() {
    let (gateway, _app) = world_with("rules: [{ path: /never/**, access: deny }]");
    let cookie = gateway.alice();
    for (target, status, code) in [
        ("/never", 403, "forbidden"),
        ("/never%2fb", 400, "path_ambiguous"),
    ] {
        let person = gateway
            .request("GET", target)
            .navigate("none")
            .cookie(&cookie)
            .send();
        assert_page(&person, status, code, "a person is shown JSON");
        let policy = person.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{person}");
        assert_problem(
            &gateway.get(target, &cookie),
            status,
            code,
            "a program is shown HTML",
        );
    }
    assert_problem(
        &gateway.get("/_doorward/nothing", &cookie),
        404,
        "not_found",
        "our prefix is forwarded",
    );
}

#[test]
fn head_gets_the_head_alone() {
    let (gateway, _app) = world();
    let mut connection = gateway.connect();
    let response = gateway.request("HEAD", "/").send_on(&mut connection);
    assert_eq!(response.status, 401, "{response}");
    assert!(response.is("application/problem+json"), "{response}");
    let next = gateway.request("GET", "/").send_on(&mut connection);
    assert_problem(
        &next,
        401,
        "session_required",
        "a body after HEAD was read as the next answer",
    );
}

#[test]
fn an_allowed_origin_can_read_why_it_was_refused() {
    let (gateway, _app) = world_with("cors: { allowed_origins: [https://app.example.com] }");
    let response = gateway
        .request("GET", "/")
        .header("Origin", "https://app.example.com")
        .send();
    assert_problem(&response, 401, "session_required", "closed");
    assert_eq!(
        response.header("access-control-allow-origin").as_deref(),
        Some("https://app.example.com"),
        "the script sees a network error instead of a 401: {response}"
    );
    assert_eq!(
        response
            .header("access-control-allow-credentials")
            .as_deref(),
        Some("true"),
        "{response}"
    );
    assert!(response.lists("vary", "Origin"), "{response}");
}

#[test]
fn a_refusal_keeps_the_connection() {
    let (gateway, _app) = world();
    let mut connection = gateway.connect();
    for _ in 0..3 {
        let response = gateway.request("GET", "/").send_on(&mut connection);
        assert_eq!(response.status, 401, "{response}");
        assert!(
            response
                .all("server")
                .iter()
                .all(|server| !server.to_ascii_lowercase().contains("pingora")),
            "the answer tells what we are made of: {response}"
        );
    }
}

#[test]
fn cve_2025_4366_a_refused_upload_does_not_become_a_request() {
    let (gateway, app) = world_with("rules: [{ path: /public, access: public }]");
    let mut connection = gateway.connect();
    let host = gateway.port();
    let smuggled = format!("GET /public HTTP/1.1\r\nHost: 127.0.0.1:{host}\r\n\r\n");
    let upload = gateway.request("POST", "/upload").body(&smuggled);
    let response = upload.send_on(&mut connection);
    assert_eq!(response.status, 401, "{response}");
    // Either the body was read and dropped, or the connection ends.
    let next = connection
        .send(gateway.request("HEAD", "/").bytes())
        .and_then(|()| connection.answer("HEAD"));
    if let Ok(next) = next {
        assert_eq!(next.status, 401, "the body was taken for a request: {next}");
    }
    assert_eq!(
        app.count(),
        0,
        "the body of a refused request reached the app"
    );
}
