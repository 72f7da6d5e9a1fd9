//! `rd` and `next` lead to a path of this origin or to `/`, whatever is written there:
//! oauth2-proxy's list of open redirects, and tricks of our own.
//!
//! Where an address leads is not judged by our own parser, but by the WHATWG URL rules and
//! by a real browser.

use std::collections::BTreeSet;

use serde_json::json;
use url::Url;

use crate::support::browser::Browser;
use crate::support::gateway::encode;
use crate::support::{Conn, Gateway, Request, Response, vectors, world, world_with};

/// Tricks that the list of oauth2-proxy lacks.
const TRICKS: [&str; 72] = [
    "",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    "\n//evil.example",
    " //evil.example",
    "\u{a0}//evil.example",
    "\u{feff}//evil.example",
    "\0//evil.example",
    "/\0/evil.example",
    "/\x0b/evil.example",
    "/\u{2028}/evil.example",
    "/\u{ff0f}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "/\u{3002}evil.example",
    "//evil\u{3002}example",
    "//\u{65}vil.example",
    "//[::1]/",
    "//2130706433/",
    "//0x7f.1/",
    "http://evil.example",
    "HTTP://evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:\\\\evil.example",
    "https:\t//evil.example",
    "ht\ntp://evil.example",
    "ws://evil.example",
    "ftp://evil.example",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "JaVaScRiPt:alert(1)//",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://evil.example/x",
    "view-source:https://evil.example",
    "evil.example",
    "@evil.example",
    ":80@evil.example",
    ".evil.example",
    ":@evil.example/",
    "?//evil.example",
    "#//evil.example",
    "./\\evil.example",
    "../\\evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/./\\evil.example",
    "/a/..//evil.example",
    "/a/../\\evil.example",
    "/%2e%2e//evil.example",
    "/%2e//evil.example",
    "/;//evil.example",
    "/;/\\evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\r\nLocation: https://evil.example",
    "/\r\nSet-Cookie: __Host-doorward=evil",
    "/\u{10d}\u{10a}Location: https://evil.example",
    "/a\u{e9}",
    "/a?b\\c",
    "/a?b\r\nSet-Cookie: c=d",
    "/a#\\\\evil.example",
    "/a?b=\u{2028}",
];

/// Ways that are somebody's honest page.
const HONEST: [&str; 8] = [
    "/",
    "/a/b?c=d&e=%2F",
    "/a?u=https://other.example/",
    "/a?u=//other.example/",
    "/caf%C3%A9",
    "/a;b=c",
    "/a@b",
    "/a:b",
];

fn tricks() -> impl Iterator<Item = String> {
    TRICKS.iter().map(|trick| (*trick).to_owned())
}

/// The list of oauth2-proxy: each line as it stands, and percent-decoded once.
fn their_list() -> Option<Vec<String>> {
    let bytes = vectors::bytes("oauth2-proxy/openredirects.txt")?;
    let lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
    assert!(
        lines.len() >= 559,
        "the list has {} lines only",
        lines.len()
    );
    let mut all = BTreeSet::new();
    for line in lines {
        all.insert(String::from_utf8_lossy(line).into_owned());
        let decoded = percent_encoding::percent_decode(line).decode_utf8_lossy();
        all.insert(decoded.into_owned());
    }
    Some(all.into_iter().collect())
}

/// One browser with one connection, which the gateway may end.
struct Client<'a> {
    gateway: &'a Gateway,
    connection: Conn,
}

impl<'a> Client<'a> {
    fn new(gateway: &'a Gateway) -> Self {
        let connection = gateway.connect();
        Self {
            gateway,
            connection,
        }
    }

    #[track_caller]
    fn send(&mut self, request: &Request) -> Response {
        if let Ok(answer) = request.try_send_on(&mut self.connection) {
            return answer;
        }
        self.connection = self.gateway.connect();
        request.send_on(&mut self.connection)
    }

