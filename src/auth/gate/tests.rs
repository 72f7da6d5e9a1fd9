//! The gate without a socket: the order of checks, the decision table of refusals,
//! CORS and CSRF, sessions.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::auth::claims::Claims;
use crate::auth::cors::{Cors, CorsSettings};
use crate::auth::csrf::CsrfMode;
use crate::auth::policy::{Hosts, Sizes};
use crate::auth::ports::Tokens;
use crate::auth::redirect::CrossSiteNavigation;
use crate::auth::test_support::{Ended, FACTS, NOW, PlainTokens, policy_with, user};
use crate::domain::cookie::CookieStyle;
use crate::domain::id::SessionId;
use crate::domain::origin::{Authority, Origin, Scheme};
use crate::domain::request::RequestFacts;

pub(super) fn policy() -> Policy {
    policy_with(
        vec![user("1001", "alice", &["admin"]), user("1002", "bob", &[])],
        |_| {},
    )
}

pub(super) fn claims(id: &str) -> Claims {
    Claims {
        iss: "doorward".into(),
        aud: "doorward".into(),
        sub: id.into(),
        name: "x".into(),
        roles: vec!["admin".into()],
        iat: NOW.secs() - 10,
        nbf: NOW.secs() - 10,
        exp: NOW.secs() + 890,
        jti: "j".into(),
        sid: SessionId::new(NOW, [1; 10]).to_string(),
        generation: 0,
        ver: "0.hash".into(),
    }
}

pub(super) fn cookie_of(claims: &Claims) -> String {
    format!("__Host-doorward={}", PlainTokens.sign(claims).unwrap())
}

pub(super) fn bob() -> String {
    cookie_of(&claims("1002"))
}

/// A request as a test writes it.
pub(super) struct Ask {
    pub(super) method: Method,
    target: &'static str,
    headers: HeaderMap,
    facts: RequestFacts,
}

pub(super) fn ask(method: &str, target: &'static str, headers: &[(&str, &str)]) -> Ask {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    Ask {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        target,
        headers: map,
        facts: FACTS.clone(),
    }
}

impl Ask {
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        );
        self
    }

    pub(super) fn set_length(&mut self, length: u64) {
        self.facts.content_length = Some(length);
    }

    pub(super) fn view(&self) -> RequestView<'_> {
        let target = self.target.as_bytes();
        RequestView::new(&self.method, target, &self.headers, &self.facts)
    }

    pub(super) fn verdict(&self, policy: &Policy) -> Verdict {
        policy.decide(&self.view(), NOW)
    }

    /// One word for the outcome.
    pub(super) fn outcome(&self, policy: &Policy) -> String {
        let decision = match self.verdict(policy).step {
            Step::Decided(decision) => decision,
            Step::Renew(ticket) => return format!("renew {}", ticket.refresh().generation),
        };
        match decision {
            Decision::Deny(denial, shown) => {
                let shown = match shown {
                    Presentation::Problem => "problem".to_owned(),
                    Presentation::BasicChallenge => "basic".to_owned(),
                    Presentation::Page => "page".to_owned(),
                    Presentation::Frame { location } => format!("frame {location}"),
                    Presentation::Login { location } => format!("303 {location}"),
                    Presentation::Bounce { target } => format!("bounce {target}"),
                    Presentation::Confirm { target } => format!("confirm {target}"),
                };
                format!("{} {shown}", denial.code())
            }
            Decision::Serve(endpoint, _) => format!("{:?}", endpoint.id),
            Decision::Forward(pass) => match pass.session() {
                Some(session) => format!("as {}", session.principal.user.identity.id),
                None => "anonymous".to_owned(),
            },
        }
    }
}

const NAVIGATE: [(&str, &str); 3] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

pub(super) fn navigate(method: &str, target: &'static str, site: &str) -> Ask {
    let [mode, dest, _] = NAVIGATE;
    ask(method, target, &[mode, dest, ("sec-fetch-site", site)])
}

