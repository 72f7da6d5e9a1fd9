//! Rules that never decide, since an earlier one matches all that they match.

use super::{Access, Pattern, Rules, Segment};

/// A rule behind an earlier one that matches all that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The number of the rule.
    pub rule: usize,
    /// The number of the earlier one.
    pub by: usize,
    /// Whether nothing is left to it; else odd spellings are, which a public rule does
    /// not match.
    pub is_whole: bool,
}

impl Rules {
    /// Rules that an earlier one leaves nothing to decide, with the first that does so.
    pub fn shadowed(&self) -> Vec<Shadowed> {
        let all = self.rules.iter().enumerate();
        all.filter_map(|(rule, (pattern, later))| {
            let mut earlier = self.rules.iter().take(rule);
            let by = earlier.position(|(wide, rule)| {
                let same = |method: &String| rule.methods.contains(method);
                let methods = rule.methods.is_empty()
                    || (!later.methods.is_empty() && later.methods.iter().all(same));
                methods && wide.covers(pattern, rule.access == Access::Public)
            })?;
            let (wide, cover) = self.rules.get(by)?;
            let exact = cover.access == Access::Public && later.access != Access::Public;
            Some(Shadowed {
                rule,
                by,
                is_whole: !exact || wide.names_nothing(),
            })
        })
        .collect()
    }
}

impl Pattern {
    /// Whether every path of `other`, as it is written, is one of this.
    pub(super) fn covers(&self, other: &Self, is_exact: bool) -> bool {
        let mut theirs = other.segments.iter();
        for segment in &self.segments {
            let fits = match (segment, theirs.next()) {
                (_, None) => false,
                (Segment::Any, Some(Segment::Any)) => true,
                (Segment::Any, Some(Segment::Named(name))) => !name.is_empty(),
                (Segment::Named(_), Some(Segment::Any)) => false,
                (Segment::Named(ours), Some(Segment::Named(name))) => match is_exact {
                    true => ours == name,
                    false => ours.eq_ignore_ascii_case(name),
                },
            };
            if !fits {
                return false;
            }
        }
        self.and_below || (theirs.next().is_none() && !other.and_below)
    }

    /// Whether spelling makes no difference to it.
    fn names_nothing(&self) -> bool {
        let any = |segment: &Segment| matches!(segment, Segment::Any);
        self.segments.iter().all(any)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Challenge, Openness, Rule};
    use super::*;

    fn rule(path: &str, access: Access) -> Rule {
        Rule {
            path: path.into(),
            methods: vec![],
            access,
            ambiguous: vec![],
            openness: Openness::Session,
            challenge: Challenge::Bearer,
        }
    }

    fn admin() -> Access {
        Access::Roles(vec!["admin".into()])
    }

    #[test]
    fn rules_that_are_left_nothing_are_found() {
        for (earlier, later, found) in [
            (
                ("/admin/**", admin()),
                ("/admin/x", Access::Deny),
                Some(true),
            ),
            (
                ("/admin/**", admin()),
                ("/ADMIN/**", Access::Deny),
                Some(true),
            ),
            (("/admin/**", admin()), ("/adminx", Access::Deny), None),
            (("/admin", admin()), ("/admin/**", Access::Deny), None),
            (
                ("/admin/*", admin()),
                ("/admin/x", Access::Deny),
                Some(true),
            ),
            (("/admin/x", admin()), ("/admin/*", Access::Deny), None),
            (("/*/x", admin()), ("/a/x", Access::Public), Some(true)),
            (("/**", Access::Public), ("/admin/**", admin()), Some(true)),
            (("/a/**", Access::Public), ("/a/b", admin()), Some(false)),
            (("/A/**", Access::Public), ("/a/b", admin()), None),
            (
                ("/a/**", Access::Public),
                ("/a/b", Access::Public),
                Some(true),
            ),
        ] {
            let rules = vec![rule(earlier.0, earlier.1), rule(later.0, later.1)];
            let rules = Rules::new(rules, Access::Deny);
            let got = rules.shadowed().first().map(|shadowed| shadowed.is_whole);
            assert_eq!(got, found, "{} behind {}", later.0, earlier.0);
        }
        let mut gets = rule("/a/**", admin());
        gets.methods = vec!["GET".into()];
        let rules = Rules::new(
            vec![gets.clone(), rule("/a/b", admin()), gets],
            Access::Deny,
        );
        let found: Vec<_> = rules.shadowed().iter().map(|s| (s.rule, s.by)).collect();
        assert_eq!(found, [(2, 0)], "methods are left out of account");
    }
}
