//! Bodies and queries of our endpoints: read as everybody reads them, a field once, a name
//! bounded; and no way back from a login leads to another origin.

use std::borrow::Cow;

use doorward::auth::login::{Credentials, LoginFormat, form_field, way_back};
use doorward::auth::redirect::{login_location, safe_return};
use doorward::domain::id::Username;
use serde_json::Value;
use url::Url;

/// See [`super`].
pub fn check(data: &[u8]) {
    form(data);
    json(data);
    if let Ok(text) = str::from_utf8(data) {
        name(text);
        back(text);
    }
}

/// `a=b&c=d`, naively.
fn fields(body: &[u8]) -> Vec<(String, String)> {
    let parts = body.split(|&b| b == b'&').filter(|part| !part.is_empty());
    let halves = parts.map(|part| match part.iter().position(|&b| b == b'=') {
        Some(at) => (text(&part[..at]), text(&part[at + 1..])),
        None => (text(part), String::new()),
    });
    halves.collect()
}

fn text(encoded: &[u8]) -> String {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect();
    let bytes: Cow<'_, [u8]> = percent_encoding::percent_decode(&spaced).into();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn form(body: &[u8]) {
    let fields = fields(body);
    let only = |name: &str| {
        let mut same = fields.iter().filter(|(key, _)| key == name);
        let first = same.next().map(|(_, value)| value.clone());
        if same.next().is_some() {
            Err(())
        } else {
            Ok(first)
        }
    };
    for name in [
        "token",
        "session",
        "user",
        "all",
        "csrf_token",
        "everywhere",
    ] {
        assert_eq!(form_field(body, name).map_err(drop), only(name), "{name}");
    }
    let back = only("rd").and_then(|rd| rd.map_or_else(|| only("next"), |rd| Ok(Some(rd))));
    assert_eq!(way_back(body).map_err(drop), back);
    let expected = || {
        let ticked = only("remember_me")?;
        let ticked = ticked.is_some_and(|v| matches!(&v[..], "true" | "on" | "1" | "yes"));
        let name = only("username")?.ok_or(())?;
        Ok::<_, ()>((name, only("password")?.ok_or(())?, back.clone()?, ticked))
    };
    let read = Credentials::parse(body, LoginFormat::Form).map_err(drop);
    match (read, expected()) {
        (Ok(typed), Ok((name, password, back, ticked))) => {
            assert_eq!(typed.password.expose(), password.as_bytes());
            assert_eq!(
                (typed.back_to.as_ref(), typed.remember_me),
                (back.as_ref(), ticked)
            );
            assert_eq!(typed.username, bounded(&name));
            if let Some(back) = typed.back_to {
                self::back(&back);
            }
        }
        (read, expected) => assert_eq!(read.is_ok(), expected.is_ok(), "a form is read otherwise"),
    }
}

fn json(body: &[u8]) {
    let Ok(typed) = Credentials::parse(body, LoginFormat::Json) else {
        return;
    };
    let value: Value = serde_json::from_slice(body).expect("a login that is no JSON");
    assert!(value.is_object());
    let told = |name: &str| value.get(name).and_then(Value::as_str).expect("no text");
    assert_eq!(typed.password.expose(), told("password").as_bytes());
    assert_eq!(typed.username, bounded(told("username")));
    let ticked = value.get("remember_me").and_then(Value::as_bool);
    assert_eq!(
        (typed.remember_me, typed.back_to),
        (ticked.unwrap_or(false), None)
    );
}

/// The name as it is counted.
fn bounded(typed: &str) -> Username {
    let name = Username::canonical(typed);
    if name.as_str().len() > Username::MAX_BYTES {
        return Username::canonical("");
    }
    name
}

/// One spelling, whose spelling is itself.
fn name(typed: &str) {
    let once = Username::canonical(typed);
    let twice = Username::canonical(once.as_str());
    assert_eq!(once, twice, "{:?} has a counter of its own", once.as_str());
    for spelling in [
        typed.to_uppercase(),
        format!(" {typed}\t"),
        format!("{typed}."),
    ] {
        let other = Username::canonical(&spelling);
        let same = other == once || typed.to_uppercase().to_lowercase() != typed.to_lowercase();
        assert!(same, "{spelling:?} has a counter of its own");
    }
}

/// What a browser makes of the way back is on the origin that it came from.
fn back(wanted: &str) {
    let given = safe_return(Some(wanted));
    assert!(given == wanted || given == "/");
    let clean = |b: u8| b.is_ascii_graphic();
    assert!(given.starts_with('/') && given.bytes().all(clean));
    for base in [
        "https://ours.example/login",
        "http://ours.example:8080/a/b?c",
    ] {
        let base = Url::parse(base).expect("a URL");
        let there = base.join(given).expect("a way back that is no URL");
        assert_eq!(there.origin(), base.origin(), "{given:?} leads elsewhere");
        let path = given.split('?').next().unwrap_or_default();
        let bytes = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        assert_eq!(bytes(there.path()), bytes(path), "to another path");
    }
    let location = login_location("/login", wanted);
    let query = location.strip_prefix("/login?").expect("the login page");
    let told: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    assert_eq!(told, [("rd".into(), wanted.into())], "the way back is lost");
}
