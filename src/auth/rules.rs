//! Which rule decides a path: first match wins, and no spelling escapes one.
//!
//! A public rule matches exactly as sent, case and encoding included, so that an
//! odd spelling never opens anything. Every other rule matches the decoded path
//! without regard to ASCII case, so that an odd spelling never avoids one.

mod index;
mod shadow;

use http::Method;

use self::index::{Case, Index};
pub use self::shadow::Shadowed;
use super::denial::Denial;
pub use crate::domain::path::Ambiguity;
use crate::domain::path::RequestPath;

/// Who may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// All rules, compiled, and what holds where none matches.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<(Pattern, Rule)>,
    /// The public ones, by paths as sent.
    public: Index,
    /// The others, by decoded paths.
    guarded: Index,
    default_access: Access,
}

/// What the rules say of one path.
#[derive(Debug)]
pub struct Selected<'a> {
    /// The number of the rule, counted from 0; `None`: the default.
    pub rule: Option<usize>,
    /// What it asks for.
    pub access: &'a Access,
    /// What the other readings of a tolerated ambiguous path ask for: the
    /// request must satisfy all of them, so that tolerance opens no side door.
    pub also: Vec<Reading<'a>>,
}

/// What a rule says of another reading of the path.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The number of the rule; `None`: the default.
    pub rule: Option<usize>,
    /// What it asks for.
    pub access: &'a Access,
}

/// A spelling that the rule of its path does not tolerate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The number of the rule; `None`: the default.
    pub rule: Option<usize>,
    /// What the path holds.
    pub ambiguity: Ambiguity,
}

impl From<Doubt> for Denial {
    fn from(_doubt: Doubt) -> Self {
        Self::PathAmbiguous
    }
}

