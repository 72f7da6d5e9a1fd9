//! Which rule decides a path: first match wins, and no spelling escapes one.
//!
//! A public rule matches exactly as sent, case and encoding included, so that an
//! odd spelling never opens anything. Every other rule matches the decoded path
//! without regard to ASCII case, so that an odd spelling never avoids one.

mod holes;
mod index;
mod shadow;
mod twins;

use http::Method;
use serde::Serialize;

pub use self::holes::Hole;
use self::index::{Case, Index};
pub use self::shadow::Shadowed;
use crate::domain::identity::Identity;
pub use crate::domain::path::Ambiguity;
use crate::domain::path::RequestPath;

/// Who may pass. Serialised as the operator writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody.
    Public,
    /// Everybody with a session.
    Authenticated,
    /// Everybody with a session and one of these roles.
    Roles(Vec<String>),
    /// Nobody.
    Deny,
}

/// A rule as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// An exact path, `*` for one segment, `/x/**` for `/x`, `/x/` and all below.
    pub path: String,
    /// Empty: every method.
    pub methods: Vec<String>,
    /// Who may.
    pub access: Access,
    /// Ambiguities that the rule tolerates; empty for public rules.
    pub ambiguous: Vec<Ambiguity>,
    /// Of a public rule: who its visitors are, and whose pages may read.
    pub openness: Openness,
    /// How a program is asked for a token.
    pub challenge: Challenge,
}

/// What `WWW-Authenticate` asks programs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// RFC 6750.
    Bearer,
    /// RFC 7617: for git, WebDAV and others that send a password only when they are asked.
    Basic,
}

/// How far a path is open. The order is that of openness: of several readings the least
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Openness {
    /// Not public.
    Closed,
    /// A session is used if there is one.
    Session,
    /// Everybody is anonymous: cookies of ours mean nothing (`identity: off`).
    Anonymous,
    /// That, and pages of every origin may read the answers (`cross_origin: anyone`).
    AnyOrigin,
}

/// All rules, compiled, and what holds where none matches.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<(Pattern, Rule)>,
    /// The public ones, by paths as sent.
    public: Index,
    /// The others, by decoded paths.
    guarded: Index,
    /// The others, by the twins of their paths.
    twins: Index,
    default_access: Access,
}

/// What the rules say of one path.
#[derive(Debug)]
pub struct Selected<'a> {
    /// What its readings select, each rule once, in the order of the rules; the default, if
    /// some reading has no rule, comes last.
    first: Reading<'a>,
    /// None where the path has no doubts, or no rule tells its readings apart.
    others: Vec<Reading<'a>>,
    /// Whether one of these rules tolerates the spelling.
    tolerated: bool,
}

/// What a rule says of one or more readings of a path.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The number of the rule, counted from 0; `None`: the default.
    pub rule: Option<usize>,
    /// What it asks for.
    pub access: &'a Access,
    /// Who its visitors are.
    openness: Openness,
}

impl<'a> Selected<'a> {
    /// Everything that the readings select, at least one.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'a>> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The one under which the request is forwarded if all admit it: the strictest, of two
    /// alike the first.
    pub fn strictest(&self) -> Reading<'a> {
        let others = self.others.iter();
        others.fold(self.first, |strictest, other| {
            match other.access.strictness() > strictest.access.strictness() {
                true => *other,
                false => strictest,
            }
        })
    }

    /// Whether some rule tolerates that the readings are not admitted alike: then the
    /// strictest refusal is given instead of `path_ambiguous`.
    pub fn is_tolerated(&self) -> bool {
        self.tolerated
    }

    /// How open the path is, in every reading.
    pub fn openness(&self) -> Openness {
        let others = self.others.iter().map(|reading| reading.openness);
        others.fold(self.first.openness, Openness::min)
    }
}

impl Access {
    /// Whether somebody signed in may pass.
    pub fn admits(&self, identity: &Identity) -> bool {
        match self {
            Self::Public | Self::Authenticated => true,
            Self::Roles(roles) => identity.has_any_role(roles),
            Self::Deny => false,
        }
    }

    /// The more, the fewer pass.
    const fn strictness(&self) -> u8 {
        match self {
            Self::Public => 0,
            Self::Authenticated => 1,
            Self::Roles(_) => 2,
            Self::Deny => 3,
        }
    }

    /// Whether everybody whom the other admits passes here too, and somebody else.
    fn asks_for_less_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Roles(ours), Self::Roles(theirs)) => {
                theirs.iter().all(|role| ours.contains(role))
                    && ours.iter().any(|role| !theirs.contains(role))
            }
            _ => self.strictness() < other.strictness(),
        }
    }
}

