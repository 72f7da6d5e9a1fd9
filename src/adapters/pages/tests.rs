//! What no page may ever do, for every page at once.

use std::time::Duration;

use http::StatusCode;

use super::*;
use super::{Branding, Logo};
use crate::auth::policy::Paths;
use crate::auth::stored::{Extra, StoredSession};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;

fn paths() -> Paths {
    Paths {
        login: "/login".into(),
        logout: "/logout".into(),
        refresh: "/refresh".into(),
        revoke: "/revoke".into(),
        prefix: "/_doorward".into(),
        jwks: "/.well-known/jwks.json".into(),
    }
}

/// A session of a device that calls itself this, signed in `age` before the given time.
fn session(agent: &str, random: u8, now: Timestamp, age: Duration) -> StoredSession {
    let created = now.before(age);
    StoredSession {
        id: SessionId::new(created, [random; 10]),
        user: UserId::new("1001"),
        version: "1".into(),
        idle: Duration::from_secs(12 * 3600),
        ends: created.after(Duration::from_secs(7 * 86_400)),
        generation: 0,
        renewed: created,
        seen: None,
        used: None,
        token_until: created,
        client: "2001:db8:85a3:8d3:1319:8a2e:370:7348".parse().unwrap(),
        agent: agent.into(),
        extra: Extra::default(),
    }
}

/// The page of a person with these sessions, seen with the first of them.
fn sessions(sessions: &[StoredSession], text: &str, done: Option<Ended>) -> Html {
    pages(text, None).sessions(&SessionsView {
        name: text,
        sessions,
        current: sessions[0].id,
        more: 3,
        done,
        csrf_token: text,
        now: NOW,
    })
}

/// 21 Nov 2026, 16:20:59 UTC.
const NOW: Timestamp = Timestamp::from_millis(1_795_278_059_000);

fn pages(title: &str, logo: Option<Logo>) -> Pages {
    let shown = Branding {
        title: title.into(),
        logo,
    };
    Pages::new(&shown, &paths(), Some(Duration::from_secs(30 * 24 * 3600)))
}

/// One of each page, with the same hostile or harmless text wherever text goes.
fn gallery(text: &str) -> Vec<(&'static str, Html)> {
    let pages = pages(text, None);
    let filled = LoginView {
        rd: text,
        username: text,
        ..LoginView::default()
    };
    let failed = |error| LoginView {
        error: Some(error),
        ..filled.clone()
    };
    let refusal = |status, code| ErrorView {
        status,
        code,
        request_id: None,
        action: None,
    };
    vec![
        ("login", pages.login(&LoginView::default())),
        ("login-filled", pages.login(&filled)),
        (
            "login-wrong",
            pages.login(&failed(LoginError::BadCredentials)),
        ),
        (
            "login-locked",
            pages.login(&failed(LoginError::TooManyAttempts {
                retry_after: Duration::from_secs(300),
            })),
        ),
        (
            "login-locked-unknown",
            pages.login(&failed(LoginError::UnknownBrowser {
                retry_after: Duration::from_secs(300),
            })),
        ),
        ("login-busy", pages.login(&failed(LoginError::Overloaded))),
        (
            "login-unavailable",
            pages.login(&failed(LoginError::Unavailable)),
        ),
        (
            "login-insecure",
            pages.login(&LoginView {
                obstacle: Some(&Obstacle::PlainHttp),
                ..LoginView::default()
            }),
        ),
        (
            "login-untrusted-proxy",
            pages.login(&LoginView {
                obstacle: Some(&Obstacle::UntrustedProxy {
                    browser: "https://app.example.com".into(),
                    ours: "http://app.example.com".into(),
                }),
                ..LoginView::default()
            }),
        ),
        (
            "login-box-ticked",
            pages.login(&LoginView {
                remember_me: true,
                ..filled.clone()
            }),
        ),
        ("logout", pages.logout(text)),
        (
            "sessions",
            sessions(
                &[
                    session(text, 1, NOW, Duration::ZERO),
                    session(&format!("Mozilla/5.0 {text}"), 2, NOW, Duration::ZERO),
                ],
                text,
                Some(Ended::One),
            ),
        ),
        ("whoami", pages.whoami(text, &[(text.into(), text.into())])),
        ("bounce", pages.bounce(&format!("/{text}"))),
        ("confirm", pages.confirm(&format!("/{text}"))),
        ("error-text", pages.error(&refusal(400, text))),
        ("error-forbidden", pages.error(&refusal(403, "forbidden"))),
        (
            "error-upstream",
            pages.error(&refusal(502, "upstream_unreachable")),
        ),
        (
            "error-internal",
            pages.error(&refusal(500, "internal_error")),
        ),
        (
            "error-action",
            pages.error(&ErrorView {
                status: 401,
                code: "session_expired",
                request_id: None,
                action: Some((text, text)),
            }),
        ),
    ]
}

