//! Cookies: reading ours out of a request byte by byte, taking them out of what
//! goes upstream, and building the ones we set.
//!
//! Reading works on bytes, never on text: one foreign cookie with a byte above 127
//! must not log a person out (`HeaderValue::to_str` would).

use std::time::Duration;

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;

/// The longest cookie value that is looked at; browsers keep no longer one.
pub const MAX_VALUE: usize = 4096;

/// `SameSite`
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum SameSite {
    /// Never sent on requests from another site.
    Strict,
    /// Sent when a link from another site is followed.
    Lax,
}

/// The names of our cookies under one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The CSRF token.
    pub csrf: String,
    /// The target of a bounce page.
    pub bounce: String,
    /// The users who have signed in with this browser.
    pub known: String,
}

impl CookieNames {
    fn all(&self) -> [&String; 5] {
        [
            &self.access,
            &self.refresh,
            &self.csrf,
            &self.bounce,
            &self.known,
        ]
    }
}

/// How long what changes nothing would last, if the browser took half of it.
const CHANGED_FOR: Duration = Duration::from_secs(1);

/// How our cookies are written (contract: cookies).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieStyle {
    names: CookieNames,
    domain: Option<String>,
    same_site: SameSite,
    secure: bool,
}

impl CookieStyle {
    /// `name` is the base name. `__Host-` unless a domain is set (`__Secure-` then)
    /// or cookies go over plain HTTP by the operator's dangerous choice.
    pub fn new(name: &str, domain: Option<&str>, same_site: SameSite, over_http: bool) -> Self {
        let prefix = match (over_http, domain) {
            (true, _) => "",
            (false, Some(_)) => "__Secure-",
            (false, None) => "__Host-",
        };
        Self {
            names: CookieNames {
                access: format!("{prefix}{name}"),
                refresh: format!("{prefix}{name}-refresh"),
                csrf: format!("{prefix}{name}-csrf"),
                bounce: format!("{prefix}{name}-bounce"),
                known: format!("{prefix}{name}-known"),
            },
            domain: domain.map(str::to_owned),
            same_site,
            secure: !over_http,
        }
    }

    /// The names.
    pub fn names(&self) -> &CookieNames {
        &self.names
    }

    /// Whether the cookies carry `Secure`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// `SameSite`.
    pub fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// Whether the browser itself keeps the cookie from everything that another
    /// site or a sibling host starts: Strict, and no domain.
    pub fn is_confined(&self) -> bool {
        self.same_site == SameSite::Strict && self.domain.is_none()
    }

    /// Whether `name` is one of ours.
    pub fn is_ours(&self, name: &[u8]) -> bool {
        self.names.all().iter().any(|n| n.as_bytes() == name)
    }

