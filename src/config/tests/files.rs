//! Files beside the configuration, and the ones that we ship.

use super::*;

const PEM_CERT: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const PEM_KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(name)
}

#[test]
fn the_annotated_file_has_every_key_at_its_default() {
    let yaml = std::fs::read_to_string(shipped("doorward.yaml")).unwrap();
    let mut full = text(&yaml).unwrap_or_else(|problems| panic!("{problems}"));
    let mut short = text(&format!(
        "upstream: http://127.0.0.1:3000\nusers: [{{ id: '1001', username: alice, name: Alice Example, password_hash: '{HASH}' }}]\n"
    ))
    .unwrap();
    // What is said of a default is said where it was left to us.
    full.lints.clear();
    short.lints.clear();
    assert_eq!(
        format!("{full:#?}"),
        format!("{short:#?}"),
        "the file teaches a wrong default"
    );
}

#[test]
fn the_short_file_is_good() {
    let s = load(Some(&shipped("minimal.yaml")), &no_env()).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(s.sources, [shipped("minimal.yaml")]);
    assert_eq!(s.users[0].password_hash.as_str(), HASH);
    use argon2::PasswordVerifier;
    let hash = argon2::PasswordHash::new(HASH).unwrap();
    assert!(
        argon2::Argon2::default()
            .verify_password(b"change-me", &hash)
            .is_ok(),
        "the documented password does not open the door"
    );
}

#[test]
fn the_production_file_is_good() {
    let folder = Folder::new();
    let file = folder.write(
        "doorward.yaml",
        std::fs::read(shipped("production.yaml")).unwrap(),
    );
    folder.write("certs/tls.crt", PEM_CERT);
    folder.write("certs/tls.key", PEM_KEY);
    folder.write(
        "users.yml",
        format!("- {{ id: '1', username: a, password_hash: '{HASH}' }}\n"),
    );
    let key = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap();
    let der = key.to_pkcs8v1().unwrap();
    folder.write(
        "secrets/signing.pem",
        pem::encode(&pem::Pem::new("PRIVATE KEY", der.as_ref())),
    );
    let s = load(Some(&file), &no_env()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(s.signing.keys.len(), 1);
    assert_eq!(s.sources.len(), 5, "{:?}", s.sources);
    assert!(s.tls.is_some());
    assert!(
        !warned(&s).iter().any(|w| w.contains("public_url")),
        "{:?}",
        warned(&s)
    );
}

#[test]
fn a_users_file_of_which_nothing_is_left_is_one_problem() {
    let folder = Folder::new();
    folder.write("users.yml", "- { id: '1', username: a }\n");
    let yaml = "upstream: http://127.0.0.1:3000\nusers: { file: users.yml }\n";
    let file = folder.write("doorward.yaml", yaml);
    let said = load(Some(&file), &no_env()).unwrap_err().to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(
        lines[0].starts_with("users.yml:1:3: [0].password_hash: is missing"),
        "{said}"
    );
    folder.write("users.yml", "[]\n");
    let said = load(Some(&file), &no_env()).unwrap_err().to_string();
    assert!(said.contains("nobody could log in"), "{said}");
}

#[test]
fn an_unreadable_file_is_a_problem() {
    let said = load(Some(Path::new("/nope/doorward.yaml")), &no_env())
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("/nope/doorward.yaml: cannot be read"),
        "{said}"
    );
    let folder = Folder::new();
    let file = folder.write("x.yaml", b"a: 1\nb: \xff\n");
    let said = load(Some(&file), &no_env()).unwrap_err().to_string();
    assert!(said.contains("x.yaml:2:1: is not UTF-8"), "{said}");
}

#[test]
fn secrets_come_from_files_and_variables() {
    let folder = Folder::new();
    let key = "k".repeat(40);
    folder.write("key", format!("{key}\n"));
    folder.write("two", format!("{key}\n\n"));
    let load = |lines: &str| {
        let env = Environment::new([("KEY", key.as_str())], "/work-dir");
        let file = folder.write("doorward.yaml", with(lines));
        super::load(Some(&file), &env).unwrap_or_else(|problems| panic!("{problems}"))
    };
    for (reference, expected) in [
        ("env:KEY", key.clone()),
        ("file:key", key.clone()),
        ("file:two", format!("{key}\n")),
        (&key, key.clone()),
        (
            "base64:YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
            "a".repeat(32),
        ),
        (
            "base64:YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE",
            "a".repeat(32),
        ),
    ] {
        let s = load(&format!("signing: {{ key: '{reference}' }}"));
        assert_eq!(
            s.signing.keys[0].expose(),
            expected.as_bytes(),
            "{reference}"
        );
    }
    let s = load("signing: { key: [file:key, env:KEY] }");
    assert_eq!(s.signing.keys.len(), 2);
    assert!(s.sources.contains(&folder.0.join("key")));
}

