//! `doorward check`: every problem at once, where it is, and never a secret.

use crate::operations::cli::{assert_code, said, written};
use crate::support::process::run;
use crate::support::users::hash;
use crate::support::{Builder, TempDir, Upstream, doorward, token};

#[test]
fn check_accepts_what_run_accepts() {
    assert_code(
        &written("").command(&["check"], ""),
        0,
        "the tests' own configuration",
    );
}

#[test]
fn a_missing_or_unreadable_file_is_named() {
    for command in ["check", "run"] {
        let output = run(
            doorward().args([command, "--config", "/nowhere/doorward.yaml"]),
            "",
        );
        let code = output.status.code();
        assert!(
            matches!(code, Some(74 | 78)),
            "{command}: {code:?} {}",
            said(&output)
        );
        assert!(
            said(&output).contains("/nowhere/doorward.yaml"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    let setup = written("");
    let broken = setup.dir().write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    for file in ["/nowhere/ca.pem".as_ref(), broken.as_path()] {
        for command in ["check", "run"] {
            let mut doorward = doorward();
            doorward.args([command, "--config"]).arg(&setup.config);
            let output = run(doorward.env("SSL_CERT_FILE", file), "");
            assert_code(&output, 78, command);
            assert!(said(&output).contains("SSL_CERT_FILE"), "{}", said(&output));
        }
    }
}

#[test]
fn check_tells_every_problem_at_once_and_where() {
    let dir = TempDir::new();
    let text = format!(
        "upstream: ftp://127.0.0.1\nlisten: [nowhere]\nnonsense: 1\nsession:\n  access_ttl: soon\nusers:\n  - {{ id: \"1\", username: a, name: A, password_hash: {:?} }}\n  - {{ id: \"2\", username: b, name: B, password_hash: plain }}\ncors:\n  allowed_origins: [\"*\"]\n",
        hash("x")
    );
    let file = dir.write("broken.yaml", &text);
    let output = run(doorward().args(["check", "--config"]).arg(&file), "");
    assert_code(&output, 78, "a broken file");
    let said = said(&output);
    for (line, path) in [
        (1, "upstream"),
        (2, "listen"),
        (3, "nonsense"),
        (5, "session.access_ttl"),
        (8, "users[1].password_hash"),
        (10, "cors.allowed_origins"),
    ] {
        let place = format!("broken.yaml:{line}:");
        assert!(
            said.lines()
                .any(|told| told.contains(&place) && told.contains(path))
                || (said.contains(&place) && said.contains(path)),
            "{path} at line {line} is not told:\n{said}"
        );
    }
    let column = said.lines().find_map(|line| {
        line.split("broken.yaml:1:")
            .nth(1)?
            .split([':', ' '])
            .next()?
            .parse::<u32>()
            .ok()
    });
    assert!(column.is_some(), "no column:\n{said}");
    let run_too = run(doorward().args(["run", "--config"]).arg(&file), "");
    assert_code(&run_too, 78, "run starts with a broken file");
}

#[test]
fn yaml_that_does_not_parse_says_where() {
    let dir = TempDir::new();
    let file = dir.write("torn.yaml", "upstream: http://127.0.0.1:1\nusers: [\n");
    let output = run(doorward().args(["check", "--config"]).arg(&file), "");
    assert_code(&output, 78, "torn YAML");
    assert!(said(&output).contains("torn.yaml:"), "{}", said(&output));
    let twice = dir.write(
        "twice.yaml",
        "upstream: http://127.0.0.1:1\nupstream: http://127.0.0.1:2\n",
    );
    let output = run(doorward().args(["check", "--config"]).arg(&twice), "");
    assert_code(&output, 78, "a key given twice");
}

#[test]
fn what_is_unsafe_or_not_there_yet_is_refused() {
    let hash = hash("x");
    for (yaml, word) in [
        ("upstream: http://127.0.0.1:1/path", "upstream"),
        ("cors: { allowed_origins: [\"null\"] }", "allowed_origins"),
        (
            "cors: { allowed_origins: [\"https://a.example/\"] }",
            "allowed_origins",
        ),
        ("signing: { key: too-short }", "signing.key"),
        ("signing: { algorithm: none }", "algorithm"),
        (
            "signing: { algorithm: RS256, key: not-a-pem }",
            "signing.key",
        ),
        ("rules: [{ path: public, access: public }]", "rules[0].path"),
        (
            "rules: [{ path: /p/**, access: public, ambiguous: [semicolon] }]",
            "ambiguous",
        ),
        (
            "rules: [{ path: /x, access: authenticated, identity: off }]",
            "rules[0].identity",
        ),
        (
            "rules: [{ path: /x, access: public, cross_origin: anyone }]",
            "rules[0].cross_origin",
        ),
        (
            "rules: [{ path: /x, access: deny, identity: off, cross_origin: anyone }]",
            "rules[0].cross_origin",
        ),
        (
            "rules: [{ path: /x, access: public, identity: none }]",
            "rules[0].identity",
        ),
        (
            "rules: [{ path: /x, access: authenticated, ambiguous: [encoded_backslash] }]",
            "rules[0].ambiguous[0]",
        ),
        (
            "forward_headers: { underscores: [X_User_Id] }",
            "underscores[0]",
        ),
        (
            "forward_headers: { underscores: [SCRIPT_NAME] }",
            "underscores[0]",
        ),
        (
            "forward_headers: { underscores: [X_Forwarded_Port] }",
            "underscores[0]",
        ),
        (
            "forward_headers: { underscores: [Content_Length] }",
            "underscores[0]",
        ),
        (
            "forward_headers: { underscores: [X-Plain] }",
            "underscores[0]",
        ),
        (
            "identity_headers: { set: { X-Acme: id } }\nforward_headers: { underscores: [X_Acme] }",
            "underscores[0]",
        ),
        (
            "forward_headers: { from_trusted: [X-Original-URL] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [X-Forwarded-User] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [X-Forwarded-For] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [Remote-User] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [Accept] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [\"X-Forwarded-*\"] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { from_trusted: [X.Real.IP] }",
            "from_trusted[0]",
        ),
        (
            "forward_headers: { underscores: [sec_fetch_site] }",
            "underscores[0]",
        ),
        ("forward_headers: { drop: [\"X-*\"] }", "drop[0]"),
        ("forward_headers: { drop: [Host] }", "drop[0]"),
        ("trusted_proxies: [everybody]", "trusted_proxies"),
        ("session: { access_ttl: 0s }", "access_ttl"),
        (
            "session: { store: { redis: { url: \"redis://127.0.0.1\" } } }",
            "signing.key",
        ),
        ("session: { refuse_when_stale: 1m }", "refuse_when_stale"),
        ("session: { remember_me: 2000d }", "remember_me"),
        ("csrf: { header: Cookie }", "csrf.header"),
        ("admin: { token: guess-me }", "admin.token"),
        ("limits: { request_head: 0s }", "request_head"),
        (
            "tls: { cert: nowhere.crt, key: nowhere.key }",
            "nowhere.crt",
        ),
        ("paths: { login: /x, logout: /x }", "paths"),
        ("identity_headers: { preset: nonsense }", "preset"),
        (
            "identity_headers: { set: { Cookie: id } }",
            "identity_headers",
        ),
    ] {
        let output = written(yaml).command(&["check"], "");
        assert_code(&output, 78, yaml);
        assert!(
            said(&output).contains(word),
            "{yaml}: does not name {word}:\n{}",
            said(&output)
        );
    }
    for users in [
        format!(
            "users: [{{ id: \"1\", username: a, name: A, password_hash: {hash:?} }}, {{ id: \"1\", username: b, name: B, password_hash: {hash:?} }}]"
        ),
        format!(
            "users: [{{ id: \"1\", username: Bob, name: A, password_hash: {hash:?} }}, {{ id: \"2\", username: bob, name: B, password_hash: {hash:?} }}]"
        ),
        format!(
            "users: [{{ id: \"1\", username: a, name: {:?}, password_hash: {hash:?} }}]",
            "x".repeat(5000)
        ),
    ] {
        let output = written(&users).command(&["check"], "");
        assert_code(
            &output,
            78,
            "users that cannot be told apart, or whose cookie a browser drops",
        );
    }
}

#[test]
fn a_secret_is_never_printed() {
    let gateway = written(
        "signing: { key: my-short-secret }\nadmin: { listen: nonsense, token: my-admin-secret }",
    );
    let output = gateway.command(&["check"], "");
    assert_code(&output, 78, "short");
    for secret in ["my-short-secret", "my-admin-secret", &hash("wonderland")] {
        assert!(
            !said(&output).contains(secret),
            "a secret is on the screen:\n{}",
            said(&output)
        );
    }
}

#[test]
fn the_environment_overrides_scalars() {
    let gateway = Builder::before("http://127.0.0.1:9")
        .env("DOORWARD_SESSION_ACCESS_TTL", "soon")
        .write();
    let output = gateway.command(&["check"], "");
    assert_code(&output, 78, "a bad value from the environment");
    assert!(
        said(&output).contains("DOORWARD_SESSION_ACCESS_TTL"),
        "{}",
        said(&output)
    );

    let app = Upstream::start();
    let builder = Builder::new(&app);
    builder.dir().write("key", format!("{}\n", token::KEY));
    let file = builder.dir().join("key").display().to_string();
    let gateway = builder
        .env("DOORWARD_SESSION_ACCESS_TTL", "7m")
        .env("DOORWARD_SIGNING_KEY_FILE", &file)
        .start();
    let cookie = gateway.alice();
    let (header, claims) = token::parts(token::of(&cookie));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        420,
        "{claims}"
    );
    let ours = token::sign(&header, &claims, token::KEY.as_bytes());
    assert_eq!(
        gateway.get("/", &token::cookie(&ours)).status,
        200,
        "the key file, or its last newline, is read wrongly"
    );

    let both = Builder::before("http://127.0.0.1:9")
        .env("DOORWARD_SIGNING_KEY", token::KEY)
        .env("DOORWARD_SIGNING_KEY_FILE", &file)
        .write();
    assert_code(&both.command(&["check"], ""), 78, "both at once");
}

#[test]
fn the_configuration_may_come_from_the_environment() {
    let gateway = written("");
    let output = run(
        doorward()
            .arg("check")
            .env("DOORWARD_CONFIG", &gateway.config),
        "",
    );
    assert_code(&output, 0, "DOORWARD_CONFIG");
}

#[test]
fn a_shared_store_may_come_from_the_environment_and_stays_secret() {
    let app = Upstream::start();
    let url = TempDir::new();
    let file = url.write("url", "rediss://:hunter2@redis.example.com:6380\n");
    let key = ("DOORWARD_SIGNING_KEY", "0123456789abcdef0123456789abcdef");
    for (name, value, code) in [
        (
            "DOORWARD_SESSION_STORE_REDIS_URL_FILE",
            file.to_str().unwrap(),
            0,
        ),
        (
            "DOORWARD_SESSION_STORE_REDIS_URL",
            "redis://:hunter2@redis",
            0,
        ),
        (
            "DOORWARD_SESSION_STORE_REDIS_URL",
            "rediss://:hunter2@redis/#insecure",
            78,
        ),
        (
            "DOORWARD_SESSION_STORE_REDIS_URL",
            "http://:hunter2@redis",
            78,
        ),
        ("DOORWARD_ADMIN_TOKEN", "hunter2", 78),
    ] {
        let gateway = Builder::new(&app)
            .env(key.0, key.1)
            .env(name, value)
            .write();
        let output = gateway.command(&["check"], "");
        assert_code(&output, code, value);
        assert!(!said(&output).contains("hunter2"), "{}", said(&output));
        if code != 0 {
            assert!(said(&output).contains(name), "{}", said(&output));
        }
    }
}

#[test]
fn ports_are_told_that_cookies_know_none() {
    for (yaml, port) in [
        ("listen: [127.0.0.1:8080]", Some("127.0.0.1:8080")),
        ("listen: [127.0.0.1:80]", None),
        ("listen: [127.0.0.1:8080]\ncookies: { name: other }", None),
        (
            "listen: [127.0.0.1:8080]\npublic_url: https://app.example.com",
            None,
        ),
        (
            "public_url: https://app.example.com:8443",
            Some("https://app.example.com:8443"),
        ),
        (
            "public_url: https://app.example.com\nextra_hosts: [\"app.internal:81\", \"[::1]\"]",
            Some("app.internal:81:"),
        ),
    ] {
        let output = written(yaml).command(&["check"], "");
        assert_code(&output, 0, yaml);
        let said = said(&output);
        let told = said
            .lines()
            .find(|line| line.contains("cookies know no ports"));
        assert_eq!(told.is_some(), port.is_some(), "{yaml}: {said}");
        if let (Some(told), Some(port)) = (told, port) {
            assert!(
                told.contains(port) && told.contains("cookies.name"),
                "{told}"
            );
        }
    }
}

/// A default that changed is named, with the key that mends it, where the file relied on it.
#[test]
fn check_notes_defaults_that_changed() {
    let limits = "limits.connections_per_address is 1250";
    let sessions = "session.max_per_user is 100";
    for (yaml, expected) in [
        ("", [true, true]),
        ("limits: { connections: 10000 }", [true, true]),
        ("limits: { connections_per_address: 50 }", [false, true]),
        ("limits: { connections_per_address: null }", [false, true]),
        ("trusted_proxies: [10.0.0.0/8]", [false, true]),
        ("session: { max_per_user: 5 }", [true, false]),
        ("session: { max_per_user: null }", [true, false]),
    ] {
        let output = written(yaml).command(&["check"], "");
        assert_code(&output, 0, yaml);
        let said = said(&output);
        let notes: Vec<_> = said
            .lines()
            .filter(|line| line.contains("note: "))
            .collect();
        let found = [limits, sessions].map(|note| notes.iter().any(|line| line.contains(note)));
        assert_eq!(found, expected, "{yaml:?}: {said}");
    }
}
