//! Which rule decides: patterns, methods, spellings, readings.

use super::*;

fn rule(path: &str, access: Access, ambiguous: &[Ambiguity]) -> Rule {
    Rule {
        path: path.into(),
        methods: vec![],
        access,
        ambiguous: ambiguous.to_vec(),
        openness: Openness::Session,
        challenge: Challenge::Bearer,
    }
}

fn admin() -> Access {
    Access::Roles(vec!["admin".into()])
}

/// The number of the rule, `-1` for the default, `-2` where readings select several rules,
/// `400` for what no rule may tolerate.
fn chosen(rules: &Rules, path: &str, method: Method) -> i32 {
    let Ok(path) = RequestPath::parse(path.as_bytes()) else {
        return 400;
    };
    let selected = rules.select(&path, &method);
    let number = |reading: Reading<'_>| reading.rule.map_or(-1, |i| i32::try_from(i).unwrap());
    let numbers: Vec<i32> = selected.readings().map(number).collect();
    match numbers[..] {
        [one] => one,
        _ => -2,
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
        ("/public;v=1/a", -2),
        ("/public//x", 0),
        ("/public/%2fx", 0),
        ("/public/../admin", 400),
        ("/public/..;/admin", 400),
        ("/admin", 1),
        ("/ADMIN/x", 1),
        ("/%61dmin/x", 1),
        ("/%41dmin/x", 1),
        ("//admin", -2),
        ("/admin%2fx", -2),
        ("/admin;x", -2),
        ("/;/admin", -2),
        ("/;x/admin/y", -2),
        ("/%3b/admin", -2),
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

/// Every way to write a path that some program takes for `/admin` and not all do.
const DISGUISES: [&str; 22] = [
    "//admin",
    "//x/admin",
    "/admin;x/y",
    "/;x/admin",
    "/admin%3bx",
    "/admin%2fx",
    "/admin%5cx",
    "/x;/admin/../y",
    "/admin%3fx",
    "/admin.php%3fx",
    "/admin%23x",
    "/%2561dmin",
    "/%252561dmin",
    "/admin%252fx",
    "/admin%253fx",
    "/admin%20",
    "/admin%20/x",
    "/%20admin/x",
    "/admin.",
    "/admin./x",
    "/ADMIN%20;x",
    "/%2fadmin",
];

#[test]
fn every_disguise_is_judged_by_the_rule_that_it_avoids() {
    let all = Ambiguity::ALL;
    for tolerated in [&[][..], &all] {
        let rules = Rules::new(
            vec![
                rule("/admin/**", admin(), &[]),
                rule("/admin.php", admin(), &[]),
                rule("/**", Access::Authenticated, tolerated),
            ],
            Access::Deny,
        );
        for path in DISGUISES {
            let Ok(parsed) = RequestPath::parse(path.as_bytes()) else {
                continue;
            };
            let selected = rules.select(&parsed, &Method::GET);
            assert!(
                selected
                    .readings()
                    .any(|reading| *reading.access == admin()),
                "{path} would reach the admin pages of an app that reads it differently"
            );
            assert_eq!(*selected.strictest().access, admin(), "{path}");
        }
    }
}

#[test]
fn a_spelling_that_no_rule_tells_apart_has_one_reading() {
    let rules = Rules::new(
        vec![
            rule("/admin/**", admin(), &[]),
            rule("/packages/**", Access::Public, &[]),
        ],
        Access::Authenticated,
    );
    for (path, expected) in [
        ("//api/v1/info", -1),
        ("/@scope%2fname", -1),
        ("/packages/@scope%2fname", 1),
        ("/files/a%5Cb", -1),
        ("/files/100%2525", -1),
        ("/files/what%3f", -1),
        ("/files/draft.", -1),
        ("/files/a;v=1", -1),
        ("/packages%2fx", -2),
    ] {
        assert_eq!(chosen(&rules, path, Method::GET), expected, "{path}");
    }
}

#[test]
fn what_is_tolerated_names_every_doubt_of_the_path() {
    let tolerant = rule(
        "/files/**",
        Access::Authenticated,
        &[Ambiguity::EncodedSlash, Ambiguity::Trailing],
    );
    let rules = Rules::new(vec![tolerant], Access::Deny);
    for (path, tolerated) in [
        ("/files%2fx", true),
        ("/files%20/x", true),
        ("/files%20%2fx", true),
        ("/files%20;/x", false),
        ("/files%5cx", false),
        ("/other%2fx", false),
    ] {
        let parsed = RequestPath::parse(path.as_bytes()).unwrap();
        let selected = rules.select(&parsed, &Method::GET);
        assert_eq!(selected.is_tolerated(), tolerated, "{path}");
    }
}

#[test]
fn a_path_is_as_open_as_its_least_open_reading() {
    let open = |path: &str, openness| Rule {
        openness,
        ..rule(path, Access::Public, &[])
    };
    let rules = Rules::new(
        vec![
            open("/fonts/**", Openness::AnyOrigin),
            open("/static/**", Openness::Anonymous),
            open("/*", Openness::Session),
        ],
        Access::Authenticated,
    );
    for (path, openness) in [
        ("/fonts/a", Openness::AnyOrigin),
        ("/fonts//a", Openness::AnyOrigin),
        ("/static/a", Openness::Anonymous),
        ("/fonts;x", Openness::Session),
        ("/fonts%2fx", Openness::Session),
        ("/static;x/y", Openness::Closed),
        ("/elsewhere/x", Openness::Closed),
    ] {
        let parsed = RequestPath::parse(path.as_bytes()).unwrap();
        let selected = rules.select(&parsed, &Method::GET);
        assert_eq!(selected.openness(), openness, "{path}");
    }
}
