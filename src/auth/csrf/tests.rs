//! The decision table: by mode, by what the browser says, by what the header holds.

use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::auth::test_support::{FACTS, NOW, PlainTokens};

fn session(number: u8) -> SessionId {
    SessionId::new(NOW, [number; 10])
}

/// What the check says to this request of session 1.
fn checked(
    mode: CsrfMode,
    method: &Method,
    fields: &[(&'static str, String)],
    caller: &RequestOrigin,
    confined: bool,
) -> &'static str {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::try_from(value).unwrap());
    }
    let view = RequestView::new(method, b"/transfer", &headers, &FACTS);
    let csrf = Csrf {
        mode,
        header: HeaderName::from_static("x-csrf-token"),
    };
    match csrf.check(&PlainTokens, &view, caller, confined, session(1)) {
        Ok(Token::Right) => "passes",
        Ok(Token::InForm) => "owes it",
        Err(Denial::CsrfFailed(_)) => "fails",
        Err(other) => panic!("another denial: {other:?}"),
    }
}

fn token_of(number: u8) -> String {
    PlainTokens.csrf_token(session(number)).unwrap()
}

#[test]
fn the_token_must_be_there_once_and_be_of_this_session() {
    let header = |value: &str| ("x-csrf-token", value.to_owned());
    let right = token_of(1);
    let cases = [
        ("the right one", vec![header(&right)], "passes"),
        ("none", vec![], "owes it"),
        ("another session's", vec![header(&token_of(2))], "fails"),
        ("an empty one", vec![header("")], "fails"),
        ("a shortened one", vec![header(&right[1..])], "fails"),
        (
            "a lengthened one",
            vec![header(&format!("{right}x"))],
            "fails",
        ),
        ("another case", vec![header(&right.to_uppercase())], "fails"),
        ("it twice", vec![header(&right), header(&right)], "fails"),
        (
            "a right and a wrong one",
            vec![header(&right), header("x")],
            "fails",
        ),
        (
            "two in one",
            vec![header(&format!("{right}, {right}"))],
            "fails",
        ),
        (
            "another header",
            vec![("x-xsrf-token", right.clone())],
            "owes it",
        ),
    ];
    for (what, fields, expected) in &cases {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            for mode in [CsrfMode::Token, CsrfMode::Both] {
                let got = checked(mode, &method, fields, &RequestOrigin::Ours, true);
                assert_eq!(got, *expected, "{what}: {method} in {mode:?}");
            }
            for mode in [CsrfMode::Origin, CsrfMode::Off] {
                let got = checked(mode, &method, fields, &RequestOrigin::Ours, true);
                assert_eq!(
                    got, "passes",
                    "{what}: {method} in {mode:?} asks for no token"
                );
            }
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let got = checked(
                CsrfMode::Both,
                &method,
                fields,
                &RequestOrigin::Unsaid,
                false,
            );
            assert_eq!(got, "passes", "{what}: {method} changes nothing");
        }
    }
}

#[test]
fn each_mode_asks_for_what_it_promises() {
    let allowed = || RequestOrigin::Allowed(HeaderValue::from_static("https://spa.example"));
    let site = |value: &str| vec![("sec-fetch-site", value.to_owned())];
    let typed = |media_type: &str| vec![("content-type", media_type.to_owned())];
    let json = |also: &[&'static str]| {
        let more = also.iter().map(|name| (*name, "x".to_owned()));
        typed("application/json; charset=utf-8")
            .into_iter()
            .chain(more)
            .collect()
    };
    // Who calls, what the browser says, whether cookies are confined; whether the origin
    // is good enough.
    let callers = [
        (RequestOrigin::Ours, vec![], false, true),
        (allowed(), site("cross-site"), false, true),
        (RequestOrigin::Unsaid, site("same-origin"), false, true),
        (RequestOrigin::Unsaid, site("none"), false, true),
        (RequestOrigin::Unsaid, site("same-site"), true, false),
        (RequestOrigin::Unsaid, site("cross-site"), true, false),
        (RequestOrigin::Unsaid, vec![], true, true),
        (RequestOrigin::Unsaid, vec![], false, false),
        (RequestOrigin::Unsaid, json(&[]), false, true),
        (RequestOrigin::Unsaid, json(&["referer"]), false, false),
        (RequestOrigin::Unsaid, json(&["sec-ch-ua"]), false, false),
        (
            RequestOrigin::Unsaid,
            json(&["upgrade-insecure-requests"]),
            false,
            false,
        ),
        (RequestOrigin::Unsaid, typed("text/plain"), false, false),
        (
            RequestOrigin::Unsaid,
            typed("text/plain; x=application/json"),
            false,
            false,
        ),
        (
            RequestOrigin::Unsaid,
            typed("application/x-www-form-urlencoded"),
            false,
            false,
        ),
        (RequestOrigin::Foreign, json(&[]), false, false),
        (RequestOrigin::Anyone, json(&[]), false, false),
        (RequestOrigin::Foreign, vec![], true, false),
    ];
    for (caller, fields, confined, good) in callers {
        for (token, right) in [
            (Some(token_of(1)), true),
            (Some("x".into()), false),
            (None, false),
        ] {
            let mut fields = fields.clone();
            let is_there = token.is_some();
            fields.extend(token.map(|token| ("x-csrf-token", token)));
            let by_token = match (right, is_there) {
                (true, _) => "passes",
                (false, true) => "fails",
                (false, false) => "owes it",
            };
            for (mode, expected) in [
                (CsrfMode::Off, "passes"),
                (CsrfMode::Origin, if good { "passes" } else { "fails" }),
                (CsrfMode::Token, by_token),
                (CsrfMode::Both, if good { by_token } else { "fails" }),
            ] {
                let got = checked(mode, &Method::POST, &fields, &caller, confined);
                assert_eq!(got, expected, "{mode:?}: {caller:?} {fields:?} {confined}");
            }
        }
    }
}