impl Rules {
    /// Compiles the rules.
    pub fn new(rules: Vec<Rule>, default_access: Access) -> Self {
        let rules: Vec<_> = rules
            .into_iter()
            .map(|rule| (Pattern::new(&rule.path), rule))
            .collect();
        let numbered = |is_public| {
            let all = rules.iter().enumerate();
            all.filter(move |(_, (_, rule))| (rule.access == Access::Public) == is_public)
                .map(|(number, (pattern, _))| (number, pattern))
        };
        let twins: Vec<_> = numbered(false)
            .filter_map(|(number, pattern)| Some((number, pattern.twin()?)))
            .collect();
        let twins = twins.iter().map(|(number, twin)| (*number, twin));
        Self {
            public: Index::new(Case::Exact, numbered(true)),
            guarded: Index::new(Case::Ignored, numbered(false)),
            twins: Index::new(Case::Ignored, twins),
            rules,
            default_access,
        }
    }

    /// What is asked of a request for a path, by this method.
    pub fn select(&self, path: &RequestPath<'_>, method: &Method) -> Selected<'_> {
        let own = self.deciding(path.raw(), path.decoded(), method);
        if !path.is_doubtful() {
            return Selected {
                first: self.reading(own),
                others: Vec::new(),
                tolerated: false,
            };
        }
        let others = path.other_readings().iter();
        let others = others.map(|other| self.deciding(&other.sent, &other.decoded, method));
        let mut rules: Vec<Option<usize>> = others.chain([own]).collect();
        // The default last.
        rules.sort_unstable_by_key(|rule| rule.unwrap_or(usize::MAX));
        rules.dedup();
        let tolerates = |rule: &Option<usize>| {
            let tolerated = self.of(*rule).map(|rule| &rule.ambiguous);
            let mut doubts = Ambiguity::ALL.iter().filter(|doubt| path.has(**doubt));
            tolerated.is_some_and(|tolerated| doubts.all(|doubt| tolerated.contains(doubt)))
        };
        let tolerated = rules.iter().any(tolerates);
        let mut readings = rules.into_iter().map(|rule| self.reading(rule));
        Selected {
            first: readings.next().unwrap_or(self.reading(own)),
            others: readings.collect(),
            tolerated,
        }
    }

    /// The rule that decides about a path as sent and decoded: the first that matches, or one
    /// before it whose twin matches.
    fn deciding(&self, raw: &[u8], decoded: &[u8], method: &Method) -> Option<usize> {
        let first = self.first(raw, decoded, method);
        self.twin(decoded, method, first).or(first)
    }

    /// The first that matches, as it is written.
    fn first(&self, raw: &[u8], decoded: &[u8], method: &Method) -> Option<usize> {
        let same = str::eq;
        let public = self
            .public
            .first(raw, |rule| self.takes(rule, method, same));
        // Methods have case (RFC 9110 §9.1), but some servers read `post` as POST.
        let same = str::eq_ignore_ascii_case;
        let guarded = self
            .guarded
            .first(decoded, |rule| self.takes(rule, method, same));
        public.into_iter().chain(guarded).min()
    }

    fn takes(&self, rule: usize, method: &Method, same: fn(&str, &str) -> bool) -> bool {
        self.of(Some(rule)).is_some_and(|rule| {
            let mut listed = rule.methods.iter();
            rule.methods.is_empty() || listed.any(|listed| same(listed, method.as_str()))
        })
    }

    fn access(&self, rule: Option<usize>) -> &Access {
        self.of(rule)
            .map_or(&self.default_access, |rule| &rule.access)
    }

    fn of(&self, rule: Option<usize>) -> Option<&Rule> {
        rule.and_then(|i| self.rules.get(i)).map(|(_, rule)| rule)
    }

    /// What a program is asked for that may not pass.
    pub fn challenge(&self, selected: &Selected<'_>) -> Challenge {
        let mut rules = selected
            .readings()
            .filter_map(|reading| self.of(reading.rule));
        match rules.any(|rule| rule.challenge == Challenge::Basic) {
            true => Challenge::Basic,
            false => Challenge::Bearer,
        }
    }

    fn reading(&self, rule: Option<usize>) -> Reading<'_> {
        let of_rule = self.of(rule);
        let access = self.access(rule);
        Reading {
            rule,
            access,
            openness: match (access, of_rule) {
                (Access::Public, Some(rule)) => rule.openness,
                (Access::Public, None) => Openness::Session,
                _ => Openness::Closed,
            },
        }
    }
}

#[derive(Clone, Debug)]
struct Pattern {
    segments: Vec<Segment>,
    /// Ends in `/**`.
    and_below: bool,
}

#[derive(Clone, Debug)]
enum Segment {
    Named(Vec<u8>),
    Any,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (text, and_below) = match text.strip_suffix("/**") {
            Some(start) => (start, true),
            None => (text, false),
        };
        let segments = text.split('/').skip(1).map(|segment| match segment {
            "*" => Segment::Any,
            name => Segment::Named(name.as_bytes().to_vec()),
        });
        Self {
            segments: segments.collect(),
            and_below,
        }
    }
}

#[cfg(test)]
mod linear;
#[cfg(test)]
mod tests;