#[test]
fn the_order_of_checks_is_path_origin_rules_session_role_csrf() {
    let policy = policy();
    // One request that every check would refuse; each step mends one thing.
    let foreign = ("origin", "https://evil.example");
    let steps = [
        (
            ask("POST", "/admin/../x", &[foreign]),
            "path_ambiguous problem",
        ),
        (
            ask("POST", "/never", &[foreign]),
            "origin_not_allowed problem",
        ),
        (ask("POST", "/never", &[]), "forbidden problem"),
        (ask("POST", "/admin/x", &[]), "session_required problem"),
        (
            ask(
                "POST",
                "/admin/x",
                &[("cookie", &bob()), ("sec-fetch-site", "cross-site")],
            ),
            "forbidden problem",
        ),
        (
            ask(
                "POST",
                "/x",
                &[("cookie", &bob()), ("sec-fetch-site", "cross-site")],
            ),
            "csrf_failed problem",
        ),
        (
            ask(
                "POST",
                "/x",
                &[("cookie", &bob()), ("sec-fetch-site", "same-origin")],
            ),
            "as 1002",
        ),
    ];
    for (request, expected) in steps {
        assert_eq!(
            request.outcome(&policy),
            expected,
            "{} {}",
            request.method,
            request.target
        );
    }
}

#[test]
fn the_decision_table_of_refusals() {
    let policy = policy();
    let html = ("accept", "text/html,*/*;q=0.8");
    let other = ("cookie", "theme=dark; __Host-doorward-csrf=x");
    let bad = ("cookie", "__Host-doorward=garbage");
    let refresh = ("cookie", "__Host-doorward-refresh=r");
    for (request, expected) in [
        (
            navigate("GET", "/a?b=c&d", "none"),
            "session_required 303 /login?rd=/a%3Fb%3Dc%26d",
        ),
        (
            navigate("HEAD", "/a", "none"),
            "session_required 303 /login?rd=/a",
        ),
        (
            navigate("GET", "/a", "same-origin"),
            "session_required 303 /login?rd=/a",
        ),
        (
            navigate("GET", "/a?b", "cross-site"),
            "session_required bounce /a?b",
        ),
        (
            navigate("GET", "/a", "cross-site").with(other.0, other.1),
            "session_required bounce /a",
        ),
        (
            navigate("GET", "/a", "cross-site").with(bad.0, bad.1),
            "session_invalid 303 /login?rd=/a",
        ),
        (
            navigate("GET", "/a", "cross-site").with(refresh.0, refresh.1),
            "session_required 303 /login?rd=/a",
        ),
        (
            navigate("HEAD", "/a", "cross-site"),
            "session_required 303 /login?rd=/a",
        ),
        (
            navigate("GET", "/a", "same-site"),
            "session_required 303 /login?rd=/a",
        ),
        (
            navigate("POST", "/a", "same-origin"),
            "session_required page",
        ),
        (
            navigate("POST", "/a", "cross-site"),
            "session_required page",
        ),
        (
            navigate("PUT", "/a", "same-origin"),
            "session_required page",
        ),
        (
            ask(
                "GET",
                "/a",
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                    ("sec-fetch-site", "cross-site"),
                ],
            ),
            "session_required problem",
        ),
        (
            ask(
                "GET",
                "/a",
                &[
                    ("sec-fetch-mode", "cors"),
                    ("sec-fetch-dest", "empty"),
                    html,
                ],
            ),
            "session_required problem",
        ),
        (
            ask("GET", "/a", &[html]),
            "session_required 303 /login?rd=/a",
        ),
        (
            ask("HEAD", "/a", &[html]),
            "session_required 303 /login?rd=/a",
        ),
        (ask("POST", "/a", &[html]), "session_required problem"),
        (
            ask("GET", "/a", &[html, ("x-requested-with", "XMLHttpRequest")]),
            "session_required problem",
        ),
        (
            ask("GET", "/a", &[("accept", "application/json")]),
            "session_required problem",
        ),
        (ask("GET", "/a", &[]), "session_required problem"),
        (ask("GET", "/a", &[bad]), "session_invalid problem"),
        (navigate("GET", "/never", "none"), "forbidden page"),
        (ask("GET", "/never", &[]), "forbidden problem"),
    ] {
        assert_eq!(
            request.outcome(&policy),
            expected,
            "{} {} {:?}",
            request.method,
            request.target,
            request.headers
        );
    }
}

#[test]
fn cross_site_navigation_has_three_choices() {
    for (choice, same_site, expected) in [
        (
            CrossSiteNavigation::Bounce,
            SameSite::Strict,
            "session_required bounce /a",
        ),
        (
            CrossSiteNavigation::Confirm,
            SameSite::Strict,
            "session_required confirm /a",
        ),
        (
            CrossSiteNavigation::Login,
            SameSite::Strict,
            "session_required 303 /login?rd=/a",
        ),
        (
            CrossSiteNavigation::Bounce,
            SameSite::Lax,
            "session_required 303 /login?rd=/a",
        ),
    ] {
        let policy = policy_with(vec![], |p| {
            p.session.cross_site_navigation = choice;
            p.cookies = CookieStyle::new("doorward", None, same_site, false);
        });
        assert_eq!(
            navigate("GET", "/a", "cross-site").outcome(&policy),
            expected
        );
    }
}