    /// Whether an app that sets `name` means one of ours. Browsers compare prefixes
    /// without regard to case, so a look-alike in another case is dropped too.
    pub fn is_like_ours(&self, name: &[u8]) -> bool {
        let mut all = self.names.all().into_iter();
        all.any(|ours| ours.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The same with another name for the CSRF cookie, written as it stands: for
    /// clients that look for a name of their own.
    #[must_use]
    pub fn with_csrf_name(mut self, name: &str) -> Self {
        self.names.csrf = name.to_owned();
        self
    }

    /// The `Set-Cookie` that keeps the access token for `max_age`.
    pub fn set_access(&self, token: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write(&self.names.access, token, max_age)
    }

    /// The `Set-Cookie` that keeps the refresh token for `max_age`.
    pub fn set_refresh(&self, token: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write(&self.names.refresh, token, max_age)
    }

    /// The `Set-Cookie` that keeps the CSRF token for `max_age`: the one that scripts
    /// can read.
    pub fn set_csrf(&self, token: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write(&self.names.csrf, token, max_age)
    }

    /// The `Set-Cookie` that keeps the target of a bounce page for `max_age`.
    pub fn set_bounce(&self, sealed: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write(&self.names.bounce, sealed, max_age)
    }

    /// The `Set-Cookie` that keeps who has signed in with this browser. Always Strict: only
    /// our own login page needs it.
    pub fn set_known(&self, sealed: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write_as(&self.names.known, sealed, max_age, SameSite::Strict)
    }

    /// The `Set-Cookie` that forgets the bounce.
    pub fn clear_bounce(&self) -> Option<HeaderValue> {
        self.write(&self.names.bounce, "", Duration::ZERO)
    }

    /// `Set-Cookie`s that change nothing in the end, for the answer to a logout.
    ///
    /// Chromium keeps pages that are `no-store` for the back button, until an `HttpOnly`
    /// cookie has changed; for the page to which a login led it takes off as many changes as
    /// the login made, so that a logout that takes back just those leaves that page to be seen
    /// (Chromium 156, in a trial). A login makes six at most: two cookies of the session and the
    /// one of a known browser, each of which counts twice where it replaces another.
    pub fn changes(&self) -> Vec<HeaderValue> {
        let set = || self.write(&self.names.bounce, "x", CHANGED_FOR);
        let clear = || self.clear_bounce();
        [set(), clear(), set(), clear(), set(), clear()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The `Set-Cookie`s that make a browser forget a session, but not that it is known. Same
    /// attributes as when set: a `__Host-` cookie is not replaced otherwise.
    pub fn clear(&self) -> Vec<HeaderValue> {
        let names = &self.names;
        [&names.access, &names.refresh, &names.csrf]
            .into_iter()
            .filter_map(|name| self.write(name, "", Duration::ZERO))
            .collect()
    }

    fn write(&self, name: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
        self.write_as(name, value, max_age, self.same_site)
    }

    fn write_as(
        &self,
        name: &str,
        value: &str,
        max_age: Duration,
        same_site: SameSite,
    ) -> Option<HeaderValue> {
        let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        let mut cookie = Cookie::build((name, value))
            .path("/")
            .http_only(name != self.names.csrf)
            .secure(self.secure)
            .same_site(match same_site {
                SameSite::Strict => cookie::SameSite::Strict,
                SameSite::Lax => cookie::SameSite::Lax,
            })
            .max_age(cookie::time::Duration::seconds(seconds));
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain);
        }
        HeaderValue::try_from(cookie.build().to_string()).ok()
    }
}

/// The value of the one cookie of this name. Two of the same name, an oversized or
/// an empty one count as none: which of two a server takes is luck, and luck is what cookie
/// tossing from a sibling host plays with.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    // As `split_pair` reads it; what has another name is looked at no further.
    let value_of = |pair: &'a [u8]| {
        let rest = pair.trim_ascii_start().strip_prefix(name.as_bytes())?;
        let value = rest.trim_ascii_start().strip_prefix(b"=")?;
        Some(value.trim_ascii())
    };
    let fields = headers.get_all(header::COOKIE).iter();
    let mut values = fields.flat_map(|field| pairs(field.as_bytes()).filter_map(value_of));
    let found = values.next().filter(|_| values.next().is_none());
    found.filter(|value| !value.is_empty() && value.len() <= MAX_VALUE)
}

/// Whether any cookie of ours is there, in whatever number or state, but for the one of a known
/// browser: that stays for a year, and opens nothing.
pub fn has_ours_of_now(headers: &HeaderMap, style: &CookieStyle) -> bool {
    let known = style.names().known.as_bytes();
    names(headers).any(|name| name != known && style.is_ours(name))
}

/// Whether an access or a refresh cookie is there, in whatever number or state.
pub fn has_session(headers: &HeaderMap, style: &CookieStyle) -> bool {
    let CookieNames {
        access, refresh, ..
    } = style.names();
    names(headers).any(|name| name == access.as_bytes() || name == refresh.as_bytes())
}

fn names(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|field| pairs(field.as_bytes()))
        .filter_map(split_pair)
        .map(|(name, _)| name)
}

