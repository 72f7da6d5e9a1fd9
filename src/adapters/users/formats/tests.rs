//! The three formats, and which hashes open a door.

use std::path::Path;

use super::*;
use crate::adapters::config::Environment;

const ARGON: &str = "$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM";
const BCRYPT: &str = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232";

fn read(text: &str) -> Result<Vec<User>, String> {
    let cx = Context::new(&Environment::default(), Path::new("/"));
    let listed = file(&cx, text, &"users.yml".into());
    let problems: Vec<String> = cx
        .finish()
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    if problems.is_empty() {
        return Ok(listed.unwrap().into_iter().map(|one| one.user).collect());
    }
    Err(problems.join("\n"))
}

#[test]
fn each_format_is_recognised() {
    let entry = format!("{{ id: '7', username: Alice, password_hash: '{ARGON}', roles: [admin] }}");
    for (name, text, id, shown) in [
        ("top-level list", format!("- {entry}\n"), "7", "Alice"),
        ("users list", format!("users:\n  - {entry}\n"), "7", "Alice"),
        (
            "authelia",
            format!(
                "---\nusers:\n  Alice:\n    disabled: false\n    displayname: 'Alice E'\n    password: '{ARGON}'\n    email: a@example.com\n    groups:\n      - admin\n    given_name: A\n    address:\n      country: AU\n"
            ),
            "Alice",
            "Alice E",
        ),
        (
            "htpasswd",
            format!("# staff\n\nAlice:{BCRYPT}\n"),
            "Alice",
            "Alice",
        ),
    ] {
        let users = read(&text).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!(users.len(), 1, "{name}");
        let identity = &users[0].identity;
        assert_eq!(identity.id.as_str(), id, "{name}");
        assert_eq!(identity.username.as_str(), "alice", "{name}");
        assert_eq!(identity.name, shown, "{name}");
        let roles = usize::from(name != "htpasswd");
        assert_eq!(identity.roles.len(), roles, "{name}");
    }
}

#[test]
fn a_name_that_no_login_would_find_is_refused() {
    for (length, fits) in [(256, true), (257, false)] {
        let name = "a".repeat(length);
        let text = format!("- {{ id: '7', username: {name}, password_hash: '{ARGON}' }}\n");
        assert_eq!(read(&text).is_ok(), fits, "{length}");
    }
}

#[test]
fn authelia_users_keep_their_switches() {
    let text = format!(
        "users:\n  1234:\n    disabled: true\n    password: '{ARGON}'\n    groups: null\n    displayname:\n  b: {{ password: '{ARGON}', email: ~ }}\n"
    );
    let users = read(&text).unwrap();
    assert!(users[0].disabled && !users[1].disabled);
    assert_eq!(users[0].identity.name, "1234");
}

#[test]
fn problems_name_the_line_of_the_users_file() {
    for (text, says) in [
        (
            format!("a:{BCRYPT}\nb:plain\n"),
            "users.yml:2:1: b: is not a password hash",
        ),
        (
            format!("a:{BCRYPT}\nb\n"),
            "users.yml:2:1: is not a `name:hash` line",
        ),
        (
            format!("a:{BCRYPT}\nb:$apr1$x$y\n"),
            "users.yml:2:1: b: has a hash that is not bcrypt - make one with `htpasswd -B",
        ),
        (format!("a:{BCRYPT}\nb:{{SHA}}x=\n"), "htpasswd -B"),
        (
            "users:\n  a:\n    password: secret1\n".into(),
            "users.yml:3:15: users.a.password: is not a password hash",
        ),
        (
            "users:\n  a: {}\n".into(),
            "users.yml:2:6: users.a: has no password",
        ),
        (
            "users:\n  a: 5\n".into(),
            "users.yml:2:6: users.a: is not a map",
        ),
        (
            "- id: '1'\n  username: a\n  password_hash: secret1\n".into(),
            "users.yml:3:18: [0].password_hash: ",
        ),
        ("people: []\n".into(), "is not a users file"),
        ("users: []\nextra: 1\n".into(), "users.yml:2:1: extra: "),
        ("users: {\n".into(), "not YAML"),
        (String::new(), "holds no settings"),
    ] {
        let said = read(&text).unwrap_err();
        assert!(said.contains(says), "{text}: {said}");
        assert!(
            !said.contains("secret1") && !said.contains("plain\n"),
            "{said}"
        );
    }
}

