//! What the rules leave open beside a rule that restricts, whatever was meant.
//!
//! A restricting rule has a hole where a request for one of its paths passes by asking for
//! less: by another method, which a later rule or the default takes, or by a rule before it
//! that is wider and so is no exception from it. An exception that stands before the rule is
//! meant, as the first that matches decides.
//!
//! The search needs no list of paths. Of the paths that two patterns share one is matched by
//! no third pattern but those that match them all: where a name is free it has one that no
//! rule has, and it goes deeper than every pattern. If the laxer rule decides about any of
//! the shared paths it decides about this one. Methods that no rule names are all alike: one
//! stands for them.

use std::collections::BTreeSet;

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use super::{Access, Pattern, Rules, Segment};
use crate::domain::path::RequestPath;

/// A name and a method that no rule has.
const FREE_NAME: &[u8] = b"doorward-any-name";
const FREE_METHOD: &[u8] = b"DOORWARD-ANY-METHOD";
/// What a browser encodes of a name beside bytes above 127.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// A rule that restricts, and what passes by another one that asks for less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The number of the rule.
    pub rule: usize,
    /// The rule that decides instead; `None`: the default.
    pub left_to: Option<usize>,
    /// Methods that some rule names, which go there.
    pub methods: Vec<String>,
    /// Whether methods that no rule names go there too.
    pub unnamed: bool,
}

impl Rules {
    /// What passes by asking for less than a rule for its path: for each rule once for each
    /// that decides instead.
    pub fn holes(&self) -> Vec<Hole> {
        let search = Search::of(self);
        let others = || (0..self.rules.len()).map(Some).chain([None]);
        let pairs = (0..self.rules.len()).flat_map(|rule| others().map(move |by| (rule, by)));
        pairs
            .filter_map(|(rule, left_to)| search.hole(rule, left_to))
            .collect()
    }
}

struct Search<'a> {
    rules: &'a Rules,
    /// The patterns as a browser sends what matches them.
    sent: Vec<Pattern>,
    /// Every method that some rule names, and HEAD, which GET means.
    named: Vec<Method>,
    /// More segments than any pattern has.
    deep: usize,
}

impl<'a> Search<'a> {
    fn of(rules: &'a Rules) -> Self {
        let listed = rules.rules.iter().flat_map(|(_, rule)| &rule.methods);
        let mut named: BTreeSet<&str> = listed.map(String::as_str).collect();
        if named.contains("GET") {
            named.insert("HEAD");
        }
        let named = named.into_iter().map(str::as_bytes);
        let lengths = rules
            .rules
            .iter()
            .map(|(pattern, _)| pattern.segments.len());
        let sent = rules.rules.iter().map(|(pattern, rule)| match rule.access {
            Access::Public => pattern.clone(),
            _ => pattern.encoded(),
        });
        Self {
            rules,
            sent: sent.collect(),
            named: named
                .filter_map(|name| Method::from_bytes(name).ok())
                .collect(),
            deep: lengths.max().unwrap_or_default().saturating_add(1),
        }
    }

    /// What a rule leaves to another one.
    fn hole(&self, rule: usize, left_to: Option<usize>) -> Option<Hole> {
        let asks = self.rules.access(Some(rule));
        if !self.rules.access(left_to).asks_for_less_than(asks) {
            return None;
        }
        let path = self.shared(rule, left_to)?.free_path(self.deep);
        let path = RequestPath::parse(&path).ok()?;
        let decides = |method: &Method| self.rules.deciding(path.raw(), path.decoded(), method);
        let free = Method::from_bytes(FREE_METHOD).ok()?;
        let mut all = self.named.iter().chain([&free]);
        if !all.any(|method| decides(method) == Some(rule)) {
            return None;
        }
        let left = self
            .named
            .iter()
            .filter(|method| decides(method) == left_to);
        let hole = Hole {
            rule,
            left_to,
            methods: left.map(Method::to_string).collect(),
            unnamed: decides(&free) == left_to,
        };
        (hole.unnamed || !hole.methods.is_empty()).then_some(hole)
    }