    /// `GET /login`: what the hidden field holds.
    #[track_caller]
    fn field(&mut self, name: &str, wanted: &str) -> String {
        let target = format!("/login?{name}={}", encode(wanted));
        let page = self.send(&self.gateway.request("GET", target));
        assert_eq!(page.status, 200, "{wanted:?}: {page}");
        let text = page.text();
        let rest = text
            .split("name=\"rd\" value=\"")
            .nth(1)
            .expect("a hidden field");
        unescape(rest.split('"').next().unwrap())
    }

    /// `GET /login` of who is signed in, which answers 303.
    #[track_caller]
    fn straight_on(&mut self, name: &str, wanted: &str, cookie: &str) -> String {
        let target = format!("/login?{name}={}", encode(wanted));
        let answer = self.send(&self.gateway.request("GET", target).cookie(cookie));
        assert_eq!(answer.status, 303, "{wanted:?}: {answer}");
        only_location(&answer)
    }

    /// `POST /login`, which answers 303.
    #[track_caller]
    fn sign_in(&mut self, name: &str, wanted: &str) -> String {
        let form = format!(
            "{name}={}&username=alice&password=wonderland",
            encode(wanted)
        );
        let request = self.gateway.request("POST", "/login").own_origin();
        let answer = self.send(&request.form(&form));
        assert_eq!(answer.status, 303, "{wanted:?}: {answer}");
        only_location(&answer)
    }
}

/// The one `Location`; no other field was added to the answer.
#[track_caller]
fn only_location(answer: &Response) -> String {
    let refresh = answer.all("refresh");
    assert!(
        refresh.is_empty(),
        "another field leads somewhere: {answer}"
    );
    for cookie in answer.cookies() {
        assert!(
            cookie.name.starts_with("__Host-doorward") && cookie.value != "evil",
            "a way back sets a cookie: {answer}"
        );
    }
    answer.header("location").expect("a Location")
}

fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

/// The address leads to this origin: as a browser reads it, and also as one would that
/// decodes it first.
#[track_caller]
fn assert_stays(gateway: &Gateway, wanted: &str, location: &str) {
    let here = Url::parse(&format!("{}/login", gateway.origin())).unwrap();
    let decoded = percent_encoding::percent_decode_str(location).decode_utf8_lossy();
    for address in [location, &decoded] {
        let there = here.join(address);
        let there =
            there.unwrap_or_else(|error| panic!("{wanted:?} leads to {address:?}: {error}"));
        assert_eq!(
            there.origin(),
            here.origin(),
            "{wanted:?} leads away, to {address:?}"
        );
    }
    assert!(
        location == "/" || location == wanted,
        "{wanted:?} was repaired into {location:?}"
    );
    assert!(location.is_ascii(), "{wanted:?} leads to {location:?}");
}

/// Through the hidden field, the answer to a login, and straight on; by both names.
#[track_caller]
fn assert_no_way_out(gateway: &Gateway, ways: impl Iterator<Item = String>) -> usize {
    let cookie = gateway.alice();
    let mut client = Client::new(gateway);
    let mut kept = 0;
    for (number, wanted) in ways.enumerate() {
        let name = ["rd", "next"][number % 2];
        let locations = [
            client.field(name, &wanted),
            client.straight_on(name, &wanted, &cookie),
            client.sign_in(name, &wanted),
        ];
        for location in &locations {
            assert_stays(gateway, &wanted, location);
            assert_eq!(location, &locations[0], "{wanted:?} is judged in two ways");
        }
        kept += usize::from(locations[0] != "/");
    }
    kept
}

#[test]
fn cve_2024_21497_cve_2021_21291_no_trick_leads_away() {
    let (gateway, _app) = world();
    let kept = assert_no_way_out(&gateway, tricks());
    assert_eq!(kept, 0, "a trick is taken for a path of the app");
    let honest = HONEST.iter().map(|way| (*way).to_owned());
    let kept = assert_no_way_out(&gateway, honest);
    assert_eq!(kept, HONEST.len() - 1, "an honest way back is lost");
}

