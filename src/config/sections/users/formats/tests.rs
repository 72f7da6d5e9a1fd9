//! The three formats, and which hashes open a door.

use std::path::Path;

use super::*;
use crate::config::Environment;

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
        "users:\n  1234:\n    disabled: true\n    password: '{ARGON}'\n    groups: null\n    displayname:\n  b: {{ password: '{ARGON}', email: ~ }}\n  c: {{ password: '{ARGON}', email: '', displayname: \"\" }}\n"
    );
    let users = read(&text).unwrap();
    assert!(users[0].disabled && !users[1].disabled);
    assert_eq!(users[0].identity.name, "1234");
    assert_eq!(
        (&users[2].identity.email, users[2].identity.name.as_str()),
        (&None, "c")
    );
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
            "users.yml:2:1: b: is a hash that is as good as plain text (MD5, SHA-1 or DES), which is not verified - make one with `htpasswd -B",
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

proptest::proptest! {
    #[test]
    fn no_hash_makes_the_check_panic(text in r"(\{CRYPT\})?\$(2y|argon2id|argon2d|5|6|scrypt|pbkdf2-sha512)?\$(v=19\$|rounds=|m=8,t=1,p=1\$|ln=4,r=8,p=1\$|[0-9]{0,4}\$)?\PC{0,70}") {
        let _ = hash::check(&text);
    }

    #[test]
    fn no_users_file_makes_the_parse_panic(text in r"(users|a|:|\n|  |\$2y\$10\$|- |\PC){0,40}") {
        let _ = read(&text);
    }
}