impl Selected<'_> {
    /// Everything that must be satisfied.
    pub fn asked(&self) -> impl Iterator<Item = &Access> {
        std::iter::once(self.access).chain(self.also.iter().map(|reading| reading.access))
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
        Self {
            public: Index::new(Case::Exact, numbered(true)),
            guarded: Index::new(Case::Ignored, numbered(false)),
            rules,
            default_access,
        }
    }

    /// The rule for a path and method.
    ///
    /// # Errors
    /// A doubt that the rule does not tolerate; [`Denial::PathAmbiguous`] to the client.
    pub fn select(&self, path: &RequestPath<'_>, method: &Method) -> Result<Selected<'_>, Doubt> {
        let rule = self.first(path.raw(), path.decoded(), method);
        let others: Vec<Option<usize>> = path
            .other_readings()
            .iter()
            .map(|(raw, decoded)| self.first(raw, decoded, method))
            .collect();
        let tolerated: &[Ambiguity] = self.of(rule).map_or(&[], |rule| &rule.ambiguous);
        let refused = |doubt| path.has(doubt) && !tolerated.contains(&doubt);
        let doubt = if refused(Ambiguity::EncodedSlash) {
            Some(Ambiguity::EncodedSlash)
        } else if refused(Ambiguity::DoubleSlash) {
            Some(Ambiguity::DoubleSlash)
        } else if refused(Ambiguity::Semicolon) && others.iter().any(|other| *other != rule) {
            Some(Ambiguity::Semicolon)
        } else {
            None
        };
        if let Some(ambiguity) = doubt {
            return Err(Doubt { rule, ambiguity });
        }
        let also = others.into_iter().filter(|other| *other != rule);
        Ok(Selected {
            rule,
            access: self.access(rule),
            also: also
                .map(|rule| Reading {
                    rule,
                    access: self.access(rule),
                })
                .collect(),
        })
    }

    /// The first rule that matches a path as sent and decoded.
    fn first(&self, raw: &[u8], decoded: &[u8], method: &Method) -> Option<usize> {
        let takes = |number, same: fn(&str, &str) -> bool| {
            self.of(Some(number)).is_some_and(|rule| {
                let mut listed = rule.methods.iter();
                rule.methods.is_empty() || listed.any(|listed| same(listed, method.as_str()))
            })
        };
        // Methods have case (RFC 9110 §9.1), but some servers read `post` as POST.
        let public = self.public.first(raw, |rule| takes(rule, str::eq));
        let guarded = |rule| takes(rule, str::eq_ignore_ascii_case);
        let guarded = self.guarded.first(decoded, guarded);
        public.into_iter().chain(guarded).min()
    }

    fn of(&self, rule: Option<usize>) -> Option<&Rule> {
        rule.and_then(|i| self.rules.get(i)).map(|(_, rule)| rule)
    }

    fn access(&self, rule: Option<usize>) -> &Access {
        self.of(rule)
            .map_or(&self.default_access, |rule| &rule.access)
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
mod tests {
    use super::*;

    fn rule(path: &str, access: Access, ambiguous: &[Ambiguity]) -> Rule {
        Rule {
            path: path.into(),
            methods: vec![],
            access,
            ambiguous: ambiguous.to_vec(),
        }
    }

    fn admin() -> Access {
        Access::Roles(vec!["admin".into()])
    }

    /// The number of the rule, `-1` for the default, `400` for ambiguous.
    fn chosen(rules: &Rules, path: &str, method: Method) -> i32 {
        match RequestPath::parse(path.as_bytes()) {
            Err(_) => 400,
            Ok(path) => match rules.select(&path, &method) {
                Err(_) => 400,
                Ok(selected) => selected.rule.map_or(-1, |i| i32::try_from(i).unwrap()),
            },
        }
    }

    #[test]
    fn patterns() {
        for (pattern, path, matches) in [
            ("/a", "/a", true),
            ("/a", "/A", true),
            ("/a", "/a/", false),
            ("/a", "/ab", false),
            ("/a", "/", false),
            ("/", "/", true),
            ("/", "/a", false),
            ("/a/**", "/a", true),
            ("/a/**", "/a/", true),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/ab", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/", false),
            ("/a/*", "/a", false),
            ("/a/*", "/a/b/c", false),
            ("/*/b", "/a/b", true),
            ("/a/*/c/**", "/a/b/c/d", true),
            ("/a/*/c/**", "/a/b/d", false),
            ("/caf\u{e9}", "/caf%C3%A9", true),
        ] {
            let rules = Rules::new(vec![rule(pattern, admin(), &[])], Access::Deny);
            let got = chosen(&rules, path, Method::GET) == 0;
            assert_eq!(got, matches, "{pattern} against {path}");
        }
    }

    #[test]
    fn no_spelling_of_a_method_escapes_a_rule() {
        let posts = |access| Rule {
            methods: vec!["POST".into()],
            ..rule("/a", access, &[])
        };
        let lower = || Method::from_bytes(b"post").unwrap();
        let guarded = Rules::new(vec![posts(admin())], Access::Public);
        assert_eq!(chosen(&guarded, "/a", Method::POST), 0);
        assert_eq!(chosen(&guarded, "/a", lower()), 0, "`post` avoids the rule");
        assert_eq!(chosen(&guarded, "/a", Method::GET), -1);
        let open = Rules::new(vec![posts(Access::Public)], Access::Deny);
        assert_eq!(chosen(&open, "/a", Method::POST), 0);
        assert_eq!(
            chosen(&open, "/a", lower()),
            -1,
            "`post` is not what was opened"
        );
    }

    #[test]
    fn public_is_exact_and_the_others_are_deaf_to_spelling() {
        let rules = Rules::new(
            vec![
                rule("/public/**", Access::Public, &[]),
                rule("/admin/**", admin(), &[]),
            ],
            Access::Authenticated,
        );
        for (path, expected) in [
            ("/public/x", 0),
            ("/PUBLIC/x", -1),
            ("/%70ublic/x", -1),
            ("/public", 0),
            ("/publicity", -1),
            ("/public/a;v=1", 0),
            ("/public;v=1/a", 400),
            ("/public//x", 400),
            ("/public/%2fx", 400),
            ("/public/../admin", 400),
            ("/public/..;/admin", 400),
            ("/admin", 1),
            ("/ADMIN/x", 1),
            ("/%61dmin/x", 1),
            ("/%41dmin/x", 1),
            ("//admin", 400),
            ("/admin%2fx", 400),
            ("/admin;x", 400),
            ("/;/admin", 400),
            ("/;x/admin/y", 400),
            ("/%3b/admin", 400),
            ("/admin/x;y", 1),
            ("/other;x", -1),
        ] {
            assert_eq!(chosen(&rules, path, Method::GET), expected, "{path}");
        }
    }

    #[test]
    fn first_match_wins_and_methods_count() {
        let mut read = rule("/docs/**", Access::Public, &[]);
        read.methods = vec!["GET".into()];
        let rules = Rules::new(
            vec![
                read,
                rule("/docs/**", admin(), &[]),
                rule("/docs/x", Access::Deny, &[]),
            ],
            Access::Deny,
        );
        assert_eq!(chosen(&rules, "/docs/x", Method::GET), 0);
        assert_eq!(chosen(&rules, "/docs/x", Method::POST), 1);
        assert_eq!(chosen(&rules, "/docs/x", Method::HEAD), 1);
        let odd = Method::from_bytes(b"get").unwrap();
        assert_eq!(
            chosen(&rules, "/docs/x", odd),
            1,
            "methods are case-sensitive"
        );
    }

    #[test]
    fn tolerance_opens_no_side_door() {
        use Ambiguity::*;
        let rules = Rules::new(
            vec![
                rule("/admin/**", admin(), &[]),
                rule(
                    "/**",
                    Access::Authenticated,
                    &[EncodedSlash, DoubleSlash, Semicolon],
                ),
            ],
            Access::Deny,
        );
        for path in ["//admin", "/admin;x/y", "/x/..%3b"] {
            let Ok(parsed) = RequestPath::parse(path.as_bytes()) else {
                continue;
            };
            let selected = rules.select(&parsed, &Method::GET).unwrap();
            assert!(
                selected.also.iter().any(|also| *also.access == admin()),
                "{path} would reach the admin pages of an app that reads it differently"
            );
        }
        let files = RequestPath::parse(b"/files/a%2fb").unwrap();
        let selected = rules.select(&files, &Method::GET).unwrap();
        assert_eq!((selected.rule, selected.also.len()), (Some(1), 0));
    }
}
