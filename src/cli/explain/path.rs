//! Why a path is ambiguous, and where: found by asking the one parser about shorter and
//! shorter beginnings of it.

use serde::Serialize;

use crate::auth::rules::Rules;
use crate::domain::path::{Ambiguity, PathError, RequestPath};

/// What stands in a path that is refused.
#[derive(Serialize)]
pub(super) struct Blame {
    /// A stable word: `dot_segment`, `encoded_slash` …
    pub(super) kind: &'static str,
    /// The part of the path, printable.
    pub(super) text: String,
    /// Where it begins, in bytes from 0.
    pub(super) at: usize,
    /// Whether a rule could tolerate it: then it is refused only to whom the rules of its
    /// readings do not all admit or all refuse.
    #[serde(rename = "tolerable")]
    pub(super) is_tolerable: bool,
    /// What it is, in words.
    pub(super) what: String,
}

/// What is wrong with a path, if the gate refuses it, or may.
pub(super) fn blame(rules: &Rules, raw: &str, method: &http::Method) -> Option<Blame> {
    let bytes = raw.as_bytes();
    match RequestPath::parse(bytes) {
        Err(error) => Some(of_error(bytes, error)),
        Ok(path) => {
            let selected = rules.select(&path, method);
            let mut doubts = Ambiguity::ALL.into_iter().filter(|doubt| path.has(*doubt));
            let is_judged = selected.readings().count() > 1 && !selected.is_tolerated();
            doubts
                .next()
                .filter(|_| is_judged)
                .map(|doubt| of_doubt(bytes, doubt))
        }
    }
}

fn of_error(raw: &[u8], error: PathError) -> Blame {
    // What follows the longest beginning that is still a good path.
    let good = |end: &usize| {
        let start = raw.get(..*end).unwrap_or_default();
        RequestPath::parse(start).is_ok()
    };
    let at = (1..raw.len()).rev().find(good).unwrap_or(0);
    let rest = raw.get(at..).unwrap_or_default();
    let segment = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
    let escape = if rest.first() == Some(&b'%') { 3 } else { 1 };
    let (kind, length) = match error {
        PathError::NotAbsolute => ("not_absolute", 1),
        PathError::DotSegment => ("dot_segment", segment),
        PathError::Backslash => ("backslash", escape),
        PathError::Control => ("control_character", escape),
        PathError::BrokenEscape => ("broken_escape", escape),
        PathError::HighByte => ("high_byte", 1),
        PathError::Overlong => ("overlong_utf8", escape),
        PathError::TooManyReadings => ("too_many_readings", segment),
    };
    let part = rest.get(..length.min(rest.len())).unwrap_or(rest);
    Blame {
        kind,
        text: part.escape_ascii().to_string(),
        at,
        is_tolerable: false,
        what: error.to_string(),
    }
}

fn of_doubt(raw: &[u8], doubt: Ambiguity) -> Blame {
    let has = |end: &usize| {
        let start = raw.get(..*end).unwrap_or_default();
        RequestPath::parse(start).is_ok_and(|path| path.has(doubt))
    };
    let end = (1..=raw.len()).find(has).unwrap_or(raw.len());
    let character = |end: usize| match end.checked_sub(3) {
        Some(start) if raw.get(start) == Some(&b'%') => start,
        _ => end.saturating_sub(1),
    };
    let (at, what) = match doubt {
        Ambiguity::EncodedSlash => (character(end), "an encoded slash"),
        Ambiguity::EncodedBackslash => (character(end), "an encoded backslash"),
        Ambiguity::Semicolon => (character(end), "a semicolon"),
        Ambiguity::EncodedQuery => (character(end), "an encoded `?` or `#`"),
        Ambiguity::DoubleEncoding => (end.saturating_sub(5), "an escape within an escape"),
        Ambiguity::Trailing => (character(end), "a blank or a dot at the end of a segment"),
        Ambiguity::DoubleSlash => (character(character(end)), "an empty segment"),
    };
    let part = raw.get(at..end).unwrap_or_default();
    Blame {
        kind: doubt.word(),
        text: part.escape_ascii().to_string(),
        at,
        is_tolerable: true,
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::rules::{Access, Challenge, Openness, Rule};

    #[test]
    fn the_character_that_makes_a_path_ambiguous_is_named() {
        let admin = Rule {
            path: "/admin/**".into(),
            methods: vec![],
            access: Access::Roles(vec!["admin".into()]),
            ambiguous: vec![],
            openness: Openness::Session,
            challenge: Challenge::Bearer,
        };
        let rules = Rules::new(vec![admin], Access::Authenticated);
        for (path, kind, text, at) in [
            ("/a/../b", "dot_segment", "..", 3),
            ("/..b/%2e%2e/c", "dot_segment", "%2e%2e", 5),
            ("/a/..;x/b", "dot_segment", "..;x", 3),
            ("/a\\b", "backslash", "\\\\", 2),
            ("/admin%5cb", "encoded_backslash", "%5c", 6),
            ("/admin%3fb", "encoded_query", "%3f", 6),
            ("/%2561dmin", "double_encoding", "%2561", 1),
            ("/admin%20/b", "trailing", "%20", 6),
            ("/admin./b", "trailing", ".", 6),
            ("/a/..%20/b", "dot_segment", "..%20", 3),
            ("/a%00b", "control_character", "%00", 2),
            ("/a\u{7}b", "control_character", "\\x07", 2),
            ("/a%2/b", "broken_escape", "%2/", 2),
            ("/a%", "broken_escape", "%", 2),
            ("/caf\u{e9}", "high_byte", "\\xc3", 4),
            ("/a/%c0%ae/b", "overlong_utf8", "%ae", 6),
            ("/admin%2fb%2fc", "encoded_slash", "%2f", 6),
            ("//admin/b", "double_slash", "//", 0),
            ("/admin%2F/b", "encoded_slash", "%2F", 6),
            ("/admin;x", "semicolon", ";", 6),
            ("/admin%3bx", "semicolon", "%3b", 6),
        ] {
            let found = blame(&rules, path, &http::Method::GET).unwrap();
            let found = (found.kind, found.text.as_str(), found.at);
            assert_eq!(found, (kind, text, at), "{path}");
        }
        for path in ["/", "/a;b", "/a%20b", "/caf%C3%A9", "/a%2fb", "//a", "/a."] {
            assert!(
                blame(&rules, path, &http::Method::GET).is_none(),
                "{path} is refused"
            );
        }
    }
}
