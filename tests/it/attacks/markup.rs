//! Text that somebody else wrote, in our pages: a name, a way back, a device, a title. None
//! of it becomes markup.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::gateway::encode;
use crate::support::users::User;
use crate::support::{Builder, Gateway, Response, Upstream, world};

const SCRIPT: &str = "<script>window.hurt=1</script>";

/// A page holds no script, nothing that runs one, and a policy that would stop it.
#[track_caller]
fn assert_inert(page: &Response, what: &str) {
    assert!(page.is("text/html"), "{what}: {page}");
    let html = page.text().to_lowercase();
    for part in [
        "<script",
        "<img src=x",
        "javascript:",
        "<iframe",
        "<svg onload",
        "<base",
        "\"onmouseover",
        "<b>hurt",
    ] {
        assert!(!html.contains(part), "{what}: {part} in {page}");
    }
    for tag in html
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
    {
        let quoted = tag.matches('"').count();
        assert!(
            quoted % 2 == 0,
            "{what}: a value breaks out of its quotes in <{tag}>"
        );
        let outside: String = tag.split('"').step_by(2).collect();
        for attribute in outside.split_whitespace().skip(1) {
            assert!(
                !attribute.starts_with("on") || !attribute.contains('='),
                "{what}: a handler in <{tag}>"
            );
        }
    }
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{what}: {page}");
    for hole in ["unsafe-inline", "unsafe-eval", "script-src", "http:", "*"] {
        assert!(!policy.contains(hole), "{what}: {hole} in {policy}");
    }
    assert!(
        page.lists("x-content-type-options", "nosniff"),
        "{what}: {page}"
    );
}

/// Markup in a user's name, in `rd`, in the device and in the title.
fn marked() -> (Gateway, Upstream, Vec<(String, Response)>) {
    let app = Upstream::start();
    let mut user = User::new("1", "mallory", &format!("{SCRIPT}\"'>&amp;<b>hurt"), "m");
    user.roles = vec!["\"><img src=x onerror=alert(1)>".into()];
    let gateway = Builder::new(&app)
        .users(&[user])
        .yaml("pages: { title: \"</title><script>x</script>\" }\n")
        .start();
    let agent = "<script>/1.0 \"><img src=x onerror=alert(1)>";
    let login = gateway
        .login_request("mallory", "m")
        .header("User-Agent", agent);
    let answer = login.send();
    assert_eq!(answer.status, 303, "{answer}");
    let cookie = format!(
        "__Host-doorward={}",
        answer.cookie("__Host-doorward").unwrap().value
    );
    let way = encode("/\"><script>alert(1)</script>'onmouseover='x'");
    let quotes = encode("/a?b=\"onmouseover=alert(1)//'<>&");
    let get = |target: &str, cookie: &str, site: &str| {
        let request = gateway.request("GET", target).navigate(site).cookie(cookie);
        (target.to_owned(), request.send())
    };
    let mut pages = vec![
        get(&format!("/login?rd={way}"), "", "none"),
        get(&format!("/login?rd={quotes}"), "", "none"),
        get(&format!("/login?next={quotes}"), "", "none"),
        get("/logout", &cookie, "none"),
        get("/_doorward/sessions", &cookie, "none"),
        get(&format!("/x%2f..?{quotes}"), &cookie, "none"),
        get(&format!("/x?{quotes}"), "", "cross-site"),
        get(&format!("/x/{}", encode("'\"<b>hurt")), "", "cross-site"),
    ];
    let form = format!("username={}&password=x&rd={quotes}", encode(SCRIPT));
    let wrong = gateway
        .request("POST", "/login")
        .own_origin()
        .navigate("same-origin");
    pages.push(("a wrong password".into(), wrong.form(&form).send()));
    (gateway, app, pages)
}

#[test]
fn cve_2024_21496_cve_2023_52430_cve_2026_33525_no_text_becomes_markup() {
    let (gateway, _app, pages) = marked();
    for (what, page) in &pages {
        assert_inert(page, what);
    }
    let (_, sessions) = pages
        .iter()
        .find(|(what, _)| what.contains("sessions"))
        .unwrap();
    assert_eq!(sessions.status, 200, "{sessions}");
    assert!(
        sessions.text().contains("&lt;script&gt;") || sessions.text().contains("&#60;script&#62;"),
        "the device is not shown at all: {sessions}"
    );
    // A program gets it as JSON, which no browser takes for a page.
    let cookie = gateway.login("mallory", "m");
    let who = gateway.get("/_doorward/session", &cookie);
    assert!(who.is("application/json"), "{who}");
    assert!(who.lists("x-content-type-options", "nosniff"), "{who}");
    assert_eq!(who.json()["name"], format!("{SCRIPT}\"'>&amp;<b>hurt"));
}

#[test]
fn a_real_browser_runs_nothing() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let (gateway, _app, pages) = marked();
    // Signed out for the form, signed in for the rest.
    for (what, page) in pages.iter().filter(|(what, _)| what.starts_with('/')) {
        if page
            .text()
            .contains("<form method=\"post\" action=\"/logout\"")
        {
            browser.goto(&format!("{}/login", gateway.origin()));
            browser.type_into("#username", "mallory");
            browser.type_into("#password", "m");
            browser.click("button");
            crate::support::until("the browser to be signed in", || {
                browser.url() == format!("{}/", gateway.origin())
            });
        }
        browser.goto(&format!("{}{what}", gateway.origin()));
        let found = browser.script(
            "return [window.hurt ?? null, document.scripts.length,
                     document.querySelectorAll('img[onerror], b#hurt, iframe, [onmouseover]').length]",
        );
        assert_eq!(found, json!([null, 0, 0]), "{what}: {}", browser.source());
    }
    browser.goto(&format!("{}/_doorward/sessions", gateway.origin()));
    let source = browser.source();
    assert!(
        source.contains("&lt;script&gt;"),
        "the device is not shown: {source}"
    );
}

#[test]
fn an_error_says_nothing_that_it_was_sent() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    for (target, name, value) in [
        ("/x%2f..%2fevil", "X", "evil"),
        ("/evil", "Origin", "https://evil.example"),
        ("/evil", "Cookie", "__Host-doorward=evil"),
        ("/evil", "Host", "evil.example/evil"),
        ("/evil", "Transfer-Encoding", "evil"),
        ("/_doorward/evil", "X", "evil"),
    ] {
        for accept in ["text/html", "*/*"] {
            let request = gateway.request("GET", target).header(name, value);
            let answer = request.header("Accept", accept).cookie(&cookie).send();
            if answer.status < 400 {
                // The way back to where somebody wanted to go.
                assert_eq!(
                    answer.header("location").as_deref(),
                    Some("/login?rd=/evil")
                );
                continue;
            }
            assert!(!answer.text().contains("evil"), "{target} {name}: {answer}");
        }
    }
}
