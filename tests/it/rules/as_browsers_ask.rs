//! People, as browsers really ask for them: through a service worker, in a frame, with a
//! fragment, with any query.

use crate::support::browser::Browser;
use crate::support::{
    Builder, Gateway, Response, Upstream, assert_page, assert_problem, until, world,
};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// `http://localhost:<port>`: a secure context.
fn home(gateway: &Gateway) -> String {
    format!("http://localhost:{}", gateway.port())
}

#[track_caller]
fn sign_in(browser: &Browser) {
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wonderland");
    browser.click("button[type=submit]");
}

#[track_caller]
fn sign_out(browser: &Browser, home: &str) {
    browser.goto(&format!("{home}/logout"));
    browser.click("button[type=submit]");
    until("the form after the logout", || {
        browser.url() == format!("{home}/login")
    });
}

fn frame(gateway: &Gateway, site: &str, dest: &str) -> Response {
    let request = gateway.request("GET", "/inside?x=1");
    request
        .header("Sec-Fetch-Site", site)
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", dest)
        .header("Referer", format!("{}/around?y=2", gateway.origin()))
        .header("Accept", HTML)
        .send()
}

#[test]
fn a_page_that_a_service_worker_asks_for_is_led_to_the_form() {
    let (gateway, app) = world();
    let ask = |mode: &str, more: &[(&str, &str)]| {
        let request = gateway.request("GET", "/page?x=1").fields(&[
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Mode", mode),
            ("Sec-Fetch-Dest", "empty"),
            ("Accept", HTML),
        ]);
        request.fields(more).send()
    };
    let insecure = [("Upgrade-Insecure-Requests", "1")];
    let led = ask("navigate", &insecure);
    assert_eq!(led.status, 303, "JSON in the window: {led}");
    assert_eq!(
        led.header("location").as_deref(),
        Some("/login?rd=/page%3Fx%3D1")
    );
    assert_eq!(ask("navigate", &[]).status, 303, "a worker's own request");
    for (mode, more) in [("cors", &insecure[..]), ("same-origin", &insecure)] {
        let answer = ask(mode, more);
        assert_problem(
            &answer,
            401,
            "session_required",
            "fetch() is taken for a person",
        );
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_real_service_worker_brings_nobody_json() {
    let (gateway, app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/with-worker"));
    sign_in(&browser);
    until("the service worker", || browser.title() == "Installed");
    browser.goto(&format!("{home}/page?worker=1"));
    assert_eq!(browser.text("#name"), "Alice Example");
    let asked = app.last();
    assert_eq!(
        asked.all("sec-fetch-dest"),
        ["empty"],
        "no worker: {}",
        asked.text()
    );
    // From another site, signed in.
    browser.goto(&format!("{}/link?to={home}/page?from=afar", app.url()));
    browser.click("#link");
    assert_eq!(
        browser.text("#name"),
        "Alice Example",
        "{}",
        browser.source()
    );

    // The session ends, and the worker stays: `storage` would take it along.
    browser.devtools("Network.clearBrowserCookies", &serde_json::json!({}));
    browser.goto(&format!("{home}/page?worker=2"));
    until("the form", || browser.has("input[name=password]"));
    sign_in(&browser);
    assert_eq!(
        browser.text("#name"),
        "Alice Example",
        "{}",
        browser.source()
    );
    assert_eq!(browser.url(), format!("{home}/page?worker=2"));
}

#[test]
fn a_frame_of_our_own_gets_a_page_that_only_we_may_frame() {
    let (gateway, app) = world();
    for dest in ["iframe", "frame"] {
        let page = frame(&gateway, "same-origin", dest);
        assert_eq!(page.status, 401, "{page}");
        assert!(
            page.is("text/html") && page.lists("cache-control", "no-store"),
            "{page}"
        );
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("frame-ancestors 'self'"),
            "refused to connect: {page}"
        );
        let options = page.header("x-frame-options");
        assert_eq!(options.as_deref(), Some("SAMEORIGIN"), "{page}");
        assert!(page.header("www-authenticate").is_some(), "{page}");
        let html = page.text();
        assert!(
            html.contains("href=\"/login?rd=/around%3Fy%3D2\" target=\"_top\""),
            "the way leads elsewhere: {page}"
        );
        assert!(!html.contains("<form"), "a form can be framed: {page}");
    }
    for (site, dest) in [
        ("cross-site", "iframe"),
        ("same-site", "iframe"),
        ("none", "frame"),
    ] {
        let page = frame(&gateway, site, dest);
        assert_problem(&page, 401, "session_required", site);
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{site}: {page}");
    }
    let form = gateway.request("GET", "/login").fields(&[
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "iframe"),
    ]);
    let form = form.send();
    let policy = form.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "the form can be framed: {form}"
    );
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_real_frame_leads_the_whole_window_to_the_form_and_back() {
    let (gateway, _app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/around"));
    sign_in(&browser);
    until("the page", || browser.title() == "Around");
    browser.devtools("Network.clearBrowserCookies", &serde_json::json!({}));
    browser.script("document.getElementById('frame').src = '/page?again'");
    let link = "return !!document.getElementById('frame').contentDocument?.querySelector('a[target=_top]')";
    until("the link in the frame", || browser.script(link) == true);
    browser.script("document.getElementById('frame').contentDocument.querySelector('a').click()");
    until("the form in the whole window", || {
        browser.has("input[name=password]")
    });
    sign_in(&browser);
    until("the page around the frame", || {
        browser.url() == format!("{home}/around")
    });
}

#[test]
fn a_fragment_and_the_name_outlive_the_login() {
    let (gateway, _app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/page?x=1#/deep/link"));
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wrong");
    browser.click("button[type=submit]");
    until("an error message", || browser.has("[role=alert]"));
    browser.type_into("input[name=password]", "wonderland");
    browser.click("button[type=submit]");
    assert_eq!(
        browser.text("#name"),
        "Alice Example",
        "{}",
        browser.source()
    );
    assert_eq!(
        browser.url(),
        format!("{home}/page?x=1#/deep/link"),
        "the app opens elsewhere than at the link"
    );
    sign_out(&browser, &home);
}

#[test]
fn the_name_stays_in_the_form_and_nowhere_else() {
    let (gateway, _app) = world();
    let name = "<b>\"Al&ice'";
    let page = gateway.try_login(name, "wrong");
    assert_page(&page, 401, "", "no form");
    let html = page.text();
    assert!(
        html.contains("value=\"&#60;b&#62;&#34;Al&#38;ice&#39;\""),
        "the name is gone, or not escaped: {page}"
    );
    assert!(
        !html.contains("value=\"wrong\""),
        "the password stays: {page}"
    );
    let json = serde_json::json!({ "username": name, "password": "wrong" });
    let problem = gateway
        .request("POST", "/login")
        .own_origin()
        .json(&json)
        .send();
    assert!(!problem.text().contains("Al"), "{problem}");
    gateway.wait_for_log(&["login_failed"]);
    assert!(!gateway.log().contains("ice'"), "what was typed is logged");
    let long = "x".repeat(300);
    assert!(!gateway.try_login(&long, "wrong").text().contains(&long));
}

#[test]
fn any_query_leads_back() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).start();
    for (query, kept) in [
        (&b"a=b|c^d`e{f}[g]'h"[..], "a=b|c^d`e{f}[g]'h"),
        (b"a=b\\c", "a=b%5Cc"),
        (b"a=caf\xc3\xa9", "a=caf%C3%A9"),
        (b"a=//evil.example\\x", "a=//evil.example%5Cx"),
    ] {
        let target = [b"/page?", query].concat();
        let shown = String::from_utf8_lossy(query).into_owned();
        let led = gateway.request("GET", &target).navigate("none").send();
        assert_eq!(led.status, 303, "{shown}: {led}");
        let login = led.header("location").unwrap();
        let back = gateway.request("POST", &login).own_origin();
        let back = back.form("username=alice&password=wonderland").send();
        let location = back.header("location");
        assert_eq!(location, Some(format!("/page?{kept}")), "{shown}: {back}");
    }
}
