//! A rule that restricts is not walked around by another method or a slash at the end, and
//! where it stays open `check` names it.

use crate::operations::cli::{assert_code, said, written};
use crate::support::world_with;

const RULES: &str = "rules:
  - { path: /admin/**, methods: [GET, POST], access: { roles: [admin] } }
  - { path: /settings, access: { roles: [admin] } }
  - { path: /board/, access: { roles: [admin] } }
";

#[test]
fn a_restricting_rule_covers_head_and_its_twin_with_a_slash() {
    let (gateway, app) = world_with(RULES);
    let (alice, bob) = (gateway.alice(), gateway.bob());
    for (method, path, status) in [
        ("GET", "/admin/x", 403),
        ("HEAD", "/admin/x", 403),
        ("POST", "/admin/x", 403),
        ("GET", "/settings", 403),
        ("GET", "/settings/", 403),
        ("HEAD", "/SETTINGS/", 403),
        ("GET", "/settings/more", 200),
        ("GET", "/board/", 403),
        ("GET", "/board", 403),
        ("HEAD", "/BOARD", 403),
        ("GET", "/board/more", 200),
    ] {
        let ask = |cookie: &str| {
            let request = gateway.request(method, path).own_origin();
            request.cookie(cookie).send().status
        };
        assert_eq!(ask(&bob), status, "{method} {path} for who is no admin");
        assert_eq!(ask(&alice), 200, "{method} {path} for an admin");
    }
    assert_eq!(app.count(), 13, "the app was asked for what was refused");
}

#[test]
fn what_passes_by_asking_for_less_is_named_by_check() {
    let others = "every method that no rule names";
    for (rules, default, says) in [
        (
            RULES,
            "authenticated",
            vec![format!(
                "rules[0] (/admin/**) restricts GET, POST (GET means HEAD too), and leaves {others} to default_access"
            )],
        ),
        (
            "rules:
  - { path: /admin/**, methods: [GET], access: { roles: [admin] } }
  - { path: /**, methods: [PUT, POST], access: public }
  - { path: /**, access: deny }
",
            "deny",
            vec!["rules[0] (/admin/**) restricts GET (GET means HEAD too), and leaves POST, PUT to rules[1] (/**)".to_owned()],
        ),
        (
            "rules:
  - { path: /a/**, methods: [GET], access: { roles: [admin] } }
  - { path: /a/b/**, access: public }
  - { path: /**, access: deny }
",
            "deny",
            vec![format!("leaves {others} to rules[1] (/a/b/**)")],
        ),
        (
            "rules:
  - { path: /admin/**, methods: [GET], access: { roles: [admin] } }
  - { path: /admin/**, methods: [POST, DELETE], access: authenticated }
  - { path: /admin/**, access: deny }
",
            "deny",
            vec!["leaves DELETE, POST to rules[1] (/admin/**)".to_owned()],
        ),
        (
            "rules:
  - { path: /admin/**, methods: [GET, HEAD], access: { roles: [admin] } }
  - { path: /admin/**, methods: [POST, PUT, PATCH, DELETE], access: { roles: [admin] } }
",
            "authenticated",
            vec![
                format!("rules[0] (/admin/**) restricts GET, HEAD, and leaves {others} to"),
                format!("rules[1] (/admin/**) restricts POST, PUT, PATCH, DELETE, and leaves {others} to"),
            ],
        ),
        (
            "rules:
  - { path: /**, methods: [GET], access: public, identity: off }
  - { path: /admin/**, access: { roles: [admin] } }
",
            "deny",
            vec!["rules[1] (/admin/**) restricts every method, and leaves GET to rules[0] (/**) before it".to_owned()],
        ),
        (
            "rules:
  - { path: /admin/**, access: { roles: [admin] } }
",
            "authenticated",
            vec![],
        ),
    ] {
        let yaml = format!("{rules}default_access: {default}\n");
        let output = written(&yaml).command(&["check"], "");
        assert_code(&output, 0, "a hole may be meant");
        let said = said(&output);
        assert_eq!(said.matches(" restricts ").count(), says.len(), "{said}");
        for sentence in says {
            assert!(said.contains(&sentence), "{sentence}: {said}");
        }
    }
}
