//! Names and paths: methods, headers, cookies, our own paths, patterns of rules.

use crate::config::sections::web;
use crate::config::settings::Access;
use crate::domain::fault::Fault;

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(tchar)
}

/// A method; they are case sensitive (RFC 9110 §9.1), and all known ones upper case.
pub(crate) fn method(text: &str) -> Result<String, Fault> {
    if text == "*" || !is_token(text) {
        return Err(Fault::new(
            "is not a method",
            "write GET, POST and the like",
        ));
    }
    let upper = text.to_ascii_uppercase();
    if upper != text {
        return Err(Fault::proposing(
            "is not in upper case",
            &upper,
            method,
            "write GET, POST and the like",
        ));
    }
    Ok(upper)
}

/// A header name.
pub(crate) fn header(text: &str) -> Result<String, Fault> {
    if text == "*" || !is_token(text) {
        return Err(Fault::new(
            "is not a header name",
            "write one such as X-Request-Id; `*` is not read",
        ));
    }
    Ok(text.to_owned())
}

/// A cookie name, without the prefix that we put before it.
pub(crate) fn cookie(text: &str) -> Result<String, Fault> {
    if !is_token(text) || text.len() > 64 {
        return Err(Fault::new(
            "is not a cookie name",
            "write at most 64 letters, digits, `-` or `_`",
        ));
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Err(Fault::new(
            "already has a prefix",
            "write the name alone; the prefix is ours to choose",
        ));
    }
    Ok(text.to_owned())
}

/// A cookie domain, without a leading dot.
pub(crate) fn domain(text: &str) -> Result<String, Fault> {
    let name = web::host(text.strip_prefix('.').unwrap_or(text))?;
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Err(Fault::new(
            "is an address: cookies have domains of names only",
            "remove it; without a domain the cookie belongs to the one host",
        ));
    }
    if !name.contains('.') {
        return Err(Fault::new(
            "is a whole top-level domain, which browsers refuse",
            "write a registrable name such as example.com, or remove it",
        ));
    }
    Ok(name)
}

