//! What a rule means beside what it says.
//!
//! A rule that restricts GET restricts HEAD, which servers answer from the same code (RFC 9110
//! §9.3.2), and one that restricts `/settings` or `/settings/` restricts both, which most take
//! for the same. Such a twin decides only where the rule that would decide otherwise asks for
//! less: it never opens anything.

use http::Method;

use super::{Pattern, Rules, Segment};

impl Rules {
    /// The first rule before the one that decides that restricts the twin of a request.
    pub(super) fn twin(
        &self,
        decoded: &[u8],
        method: &Method,
        decides: Option<usize>,
    ) -> Option<usize> {
        let asked = self.access(decides);
        let restricts = |rule: usize, method: &Method| {
            decides.is_none_or(|decides| rule < decides)
                && self.takes(rule, method, str::eq_ignore_ascii_case)
                && asked.asks_for_less_than(self.access(Some(rule)))
        };
        let is_head = method.as_str().eq_ignore_ascii_case("HEAD");
        let as_get = |rule| is_head && restricts(rule, &Method::GET);
        let of_twins = |rule| restricts(rule, method) || as_get(rule);
        let twin = self.twins.first(decoded, of_twins);
        let read = is_head.then(|| self.guarded.first(decoded, as_get));
        twin.into_iter().chain(read.flatten()).min()
    }
}

impl Pattern {
    /// An exact path with a slash at its end, or without the one that it has.
    pub(super) fn twin(&self) -> Option<Self> {
        let mut twin = self.clone();
        let is_slash = |end: &Segment| matches!(end, Segment::Named(name) if name.is_empty());
        match twin.segments.last() {
            Some(end) if is_slash(end) => twin.segments.truncate(twin.segments.len() - 1),
            _ => twin.segments.push(Segment::Named(Vec::new())),
        }
        // Neither has `/`, which is the whole path, nor what covers its twin already.
        (!self.and_below && !twin.segments.is_empty()).then_some(twin)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Challenge, Openness, Rule};
    use super::*;
    use crate::domain::path::RequestPath;

    fn rule(path: &str, methods: &[&str], access: Access) -> Rule {
        Rule {
            path: path.into(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            access,
            ambiguous: vec![],
            openness: Openness::Session,
            challenge: Challenge::Bearer,
        }
    }

    fn roles(roles: &[&str]) -> Access {
        Access::Roles(roles.iter().map(|role| (*role).to_owned()).collect())
    }

    #[test]
    fn a_twin_restricts_and_never_opens() {
        let admin = || roles(&["admin"]);
        let get = &["GET"][..];
        for (rules, default, method, path, decides) in [
            // HEAD is GET.
            (
                vec![rule("/a/**", get, admin())],
                Access::Authenticated,
                "HEAD",
                "/a/x",
                Some(0),
            ),
            (
                vec![rule("/a/**", get, admin())],
                Access::Public,
                "head",
                "/a/x",
                Some(0),
            ),
            (
                vec![rule("/a/**", get, admin())],
                Access::Authenticated,
                "PUT",
                "/a/x",
                None,
            ),
            (
                vec![rule("/a/**", get, Access::Authenticated)],
                admin(),
                "HEAD",
                "/a/x",
                None,
            ),
            (
                vec![rule("/a/**", get, Access::Public)],
                Access::Deny,
                "HEAD",
                "/a/x",
                None,
            ),
            // A slash at the end is nothing.
            (
                vec![rule("/a", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a/",
                Some(0),
            ),
            (
                vec![rule("/a", &[], admin())],
                Access::Authenticated,
                "GET",
                "/A/",
                Some(0),
            ),
            (
                vec![rule("/a", get, admin())],
                Access::Authenticated,
                "HEAD",
                "/a/",
                Some(0),
            ),
            (
                vec![rule("/a", &[], Access::Authenticated)],
                Access::Deny,
                "GET",
                "/a/",
                None,
            ),
            (
                vec![rule("/a", &[], Access::Public)],
                Access::Deny,
                "GET",
                "/a/",
                None,
            ),
            (
                vec![rule("/a", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a/b",
                None,
            ),
            (
                vec![rule("/*", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a/",
                Some(0),
            ),
            (
                vec![rule("/", &[], admin())],
                Access::Authenticated,
                "GET",
                "/",
                Some(0),
            ),
            (
                vec![rule("/a/", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a",
                Some(0),
            ),
            (
                vec![rule("/a/", get, admin())],
                Access::Authenticated,
                "HEAD",
                "/A",
                Some(0),
            ),
            (
                vec![rule("/a/", get, admin())],
                Access::Authenticated,
                "PUT",
                "/a",
                None,
            ),
            (
                vec![rule("/*/", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a",
                Some(0),
            ),
            (
                vec![rule("/a/", &[], Access::Authenticated)],
                Access::Deny,
                "GET",
                "/a",
                None,
            ),
            (
                vec![rule("/a/", &[], Access::Public)],
                Access::Deny,
                "GET",
                "/a",
                None,
            ),
            (
                vec![rule("/a/", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a//",
                Some(0),
            ),
            (
                vec![rule("/a/b/", &[], admin())],
                Access::Authenticated,
                "GET",
                "/a",
                None,
            ),
            // The order of the operator holds.
            (
                vec![
                    rule("/a", &[], Access::Authenticated),
                    rule("/a/", &[], admin()),
                ],
                Access::Deny,
                "GET",
                "/a",
                Some(0),
            ),
            (
                vec![rule("/a/", &[], admin()), rule("/**", &[], Access::Public)],
                Access::Deny,
                "GET",
                "/a",
                Some(0),
            ),
            (
                vec![
                    rule("/a/", &[], Access::Authenticated),
                    rule("/a", &[], admin()),
                ],
                Access::Deny,
                "GET",
                "/a/",
                Some(0),
            ),
            (
                vec![rule("/a", &[], admin()), rule("/**", &[], Access::Public)],
                Access::Deny,
                "GET",
                "/a/",
                Some(0),
            ),
            // Other roles are not fewer people.
            (
                vec![rule("/a", &[], roles(&["x"]))],
                roles(&["y"]),
                "GET",
                "/a/",
                None,
            ),
            (
                vec![rule("/a", &[], roles(&["x"]))],
                roles(&["x", "y"]),
                "GET",
                "/a/",
                Some(0),
            ),
            (
                vec![rule("/a", &[], roles(&["x", "y"]))],
                roles(&["x"]),
                "GET",
                "/a/",
                None,
            ),
        ] {
            let told = format!("{method} {path} by {rules:?}, else {default:?}");
            let rules = Rules::new(rules, default);
            let parsed = RequestPath::parse(path.as_bytes()).unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let selected = rules.select(&parsed, &method);
            assert_eq!(selected.strictest().rule, decides, "{told}");
        }
    }
}
