//! CORS and CSRF in every combination, against an oracle that was written from the words
//! of the outward contract (section 8) and shares no code with the gate.
//!
//! One test a mode of `csrf`; in each, every method by every kind of `Origin`, every
//! `Sec-Fetch-Site`, every cookie and every token, under four settings.

use crate::support::{Conn, Gateway, Request, Response, Upstream, world_with};

const ALLOWED: &str = "https://app.example.com";
const PUBLIC: &str = "https://me.example.com";

/// How the gateway is set up, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Strict,
    Lax,
    Domain,
    PublicUrl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Simple(&'static str),
    Preflight,
    /// A GET that asks for a WebSocket.
    Handshake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Nowhere,
    Ours,
    Allowed,
    Foreign,
    Null,
    Garbage,
    Two,
    BeyondAscii,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookie {
    None,
    Bad,
    Good,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Missing,
    Wrong,
    Right,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    setting: Setting,
    mode: &'static str,
    path: &'static str,
    method: Method,
    from: From,
    site: Option<&'static str>,
    cookie: Cookie,
    token: Token,
}

const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const CLOSED: &str = "/closed";
const OPEN: &str = "/public/x";
const LOGIN: &str = "/login";

const METHODS: [Method; 9] = [
    Method::Simple("GET"),
    Method::Simple("HEAD"),
    Method::Simple("OPTIONS"),
    Method::Preflight,
    Method::Simple("POST"),
    Method::Simple("PUT"),
    Method::Simple("PATCH"),
    Method::Simple("DELETE"),
    Method::Simple("PROPFIND"),
];
const ORIGINS: [From; 8] = [
    From::Nowhere,
    From::Ours,
    From::Allowed,
    From::Foreign,
    From::Null,
    From::Garbage,
    From::Two,
    From::BeyondAscii,
];
const SITES: [Option<&str>; 8] = [
    None,
    Some("same-origin"),
    Some("same-site"),
    Some("cross-site"),
    Some("none"),
    Some("Same-Origin"),
    Some("same-origin, same-origin"),
    Some("nonsense"),
];
const TICKETS: [(Cookie, Token); 5] = [
    (Cookie::None, Token::Missing),
    (Cookie::Bad, Token::Missing),
    (Cookie::Good, Token::Missing),
    (Cookie::Good, Token::Wrong),
    (Cookie::Good, Token::Right),
];

/// What the contract promises: the status and the code of the problem, if it is one.
fn oracle(case: &Case) -> (u16, &'static str) {
    if case.from != From::Nowhere && !is_ours(case) && case.from != From::Allowed {
        return (403, "origin_not_allowed");
    }
    if case.method == Method::Preflight && case.from != From::Nowhere {
        return (204, "");
    }
    let safe = !matches!(case.method, Method::Simple(name) if !SAFE.contains(&name));
    let admitted = if case.method == Method::Handshake {
        101
    } else {
        200
    };
    if case.path == LOGIN {
        // Always by origin, and never by token; then there is no body to read.
        let meant = meant_by_origin(case);
        return if meant {
            (415, "unsupported_media_type")
        } else {
            (403, "csrf_failed")
        };
    }
    match case.cookie {
        Cookie::None if case.path == CLOSED => return (401, "session_required"),
        Cookie::Bad if case.path == CLOSED => return (401, "session_invalid"),
        // Anonymous: there is nothing to forge.
        Cookie::None | Cookie::Bad => return (admitted, ""),
        Cookie::Good => {}
    }
    let token = case.token == Token::Right;
    let meant = match case.mode {
        "origin" => meant_by_origin(case),
        "token" => token,
        "both" => meant_by_origin(case) && token,
        _ => true,
    };
    if !safe && !meant {
        return (403, "csrf_failed");
    }
    (admitted, "")
}

/// "Ours is `public_url`. While that is null, an `Origin` is ours when `Sec-Fetch-Site` says
/// `same-origin`, or when its scheme and its host and port equal the request's Host.
/// `Origin: null` is ours only together with `Sec-Fetch-Site: same-origin`."
fn is_ours(case: &Case) -> bool {
    let same_origin = case.site == Some("same-origin");
    match case.from {
        From::Ours => true,
        From::Null => same_origin,
        From::Allowed | From::Foreign => same_origin && case.setting != Setting::PublicUrl,
        // What is not the origin of anything, or of two, is nobody's.
        From::Nowhere | From::Garbage | From::Two | From::BeyondAscii => false,
    }
}

/// "`Sec-Fetch-Site` `same-origin` or `none` passes; else the Origin must be ours or allowed;
/// with neither header it passes only while cookies are Strict and have no domain."
fn meant_by_origin(case: &Case) -> bool {
    let confined = matches!(case.setting, Setting::Strict | Setting::PublicUrl);
    match (case.site, case.from) {
        (Some("same-origin" | "none"), _) => true,
        (_, From::Allowed) => true,
        (None, From::Nowhere) => confined,
        (_, From::Nowhere) => false,
        _ => is_ours(case),
    }
}

/// A gateway with one setting, a session, and a connection that is kept.
struct World {
    setting: Setting,
    mode: &'static str,
    gateway: Gateway,
    app: Upstream,
    connection: Option<Conn>,
    cookie: String,
    token: String,
}

impl World {
    fn new(setting: Setting, mode: &'static str) -> Self {
        let yaml = match setting {
            Setting::Strict => "",
            Setting::Lax => "cookies: { same_site: lax }\n",
            Setting::Domain => "cookies: { domain: example.com }\n",
            Setting::PublicUrl => "public_url: https://me.example.com\n",
        };
        let (gateway, app) = world_with(&format!(
            "{yaml}csrf: {{ mode: {mode} }}\ncors: {{ allowed_origins: [{ALLOWED:?}] }}\n\
             rules: [{{ path: /public/**, access: public }}]\n"
        ));
        let mut world = Self {
            setting,
            mode,
            gateway,
            app,
            connection: None,
            cookie: String::new(),
            token: "no mode of tokens".into(),
        };
        let form = "username=alice&password=wonderland";
        let login = world.request("POST", LOGIN).header("Origin", world.own());
        let answer = login.form(form).send();
        assert_eq!(answer.status, 303, "{answer}");
        for cookie in answer.cookies() {
            if cookie.name.ends_with("doorward") {
                world.cookie = format!("{}={}", cookie.name, cookie.value);
            }
            if cookie.name.ends_with("-csrf") {
                world.token = cookie.value;
            }
        }
        world
    }

    fn own(&self) -> String {
        match self.setting {
            Setting::PublicUrl => PUBLIC.into(),
            _ => self.gateway.origin(),
        }
    }

    fn request(&self, method: &str, path: &str) -> Request {
        let request = self.gateway.request(method, path);
        match self.setting {
            Setting::PublicUrl => request.header("Host", "me.example.com"),
            _ => request,
        }
    }

    fn build(&self, case: &Case) -> Request {
        let method = match case.method {
            Method::Simple(method) => method,
            Method::Preflight => "OPTIONS",
            Method::Handshake => "GET",
        };
        let mut request = self.request(method, case.path);
        if case.method == Method::Preflight {
            request = request
                .header("Access-Control-Request-Method", "BREW")
                .header("Access-Control-Request-Headers", "x-evil, *");
        }
        if case.method == Method::Handshake {
            request = request.fields(&[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]);
        }
        request = match case.from {
            From::Nowhere => request,
            From::Ours => request.header("Origin", self.own()),
            From::Allowed => request.header("Origin", ALLOWED),
            From::Foreign => request.header("Origin", "https://evil.example"),
            From::Null => request.header("Origin", "null"),
            From::Garbage => request.header("Origin", "https://app.example.com/"),
            From::Two => request
                .header("Origin", ALLOWED)
                .header("Origin", self.own()),
            From::BeyondAscii => request.header("Origin", b"https://app.example.com\xff"),
        };
        if let Some(site) = case.site {
            request = request.header("Sec-Fetch-Site", site);
        }
        request = match case.cookie {
            Cookie::None => request,
            Cookie::Bad => request.cookie(&format!("{}x", self.cookie)),
            Cookie::Good => request.cookie(&self.cookie),
        };
        match case.token {
            Token::Missing => request,
            Token::Wrong => request.header("X-CSRF-Token", format!("{}x", self.token)),
            Token::Right => request.header("X-CSRF-Token", &self.token),
        }
    }

    fn send(&mut self, request: &Request) -> Response {
        if let Some(connection) = &mut self.connection
            && let Ok(answer) = request.try_send_on(connection)
        {
            return answer;
        }
        // A refusal may have ended the connection.
        let mut connection = self.gateway.connect();
        let answer = request.send_on(&mut connection);
        self.connection = Some(connection);
        answer
    }

    #[track_caller]
    fn check(&mut self, case: &Case) {
        let request = self.build(case);
        let before = self.app.count();
        let answer = self.send(&request);
        let (status, code) = oracle(case);
        assert_eq!(answer.status, status, "{case:?}\n{request:?}\n{answer}");
        if case.method != Method::Simple("HEAD") {
            assert_eq!(answer.code(), code, "{case:?}\n{request:?}\n{answer}");
        }
        if status == 204 {
            let listed = answer.header("access-control-allow-methods");
            let listed = listed.unwrap_or_default();
            assert_eq!(listed, "GET, HEAD, POST, PUT, PATCH, DELETE", "{answer}");
            let headers = answer.header("access-control-allow-headers");
            assert_eq!(
                headers.as_deref(),
                Some("content-type, x-csrf-token"),
                "{answer}"
            );
        }
        if status == 101 {
            self.connection = None;
        }
        let forwarded = usize::from(matches!(status, 101 | 200));
        assert_eq!(
            self.app.count() - before,
            forwarded,
            "refused and yet forwarded, or lost: {case:?}"
        );
        let told = |name: &str, value: &str| {
            let expected = (case.from == From::Allowed).then(|| value.to_owned());
            let got = answer.all(name);
            let expected: Vec<_> = expected.into_iter().collect();
            assert_eq!(got, expected, "{case:?}\n{request:?}\n{answer}");
        };
        told("access-control-allow-origin", ALLOWED);
        told("access-control-allow-credentials", "true");
        assert!(
            answer.lists("vary", "Origin"),
            "a cache could mix origins: {case:?}\n{answer}"
        );
    }
}

/// Every combination under one mode.
fn assert_table(mode: &'static str) {
    let mut asked = 0;
    for setting in [
        Setting::Strict,
        Setting::Lax,
        Setting::Domain,
        Setting::PublicUrl,
    ] {
        let mut world = World::new(setting, mode);
        for (path, methods, tickets) in [
            (CLOSED, &METHODS[..], &TICKETS[..]),
            (
                OPEN,
                &[Method::Simple("GET"), Method::Simple("POST")],
                &TICKETS,
            ),
            (CLOSED, &[Method::Handshake], &TICKETS[..3]),
            (
                LOGIN,
                &[Method::Preflight, Method::Simple("POST")],
                &TICKETS,
            ),
        ] {
            for &method in methods {
                for from in ORIGINS {
                    for site in SITES {
                        for &(cookie, token) in tickets {
                            // Half a preflight is one for a method that login has not.
                            if path == LOGIN && method == Method::Preflight && from == From::Nowhere
                            {
                                continue;
                            }
                            world.check(&Case {
                                setting: world.setting,
                                mode: world.mode,
                                path,
                                method,
                                from,
                                site,
                                cookie,
                                token,
                            });
                            asked += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(asked > 16_000, "the table has {asked} rows only");
}

#[test]
fn every_combination_with_csrf_by_origin() {
    assert_table("origin");
}

#[test]
fn every_combination_with_csrf_by_token() {
    assert_table("token");
}

#[test]
fn every_combination_with_csrf_by_both() {
    assert_table("both");
}

#[test]
fn every_combination_with_csrf_off() {
    assert_table("off");
}