#[test]
fn hashes() {
    let argon = |head: &str| {
        format!("{head}$2MOVqQi5+7HuJg4B2NjSAA$RY8QdVB590d1PX+iSJa+ez4R7hTzqxu1o6PZQfpg3vM")
    };
    for (text, says) in [
        (ARGON.to_owned(), None),
        (BCRYPT.to_owned(), None),
        (BCRYPT.replace("$2y", "$2a"), None),
        (BCRYPT.replace("$2y", "$2b"), None),
        (argon("$argon2id$v=19$m=1048576,t=1,p=1"), None),
        (
            argon("$argon2id$v=19$m=1048577,t=1,p=1"),
            Some("KiB of memory"),
        ),
        (
            argon("$argon2id$v=19$m=4294967295,t=1,p=1"),
            Some("KiB of memory"),
        ),
        (argon("$argon2id$v=19$m=19456,t=101,p=1"), Some("passes")),
        (argon("$argon2id$v=19$m=19456,t=0,p=1"), Some("damaged")),
        (argon("$argon2id$v=18$m=19456,t=1,p=1"), Some("damaged")),
        (
            argon("$argon2i$v=19$m=19456,t=2,p=1"),
            Some("only argon2id"),
        ),
        (
            argon("$argon2d$v=19$m=19456,t=2,p=1"),
            Some("only argon2id"),
        ),
        (
            "$argon2id$v=19$m=19456,t=2,p=1$2MOVqQi5+7HuJg4B2NjSAA".into(),
            Some("damaged"),
        ),
        ("$argon2id$".into(), Some("damaged")),
        ("$argon2id$é".into(), Some("damaged")),
        (BCRYPT.replace("$10$", "$03$"), Some("cost")),
        (BCRYPT.replace("$10$", "$31$"), Some("cost")),
        (BCRYPT.replace("$10$", "$+9$"), Some("damaged")),
        (BCRYPT.replace('Z', "é"), Some("damaged")),
        (BCRYPT.replace('Z', "!"), Some("damaged")),
        (BCRYPT.replace("01232", "0123"), Some("damaged")),
        (format!("{BCRYPT}5"), Some("damaged")),
        (BCRYPT.replace("01232", "01233"), Some("damaged")),
        ("$2y$".into(), Some("damaged")),
        ("$2y$é".into(), Some("damaged")),
        ("$6$salt$hash".into(), Some("kind that is not verified")),
        (
            "$pbkdf2-sha512$310000$x$y".into(),
            Some("kind that is not verified"),
        ),
        ("$2x$10$x".into(), Some("kind that is not verified")),
        ("hunter2".into(), Some("plain password")),
        ("change-me".into(), Some("plain password")),
        (ARGON.replace('$', "$$"), Some("doubled")),
        ("=19=65536,t=3,p=4".into(), Some("variables")),
        (
            "y0abcdefghijklmnopqrstu.vwxyzABCDEFGHIJKLMNOPQRS/TUVW".into(),
            Some("variables"),
        ),
    ] {
        match (hash::check(&text), says) {
            (Ok(_), None) => {}
            (Err(fault), Some(says)) => assert!(
                fault.message.contains(says),
                "{text}: {} should say {says}",
                fault.message
            ),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }
}

#[test]
fn cheap_hashes_are_told() {
    assert!(!hash::is_weak(ARGON));
    assert!(hash::is_weak(&ARGON.replace("m=19456", "m=64")));
    assert!(!hash::is_weak(BCRYPT));
    assert!(hash::is_weak(&BCRYPT.replace("$10$", "$05$")));
}

proptest::proptest! {
    #[test]
    fn no_hash_makes_the_check_panic(text in r"\$(2y|argon2id|argon2i)?\$\PC{0,70}") {
        let _ = hash::check(&text);
        let _ = hash::is_weak(&text);
    }

    #[test]
    fn no_users_file_makes_the_parse_panic(text in r"(users|a|:|\n|  |\$2y\$10\$|- |\PC){0,40}") {
        let _ = read(&text);
    }
}
