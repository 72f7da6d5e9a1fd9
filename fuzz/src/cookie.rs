//! Cookies: ours are found only where everybody would find them, and taking them out leaves
//! the rest byte for byte. The input is the values of `Cookie` fields, a line each.

use doorward::domain::cookie::{self, CookieStyle, MAX_VALUE, SameSite};
use http::{HeaderMap, HeaderValue, header};

/// See [`super`].
pub fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|&b| b == b'\n').take(64) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    for style in [
        CookieStyle::new("doorward", None, SameSite::Strict, false),
        CookieStyle::new("d", Some("example.com"), SameSite::Lax, false).with_csrf_name("XSRF"),
        CookieStyle::new("d", None, SameSite::Strict, true),
    ] {
        finding(&headers, &style);
        removing(&headers, &style);
    }
    setting(data);
}

/// Name and value of every pair, as any server splits them.
pub fn pairs(fields: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    for field in fields {
        for part in field.split(|&b| b == b';') {
            let mut halves = part.splitn(2, |&b| b == b'=');
            if let (Some(name), Some(value)) = (halves.next(), halves.next()) {
                found.push((name.trim_ascii().to_vec(), value.trim_ascii().to_vec()));
            }
        }
    }
    found
}

fn fields(headers: &HeaderMap) -> Vec<&[u8]> {
    let all = headers.get_all(header::COOKIE).iter();
    all.map(HeaderValue::as_bytes).collect()
}

fn names(style: &CookieStyle) -> [&str; 5] {
    let names = style.names();
    [
        &names.access,
        &names.refresh,
        &names.csrf,
        &names.bounce,
        &names.known,
    ]
}

fn finding(headers: &HeaderMap, style: &CookieStyle) {
    let all = pairs(&fields(headers));
    let ours = |pair: &&(Vec<u8>, Vec<u8>)| names(style).iter().any(|n| n.as_bytes() == pair.0);
    assert_eq!(
        cookie::without_ours(headers, style).is_some(),
        all.iter().any(|p| ours(&p))
    );
    let known = style.names().known.as_bytes();
    assert_eq!(
        cookie::has_ours_of_now(headers, style),
        all.iter().any(|p| p.0 != known && ours(&p))
    );
    for name in names(style) {
        let mut same = all.iter().filter(|(key, _)| key == name.as_bytes());
        let only = match (same.next(), same.next()) {
            (Some((_, value)), None) => Some(value.as_slice()),
            _ => None,
        };
        let usable = only.filter(|value| !value.is_empty() && value.len() <= MAX_VALUE);
        assert_eq!(cookie::find(headers, name), usable, "{name}");
    }
}

fn removing(headers: &HeaderMap, style: &CookieStyle) {
    let Some(kept) = cookie::without_ours(headers, style) else {
        return;
    };
    let mut after = HeaderMap::new();
    for field in &kept {
        let value = HeaderValue::from_bytes(field).expect("no longer a field value");
        after.append(header::COOKIE, value);
    }
    assert_eq!(
        cookie::without_ours(&after, style),
        None,
        "not done at once"
    );
    let is_ours = |part: &&[u8]| {
        let pair = pairs(&[part]);
        pair.iter().any(|(name, _)| style.is_ours(name))
    };
    let mut expected = Vec::new();
    for field in fields(headers) {
        let parts = field.split(|&b| b == b';');
        let parts: Vec<&[u8]> = parts.filter(|part| !is_ours(part)).collect();
        let text = parts.join(&b';');
        if !text.trim_ascii().is_empty() {
            expected.push(text.trim_ascii().to_vec());
        }
    }
    assert_eq!(kept, expected, "another cookie was changed");
}

/// Whatever is put into a cookie of ours stays one cookie, and is the app's to take note of.
fn setting(data: &[u8]) {
    let style = CookieStyle::new("doorward", None, SameSite::Strict, false);
    let name = cookie::name_of_set_cookie(data);
    assert!(!name.contains(&b';') && name == name.trim_ascii());
    if style.is_ours(name) {
        assert!(style.is_like_ours(name), "an app may set one of ours");
    }
    for value in style.clear() {
        assert!(style.is_ours(cookie::name_of_set_cookie(value.as_bytes())));
    }
}