/// One of our own paths: plain characters only, so that it has one spelling.
pub(crate) fn own_path(text: &str) -> Result<String, Fault> {
    if !text.starts_with('/') {
        return Err(Fault::proposing(
            "does not begin with a slash",
            &format!("/{text}"),
            own_path,
            "write a path such as /login",
        ));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()+,=:@".contains(&b);
    if !text.bytes().all(plain) {
        return Err(Fault::new(
            "holds a character that a plain path does not have",
            "use letters, digits and - . _ ~; no query, percent, semicolon or star",
        ));
    }
    let path = text.trim_end_matches('/');
    if path.is_empty() || path.len() + 1 < text.len() || has_odd_segment(path) {
        return Err(Fault::new(
            "is not a plain path below the root",
            "write one without empty, `.` or `..` segments",
        ));
    }
    if path.len() > 256 {
        return Err(Fault::new("is longer than 256 bytes", "shorten it"));
    }
    Ok(path.to_owned())
}

/// The pattern of a rule: an exact path, `*` for one segment, `/**` at the end.
pub(crate) fn pattern(text: &str, access: &Access) -> Result<String, Fault> {
    if !text.starts_with('/') {
        return Err(Fault::proposing(
            "does not begin with a slash",
            &format!("/{text}"),
            |text| pattern(text, access),
            "write a path such as /admin/**",
        ));
    }
    let odd = |c: char| c.is_control() || matches!(c, '?' | '#' | '\\');
    if text.contains(odd) {
        return Err(Fault::new(
            "holds a character that no path has",
            "write a path alone: no query, fragment or backslash",
        ));
    }
    check_encoding(text, access)?;
    let body = text.strip_suffix("/**").unwrap_or(text);
    for segment in body.split('/') {
        if segment.contains("**") {
            return Err(Fault::new(
                "has `**` elsewhere than as its last segment",
                "write `*` for one segment, and `/**` at the end for all below",
            ));
        }
        if segment.contains('*') && segment != "*" {
            return Err(Fault::new(
                "has a `*` that is not a whole segment",
                "write `*` between slashes; parts of a segment are not matched",
            ));
        }
    }
    // One slash at the end of an exact path is a path of its own.
    let plain = match text.len() == body.len() {
        true => body.strip_suffix('/').unwrap_or(body),
        false => body,
    };
    if has_odd_segment(plain) {
        return Err(Fault::new(
            "has an empty, `.` or `..` segment, which no admitted request has",
            "write the path that they lead to",
        ));
    }
    Ok(text.to_owned())
}

/// A public pattern is compared with the bytes sent, every other with the decoded path.
fn check_encoding(text: &str, access: &Access) -> Result<(), Fault> {
    let escapes = text.match_indices('%').map(|(at, _)| {
        let hex = text.get(at + 1..at + 3)?;
        hex.bytes().all(|b| b.is_ascii_hexdigit()).then_some(hex)
    });
    if matches!(access, Access::Public) {
        if !text.is_ascii() {
            return Err(Fault::new(
                "holds letters beyond ASCII, and a public path matches exactly as sent",
                "write them percent-encoded, as browsers send them",
            ));
        }
        for hex in escapes {
            if hex
                .is_none_or(|h| ["2f", "5c", "2e", "00"].contains(&h.to_ascii_lowercase().as_str()))
            {
                return Err(Fault::new(
                    "has a percent escape that no admitted request has",
                    "write the plain path",
                ));
            }
        }
        return Ok(());
    }
    if escapes.flatten().next().is_some() {
        return Err(Fault::new(
            "is percent-encoded, and rules see the decoded path",
            "write the letters themselves",
        ));
    }
    Ok(())
}

/// Whether a path (begun by a slash, not ended by one) has an empty or dot segment.
fn has_odd_segment(path: &str) -> bool {
    path.split('/')
        .skip(1)
        .any(|segment| matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let private = Access::Authenticated;
        for (text, access, fine) in [
            ("/", &private, true),
            ("/**", &private, true),
            ("/x", &private, true),
            ("/x/", &private, true),
            ("/x/**", &private, true),
            ("/x/*/y", &private, true),
            ("/*", &private, true),
            ("/*/**", &private, true),
            ("/café", &private, true),
            ("/100%", &private, true),
            ("/caf%C3%A9", &private, false),
            ("/caf%C3%A9", &Access::Public, true),
            ("/café", &Access::Public, false),
            ("/a%2fb", &Access::Public, false),
            ("/100%", &Access::Public, false),
            ("x", &private, false),
            ("", &private, false),
            ("/**/x", &private, false),
            ("/x**", &private, false),
            ("/x*", &private, false),
            ("/**/**", &private, false),
            ("/x//y", &private, false),
            ("/../x", &private, false),
            ("/x/./**", &private, false),
            ("/x?y", &private, false),
            ("/x#y", &private, false),
            ("/x\\y", &private, false),
            ("/x\ny", &private, false),
            ("//**", &private, false),
        ] {
            assert_eq!(pattern(text, access).is_ok(), fine, "{text:?} {access:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_proposal_is_refused(text in r"/?[a-z%*;?./é ]{0,12}") {
            let taken = |fault: Fault, parse: &dyn Fn(&str) -> Result<String, Fault>| {
                let proposal = fault.mend.strip_prefix("write ");
                let proposal = proposal.filter(|text| text.starts_with('/'));
                proposal.is_none_or(|proposal| parse(proposal).is_ok())
            };
            for access in [Access::Public, Access::Authenticated] {
                if let Err(fault) = pattern(&text, &access) {
                    assert!(taken(fault, &|text| pattern(text, &access)), "{text:?}");
                }
            }
            if let Err(fault) = own_path(&text) {
                assert!(taken(fault, &own_path), "{text:?}");
            }
        }
    }

    #[test]
    fn own_paths() {
        for (text, expected) in [
            ("/login", Some("/login")),
            ("/auth/login", Some("/auth/login")),
            ("/_doorward/", Some("/_doorward")),
            ("/.well-known/jwks.json", Some("/.well-known/jwks.json")),
            ("login", None),
            ("/", None),
            ("", None),
            ("/a//b", None),
            ("/a/../b", None),
            ("/a//", None),
            ("/a?b", None),
            ("/a#b", None),
            ("/a%2fb", None),
            ("/a;b", None),
            ("/a*", None),
            ("/é", None),
        ] {
            assert_eq!(own_path(text).ok().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn tokens() {
        assert!(method("PATCH").is_ok());
        for bad in ["get", "*", "", "GE T"] {
            assert!(method(bad).is_err(), "{bad:?}");
        }
        assert!(header("x-csrf-token").is_ok());
        for bad in ["*", "", "a:b", "a b", "é", "a\nb"] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
        assert!(cookie("app_session").is_ok());
        for bad in ["__Host-x", "__secure-x", "a=b", "a;b", ""] {
            assert!(cookie(bad).is_err(), "{bad:?}");
        }
        assert_eq!(domain(".Example.com").unwrap(), "example.com");
        for bad in ["com", "localhost", "10.0.0.1", "", "a..b", "example.com:80"] {
            assert!(domain(bad).is_err(), "{bad:?}");
        }
    }
}