/// The `Cookie` fields without ours, every other cookie byte for byte.
/// `None` if there is nothing to take out.
pub fn without_ours(headers: &HeaderMap, style: &CookieStyle) -> Option<Vec<Vec<u8>>> {
    let (mut fields, mut found) = (Vec::new(), false);
    for field in headers.get_all(header::COOKIE) {
        let mut kept = Vec::new();
        let others = pairs(field.as_bytes()).filter(|pair| {
            let is_ours = split_pair(pair).is_some_and(|(key, _)| style.is_ours(key));
            found |= is_ours;
            !is_ours
        });
        for (place, pair) in others.enumerate() {
            if place > 0 {
                kept.push(b';');
            }
            kept.extend_from_slice(pair);
        }
        kept.truncate(kept.trim_ascii_end().len());
        let blanks = kept.len().saturating_sub(kept.trim_ascii_start().len());
        kept.drain(..blanks);
        if !kept.is_empty() {
            fields.push(kept);
        }
    }
    found.then_some(fields)
}

/// The name that a `Set-Cookie` of the app would set, as it comes back to us.
///
/// A cookie without a name is sent as its value alone, so `=session=evil` comes back
/// as `session=evil` (RFC 6265bis §5.8.3).
pub fn name_of_set_cookie(value: &[u8]) -> &[u8] {
    let pair = value.split(|&b| b == b';').next().unwrap_or_default();
    match split_pair(pair) {
        Some((b"", value)) => split_pair(value).map_or(b"", |(name, _)| name),
        Some((name, _)) => name,
        None => b"",
    }
}

/// What stands between the semicolons of a `Cookie` field. Most of its bytes are values that
/// nobody looks at, tokens among them.
fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let field = rest?;
        let end = memchr(b';', field).unwrap_or(field.len());
        let (pair, after) = field.split_at_checked(end)?;
        rest = after.get(1..);
        Some(pair)
    })
}