    /// The paths about which the other may decide instead of the rule.
    fn shared(&self, rule: usize, other: Option<usize>) -> Option<Pattern> {
        let ours = self.sent.get(rule)?;
        let Some(other) = other else {
            return Some(ours.clone());
        };
        let theirs = self.sent.get(other)?;
        let is_public = *self.rules.access(Some(other)) == Access::Public;
        let is_wider = || theirs.covers(ours, is_public) && !ours.covers(theirs, false);
        if other < rule && !is_wider() {
            return None;
        }
        ours.shared_with(theirs)
    }
}

impl Pattern {
    fn encoded(&self) -> Self {
        let encode = |name: &[u8]| percent_encode(name, ENCODED).to_string().into_bytes();
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Any => Segment::Any,
            Segment::Named(name) => Segment::Named(encode(name)),
        });
        Self {
            segments: segments.collect(),
            and_below: self.and_below,
        }
    }

    /// What matches both, spelled as the other is.
    fn shared_with(&self, other: &Self) -> Option<Self> {
        let length = self.segments.len().max(other.segments.len());
        let shared = |at: usize| match (self.segments.get(at), other.segments.get(at)) {
            (Some(ours), Some(theirs)) => ours.shared_with(theirs),
            (Some(ours), None) => other.and_below.then(|| ours.clone()),
            (None, theirs) => theirs.filter(|_| self.and_below).cloned(),
        };
        Some(Self {
            segments: (0..length).map(shared).collect::<Option<_>>()?,
            and_below: self.and_below && other.and_below,
        })
    }

    /// A path that matches, and as few other patterns as possible.
    fn free_path(&self, deep: usize) -> Vec<u8> {
        let below = match self.and_below {
            true => deep.saturating_sub(self.segments.len()),
            false => 0,
        };
        let names = self.segments.iter().map(|segment| match segment {
            Segment::Any => FREE_NAME,
            Segment::Named(name) => name,
        });
        let names = names.chain(std::iter::repeat_n(FREE_NAME, below));
        names.flat_map(|name| [b"/", name].concat()).collect()
    }
}

