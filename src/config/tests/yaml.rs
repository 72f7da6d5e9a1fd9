//! Texts that are no configuration, or would break a careless parser.

use super::*;

#[test]
fn hostile_and_broken_texts_are_refused() {
    let bomb = {
        let mut text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in ('b'..='k').zip('a'..) {
            text.push_str(&format!(
                "{name}: &{name} [{}]\n",
                vec![format!("*{of}"); 10].join(",")
            ));
        }
        text
    };
    let long_scalar_bomb = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        vec!["*a"; 1000].join(",")
    );
    for (name, yaml, says) in [
        ("empty", String::new(), "holds no settings"),
        ("a comment", "# nothing\n".into(), "holds no settings"),
        ("a bare marker", "---\n".into(), "holds no settings"),
        ("a list", "- a\n".into(), "is not a map"),
        ("a word", "hello".into(), "is not a map"),
        (
            "two documents",
            "a: 1\n---\nb: 2\n".into(),
            "second document",
        ),
        ("a bomb", bomb, "too large"),
        ("a long scalar many times", long_scalar_bomb, "too large"),
        ("deep flow", "[".repeat(100_000), "not YAML"),
        (
            "deep maps",
            format!("{}x", "{a: ".repeat(40)),
            "deeper than",
        ),
        (
            "deep block",
            (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
            "deeper than",
        ),
        ("a node in itself", "a: &a [*a]\n".into(), "itself"),
        ("an unknown alias", "a: *b\n".into(), "anchor"),
        (
            "a tag",
            "upstream: !include x\n".into(),
            "tags are not read",
        ),
        ("a merge key", "a: &a {}\n<<: *a\n".into(), "merge keys"),
        (
            "a key that is a list",
            "[a]: 1\n".into(),
            "key that is not text",
        ),
        ("an open quote", "upstream: 'x\n".into(), "not YAML"),
        ("a tab", "session:\n\taccess_ttl: 1m\n".into(), "not YAML"),
        ("too large", "#".repeat(tree::MAX_BYTES + 1), "larger than"),
    ] {
        let said = text(&yaml).unwrap_err().to_string();
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn no_problem_holds_what_a_terminal_would_obey() {
    for lines in [
        "\"\\e[31m\": 1",
        "signing: { \"\\e]0;title\\a\": 1 }",
        "signing: { \"forged\\nline\": 1 }",
        "\"\\e[31m\": 1\n\"\\e[31m\": 2",
        "signing: { algorithm: \"\\e[31m\" }",
        "users: { file: \"\\e[31m\" }",
    ] {
        let problems = text(&with(lines)).unwrap_err();
        for problem in problems.iter() {
            let told = problem.to_string();
            assert!(!told.contains(char::is_control), "{lines}: {told:?}");
        }
    }
}

#[test]
fn duplicate_keys_are_refused_with_both_places() {
    let said = said("log: { level: info }\nlog: { level: debug }");
    assert!(
        said.contains(
            "doorward.yaml:4:1: log: is a duplicate key, first written at doorward.yaml:3:1"
        ),
        "{said}"
    );
}

#[test]
fn a_large_file_of_users_is_read_quickly() {
    let mut yaml = "upstream: http://a\nusers:\n".to_owned();
    for n in 0..10_000 {
        yaml.push_str(&format!(
            "  - {{ id: '{n}', username: user{n}, password_hash: '{HASH}' }}\n"
        ));
    }
    assert_eq!(text(&yaml).unwrap().users.len(), 10_000);
}

#[test]
fn aliases_byte_order_marks_and_line_ends_of_windows_are_fine() {
    let yaml = format!(
        "\u{feff}{}",
        with(
            "rules:\n  - { path: /a, access: &r { roles: [admin] } }\n  - { path: /b, access: *r }"
        )
    );
    let s = text(&yaml.replace('\n', "\r\n")).unwrap();
    assert_eq!(s.rules[0].access, s.rules[1].access);
}

#[test]
fn text_is_taken_as_written() {
    let yaml = format!(
        "upstream: http://a\nusers: [{{ id: 0012, username: 1e3, name: no, password_hash: '{HASH}' }}]\n"
    );
    let user = &text(&yaml).unwrap().users[0].identity;
    assert_eq!(
        (user.id.as_str(), user.username.as_str(), user.name.as_str()),
        ("0012", "1e3", "no")
    );
}

#[test]
fn empty_sections_count_as_left_out() {
    settings("cors:\nrules:\nlimits:\ntrusted_proxies: ~");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parse_panic(yaml in r##"([a-z_]{1,9}|[:\-\[\]{},&*!|>'"#%@`~\\ \n\t]|users|: |- |\n  ){0,60}"##) {
        let _ = text(&yaml);
    }
}