#[test]
fn what_the_cookie_amounts_to() {
    let policy = policy();
    let with = |change: fn(&mut Claims)| {
        let mut c = claims("1002");
        change(&mut c);
        cookie_of(&c)
    };
    for (name, cookie, on_private, on_public) in [
        ("good", bob(), "as 1002", "as 1002"),
        (
            "expired",
            with(|c| c.exp = NOW.secs()),
            "session_expired problem",
            "anonymous",
        ),
        (
            "unknown user",
            with(|c| c.sub = "9".into()),
            "session_revoked problem",
            "anonymous",
        ),
        (
            "old version",
            with(|c| c.ver = "1.hash".into()),
            "session_revoked problem",
            "anonymous",
        ),
        (
            "other password",
            with(|c| c.ver = "0.other".into()),
            "session_revoked problem",
            "anonymous",
        ),
        (
            "from the future",
            with(|c| c.iat = NOW.secs() + 6),
            "session_invalid problem",
            "anonymous",
        ),
        (
            "other audience",
            with(|c| c.aud = "x".into()),
            "session_invalid problem",
            "anonymous",
        ),
        (
            "garbage",
            "__Host-doorward=zz".into(),
            "session_invalid problem",
            "anonymous",
        ),
        (
            "empty",
            "__Host-doorward=".into(),
            "session_required problem",
            "anonymous",
        ),
        (
            "twice",
            format!("{}; {}", bob(), bob()),
            "session_required problem",
            "anonymous",
        ),
        (
            "other case",
            bob().replace("__Host", "__host"),
            "session_required problem",
            "anonymous",
        ),
        (
            "as refresh",
            bob().replace("doorward=", "doorward-refresh="),
            "session_required problem",
            "anonymous",
        ),
    ] {
        let request = ask("GET", "/x", &[("cookie", &cookie)]);
        assert_eq!(request.outcome(&policy), on_private, "{name}");
        let request = ask("GET", "/public/x", &[("cookie", &cookie)]);
        assert_eq!(
            request.outcome(&policy),
            on_public,
            "{name} on a public path"
        );
    }
}

#[test]
fn roles_are_todays_not_the_tokens() {
    // The token of bob claims the role admin; the directory knows better.
    let policy = policy();
    let bob = ask("GET", "/admin/x", &[("cookie", &bob())]);
    assert_eq!(bob.outcome(&policy), "forbidden problem");
    let alice = ask(
        "GET",
        "/admin/x",
        &[("cookie", &cookie_of(&claims("1001")))],
    );
    assert_eq!(alice.outcome(&policy), "as 1001");
}

#[test]
fn ended_and_disabled_sessions_are_revoked() {
    let ended = Ended::default();
    ended.0.lock().unwrap().push(SessionId::new(NOW, [1; 10]));
    let revoked = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.revoked = Arc::new(ended)
    });
    assert_eq!(
        ask("GET", "/x", &[("cookie", &bob())]).outcome(&revoked),
        "session_revoked problem"
    );
    let mut off = user("1002", "bob", &[]);
    off.disabled = true;
    let disabled = policy_with(vec![off], |_| {});
    assert_eq!(
        ask("GET", "/x", &[("cookie", &bob())]).outcome(&disabled),
        "session_revoked problem"
    );
}

#[test]
fn who_is_heard() {
    let policy = policy();
    let same = ("sec-fetch-site", "same-origin");
    for (headers, expected) in [
        (&[][..], "as 1002"),
        (&[("origin", "https://app.example")], "as 1002"),
        (
            &[("origin", "https://app.example:443")],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "http://app.example")],
            "origin_not_allowed problem",
        ),
        (&[("origin", "http://app.example"), same], "as 1002"),
        (&[("origin", "https://spa.example")], "as 1002"),
        (
            &[("origin", "https://SPA.example")],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "https://spa.example/")],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "https://spa.example.evil.example")],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "https://evil.example")],
            "origin_not_allowed problem",
        ),
        (&[("origin", "null")], "origin_not_allowed problem"),
        (&[("origin", "null"), same], "as 1002"),
        (
            &[("origin", "https://caf\u{e9}.example")],
            "origin_not_allowed problem",
        ),
        (
            &[
                ("origin", "https://spa.example"),
                ("origin", "https://app.example"),
            ],
            "origin_not_allowed problem",
        ),
        (&[("origin", "")], "origin_not_allowed problem"),
    ] {
        let request = ask("GET", "/x", headers).with("cookie", &bob());
        assert_eq!(request.outcome(&policy), expected, "{headers:?}");
    }
}

