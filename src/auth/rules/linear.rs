//! The rules tried one after the other: what the index must agree with.

use http::Method;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{Access, Ambiguity, Case, Challenge, Openness, Pattern, Rule, Rules, Segment};
use crate::domain::path::RequestPath;

impl Pattern {
    fn matches(&self, path: &[u8], case: Case) -> bool {
        let mut parts = path.split(|&b| b == b'/').skip(1);
        for segment in &self.segments {
            let Some(part) = parts.next() else {
                return false;
            };
            let fits = match (segment, case) {
                (Segment::Any, _) => !part.is_empty(),
                (Segment::Named(name), Case::Exact) => name == part,
                (Segment::Named(name), Case::Ignored) => name.eq_ignore_ascii_case(part),
            };
            if !fits {
                return false;
            }
        }
        self.and_below || parts.next().is_none()
    }
}

impl Rules {
    /// The first of all rules, from the first to the last.
    fn tried(&self, raw: &[u8], decoded: &[u8], method: &Method) -> Option<usize> {
        self.rules.iter().position(|(pattern, rule)| {
            let is_public = rule.access == Access::Public;
            let same = |listed: &String| match is_public {
                true => listed == method.as_str(),
                false => listed.eq_ignore_ascii_case(method.as_str()),
            };
            let method_fits = rule.methods.is_empty() || rule.methods.iter().any(same);
            method_fits
                && match is_public {
                    true => pattern.matches(raw, Case::Exact),
                    false => pattern.matches(decoded, Case::Ignored),
                }
        })
    }
}

/// Few names, in several spellings, so that rules and paths meet often.
fn segment() -> impl Strategy<Value = &'static str> {
    select(&["a", "A", "b", "ab", "aB", "", "*", "caf\u{e9}", "a;b", "*a"][..])
}

fn pattern() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segment(), 0..4);
    (segments, any::<bool>()).prop_map(|(segments, and_below)| {
        let end = if and_below { "/**" } else { "" };
        let path: String = segments.iter().map(|name| format!("/{name}")).collect();
        match (path.is_empty(), and_below) {
            (true, false) => "/".to_owned(),
            _ => format!("{path}{end}"),
        }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let access = select(vec![
        Access::Public,
        Access::Authenticated,
        Access::Roles(vec!["admin".into()]),
        Access::Deny,
    ]);
    let methods = subsequence(vec!["GET", "POST", "get"], 0..=2);
    let ambiguous = subsequence(
        vec![
            Ambiguity::EncodedSlash,
            Ambiguity::DoubleSlash,
            Ambiguity::Semicolon,
        ],
        0..=3,
    );
    (pattern(), methods, access, ambiguous).prop_map(|(path, methods, access, ambiguous)| Rule {
        path,
        methods: methods.into_iter().map(str::to_owned).collect(),
        ambiguous: match access {
            Access::Public => vec![],
            _ => ambiguous,
        },
        access,
        openness: Openness::Session,
        challenge: Challenge::Bearer,
    })
}

fn path() -> impl Strategy<Value = String> {
    let piece = select(
        &[
            "a",
            "A",
            "b",
            "ab",
            "AB",
            "",
            "%61",
            "%41",
            "%2f",
            ";",
            "a;b",
            "%3b",
            "caf%C3%A9",
            "*",
            "%2a",
            "%2561",
            "%5c",
            "%3f",
            "%20",
            ".",
            "c",
        ][..],
    );
    let segment = prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat());
    prop::collection::vec(segment, 1..5).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_index_finds_what_trying_them_all_finds(
        rules in prop::collection::vec(rule(), 0..24),
        path in path(),
        method in select(&["GET", "POST", "get", "Post", "HEAD"][..]),
    ) {
        let rules = Rules::new(rules, Access::Deny);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        if let Ok(path) = RequestPath::parse(path.as_bytes()) {
            let others = path.other_readings().iter();
            let others = others.map(|other| (&other.sent[..], &other.decoded[..]));
            for (raw, decoded) in others.chain([(path.raw(), path.decoded())]) {
                prop_assert_eq!(
                    rules.first(raw, decoded, &method),
                    rules.tried(raw, decoded, &method),
                    "a request would be judged by another rule"
                );
            }
        }
    }
}

/// More rules than a property generates, under names and a `*` that lead to the same places.
#[test]
fn among_a_thousand_each_is_found() {
    let rule = |number: usize| Rule {
        path: match number % 3 {
            0 => format!("/Area-{number}/**"),
            1 => format!("/api/v1/area-{number}"),
            _ => format!("/api/*/area-{number}/**"),
        },
        methods: vec![],
        access: match number % 2 {
            0 => Access::Public,
            _ => Access::Authenticated,
        },
        ambiguous: vec![],
        openness: Openness::Session,
        challenge: Challenge::Bearer,
    };
    let rules = Rules::new((0..1000).map(rule).collect(), Access::Deny);
    for number in 0..1000 {
        let path = match number % 3 {
            0 => format!("/Area-{number}/x"),
            _ => format!("/api/v1/area-{number}"),
        };
        let parsed = RequestPath::parse(path.as_bytes()).unwrap();
        let selected = rules.select(&parsed, &Method::GET);
        assert_eq!(selected.strictest().rule, Some(number), "{path}");
    }
}
