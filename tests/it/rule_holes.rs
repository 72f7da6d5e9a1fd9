//! A rule that restricts is not walked around by another method or a slash at the end, and
//! where it stays open `check` names it.

use crate::cli::{assert_code, said, written};
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
fn what_a_list_of_methods_leaves_open_is_named_by_check() {
    let output = written(RULES).command(&["check"], "");
    assert_code(&output, 0, "a hole may be meant");
    let said = said(&output);
    assert!(
        said.contains("rules[0] (/admin/**) restricts GET, POST"),
        "{said}"
    );
    assert!(!said.contains("rules[1] (/settings) restricts"), "{said}");
}