#[test]
fn with_public_url_ours_is_that_alone() {
    let policy = policy_with(vec![user("1002", "bob", &[])], |p| {
        let ours = Origin::parse(b"https://app.example").unwrap();
        p.cors = Cors::new(Some(&ours), &CorsSettings::default());
        p.hosts = Some(Hosts {
            scheme: Scheme::Https,
            served: vec![Authority::parse(b"app.example").unwrap()],
        });
    });
    for (headers, expected) in [
        (&[("origin", "https://app.example")][..], "as 1002"),
        (
            &[
                ("origin", "https://other.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            "as 1002",
        ),
    ] {
        let request = ask("GET", "/x", headers).with("cookie", &bob());
        assert_eq!(request.outcome(&policy), expected, "{headers:?}");
    }
    for (host, expected) in [
        (&b"app.example"[..], "as 1002"),
        (b"APP.example:443", "as 1002"),
        (b"app.example:80", "wrong_host problem"),
        (b"evil.example", "wrong_host problem"),
    ] {
        let mut request = ask("GET", "/x", &[("cookie", &bob())]);
        request.facts.host = Host::At(Authority::parse(host).unwrap());
        assert_eq!(request.outcome(&policy), expected, "{host:?}");
    }
}

#[test]
fn preflights_need_no_session_and_other_options_do() {
    let policy = policy();
    let asks = ("access-control-request-method", "PUT");
    for (headers, expected) in [
        (&[("origin", "https://spa.example"), asks][..], "Preflight"),
        (
            &[("origin", "https://evil.example"), asks],
            "origin_not_allowed problem",
        ),
        (
            &[("origin", "https://spa.example")],
            "session_required problem",
        ),
        (&[asks], "session_required problem"),
    ] {
        assert_eq!(
            ask("OPTIONS", "/x", headers).outcome(&policy),
            expected,
            "{headers:?}"
        );
    }
}

#[test]
fn cors_headers_stand_on_refusals_of_allowed_origins_only() {
    let policy = policy();
    let cors = |origin: &str| {
        ask("GET", "/x", &[("origin", origin)])
            .verdict(&policy)
            .cors
    };
    let allowed = cors("https://spa.example");
    assert_eq!(
        allowed["access-control-allow-origin"],
        "https://spa.example"
    );
    assert_eq!(allowed["access-control-allow-credentials"], "true");
    assert!(cors("https://evil.example").is_empty());
    assert!(cors("https://app.example").is_empty());
}

#[test]
fn unsafe_requests_prove_where_they_come_from() {
    let strict = policy();
    let lax = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.cookies = CookieStyle::new("doorward", None, SameSite::Lax, false);
    });
    let off = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.csrf.mode = CsrfMode::Off
    });
    let site = |value| ("sec-fetch-site", value);
    let ours = ("origin", "https://app.example");
    let spa = ("origin", "https://spa.example");
    let ok = "as 1002";
    let failed = "csrf_failed problem";
    for (policy, headers, expected) in [
        (&strict, &[site("same-origin")][..], ok),
        (&strict, &[site("none")], ok),
        (&strict, &[site("same-site")], failed),
        (&strict, &[site("cross-site")], failed),
        (&strict, &[site("nonsense")], failed),
        (&strict, &[site("same-origin"), site("cross-site")], failed),
        (&strict, &[site("cross-site"), spa], ok),
        (&strict, &[site("same-site"), ours], ok),
        (&strict, &[ours], ok),
        (&strict, &[spa], ok),
        (&strict, &[], ok),
        (&lax, &[], failed),
        (&lax, &[ours], ok),
        (&off, &[site("cross-site")], ok),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
            let request = ask(method, "/x", headers).with("cookie", &bob());
            assert_eq!(request.outcome(policy), expected, "{method} {headers:?}");
        }
        let get = ask("GET", "/x", headers).with("cookie", &bob());
        assert_eq!(get.outcome(policy), ok, "GET {headers:?}");
        let login = ask("POST", "/login", headers).outcome(policy);
        let logout = ask("POST", "/logout", headers).outcome(policy);
        assert_eq!(
            logout == "Logout",
            expected == ok,
            "logout with {headers:?}: {logout}"
        );
        // A login is checked in every mode.
        let forged = expected != ok || std::ptr::eq(policy, &off);
        assert_eq!(login == "Login", !forged, "login with {headers:?}: {login}");
    }
    let anonymous = ask("POST", "/public/x", &[site("cross-site")]);
    assert_eq!(
        anonymous.outcome(&strict),
        "anonymous",
        "no cookie, nothing to forge"
    );
    let signed_in = ask("POST", "/public/x", &[site("cross-site")]).with("cookie", &bob());
    assert_eq!(signed_in.outcome(&strict), failed);
}

