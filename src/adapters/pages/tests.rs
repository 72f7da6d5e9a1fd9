//! What no page may ever do, for every page at once.

use std::time::Duration;

use super::*;
use crate::adapters::config::settings::{Logo, Pages as Shown, Paths};

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

fn pages(title: &str, logo: Option<Logo>) -> Pages {
    let shown = Shown {
        title: title.into(),
        logo,
    };
    Pages::new(&shown, &paths())
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
        ("login-busy", pages.login(&failed(LoginError::Overloaded))),
        (
            "login-unavailable",
            pages.login(&failed(LoginError::Unavailable)),
        ),
        ("login-bad", pages.login(&failed(LoginError::BadRequest))),
        (
            "login-origin",
            pages.login(&failed(LoginError::OriginRefused)),
        ),
        (
            "login-insecure",
            pages.login(&LoginView {
                insecure_cookies_warning: true,
                ..LoginView::default()
            }),
        ),
        (
            "login-signed-out",
            pages.login(&LoginView {
                signed_out: true,
                ..LoginView::default()
            }),
        ),
        ("logout", pages.logout()),
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
