//! The request behind a bounce page: another site began it, and the app is told so.

use crate::support::{Gateway, Request, Response, world, world_with};

const NAME: &str = "__Host-doorward-bounce";

/// A link from another site is followed without our Strict cookies.
fn arrive(gateway: &Gateway, target: &str) -> Response {
    gateway.request("GET", target).navigate("cross-site").send()
}

/// What the page of the bounce then asks for.
fn second(gateway: &Gateway, target: &str, cookies: &str) -> Request {
    let page = format!("http://127.0.0.1:{}{target}", gateway.port());
    let request = gateway.request("GET", target).navigate("same-origin");
    request.header("Referer", &page).cookie(cookies)
}

#[test]
fn the_app_hears_of_the_other_site_once() {
    let (gateway, app) = world();
    let session = gateway.alice();
    let page = arrive(&gateway, "/reports?year=2026");
    assert_eq!(page.status, 200, "{page}");
    let set = page
        .cookie(NAME)
        .unwrap_or_else(|| panic!("no cookie: {page}"));
    for attribute in [
        "Max-Age=60",
        "HttpOnly",
        "Secure",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(
            set.attributes
                .iter()
                .any(|a| a.eq_ignore_ascii_case(attribute)),
            "{page}"
        );
    }
    let cookies = format!("{session}; {NAME}={}", set.value);

    let answer = second(&gateway, "/reports?year=2026", &cookies).send();
    assert_eq!(answer.status, 200, "{answer}");
    let seen = app.last();
    assert_eq!(
        seen.all("sec-fetch-site"),
        ["cross-site"],
        "{}",
        seen.text()
    );
    assert_eq!(seen.all("referer"), [""; 0], "{}", seen.text());
    assert_eq!(seen.all("sec-fetch-mode"), ["navigate"], "{}", seen.text());
    assert_eq!(seen.cookies(), b"", "our cookie reached the app");
    let cleared = answer
        .cookie(NAME)
        .unwrap_or_else(|| panic!("kept: {answer}"));
    assert_eq!(cleared.value, "", "{answer}");

    // The next page of the app is its own.
    let answer = second(&gateway, "/reports?year=2026", &session).send();
    assert_eq!(answer.status, 200, "{answer}");
    let seen = app.last();
    assert_eq!(
        seen.all("sec-fetch-site"),
        ["same-origin"],
        "{}",
        seen.text()
    );
    assert_eq!(seen.all("referer").len(), 1, "{}", seen.text());
}

#[test]
fn a_bounce_is_no_other_requests() {
    let (gateway, app) = world();
    let session = gateway.alice();
    let page = arrive(&gateway, "/a");
    let value = page.cookie(NAME).unwrap().value;
    let forged = format!("{}x", &value[..value.len() - 1]);
    for (target, value) in [
        ("/b", value.as_str()),
        ("/a?", &value),
        ("/a", &forged),
        ("/a", "x"),
    ] {
        let cookies = format!("{session}; {NAME}={value}");
        let answer = second(&gateway, target, &cookies).send();
        assert_eq!(answer.status, 200, "{answer}");
        let seen = app.last();
        assert_eq!(
            seen.all("sec-fetch-site"),
            ["same-origin"],
            "{target} {value}"
        );
        assert_eq!(
            answer.cookie(NAME).unwrap().value,
            "",
            "used by the first navigation"
        );
    }
    // A picture of the same page takes nothing from it.
    let cookies = format!("{session}; {NAME}={value}");
    let picture = gateway
        .request("GET", "/a")
        .header("Sec-Fetch-Site", "same-origin")
        .header("Sec-Fetch-Mode", "no-cors")
        .header("Sec-Fetch-Dest", "image");
    let answer = picture.cookie(&cookies).send();
    assert_eq!(app.last().all("sec-fetch-site"), ["same-origin"]);
    assert!(answer.cookie(NAME).is_none(), "{answer}");
}

#[test]
fn with_a_click_it_is_the_same() {
    let (gateway, app) = world_with("session: { cross_site_navigation: confirm }");
    let session = gateway.alice();
    let value = arrive(&gateway, "/a").cookie(NAME).unwrap().value;
    let cookies = format!("{session}; {NAME}={value}");
    assert_eq!(second(&gateway, "/a", &cookies).send().status, 200);
    assert_eq!(app.last().all("sec-fetch-site"), ["cross-site"]);
}
