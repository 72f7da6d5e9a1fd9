//! Users files with hashes that other programs made, through `check` and a real login.

use std::process::Command;

use crate::operations::cli::{assert_code, said};
use crate::support::process::run;
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Gateway, Upstream, optional};

/// A gateway with these users, each of Authelia's map.
fn with_authelia(people: &[(&str, String)]) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("users: { file: people }");
    let entries: String = people
        .iter()
        .map(|(name, hash)| {
            format!(
                "  {name}:\n    disabled: false\n    displayname: '{name}'\n    password: '{hash}'\n    email: ''\n    groups: []\n"
            )
        })
        .collect();
    builder
        .dir()
        .write("people", format!("---\nusers:\n{entries}"));
    (builder.start(), app)
}

/// What a program says.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = run(Command::new(program).args(arguments), "");
    assert!(output.status.success(), "{program}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_hash_of_an_authelia_file_opens_its_door() {
    let Some(python) = optional::python_with_passlib() else {
        return;
    };
    // By Authelia's variants; the least work each. The two digests that passlib lacks come
    // from Python's own library.
    let script = r#"
import base64, hashlib
from argon2.low_level import hash_secret, Type
from passlib.hash import bcrypt_sha256, pbkdf2_sha1, pbkdf2_sha256, pbkdf2_sha512, scrypt, sha256_crypt, sha512_crypt
word = "wonderland"
for name, kind, version in (("argon2id", Type.ID, 19), ("argon2id-16", Type.ID, 16), ("argon2i", Type.I, 19), ("argon2d", Type.D, 19)):
    print(name, hash_secret(word.encode(), b"salt-of-16-bytes", 1, 64, 2, 32, kind, version).decode())
for name, kind in (("pbkdf2", pbkdf2_sha1), ("pbkdf2-sha256", pbkdf2_sha256), ("pbkdf2-sha512", pbkdf2_sha512), ("sha256", sha256_crypt), ("sha512", sha512_crypt)):
    print(name, kind.using(rounds=1000).hash(word))
print("scrypt", scrypt.using(rounds=4).hash(word))
print("bcrypt-sha256", bcrypt_sha256.using(rounds=4).hash(word))
adapted = lambda data: base64.b64encode(data).decode().rstrip("=").replace("+", ".")
for name in ("sha1", "sha224", "sha384"):
    salt = b"salt-of-16-bytes"
    key = hashlib.pbkdf2_hmac(name, word.encode(), salt, 1000)
    print("pbkdf2-" + name, f"$pbkdf2-{name}$1000${adapted(salt)}${adapted(key)}")
"#;
    let made = told(python.to_str().unwrap(), &["-c", script]);
    let people: Vec<(&str, String)> = made
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, hash)| (name, hash.to_owned()))
        .collect();
    assert_eq!(people.len(), 14, "{made}");
    let (gateway, _app) = with_authelia(&people);
    for (name, hash) in &people {
        assert_eq!(
            gateway.try_login(name, ALICE_PASSWORD).status,
            303,
            "{name}: {hash}"
        );
        assert_eq!(
            gateway.try_login(name, "wonderlanD").status,
            401,
            "{name}: {hash}"
        );
    }
    let others = written(
        "carol:\n    password: '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7'\n",
    );
    assert!(others.contains("yescrypt"), "no reason: {others}");
    let endless = written(
        "carol:\n    password: '$pbkdf2-sha512$2000000000$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ'\n",
    );
    assert!(
        endless.contains("iterations"),
        "a login of minutes: {endless}"
    );
}

/// What `check` says of an Authelia file with this entry, which it refuses.
fn written(entry: &str) -> String {
    let builder = Builder::before("http://127.0.0.1:9").yaml("users: { file: people }");
    builder.dir().write("people", format!("users:\n  {entry}"));
    let output = builder.write().command(&["check"], "");
    assert_code(&output, 78, entry);
    said(&output)
}

#[test]
fn what_mkpasswd_makes() {
    if !optional::is_installed("mkpasswd") {
        return;
    }
    let people = [
        (
            "sha512",
            told("mkpasswd", &["-m", "sha-512", "-R", "1000", ALICE_PASSWORD]),
        ),
        (
            "sha256",
            told("mkpasswd", &["-m", "sha-256", "-R", "1000", ALICE_PASSWORD]),
        ),
        (
            "bcrypt",
            told("mkpasswd", &["-m", "bcrypt", "-R", "4", ALICE_PASSWORD]),
        ),
    ];
    let (gateway, _app) = with_authelia(&people);
    for (name, hash) in &people {
        assert_eq!(
            gateway.try_login(name, ALICE_PASSWORD).status,
            303,
            "{hash}"
        );
        assert_eq!(gateway.try_login(name, "wrong").status, 401, "{hash}");
    }
}

#[test]
fn what_htpasswd_makes() {
    if !optional::is_installed("htpasswd") {
        return;
    }
    let long = "a long password ".repeat(8);
    let line = |kind: &[&str], password: &str| {
        let arguments = [&["-nb"], kind, &["somebody", password]].concat();
        let line = told("htpasswd", &arguments);
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let people = [
        (
            "bcrypt",
            line(&["-B", "-C4"], ALICE_PASSWORD),
            ALICE_PASSWORD,
        ),
        ("long", line(&["-B", "-C4"], &long), long.as_str()),
        ("sha512", line(&["-5"], ALICE_PASSWORD), ALICE_PASSWORD),
        ("sha256", line(&["-2"], ALICE_PASSWORD), ALICE_PASSWORD),
    ];
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("users: { file: people }");
    let lines: String = people
        .iter()
        .map(|(name, hash, _)| format!("{name}:{hash}\n"))
        .collect();
    builder.dir().write("people", lines);
    let gateway = builder.start();
    for (name, hash, password) in &people {
        assert_eq!(gateway.try_login(name, password).status, 303, "{hash}");
        assert_eq!(gateway.try_login(name, "wrong").status, 401, "{hash}");
    }
}