impl Segment {
    fn shared_with(&self, other: &Self) -> Option<Self> {
        let decoded = |name| percent_decode(name).map(|byte| byte.to_ascii_lowercase());
        match (self, other) {
            (Self::Any, Self::Any) => Some(Self::Any),
            (Self::Any, Self::Named(name)) | (Self::Named(name), Self::Any) => {
                (!name.is_empty()).then(|| Self::Named(name.clone()))
            }
            (Self::Named(ours), Self::Named(theirs)) => decoded(ours)
                .eq(decoded(theirs))
                .then(|| Self::Named(theirs.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Challenge, Openness, Rule};
    use super::*;

    fn admin() -> Access {
        Access::Roles(vec!["admin".into()])
    }

    fn rules(listed: &[(&str, &[&str], Access)]) -> Vec<Rule> {
        let rule = |(path, methods, access): &(&str, &[&str], Access)| Rule {
            path: (*path).into(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            access: access.clone(),
            ambiguous: vec![],
            openness: Openness::Session,
            challenge: Challenge::Bearer,
        };
        listed.iter().map(rule).collect()
    }

    /// `rule -> by: METHODS`, `*` for those that no rule names.
    fn told(hole: &Hole) -> String {
        let by = hole
            .left_to
            .map_or("default".to_owned(), |by| by.to_string());
        let mut methods = hole.methods.clone();
        methods.extend(hole.unnamed.then(|| "*".to_owned()));
        format!("{} -> {by}: {}", hole.rule, methods.join(" "))
    }

    #[test]
    fn what_passes_by_asking_for_less_is_found() {
        use Access::{Authenticated, Deny, Public};
        let all = &[][..];
        let get = &["GET"][..];
        let reads = &["GET", "HEAD"][..];
        let writes = &["POST", "PUT"][..];
        type Case<'a> = (
            &'a [(&'a str, &'a [&'a str], Access)],
            Access,
            &'a [&'a str],
        );
        let cases: &[Case<'_>] = &[
            // One rule and the default.
            (
                &[("/a/**", get, admin())],
                Authenticated,
                &["0 -> default: *"],
            ),
            (&[("/a/**", writes, admin())], Public, &["0 -> default: *"]),
            (
                &[("/a/**", get, Authenticated)],
                Public,
                &["0 -> default: *"],
            ),
            (&[("/a/**", get, admin())], Deny, &[]),
            (&[("/a/**", all, admin())], Authenticated, &[]),
            (&[("/a/**", get, Public)], Authenticated, &[]),
            // A later rule that covers the paths.
            (
                &[("/a/**", get, admin()), ("/a/**", all, Deny)],
                Authenticated,
                &[],
            ),
            (
                &[("/a/**", get, admin()), ("/**", all, Public)],
                Deny,
                &["0 -> 1: *"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/**", writes, Public),
                    ("/**", all, Deny),
                ],
                Deny,
                &["0 -> 1: POST PUT"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a/**", writes, Authenticated),
                    ("/a/**", all, Deny),
                ],
                Public,
                &["0 -> 1: POST PUT"],
            ),
            (
                &[
                    ("/a/**", writes, admin()),
                    ("/a/**", get, Authenticated),
                    ("/**", all, Public),
                ],
                Deny,
                &["0 -> 1: GET HEAD", "0 -> 2: *", "1 -> 2: *"],
            ),
            // Sister rules restrict the rest of the methods.
            (
                &[("/a/**", reads, admin()), ("/a/**", writes, admin())],
                Authenticated,
                &["0 -> default: *", "1 -> default: *"],
            ),
            (
                &[
                    ("/a/**", reads, admin()),
                    ("/a/**", writes, admin()),
                    ("/a/**", all, Deny),
                ],
                Public,
                &[],
            ),
            // A later rule for some of the paths.
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a/b/**", all, Public),
                    ("/**", all, Deny),
                ],
                Deny,
                &["0 -> 1: *"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a", all, Public),
                    ("/**", all, Deny),
                ],
                Deny,
                &["0 -> 1: *"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/*/b", writes, Public),
                    ("/**", all, Deny),
                ],
                Deny,
                &["0 -> 1: POST PUT"],
            ),
            (
                &[
                    ("/a/*", get, admin()),
                    ("/*/b/**", all, Public),
                    ("/**", all, Deny),
                ],
                Deny,
                &["0 -> 1: *"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a/*", all, Deny),
                    ("/a/b", all, Public),
                ],
                Deny,
                &["1 -> 0: GET"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a/b/**", all, Deny),
                    ("/a/*/c", all, Public),
                ],
                Deny,
                &["0 -> 2: *", "1 -> 0: GET"],
            ),
            (
                &[
                    ("/a/**", get, admin()),
                    ("/ab/**", all, Public),
                    ("/b/a", all, Public),
                ],
                Deny,
                &[],
            ),
            (
                &[
                    ("/a/*", get, admin()),
                    ("/a/", all, Public),
                    ("/a/b/c", all, Public),
                ],
                Deny,
                &[],
            ),
            (
                &[("/A/**", get, admin()), ("/a/b", all, Public)],
                Deny,
                &["0 -> 1: *"],
            ),
            (
                &[
                    ("/caf\u{e9}/**", get, admin()),
                    ("/caf%C3%A9/b", all, Public),
                ],
                Deny,
                &["0 -> 1: *"],
            ),
            // A rule before it: an exception if it is narrower, else a mistake.
            (
                &[
                    ("/a/b", all, Public),
                    ("/a/**", get, admin()),
                    ("/a/**", all, Deny),
                ],
                Deny,
                &[],
            ),
            (
                &[("/a/**", get, Public), ("/a/**", all, admin())],
                Deny,
                &[],
            ),
            (
                &[("/**", writes, Public), ("/a/**", get, admin())],
                Deny,
                &["1 -> 0: POST PUT"],
            ),
            (
                &[("/**", get, Public), ("/a/**", all, admin())],
                Deny,
                &["1 -> 0: GET"],
            ),
            // Other roles are not more people.
            (
                &[
                    ("/a/**", get, admin()),
                    ("/a/**", all, Access::Roles(vec!["b".into()])),
                ],
                Deny,
                &[],
            ),
        ];
        for (listed, default, expected) in cases {
            let found = Rules::new(rules(listed), default.clone()).holes();
            let found: Vec<String> = found.iter().map(told).collect();
            assert_eq!(found, *expected, "{listed:?}, else {default:?}");
        }
    }
}