#[test]
fn our_own_endpoints() {
    let policy = policy();
    for (method, target, expected) in [
        ("GET", "/login", "LoginPage"),
        ("HEAD", "/login?rd=/a", "LoginPage"),
        ("POST", "/login", "Login"),
        ("PUT", "/login", "method_not_allowed problem"),
        ("OPTIONS", "/login", "method_not_allowed problem"),
        ("GET", "/logout", "LogoutPage"),
        ("POST", "/logout", "Logout"),
        ("POST", "/revoke", "Revoke"),
        ("GET", "/revoke", "method_not_allowed problem"),
        ("GET", "/_doorward/session", "WhoAmI"),
        ("GET", "/_doorward/other", "not_found problem"),
        ("GET", "/_doorward", "not_found problem"),
        ("GET", "/_doorwardx", "session_required problem"),
        ("GET", "/login/", "session_required problem"),
        ("GET", "/LOGIN", "session_required problem"),
        ("GET", "/%6cogin", "session_required problem"),
        ("GET", "/.well-known/jwks.json", "session_required problem"),
    ] {
        assert_eq!(
            ask(method, target, &[]).outcome(&policy),
            expected,
            "{method} {target}"
        );
    }
}

#[test]
fn malformed_requests_go_nowhere() {
    let policy = policy();
    let of = |change: fn(&mut Ask)| {
        let mut request = ask("GET", "/x", &[("cookie", &bob())]);
        change(&mut request);
        request.outcome(&policy)
    };
    let bad = "bad_request problem";
    assert_eq!(of(|r| r.facts.host = Host::Missing), bad);
    assert_eq!(of(|r| r.facts.host = Host::Malformed), bad);
    assert_eq!(of(|r| r.facts.framing = Framing::Conflicting), bad);
    assert_eq!(of(|r| r.facts.framing = Framing::UnknownCoding), bad);
    assert_eq!(of(|r| r.facts.framing = Framing::Mended), bad);
    assert_eq!(of(|r| r.facts.framing = Framing::UnknownExpectation), bad);
    assert_eq!(of(|r| r.facts.framing = Framing::MalformedHandshake), bad);
    assert_eq!(of(|r| r.target = "*"), "path_ambiguous problem");
}

#[test]
fn sizes_have_limits() {
    let policy = policy_with(vec![user("1002", "bob", &[])], |p| {
        p.sizes = Sizes {
            header_bytes: 2_000,
            header_count: 5,
            cookie_bytes: 1_500,
            request_body: Some(10),
        };
    });
    let long = "x".repeat(1_600);
    let over = "header_too_large problem";
    assert_eq!(
        ask("GET", "/x", &[("cookie", &bob())]).outcome(&policy),
        "as 1002"
    );
    assert_eq!(
        ask("GET", "/x", &[("a", &long), ("b", &long)]).outcome(&policy),
        over
    );
    assert_eq!(
        ask("GET", "/x", &[("cookie", &long)]).outcome(&policy),
        over
    );
    let many: Vec<_> = (0..6).map(|_| ("a", "b")).collect();
    assert_eq!(ask("GET", "/x", &many).outcome(&policy), over);
    for (length, expected) in [(10, "as 1002"), (11, "payload_too_large problem")] {
        let mut request = ask("POST", "/x", &[("cookie", &bob())]);
        request.facts.content_length = Some(length);
        assert_eq!(request.outcome(&policy), expected, "{length} bytes");
    }
}

#[test]
fn a_pass_carries_the_identity_and_nothing_for_a_visitor() {
    let policy = policy();
    let headers = |request: Ask| match request.verdict(&policy).step {
        Step::Decided(Decision::Forward(pass)) => pass
            .identity_headers()
            .iter()
            .map(|(name, value)| {
                let name = std::str::from_utf8(name).unwrap();
                format!("{name}: {}", value.to_str().unwrap())
            })
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let session = SessionId::new(NOW, [1; 10]);
    assert_eq!(
        headers(ask("GET", "/x", &[("cookie", &bob())])),
        [
            "X-User-Id: 1002".to_owned(),
            format!("X-Session: {session}")
        ]
    );
    assert!(headers(ask("GET", "/public/x", &[])).is_empty());
}
