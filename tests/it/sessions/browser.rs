//! A real Chromium: signs in, comes from another site, signs out, cannot go back.

use crate::support::browser::Browser;
use crate::support::{Builder, Gateway, Upstream, optional, until, world};

/// `http://localhost:<port>`: a secure context, and another site than `127.0.0.1`.
fn home(gateway: &Gateway) -> String {
    format!("http://localhost:{}", gateway.port())
}

#[track_caller]
fn sign_in(browser: &Browser) {
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wonderland");
    browser.click("button[type=submit]");
    assert_eq!(
        browser.text("#name"),
        "Alice Example",
        "the app does not know who signed in"
    );
}

#[test]
fn from_the_form_to_the_app_and_out_again() {
    let (gateway, app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/page?x=1"));
    assert!(
        browser.url().starts_with(&format!("{home}/login?rd=")),
        "no form: {}",
        browser.url()
    );
    assert_eq!(app.count(), 0, "the app was asked before the login");
    sign_in(&browser);
    assert_eq!(
        browser.url(),
        format!("{home}/page?x=1"),
        "the way back is lost"
    );
    let cookies = browser.cookies();
    let ours = cookies
        .iter()
        .find(|cookie| cookie["name"] == "__Host-doorward")
        .unwrap_or_else(|| panic!("Chromium dropped the cookie: {cookies:?}"));
    assert_eq!(ours["httpOnly"], true, "{ours}");
    assert_eq!(ours["secure"], true, "{ours}");
    assert_eq!(ours["sameSite"], "Strict", "{ours}");
    let visible = browser.script("return document.cookie");
    assert_eq!(visible, "", "a script can read the session");

    browser.click("#other");
    assert_eq!(browser.text("#other"), "other page");
    browser.click("#back");
    browser.click("#logout");
    until("the form after the logout", || {
        browser.has("input[name=password]")
    });
    assert!(
        !browser
            .cookies()
            .iter()
            .any(|cookie| cookie["name"] == "__Host-doorward"),
        "the cookie stayed"
    );
    let before = app.count();
    for _ in 0..3 {
        browser.back();
        let page = browser.source();
        assert!(
            !page.contains("Alice Example"),
            "the back button shows the app after the logout: {}",
            browser.url()
        );
    }
    browser.goto(&format!("{home}/page"));
    assert!(
        browser.has("input[name=password]"),
        "still signed in after the logout"
    );
    assert_eq!(app.count(), before, "the app was asked after the logout");
}

#[test]
fn a_link_from_another_site_finds_the_session() {
    let (gateway, app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/page"));
    sign_in(&browser);
    // `127.0.0.1` is another site than `localhost`, so Strict cookies stay at home.
    let before = app.count();
    browser.goto(&format!("{}/link?to={home}/page?from=afar", app.url()));
    browser.click("#link");
    assert_eq!(
        browser.text("#name"),
        "Alice Example",
        "a link from another site asks for the password again: {}",
        browser.url()
    );
    assert_eq!(browser.url(), format!("{home}/page?from=afar"));
    let asked: Vec<_> = app.requests()[before..]
        .iter()
        .filter(|request| request.target().contains("from=afar"))
        .cloned()
        .collect();
    let with_identity = asked
        .iter()
        .filter(|request| !request.all("x-user-id").is_empty())
        .count();
    assert_eq!(
        with_identity, 1,
        "the page was asked for {with_identity} times"
    );
    browser.back();
    until("the other site again", || {
        browser.title() == "Elsewhere" || browser.has("#name")
    });
}

#[test]
fn a_link_from_another_site_without_a_session_leads_to_the_form_and_on() {
    let (gateway, app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{}/link?to={home}/page?from=afar", app.url()));
    browser.click("#link");
    sign_in(&browser);
    // The way back survives the bounce.
    until("the page that the link led to", || {
        browser.url() == format!("{home}/page?from=afar")
    });
}

#[test]
fn a_wrong_password_says_so_and_keeps_the_way_back() {
    let (gateway, _app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/page?deep=1"));
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wrong");
    browser.click("button[type=submit]");
    until("an error message", || browser.has("[role=alert]"));
    let typed = "return document.querySelector('input[name=username]').value";
    assert_eq!(
        browser.script(typed),
        "alice",
        "the name is to be typed again"
    );
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
        format!("{home}/page?deep=1"),
        "the way back is lost after a wrong password"
    );
}

#[test]
fn another_site_cannot_frame_or_post() {
    let (gateway, app) = world();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    browser.goto(&format!("{home}/page"));
    sign_in(&browser);
    let before = app.count();
    browser.goto(&format!("{}/link?to=/", app.url()));
    browser.script(&format!(
        "const f = document.createElement('form'); f.method = 'post'; f.action = '{home}/transfer';\
         document.body.append(f); f.submit();"
    ));
    until("the refusal to be shown", || {
        browser.url().starts_with(&home)
    });
    until("a page that says no", || {
        browser.source().contains("origin_not_allowed") || browser.source().contains("csrf_failed")
    });
    let posted = app.requests()[before..]
        .iter()
        .any(|request| request.target() == "/transfer");
    assert!(!posted, "another site posted in Alice's name");
}

#[test]
fn the_pages_look_right_everywhere() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("pages: { title: Sign in to Example }")
        .start();
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = home(&gateway);
    let folder = optional::target().join("screenshots");
    let mut seen = Vec::new();
    for (view, scheme, width, height) in [
        ("light", "light", 1200, 800),
        ("dark", "dark", 1200, 800),
        ("phone", "light", 320, 640),
    ] {
        browser.prefer(scheme);
        browser.screen(width, height);
        for (page, path) in [
            ("login", "/login"),
            ("error", "/%00"),
            ("logout", "/logout"),
        ] {
            browser.goto(&format!("{home}{path}"));
            let wide =
                browser.script("return document.documentElement.scrollWidth > window.innerWidth");
            assert_eq!(wide, false, "{page} scrolls sideways at {width} pixels");
            let png = browser.screenshot(&folder.join(format!("{page}-{view}.png")));
            assert!(png.len() > 1000, "{page} in {view} is empty");
            seen.push((page, view, png));
        }
    }
    for (page, _, light) in seen.iter().filter(|(_, view, _)| *view == "light") {
        let dark = seen
            .iter()
            .find(|(name, view, _)| name == page && *view == "dark")
            .unwrap();
        assert_ne!(*light, dark.2, "{page} has no dark look");
    }
    browser.goto(&format!("{home}/login"));
    assert_eq!(browser.title(), "Sign in to Example");
    // The pictures of the README; `UPDATE=1` makes them anew.
    let pictures = match std::env::var_os("UPDATE") {
        Some(_) => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images"),
        None => folder,
    };
    browser.screen(720, 600);
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.goto(&format!("{home}/login"));
        browser.screenshot(&pictures.join(format!("sign-in-{scheme}.png")));
    }
}