#[test]
fn no_page_has_a_script_or_loads_anything() {
    for (name, html) in gallery("plain") {
        let body = html.body.to_ascii_lowercase();
        for banned in [
            "<script",
            "javascript:",
            " on",
            "<iframe",
            "<object",
            "style=",
            "@import",
            "url(",
        ] {
            let found = if banned == " on" {
                ["onclick", "onload", "onerror", "onfocus"]
                    .iter()
                    .any(|on| body.contains(on))
            } else {
                body.contains(banned)
            };
            assert!(!found, "{name} contains {banned}");
        }
    }
}

const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}&lt;\u{202e}";

#[test]
fn whatever_a_client_or_an_operator_writes_stays_text() {
    for (name, html) in gallery(HOSTILE) {
        for raw in ["<script", "<img src=x", "'><", "\"'>"] {
            assert!(!html.body.contains(raw), "{name} lets {raw} through");
        }
        let plain = gallery("plain")
            .into_iter()
            .find(|(other, _)| *other == name);
        let tags = |body: &str| body.matches('<').count();
        assert_eq!(
            plain.map(|(_, html)| tags(&html.body)),
            Some(tags(&html.body)),
            "{name} has other tags when the text is hostile"
        );
    }
}

#[test]
fn the_policy_admits_the_style_that_is_in_the_page_and_no_other() {
    for (name, html) in gallery("plain") {
        let style = html
            .body
            .split_once("<style>")
            .and_then(|(_, rest)| rest.split_once("</style>"))
            .map(|(style, _)| style)
            .unwrap();
        let hash = STANDARD.encode(aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            style.as_bytes(),
        ));
        let csp = html.csp.to_str().unwrap();
        assert!(
            csp.contains(&format!("style-src 'sha256-{hash}';")),
            "{name}: {csp}"
        );
        assert!(!csp.contains("unsafe"), "{name}: {csp}");
        assert_eq!(html.body.matches("<style").count(), 1, "{name}");
        // A browser hashes what is left after it has made every line end a line feed.
        assert!(!style.contains(['\r', '<']), "{name}");
    }
}

