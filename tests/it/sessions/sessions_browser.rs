//! My sessions and the box on the login form, in a real Chromium.

use crate::support::browser::Browser;
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Upstream, assert_problem, optional, until, world};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

const MONTH: f64 = 30.0 * 86_400.0;

#[test]
fn a_person_ticks_the_box_and_ends_the_other_session() {
    let (gateway, _app) = world();
    let phone = gateway
        .login_request("alice", ALICE_PASSWORD)
        .header("User-Agent", IPHONE)
        .send();
    let phone = phone.cookie("__Host-doorward").unwrap();
    let phone = format!("{}={}", phone.name, phone.value);
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = format!("http://localhost:{}", gateway.port());
    browser.goto(&format!("{home}/_doorward/sessions"));
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", ALICE_PASSWORD);
    // The words belong to the box.
    browser.click("label[for=remember_me]");
    browser.click("button[type=submit]");
    until("the page of the sessions", || browser.has(".sessions"));
    assert_eq!(browser.url(), format!("{home}/_doorward/sessions"));
    let now = browser.script("return Date.now() / 1000").as_f64().unwrap();
    let kept: Vec<_> = browser
        .cookies()
        .iter()
        // That of a known browser outlives every session.
        .filter(|cookie| !cookie["name"].as_str().unwrap().ends_with("-known"))
        .map(|cookie| cookie["expiry"].as_f64().unwrap_or_default() - now)
        .collect();
    assert!(
        kept.len() == 2 && kept.iter().all(|&kept| (MONTH - kept).abs() < 600.0),
        "the box was ticked, and the browser keeps its cookies for {kept:?} s"
    );
    assert!(
        browser
            .text(".sessions .current")
            .contains("Chrome on Linux")
    );
    assert!(browser.text(".sessions").contains("Safari on iPhone"));
    browser.click(".sessions li:not(.current) button");
    until("the page to say what was done", || {
        browser.has("[role=status]")
    });
    assert!(!browser.text(".sessions").contains("Safari on iPhone"));
    assert_problem(
        &gateway.get("/", &phone),
        401,
        "session_revoked",
        "the page says so and the phone is still in",
    );
    browser.click(".sessions .current button");
    until("the form after the goodbye", || browser.has("#password"));
    let mut left = browser.cookies().into_iter();
    let known = |cookie: &serde_json::Value| cookie["name"].as_str().unwrap().ends_with("-known");
    assert!(left.all(|cookie| known(&cookie)), "a cookie stayed");
}

#[test]
fn box_and_sessions_look_right_everywhere() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("pages: { title: Sign in to Example }\ntrusted_proxies: [127.0.0.1/32]")
        .start();
    for agent in [
        IPHONE,
        "",
        "curl/8.5.0",
        &"Mozilla".repeat(36),
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    ] {
        let login = gateway
            .login_request("alice", ALICE_PASSWORD)
            .header("User-Agent", agent)
            .header("X-Forwarded-For", "2001:db8:85a3:8d3:1319:8a2e:370:7348")
            .send();
        assert_eq!(login.status, 303, "{login}");
    }
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = format!("http://localhost:{}", gateway.port());
    let folder = optional::target().join("screenshots");
    let mut seen = Vec::new();
    for page in ["box", "sessions"] {
        if page == "sessions" {
            browser.goto(&format!("{home}/login?rd=/_doorward/sessions"));
            browser.type_into("input[name=username]", "alice");
            browser.type_into("input[name=password]", ALICE_PASSWORD);
            browser.click("button[type=submit]");
            until("the page of the sessions", || browser.has(".sessions"));
        }
        for (view, scheme, width, height) in [
            ("light", "light", 1200, 1000),
            ("dark", "dark", 1200, 1000),
            ("phone", "light", 360, 1200),
            ("phone-dark", "dark", 360, 1200),
            ("narrow", "light", 320, 1200),
        ] {
            browser.prefer(scheme);
            browser.screen(width, height);
            let path = match page {
                "box" => "/login",
                _ => "/_doorward/sessions",
            };
            browser.goto(&format!("{home}{path}"));
            let wide =
                browser.script("return document.documentElement.scrollWidth > window.innerWidth");
            assert_eq!(wide, false, "{page} scrolls sideways at {width} pixels");
            let small = browser.script(
                "return [...document.querySelectorAll('button, .check label')].some(one => \
                 one.getBoundingClientRect().height < 24)",
            );
            assert_eq!(
                small, false,
                "{page} has a target that fingers miss at {width} pixels"
            );
            seen.push((
                page,
                view,
                browser.screenshot(&folder.join(format!("{page}-{view}.png"))),
            ));
        }
    }
    for (page, _, light) in seen.iter().filter(|(_, view, _)| *view == "light") {
        let dark = seen
            .iter()
            .find(|(name, view, _)| name == page && *view == "dark");
        assert_ne!(*light, dark.unwrap().2, "{page} has no dark look");
    }
}
