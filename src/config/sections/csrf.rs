//! `csrf`: the mode, the header that repeats the token, and the cookie to read it from.

use http::HeaderName;

use crate::domain::cookie::CookieStyle;

use crate::config::lints::lint::{Lint, Severity};
use crate::config::schema::reader::Section;
use crate::config::sections::headers;
use crate::config::sections::names;
use crate::config::sections::values;
use crate::config::settings::{Cookies, Csrf, CsrfMode, IdentityHeaders};
use crate::domain::fault::Fault;

/// Reads the section; its cookie is one of ours.
pub(crate) fn read(root: &Section<'_>, cookies: &mut Cookies, identity: &IdentityHeaders) -> Csrf {
    let section = root.section("csrf", "csrf");
    let mode = section.or("mode", CsrfMode::Origin, |text| {
        // YAML 1.1 reads a bare `off` as false, and so do editors that rewrite files.
        values::word(if text == "false" { "off" } else { text })
    });
    let default = HeaderName::from_static("x-csrf-token");
    let header = section.or("header", default, |text| header(text, identity));
    let style = cookies.style();
    let cookie = section.optional("cookie", |text| {
        cookie(text, &style, cookies.domain.is_some())
    });
    if cookie.is_some() && !mode.uses_tokens() {
        root.cx.lint(Lint::new(
            Severity::Problem,
            "csrf.cookie",
            "csrf.cookie is set, and csrf.mode is neither token nor both",
            "csrf.cookie does nothing",
            "remove it, or set csrf.mode",
        ));
    }
    // Else a cookie of the app's own would be taken from its requests.
    cookies.csrf = cookie.filter(|_| mode.uses_tokens());
    Csrf { mode, header }
}

/// One that no client, proxy or app gives another meaning.
fn header(text: &str, identity: &IdentityHeaders) -> Result<HeaderName, Fault> {
    let name = names::header(text)?;
    if headers::carries_identity(&name, identity) {
        return Err(Fault::new(
            "is an identity header, which we remove from every request",
            "write X-CSRF-Token, or the name that your client sends",
        ));
    }
    if headers::means_something_else(&name) {
        return Err(Fault::new(
            "is a header that has another meaning in HTTP or to us",
            "write X-CSRF-Token, or the name that your client sends",
        ));
    }
    HeaderName::try_from(name)
        .map_err(|_too_long| Fault::new("is not a header name", "write one such as X-CSRF-Token"))
}

/// One that is not taken, and that browsers keep under our attributes.
fn cookie(text: &str, style: &CookieStyle, has_domain: bool) -> Result<String, Fault> {
    let (_, bare) = split_prefix(text);
    names::cookie(bare)?;
    let ours = style.names();
    for taken in [&ours.access, &ours.refresh, &ours.bounce, &ours.known] {
        // As an app's cookie is compared: browsers do not tell prefixes by case.
        if text.eq_ignore_ascii_case(taken) {
            return Err(Fault::new(
                "is the name of another cookie of ours",
                format!("write another, such as {}", ours.csrf),
            ));
        }
    }
    let kept = match split_prefix(text).0 {
        None => true,
        Some(Prefix::Host) => style.is_secure() && !has_domain,
        Some(Prefix::Secure) => style.is_secure(),
    };
    if !kept {
        return Err(Fault::new(
            "has a prefix that browsers refuse here: __Host- wants Secure and no domain, __Secure- wants Secure",
            format!("write {}", ours.csrf),
        ));
    }
    Ok(text.to_owned())
}

/// RFC 6265bis §4.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Host,
    Secure,
}

fn split_prefix(name: &str) -> (Option<Prefix>, &str) {
    for (prefix, kind) in [("__host-", Prefix::Host), ("__secure-", Prefix::Secure)] {
        if let (Some(begin), Some(rest)) = (name.get(..prefix.len()), name.get(prefix.len()..))
            && begin.eq_ignore_ascii_case(prefix)
        {
            return (Some(kind), rest);
        }
    }
    (None, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{IdentityField, SameSite};

    fn identity() -> IdentityHeaders {
        IdentityHeaders::new([("X-Team".to_owned(), IdentityField::Roles)].into())
    }

    #[test]
    fn headers_that_mean_something_else_are_refused() {
        for name in [
            "X-CSRF-Token",
            "X-CSRF-TOKEN",
            "x-xsrf-token",
            "CSRF-Token",
            "X-CSRFToken",
        ] {
            assert!(header(name, &identity()).is_ok(), "{name}");
        }
        for name in [
            "Cookie",
            "origin",
            "Host",
            "Content-Type",
            "Content-Language",
            "Transfer-Encoding",
            "Connection",
            "Authorization",
            "Sec-Fetch-Site",
            "Access-Control-Request-Method",
            "X-Forwarded-For",
            "X-Forwarded-Anything",
            "Accept-Language",
            "If-Match",
            "X-Requested-With",
            "X-User-Id",
            "x_user_id",
            "Remote-User",
            "X-Team",
            "X_Team",
            "*",
            "",
            "a b",
        ] {
            assert!(header(name, &identity()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_cookie_is_one_that_browsers_keep() {
        let style =
            |domain, over_http| CookieStyle::new("doorward", domain, SameSite::Strict, over_http);
        let host = style(None, false);
        let domain = style(Some("example.com"), false);
        let plain = style(None, true);
        for (name, style, has_domain, fine) in [
            ("csrf_access_token", &host, false, true),
            ("csrf_access_token", &domain, true, true),
            ("csrf_access_token", &plain, false, true),
            ("__Host-csrf", &host, false, true),
            ("__Host-csrf", &domain, true, false),
            ("__host-csrf", &domain, true, false),
            ("__Host-csrf", &plain, false, false),
            ("__Secure-csrf", &host, false, true),
            ("__Secure-csrf", &domain, true, true),
            ("__SECURE-csrf", &plain, false, false),
            ("__Host-doorward-csrf", &host, false, true),
            ("__Host-doorward", &host, false, false),
            ("__host-Doorward", &host, false, false),
            ("__Host-doorward-refresh", &host, false, false),
            ("doorward", &host, false, true),
            ("doorward", &plain, false, false),
            ("doorward-refresh", &plain, false, false),
            ("__Host-", &host, false, false),
            ("__Host-__Host-x", &host, false, false),
            ("a b", &host, false, false),
            ("a=b", &host, false, false),
            ("", &host, false, false),
            ("é", &host, false, false),
        ] {
            assert_eq!(
                cookie(name, style, has_domain).is_ok(),
                fine,
                "{name:?} {style:?}"
            );
        }
    }
}