#[test]
fn keys_fit_their_algorithm() {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256, ECDSA_P384_SHA384_FIXED_SIGNING as P384,
        EcdsaKeyPair, Ed25519KeyPair,
    };
    let pem = |der: &[u8]| pem::encode(&pem::Pem::new("PRIVATE KEY", der));
    let p256 = pem(EcdsaKeyPair::generate(&P256)
        .unwrap()
        .to_pkcs8v1()
        .unwrap()
        .as_ref());
    let p384 = pem(EcdsaKeyPair::generate(&P384)
        .unwrap()
        .to_pkcs8v1()
        .unwrap()
        .as_ref());
    let ed = pem(Ed25519KeyPair::generate()
        .unwrap()
        .to_pkcs8()
        .unwrap()
        .as_ref());
    let rsa = {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        pem(der.as_ref())
    };
    let hmac = "k".repeat(40);
    for (algorithm, key, fine) in [
        ("ES256", &p256, true),
        ("RS256", &rsa, true),
        ("EdDSA", &ed, true),
        ("ES256", &p384, false),
        ("ES256", &rsa, false),
        ("RS256", &p256, false),
        ("EdDSA", &p256, false),
        ("HS256", &p256, false),
        ("HS256", &hmac, true),
        ("RS256", &hmac, false),
    ] {
        let env = env([
            ("DOORWARD_SIGNING_ALGORITHM", algorithm),
            ("DOORWARD_SIGNING_KEY", key),
        ]);
        let got = load_text(&with(""), Path::new("doorward.yaml"), &env);
        assert_eq!(got.is_ok(), fine, "{algorithm} with {key}: {got:?}");
    }
}

#[test]
fn tls_needs_files_that_hold_what_they_should() {
    let folder = Folder::new();
    folder.write("c.pem", PEM_CERT);
    folder.write("k.pem", PEM_KEY);
    folder.write("e.pem", PEM_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"));
    let load = |lines: &str| {
        let file = folder.write("doorward.yaml", with(lines));
        super::load(Some(&file), &no_env())
    };
    let s = load("tls: { cert: c.pem, key: k.pem }").unwrap();
    assert_eq!(s.tls.unwrap().hsts.unwrap().as_secs(), 180 * 86_400);
    let s = load("tls: { cert: c.pem, key: k.pem, hsts: 0s }").unwrap();
    assert_eq!(s.tls.unwrap().hsts, None);
    for (lines, says) in [
        ("tls: { cert: c.pem }", "tls.key: is missing"),
        (
            "tls: { cert: k.pem, key: k.pem }",
            "tls.cert: names a file that does not hold a certificate",
        ),
        (
            "tls: { cert: c.pem, key: c.pem }",
            "tls.key: names a file that does not hold a private key",
        ),
        ("tls: { cert: c.pem, key: e.pem }", "encrypted"),
        (
            "tls: { cert: nope, key: k.pem }",
            "tls.cert: cannot be read",
        ),
        (
            "tls: { cert: c.pem, key: k.pem, redirect_from: 127.0.0.1:1 }",
            "set public_url",
        ),
    ] {
        let said = load(lines).unwrap_err().to_string();
        assert!(said.contains(says), "{lines}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[cfg(unix)]
#[test]
fn secrets_that_everybody_can_read_are_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = folder.write("doorward.yaml", with(""));
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        set(&file, mode);
        let s = load(Some(&file), &no_env()).unwrap();
        let said = super::warned(&s);
        let is_said = said.iter().any(|w| w.contains("password hashes"));
        assert_eq!(is_said, warned, "{mode:o}: {said:?}");
    }
    let users = folder.write("users", "");
    set(&users, 0o600);
    let url = folder.write("url", "redis://:hunter2@redis");
    set(&url, 0o644);
    let key = folder.write("key", "0123456789abcdef0123456789abcdef");
    set(&key, 0o600);
    let shared = |url: &str| {
        format!(
            "signing: {{ key: file:key }}\nsession: {{ store: {{ redis: {{ url: '{url}' }} }} }}"
        )
    };
    for (lines, holds) in [
        (
            shared("redis://:hunter2@redis"),
            Some("doorward.yaml (session.store.redis.url) can be read"),
        ),
        (
            shared("redis+unix:///run/redis.sock?pass=hunter2"),
            Some("doorward.yaml (session.store.redis.url) can be read"),
        ),
        (shared("redis://redis:6379"), None),
        (
            shared("file:url"),
            Some("url (session.store.redis.url) can be read"),
        ),
        (
            "admin: { token: hunter2hunter2hunter2 }".to_owned(),
            Some("doorward.yaml (admin.token) can be read"),
        ),
        (
            "signing: { key: 0123456789abcdef0123456789abcdef }".to_owned(),
            Some("doorward.yaml (signing.key) can be read"),
        ),
        ("signing: { key: file:key }".to_owned(), None),
    ] {
        let text = format!("upstream: http://a\ndefault_access: public\n{lines}\n");
        let file = folder.write("doorward.yaml", text);
        set(&file, 0o644);
        let s = load(Some(&file), &no_env()).unwrap_or_else(|problems| panic!("{problems}"));
        let mut said = warned(&s);
        said.retain(|warning| warning.contains("chmod"));
        assert_eq!(
            said.len(),
            usize::from(holds.is_some()),
            "{lines}: {said:?}"
        );
        if let Some(holds) = holds {
            assert!(
                said[0].contains(holds) && !said[0].contains("hunter2"),
                "{lines}: {said:?}"
            );
        }
    }
}