/// RFC 6265 §5.4 as servers read it: name and value around the first `=`, blanks trimmed.
fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    // Names are short.
    let at = pair.iter().position(|&b| b == b'=')?;
    let (name, rest) = pair.split_at_checked(at)?;
    let value = rest.get(1..)?;
    Some((name.trim_ascii(), value.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn style() -> CookieStyle {
        CookieStyle::new("doorward", None, SameSite::Strict, false)
    }

    fn headers(fields: &[&[u8]]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for field in fields {
            map.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
        }
        map
    }

    #[test]
    fn finding_the_one_cookie() {
        let name = "__Host-doorward";
        for (fields, expected) in [
            (&[&b"__Host-doorward=t"[..]][..], Some(&b"t"[..])),
            (&[b"a=1; __Host-doorward=t; b=2"], Some(b"t")),
            (&[b"a=1", b"__Host-doorward=t"], Some(b"t")),
            (&[b"a=1;__Host-doorward=t"], Some(b"t")),
            (&[b"x=\xff\xfe; __Host-doorward=t"], Some(b"t")),
            (&[b"__Host-doorward="], None),
            (&[b"__Host-doorward=a=b"], Some(b"a=b")),
            (&[b"__Host-doorward=t; __Host-doorward=u"], None),
            (&[b"__Host-doorward=t", b"__Host-doorward=t"], None),
            (&[b"__host-doorward=t"], None),
            (&[b"__Host-doorward2=t"], None),
            (&[b"x__Host-doorward=t"], None),
            (&[b"__Host-doorward"], None),
            (&[b""], None),
            (&[b";;;"], None),
        ] {
            assert_eq!(find(&headers(fields), name), expected, "{fields:?}");
        }
        let long = format!("{name}={}", "x".repeat(MAX_VALUE + 1));
        assert_eq!(find(&headers(&[long.as_bytes()]), name), None);
    }

    #[test]
    fn the_name_that_an_app_sets() {
        for (value, name) in [
            (&b"a=1; Path=/"[..], &b"a"[..]),
            (b" a = 1", b"a"),
            (b"doorward", b""),
            (b"=doorward=evil; Path=/", b"doorward"),
            (b"= doorward =evil", b"doorward"),
            (b"=x", b""),
        ] {
            assert_eq!(name_of_set_cookie(value), name);
        }
    }

    #[test]
    fn taking_ours_out_leaves_the_rest_byte_for_byte() {
        for (fields, expected) in [
            (&[&b"a=1; b=2"[..]][..], None),
            (&[b"__Host-doorward=t"], Some(&[][..])),
            (
                &[b"a=1; __Host-doorward=t; b=2"],
                Some(&[&b"a=1; b=2"[..]][..]),
            ),
            (&[b"__Host-doorward=t; b=2"], Some(&[b"b=2"])),
            (&[b"a=1; __Host-doorward=t"], Some(&[b"a=1"])),
            (
                &[b"a=\xff;  b=\"q ; x\";__Host-doorward-csrf=t"],
                Some(&[b"a=\xff;  b=\"q ; x\""]),
            ),
            (
                &[b"__Host-doorward=t; __Host-doorward=u; c=3"],
                Some(&[b"c=3"]),
            ),
            (
                &[b"a=1", b"__Host-doorward-refresh=r", b"b=2"],
                Some(&[b"a=1", b"b=2"]),
            ),
            (
                &[b"__host-doorward=x; __Host-doorward=t"],
                Some(&[b"__host-doorward=x"]),
            ),
        ] {
            let got = without_ours(&headers(fields), &style());
            let expected: Option<Vec<Vec<u8>>> =
                expected.map(|list| list.iter().map(|f| f.to_vec()).collect());
            assert_eq!(got, expected, "{fields:?}");
        }
    }

    #[test]
    fn prefixes_and_attributes() {
        let day = Duration::from_secs(86_400);
        for (style, expected) in [
            (
                style(),
                "__Host-doorward=t; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400",
            ),
            (
                CookieStyle::new("d", Some("example.com"), SameSite::Lax, false),
                "__Secure-d=t; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=86400",
            ),
            (
                CookieStyle::new("d", None, SameSite::Strict, true),
                "d=t; HttpOnly; SameSite=Strict; Path=/; Max-Age=86400",
            ),
        ] {
            assert_eq!(style.set_access("t", day).unwrap(), expected);
            for value in style.clear() {
                assert!(value.to_str().unwrap().contains("Max-Age=0"));
            }
        }
    }

    #[test]
    fn the_apps_cookie_name_is_read_as_a_browser_does() {
        for (value, name) in [
            (
                &b"__Host-doorward=evil; Path=/"[..],
                &b"__Host-doorward"[..],
            ),
            (b"  __Host-doorward =evil", b"__Host-doorward"),
            (b"a=__Host-doorward=1", b"a"),
            (b"novalue", b""),
        ] {
            assert_eq!(name_of_set_cookie(value), name);
        }
    }

    proptest! {
        #[test]
        fn pairs_are_what_is_between_semicolons(field in "[a=; ]{0,12}") {
            let field = field.as_bytes();
            let split: Vec<_> = field.split(|&b| b == b';').collect();
            prop_assert_eq!(pairs(field).collect::<Vec<_>>(), split);
        }

        #[test]
        fn what_is_left_is_the_rest_joined_and_trimmed(field in "(a=1|__Host-doorward=x|b|=c| |;|; ){0,12}") {
            let map = headers(&[field.as_bytes()]);
            if let Some(fields) = without_ours(&map, &style()) {
                let pairs = field.split(';');
                let kept = pairs.filter(|pair| pair.split_once('=').is_none_or(|(name, _)| !style().is_ours(name.trim().as_bytes())));
                let kept = kept.collect::<Vec<_>>().join(";");
                let expected = Some(kept.trim()).filter(|kept| !kept.is_empty());
                let got = fields.first().map(|field| str::from_utf8(field).unwrap());
                prop_assert_eq!(got, expected);
            }
        }

        #[test]
        fn nothing_of_ours_is_left(field in "(a=1|__Host-doorward=[a-z]{0,3}|__Host-doorward-refresh=x|b|=c| |;|; ){0,12}") {
            let map = headers(&[field.as_bytes()]);
            if let Some(fields) = without_ours(&map, &style()) {
                let refs: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
                prop_assert_eq!(without_ours(&headers(&refs), &style()), None);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(field in proptest::collection::vec(32u8..=255, 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&field) {
                let mut map = HeaderMap::new();
                map.insert(header::COOKIE, value);
                let _ = find(&map, "__Host-doorward");
                let _ = without_ours(&map, &style());
            }
        }
    }
}
