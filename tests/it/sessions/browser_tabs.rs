//! Parallel tabs of a real Chromium over the end of their token, several times.

use crate::support::browser::Browser;
use crate::support::{until, world_with};

/// Asks the app again and again, and keeps whatever is not the app's answer.
const POLL: &str = "
    window.answers = 0; window.odd = [];
    const ask = async (path, options) => {
        const answer = await fetch(path, options);
        const text = await answer.text();
        if (answer.status !== 200 || answer.redirected || !text.includes(' HTTP/1.1'))
            window.odd.push(answer.status + ' ' + answer.url + ' ' + text.slice(0, 200));
        window.answers += 1;
    };
    setInterval(() => ask('/get'), 40);
    setInterval(() => ask('/post', { method: 'POST', body: 'x' }), 70);
";

#[test]
fn parallel_tabs_never_notice_that_their_token_ran_out() {
    let (gateway, _app) = world_with("session: { access_ttl: 2s, refresh_grace: 10s }\n");
    let Some(browser) = Browser::start() else {
        return;
    };
    let home = format!("http://localhost:{}", gateway.port());
    browser.goto(&format!("{home}/page"));
    browser.type_into("input[name=username]", "alice");
    browser.type_into("input[name=password]", "wonderland");
    browser.click("button[type=submit]");
    assert_eq!(browser.text("#name"), "Alice Example");
    let mut tabs = Vec::new();
    for _ in 0..4 {
        let tab = browser.new_tab();
        browser.goto(&format!("{home}/page"));
        browser.script(POLL);
        tabs.push(tab);
    }
    let rotated = || gateway.labelled("doorward_refreshes_total", "rotated");
    let begun = rotated();
    until("three rotations under the eyes of four tabs", || {
        rotated() >= begun + 3.0
    });
    for tab in &tabs {
        browser.switch_to(tab);
        let odd = browser.script("return window.odd");
        assert_eq!(odd, serde_json::json!([]), "a tab noticed");
        let answers = browser.script("return window.answers");
        assert!(answers.as_u64().unwrap() > 20, "it hardly asked: {answers}");
        browser.goto(&format!("{home}/page"));
        assert_eq!(
            browser.text("#name"),
            "Alice Example",
            "a tab is signed out"
        );
    }
    assert_eq!(gateway.labelled("doorward_refreshes_total", "reused"), 0.0);
    assert_eq!(gateway.labelled("doorward_refreshes_total", "refused"), 0.0);
}
