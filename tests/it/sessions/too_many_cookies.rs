//! A sibling host sets cookies until every page is a 431: there is a way out.

use crate::support::browser::Browser;
use crate::support::h2_request::H2Request;
use crate::support::{Builder, Request, Upstream, assert_page, assert_problem, until, world};

/// Ninety cookies, larger together than `limits.cookie_bytes`.
fn bomb() -> String {
    let cookies: Vec<_> = (0..90)
        .map(|n| format!("bomb{n}={}", "x".repeat(300)))
        .collect();
    cookies.join("; ")
}

#[test]
fn a_person_is_shown_the_way_out_and_it_works() {
    let (gateway, app) = world();
    let bomb = bomb();
    for target in ["/page", "/login", "/logout", "/_doorward/cookies"] {
        let request = gateway.request("GET", target).navigate("none");
        let page = request.cookie(&bomb).send();
        assert_page(&page, 431, "header_too_large", "no page");
        let form = "<form method=\"post\" action=\"/_doorward/cookies\">";
        assert!(page.text().contains(form), "no way out: {page}");
    }
    let press = || {
        let request = gateway
            .request("POST", "/_doorward/cookies")
            .navigate("same-origin");
        request.own_origin().cookie(&bomb).form("")
    };
    let gone = press().send();
    assert_eq!(gone.status, 303, "{gone}");
    assert_eq!(gone.header("location").as_deref(), Some("/login"));
    assert_eq!(
        gone.header("clear-site-data").as_deref(),
        Some("\"cookies\"")
    );
    for cookie in ["__Host-doorward", "__Host-doorward-refresh"] {
        assert!(gone.cookie(cookie).unwrap().clears(), "{gone}");
    }
    // Up to what pingora reads.
    let huge = format!("big={}", "x".repeat(900_000));
    let request = gateway.request("POST", "/_doorward/cookies").own_origin();
    assert_eq!(request.cookie(&huge).form("").send().status, 303);
    let program = gateway.request("GET", "/page").cookie(&bomb).send();
    assert_problem(&program, 431, "header_too_large", "a program is shown HTML");
    assert_eq!(app.count(), 0, "such a request reached the app");
}

#[test]
fn nobody_else_presses_the_button_and_it_opens_nothing() {
    let (gateway, app) = world();
    let bomb = bomb();
    let post = |target: &str| gateway.request("POST", target).cookie(&bomb).form("");
    let with = |request: Request, fields: &[(&str, &str)]| request.fields(fields).send();
    let foreign = [
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    let answer = with(post("/_doorward/cookies"), &foreign);
    assert_problem(
        &answer,
        403,
        "origin_not_allowed",
        "another site signs people out",
    );
    let answer = with(
        post("/_doorward/cookies"),
        &[("Sec-Fetch-Site", "cross-site")],
    );
    assert_problem(&answer, 403, "csrf_failed", "another site signs people out");
    for target in [
        "/_doorward/cookies/",
        "/_doorward/cookies;x",
        "/_DOORWARD/cookies",
        "/_doorward/sessions",
        "/login",
        "/logout",
        "/x",
    ] {
        let answer = with(post(target), &[("Sec-Fetch-Site", "same-origin")]);
        assert_problem(&answer, 431, "header_too_large", target);
    }
    // Read twice it is refused all the same.
    let request = post("/_doorward/cookies").header("Transfer-Encoding", "gzip, chunked");
    let answer = with(request, &[("Sec-Fetch-Site", "same-origin")]);
    assert_eq!(answer.status, 400, "{answer}");
    let get = gateway
        .request("GET", "/_doorward/cookies")
        .navigate("none")
        .send();
    assert_eq!(get.status, 200, "{get}");
    assert!(
        get.header("clear-site-data").is_none(),
        "a link does it: {get}"
    );
    assert_eq!(app.count(), 0, "such a request reached the app");
}

#[test]
fn the_way_out_works_over_http2() {
    let app = Upstream::start();
    let limits = "limits: { cookie_bytes: 1KiB }";
    let gateway = Builder::new(&app).yaml(limits).tls().start();
    let authority = format!("localhost:{}", gateway.port());
    let cookie = format!("bomb={}", "x".repeat(4000));
    let ask = |method: &str, target: &str| {
        let request = H2Request::new(method, &authority, target)
            .field("sec-fetch-site", "same-origin")
            .field("sec-fetch-mode", "navigate")
            .field("sec-fetch-dest", "document")
            .field("cookie", &cookie);
        request.send(gateway.port()).unwrap().status()
    };
    assert_eq!(ask("GET", "/page"), 431);
    assert_eq!(ask("POST", "/_doorward/cookies"), 303);
    assert_eq!(app.count(), 0, "such a request reached the app");
}

#[test]
fn a_real_browser_is_let_out() {
    let (gateway, _app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = format!("http://localhost:{}", gateway.port());
    browser.goto(&format!("{home}/login"));
    for (name, value) in bomb().split("; ").filter_map(|pair| pair.split_once('=')) {
        let cookie = serde_json::json!({ "name": name, "value": value, "url": home });
        browser.devtools("Network.setCookie", &cookie);
    }
    browser.goto(&format!("{home}/login"));
    assert!(
        browser.source().contains("header_too_large"),
        "{}",
        browser.source()
    );
    let folder = crate::support::optional::target().join("screenshots");
    browser.screen(390, 844);
    browser.screenshot(&folder.join("cookies-phone.png"));
    browser.click("button[type=submit]");
    until("the form", || browser.has("input[name=password]"));
    assert_eq!(browser.cookies().len(), 0, "{:?}", browser.cookies());
}