#[test]
fn cve_2021_21291_no_line_of_oauth2_proxys_list_leads_away() {
    let Some(list) = their_list() else { return };
    // A login for each line, all of one user.
    let (gateway, _app) = world_with("session: { max_per_user: null }");
    let count = list.len();
    let kept = assert_no_way_out(&gateway, list.into_iter());
    // `/https://example.com` and its like are paths.
    assert!(
        kept < count / 4,
        "{kept} of {count} are taken for paths of the app"
    );
}

#[test]
fn what_is_sent_undecoded_or_twice_leads_nowhere_else() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    for query in [
        "rd=//evil.example",
        "rd=/%5Cevil.example",
        "rd=%2F%2Fevil.example",
        "rd=%252F%252Fevil.example",
        "rd=/%09/evil.example",
        "rd=https:%2F%2Fevil.example",
        "rd=+//evil.example",
        "%72d=//evil.example",
        "rd=%ff%fe//evil.example",
        "rd=%2",
        "next=//evil.example",
        "rd=&next=//evil.example",
        "rd=/a&next=//evil.example",
        "next=/a&rd=//evil.example",
        "rd[]=//evil.example",
        "RD=//evil.example",
        "rd=/;//evil.example",
    ] {
        let answer = gateway.get(&format!("/login?{query}"), &cookie);
        assert_eq!(answer.status, 303, "{query}: {answer}");
        let location = answer.header("location").unwrap();
        assert!(matches!(location.as_str(), "/" | "/a"), "{query}: {answer}");
    }
    for query in [
        "rd=/a&rd=//evil.example",
        "rd=//evil.example&rd=/a",
        "next=/a&next=/b",
    ] {
        let answer = gateway.get(&format!("/login?{query}"), &cookie);
        assert_eq!(answer.status, 400, "which of two counts is luck: {answer}");
    }
}

#[test]
fn the_way_to_the_form_and_back_is_a_path_of_ours() {
    let (gateway, app) = world();
    for target in [
        "//evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/a?b=//evil.example",
        "/a?rd=//evil.example&rd=x",
        "/a#//evil.example",
        "/https://evil.example",
        "/@evil.example",
        "/.evil.example",
        "/a%0d%0aLocation:%20x",
        "/a?%0d%0aLocation:%20x",
    ] {
        let answer = gateway.request("GET", target).navigate("none").send();
        if answer.status == 400 {
            continue;
        }
        assert_eq!(answer.status, 303, "{target}: {answer}");
        let location = only_location(&answer);
        assert!(location.starts_with("/login?rd=/"), "{target}: {answer}");
        // Where the form leads once somebody has signed in.
        let back = gateway.get(&location, &gateway.alice());
        assert_stays(
            &gateway,
            target.split('#').next().unwrap(),
            &only_location(&back),
        );
        for site in ["cross-site", "same-origin"] {
            let page = gateway.request("GET", target).navigate(site).send();
            let evil = page.text().contains("url=//") || page.text().contains("url=http");
            assert!(!evil, "{target}: {page}");
        }
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_real_browser_stays_here() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let mut client = Client::new(&gateway);
    let mut locations: Vec<_> = tricks().chain(their_list().unwrap_or_default()).collect();
    for wanted in &mut locations {
        *wanted = client.straight_on("rd", wanted, &cookie);
    }
    browser.goto(&format!("{}/login", gateway.origin()));
    let away = browser.script(&format!(
        "return {}.filter(to => new URL(to, location.href).origin !== location.origin)",
        json!(locations)
    ));
    assert_eq!(away, json!([]), "the browser would leave");
    // And for real, with the form.
    for wanted in [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
    ] {
        browser.devtools("Network.clearBrowserCookies", &json!({}));
        browser.goto(&format!("{}/login?rd={}", gateway.origin(), encode(wanted)));
        browser.type_into("#username", "alice");
        browser.type_into("#password", "wonderland");
        browser.click("button");
        crate::support::until("the browser to be signed in", || {
            browser.url() == format!("{}/", gateway.origin())
        });
    }
}