#[test]
fn every_page_goes_out_with_its_headers() {
    for (name, html) in gallery("plain") {
        let passing = ["bounce", "confirm"].contains(&name);
        let reply = html.into_reply(StatusCode::OK);
        let header = |header: &str| reply.headers.get(header).map(|v| v.to_str().unwrap());
        let csp = header("content-security-policy").unwrap();
        for directive in [
            "default-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(csp.contains(directive), "{name}: {csp}");
        }
        assert_eq!(
            header("content-type"),
            Some("text/html; charset=utf-8"),
            "{name}"
        );
        assert_eq!(header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(header("referrer-policy"), Some("same-origin"), "{name}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(header("x-frame-options"), Some("DENY"), "{name}");
        assert_eq!(
            header("cross-origin-opener-policy"),
            (!passing).then_some("same-origin"),
            "{name}: the app may need its opener, a login never does"
        );
    }
}

#[test]
fn every_page_is_a_whole_document_for_everybody() {
    for (name, html) in gallery("plain") {
        for part in [
            "<!doctype html>\n<html lang=\"en\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"color-scheme\" content=\"light dark\">",
            "<meta name=\"robots\" content=\"noindex, nofollow\">",
            "<main",
            "</html>",
        ] {
            assert!(html.body.contains(part), "{name} lacks {part}");
        }
        assert_eq!(html.body.matches("<h1>").count(), 1, "{name}");
        assert!(html.body.matches(" autofocus").count() <= 1, "{name}");
    }
}

#[test]
fn a_password_manager_finds_its_fields() {
    let html = pages("Sign in", None).login(&LoginView {
        rd: "/a?b=1&c=2",
        ..LoginView::default()
    });
    // No address of its own: a browser keeps the fragment of the one that it shows.
    let form = "<form method=\"post\">";
    assert!(html.body.contains(form), "{}", html.body);
    assert!(
        html.body
            .contains("<input type=\"hidden\" name=\"rd\" value=\"/a?b=1&#38;c=2\">")
    );
    for (id, wanted) in [
        (
            "username",
            [
                "autocomplete=\"username\"",
                "autocapitalize=\"none\"",
                "spellcheck=\"false\"",
                "required",
            ],
        ),
        (
            "password",
            [
                "autocomplete=\"current-password\"",
                "type=\"password\"",
                "name=\"password\"",
                "required",
            ],
        ),
    ] {
        assert!(
            html.body.contains(&format!("<label for=\"{id}\">")),
            "{id} has no label"
        );
        let field = input(&html.body, id);
        for attribute in wanted {
            assert!(field.contains(attribute), "{id} lacks {attribute}: {field}");
        }
    }
}

#[test]
fn focus_and_description_are_where_the_trouble_is() {
    let pages = pages("Sign in", None);
    let first = pages.login(&LoginView::default()).body;
    assert!(input(&first, "username").contains("autofocus"));
    assert!(!first.contains("aria-invalid=") && !first.contains("role="));
    assert!(first.contains("<title>Sign in</title>"));

    let retry = |error| {
        pages
            .login(&LoginView {
                username: "alice",
                error: Some(error),
                ..LoginView::default()
            })
            .body
    };
    let wrong = retry(LoginError::BadCredentials);
    assert!(wrong.contains("<title>Error: Sign in</title>"));
    assert!(wrong.contains("id=\"message\" role=\"alert\">Wrong username or password.<"));
    assert!(input(&wrong, "password").contains("autofocus"));
    for id in ["username", "password"] {
        assert!(input(&wrong, id).contains("aria-invalid=\"true\""), "{id}");
        assert!(
            input(&wrong, id).contains("aria-describedby=\"message\""),
            "{id}"
        );
    }

    let locked = retry(LoginError::TooManyAttempts {
        retry_after: Duration::from_secs(300),
    });
    assert!(locked.contains("Too many attempts. Try again in 5 minutes."));
    assert!(
        !locked.contains("aria-invalid="),
        "a lock says nothing about what was typed"
    );
}

#[test]
fn the_page_says_why_a_cookie_cannot_stay() {
    let html = pages("Sign in", None).login(&LoginView {
        obstacle: Some(&Obstacle::PlainHttp),
        ..LoginView::default()
    });
    assert!(html.body.contains("Signing in cannot work here."));
    assert!(html.body.contains("insecure.cookies_over_http"));
    assert!(input(&html.body, "username").contains("aria-describedby=\"obstacle\""));
}

#[test]
fn signing_out_is_one_button_and_a_post() {
    let html = pages("Sign in", None).logout("");
    assert!(
        html.body
            .contains("<form method=\"post\" action=\"/logout\">")
    );
    assert_eq!(html.body.matches("<button").count(), 1);
    let link = "<a href=\"/_doorward/sessions\">Your sessions</a>";
    assert!(html.body.contains(link), "{}", html.body);
    assert!(
        !html.body.contains("autofocus"),
        "a stray Enter would sign out"
    );
}

#[test]
fn the_box_has_a_label_and_is_there_only_when_it_does_something() {
    let pages = pages("Sign in", None);
    let form = pages.login(&LoginView::default()).body;
    let label = "<label for=\"remember_me\">Keep me signed in for 30 days</label>";
    assert!(form.contains(label), "{form}");
    let field = input(&form, "remember_me");
    for attribute in [
        "type=\"checkbox\"",
        "name=\"remember_me\"",
        "value=\"true\"",
    ] {
        assert!(field.contains(attribute), "{field}");
    }
    assert!(!field.contains("checked"), "nobody asked for it: {field}");
    let order = ["id=\"password\"", "id=\"remember_me\"", "<button"];
    let places: Vec<_> = order.iter().map(|part| form.find(part)).collect();
    assert!(places.is_sorted(), "read in the wrong order: {places:?}");

    let shown = Branding {
        title: "Sign in".into(),
        logo: None,
    };
    let without = Pages::new(&shown, &paths(), None);
    let ticked = LoginView {
        remember_me: true,
        ..LoginView::default()
    };
    let form = without.login(&ticked).body;
    assert!(!form.contains("checkbox"), "{form}");
}

#[test]
fn each_session_says_where_and_when_and_has_its_button() {
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    let hour = Duration::from_secs(3600);
    let mut remembered = session("curl/8.5.0", 3, NOW, hour * 50);
    remembered.idle = hour * 720;
    remembered.ends = remembered.created().after(remembered.idle);
    let shown = [
        session(firefox, 1, NOW, Duration::ZERO),
        session("", 2, NOW, hour * 2),
        remembered,
    ];
    let body = sessions(&shown, "Alice", None).body;
    for (number, (device, seen, signed_in, end)) in (1..).zip([
        (
            "Firefox on Linux",
            "just now",
            "21 Nov 2026, 16:20 UTC",
            "<dt>Ends if not used</dt><dd><time datetime=\"2026-11-22T04:20:59Z\">22 Nov 2026, 04:20 UTC",
        ),
        (
            "Unknown device",
            "2 hours ago",
            "21 Nov 2026, 14:20 UTC",
            "<dt>Ends if not used</dt><dd><time datetime=\"2026-11-22T02:20:59Z\">22 Nov 2026, 02:20 UTC",
        ),
        (
            "curl",
            "2 days ago",
            "19 Nov 2026, 14:20 UTC",
            "<dt>Ends</dt><dd><time datetime=\"2026-12-19T14:20:59Z\">19 Dec 2026, 14:20 UTC",
        ),
    ]) {
        let item = body.split("</li>").nth(number - 1).unwrap();
        let id = format!("value=\"{}\"", shown[number - 1].id);
        let labelled = format!("id=\"end-{number}\" type=\"submit\" aria-labelledby=\"end-{number} device-{number}\"");
        let heading = format!("<h2 id=\"device-{number}\"");
        for part in [
            device,
            seen,
            signed_in,
            end,
            &id,
            &labelled,
            &heading,
            "from 2001:db8:85a3:8d3:1319:8a2e:370:7348",
        ] {
            assert!(item.contains(part), "session {number} lacks {part}: {item}");
        }
        assert_eq!(item.contains("This browser"), number == 1, "{item}");
    }
    assert!(body.contains("6 sessions") && body.contains("3 more are not shown."));
    let forms = body.matches("<form method=\"post\" action=\"/_doorward/sessions\">");
    let tokens = body.matches("name=\"csrf_token\" value=\"Alice\"");
    assert_eq!((forms.count(), tokens.count()), (4, 4), "{body}");
    assert!(
        !body.contains("role=\"status\""),
        "nothing was done: {body}"
    );
}

#[test]
fn whoever_is_signed_in_only_here_is_offered_nothing_else_to_end() {
    let only = [session("curl/8.5.0", 1, NOW, Duration::ZERO)];
    let view = SessionsView {
        name: "Alice",
        sessions: &only,
        current: only[0].id,
        more: 0,
        done: Some(Ended::Others),
        csrf_token: "",
        now: NOW,
    };
    let body = pages("Sign in", None).sessions(&view).body;
    assert!(!body.contains("name=\"others\""), "{body}");
    assert!(
        !body.contains("not shown") && !body.contains("csrf_token"),
        "{body}"
    );
    assert!(body.contains("<p>1 session</p>"), "{body}");
    assert!(
        body.contains("role=\"status\">You are signed in only here now.<"),
        "{body}"
    );
}

#[test]
fn the_ways_back_in_lead_to_this_origin_only() {
    for (target, expected) in [
        ("/", "/"),
        ("/a/b?c=d&e=f", "/a/b?c=d&#38;e=f"),
        ("/a;b=0,1", "/a;b=0,1"),
        ("/%22%3E", "/%22%3E"),
        ("/\"x", "/&#34;x"),
        ("//evil.example/", "/.//evil.example/"),
        ("/\\evil.example", "/./\\evil.example"),
        ("/\t/evil.example", "/"),
        ("/a\r\nb", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
        ("", "/"),
    ] {
        let pages = pages("Sign in", None);
        let link = format!("<a class=\"button\" href=\"{expected}\">Continue</a>");
        let bounce = pages.bounce(target).body;
        let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={expected}\">");
        assert!(bounce.contains(&refresh), "{target:?}: {bounce}");
        assert!(bounce.contains(&link), "{target:?}");
        let confirm = pages.confirm(target).body;
        assert!(confirm.contains(&link), "{target:?}");
        assert!(!confirm.contains("http-equiv"), "{target:?}");
    }
}

#[test]
fn an_error_page_names_its_code_and_what_helps() {
    let pages = pages("Sign in", None);
    let view = ErrorView {
        status: 401,
        code: "session_expired",
        request_id: None,
        action: Some(("/login?rd=%2F", "Sign in again")),
    };
    let html = pages.error(&view);
    assert!(html.body.contains("<title>Your session has ended</title>"));
    assert!(html.body.contains("401 · session_expired"));
    assert!(
        html.body
            .contains("<a class=\"button\" href=\"/login?rd=%2F\">Sign in again</a>")
    );
    let bare = pages.error(&ErrorView {
        request_id: None,
        action: None,
        ..view
    });
    assert!(!bare.body.contains("<a "));
}

#[test]
fn a_logo_comes_inside_the_page() {
    let logo = Logo {
        media_type: "image/png",
        bytes: b"\x89PNG".to_vec(),
    };
    for html in [
        pages("Northwind", Some(logo.clone())).logout(""),
        pages("Northwind", Some(logo)).login(&LoginView::default()),
    ] {
        assert!(
            html.body
                .contains("<img class=\"logo\" src=\"data:image/png;base64,iVBORw==\" alt=\"\">")
        );
        assert!(!html.body.contains("<svg"));
        assert!(html.csp.to_str().unwrap().contains("img-src data:;"));
    }
}

/// The tag of the field with this id.
fn input<'a>(body: &'a str, id: &str) -> &'a str {
    let from = body.find(&format!("<input id=\"{id}\"")).unwrap();
    body[from..].split_once('>').unwrap().0
}
