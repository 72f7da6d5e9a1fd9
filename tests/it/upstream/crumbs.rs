//! Cookies that an HTTP/2 client sends in a field each (RFC 9113 section 8.2.3) are one
//! field for the limits, the gate and the app, as they are over HTTP/1.1.

use crate::support::h2_request::{H2Request, Outcome};
use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, optional};

fn world(yaml: &str) -> Option<(Gateway, Verbatim)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .tls()
        .yaml("default_access: public")
        .yaml(yaml)
        .start();
    Some((gateway, app))
}

/// The status of a request with these cookies, each in a field of its own.
#[track_caller]
fn ask(gateway: &Gateway, cookies: &[String]) -> u16 {
    let authority = format!("127.0.0.1:{}", gateway.port());
    let request = H2Request::new("GET", &authority, "/x").field("x", "y");
    let request = cookies
        .iter()
        .fold(request, |request, cookie| request.field("cookie", cookie));
    match request.send(gateway.port()).unwrap() {
        Outcome::Answer(answer) => answer.status,
        other => panic!("{} cookies: {other:?}", cookies.len()),
    }
}

fn cookies(count: usize, length: usize) -> Vec<String> {
    let value = "v".repeat(length);
    (0..count)
        .map(|number| format!("c{number:03}={value}"))
        .collect()
}

#[test]
fn they_count_as_one_field() {
    let Some((gateway, app)) = world("") else {
        return;
    };
    // 180 is what Chromium keeps of a site.
    for (count, length) in [(1, 10), (2, 10), (90, 10), (180, 10), (180, 70)] {
        let cookies = cookies(count, length);
        assert_eq!(ask(&gateway, &cookies), 200, "{count} cookies of {length}");
        assert_eq!(app.last().all("cookie"), [cookies.join("; ")]);
    }
}

#[test]
fn and_no_more_than_one() {
    let Some((gateway, app)) = world("limits: { header_count: 4, cookie_bytes: 1KiB }") else {
        return;
    };
    // With `x`, and another.
    assert_eq!(ask(&gateway, &cookies(50, 10)), 200);
    let long = cookies(50, 20);
    assert!(long.join("; ").len() > 1024);
    assert_eq!(ask(&gateway, &long), 431, "cookie_bytes");
    assert_eq!(app.taken().len(), 1);
}

#[test]
fn as_over_http_1() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    let all = cookies(90, 10).join("; ");
    assert_eq!(gateway.get("/x", &all).status, 200);
    assert_eq!(app.last().all("cookie"), [all]);
}
