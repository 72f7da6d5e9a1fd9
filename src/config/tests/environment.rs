//! Variables over the file.

use super::*;

#[test]
fn a_variable_beats_the_file_and_is_checked_alike() {
    let file = with("listen: 127.0.0.1:1\ntls: null\nsession: { access_ttl: 1m }");
    let load = |env: &Environment| load_text(&file, Path::new("doorward.yaml"), env);
    let s = load(&env([
        ("DOORWARD_LISTEN", "127.0.0.1:2, 127.0.0.1:3"),
        ("DOORWARD_SESSION_ACCESS_TTL", "2m"),
        (
            "DOORWARD_CORS_ALLOWED_ORIGINS",
            "https://a.example,https://b.example",
        ),
        ("DOORWARD_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("DOORWARD_INSECURE_COOKIES_OVER_HTTP", "true"),
        ("DOORWARD_PUBLIC_URL", ""),
        ("DOORWARD_DATA_DIR", "data"),
        ("DOORWARD_CONFIG", "x"),
        ("DOORWARD_VECTORS", "x"),
        ("DOORWARD_SERVICE_HOST", "10.0.0.1"),
        ("DOORWARD_SERVICE_PORT", "80"),
        ("DOORWARD_PORT", "tcp://10.0.0.1:80"),
    ]))
    .unwrap();
    assert_eq!(s.listen.len(), 2);
    assert_eq!(s.session.lifetimes.access.as_secs(), 120);
    assert_eq!(s.cors.allowed_origins.len(), 2);
    assert_eq!(s.data_dir, Path::new("/work-dir/data"));
    assert!(s.cookies.over_http);
    assert_eq!(warned(&s).len(), 1, "{:?}", warned(&s));

    for (name, value, says) in [
        (
            "DOORWARD_SESSION_ACCESS_TTL",
            "soon",
            "DOORWARD_SESSION_ACCESS_TTL: session.access_ttl: is not a duration (soon)",
        ),
        (
            "DOORWARD_LISTEN",
            "x",
            "DOORWARD_LISTEN: listen[0]: is not an address",
        ),
        (
            "DOORWARD_UPSTREAM",
            "",
            "DOORWARD_UPSTREAM: upstream: has no value",
        ),
        (
            "DOORWARD_TLS_CERT",
            "/nope",
            "DOORWARD_TLS_CERT: tls.cert: cannot be read",
        ),
        (
            "DOORWARD_SIGNING_KEY",
            "hunter2",
            "DOORWARD_SIGNING_KEY: signing.key: is a key of 7 bytes",
        ),
        (
            "DOORWARD_UPSTREAM_FILE",
            "/nope",
            "DOORWARD_UPSTREAM_FILE: cannot be read",
        ),
        (
            "DOORWARD_SESSION_STORE_REDIS_URL",
            "redis://r",
            "DOORWARD_SESSION_STORE_REDIS_URL: session.store.redis: is shared by replicas",
        ),
    ] {
        let said = load(&env([(name, value)])).unwrap_err().to_string();
        assert!(
            said.contains(says) && !said.contains("hunter2"),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_shared_store_may_come_from_the_environment() {
    let folder = Folder::new();
    folder.write("url", "rediss://:hunter2@redis.internal:6380/1\n");
    let load = |vars: &[(&str, &str)]| {
        let vars = vars.iter().copied();
        let key = ("DOORWARD_SIGNING_KEY", "0123456789abcdef0123456789abcdef");
        let env = Environment::new(vars.chain([key]), &folder.0);
        let file = with("session: { store: memory, idle_timeout: 1h }");
        load_text(&file, Path::new("doorward.yaml"), &env)
    };
    for (vars, url, prefix) in [
        (
            &[("DOORWARD_SESSION_STORE_REDIS_URL", "redis://redis:6379")][..],
            "redis://redis:6379",
            "doorward:",
        ),
        (
            &[
                ("DOORWARD_SESSION_STORE_REDIS_URL_FILE", "url"),
                ("DOORWARD_SESSION_STORE_REDIS_PREFIX", "door:"),
                ("DOORWARD_SESSION_REFUSE_WHEN_STALE", "30s"),
            ][..],
            "rediss://:hunter2@redis.internal:6380/1",
            "door:",
        ),
        (
            &[("DOORWARD_SESSION_STORE_REDIS_URL", "file:url")][..],
            "rediss://:hunter2@redis.internal:6380/1",
            "doorward:",
        ),
    ] {
        let s = load(vars).unwrap_or_else(|problems| panic!("{vars:?}: {problems}"));
        assert!(
            !format!("{s:?}").contains("hunter2"),
            "a password was shown"
        );
        let StoreKind::Redis(redis) = s.store else {
            panic!("{vars:?} did not replace the store of the file");
        };
        assert_eq!(redis.url.expose(), url.as_bytes(), "{vars:?}");
        assert_eq!(redis.prefix, prefix, "{vars:?}");
        assert_eq!(s.session.lifetimes.idle.as_secs(), 3600);
    }
    for (vars, says) in [
        (
            &[("DOORWARD_SESSION_STORE_REDIS_URL", "hunter2")][..],
            "DOORWARD_SESSION_STORE_REDIS_URL: session.store.redis.url: is not a Redis URL (redacted)",
        ),
        (
            &[
                ("DOORWARD_SESSION_STORE_REDIS_URL", "redis://hunter2"),
                ("DOORWARD_SESSION_STORE_REDIS_URL_FILE", "url"),
            ][..],
            "set one of the two",
        ),
        (
            &[("DOORWARD_ADMIN_TOKEN", "hunter2")][..],
            "DOORWARD_ADMIN_TOKEN: admin.token: is shorter",
        ),
    ] {
        let said = load(vars).unwrap_err().to_string();
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn everything_may_come_from_the_environment() {
    let folder = Folder::new();
    folder.write(
        "users",
        "alice:$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232\n",
    );
    let env = Environment::new(
        [
            ("DOORWARD_UPSTREAM", "http://app:3000"),
            ("DOORWARD_USERS_FILE", "users"),
        ],
        &folder.0,
    );
    let s = load(None, &env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(s.users[0].identity.id.as_str(), "alice");
    assert_eq!(s.data_dir, folder.0.join("doorward-data"));
    assert_eq!(s.sources, [folder.0.join("users")]);
    let over_a_list = load_text(&with(""), Path::new("x.yaml"), &env).unwrap();
    assert_eq!(over_a_list.users[0].identity.id.as_str(), "alice");
    assert!(
        warned(&over_a_list)
            .iter()
            .any(|w| w.contains("replaces the users"))
    );
    let said = load(None, &no_env()).unwrap_err().to_string();
    assert!(said.contains("environment: upstream: is missing"), "{said}");
}

#[test]
fn users_may_be_one_variable() {
    let bcrypt = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232";
    let names = |value: &str, more: &[(&str, &str)]| {
        let vars = [
            ("DOORWARD_UPSTREAM", "http://app:3000"),
            ("DOORWARD_USERS", value),
        ];
        let vars = vars.into_iter().chain(more.iter().copied());
        let loaded = load(None, &Environment::new(vars, "/work-dir"));
        let loaded = loaded.map_err(|problems| problems.to_string())?;
        let ids = loaded.users.iter().map(|user| {
            assert_eq!(user.identity.id.as_str(), user.identity.name);
            user.identity.id.to_string()
        });
        Ok::<_, String>(ids.collect::<Vec<_>>())
    };
    for (value, expected) in [
        (format!("alice:{HASH}"), &["alice"][..]),
        (format!("alice:{HASH},bob:{bcrypt}"), &["alice", "bob"]),
        (format!("alice:{HASH}\nbob:{HASH}\r\n"), &["alice", "bob"]),
        (
            format!("\n, Alice:{HASH} ,,\n  bob : {bcrypt},"),
            &["Alice", "bob"],
        ),
    ] {
        let found = names(&value, &[]).unwrap_or_else(|said| panic!("{value:?}: {said}"));
        assert_eq!(found, expected, "{value:?}");
    }
    for (value, says) in [
        (
            "alice".to_owned(),
            "users: has a piece that is not `name:hash`",
        ),
        (
            HASH.to_owned(),
            "users: has a piece that is not `name:hash`",
        ),
        (
            format!(":{HASH}"),
            "users: has a piece that is not `name:hash`",
        ),
        (
            format!("alice:{}", HASH.replace('$', "$$")),
            "users.alice: has a hash that begins with $$",
        ),
        // What is left of it between "…" in a shell.
        ("alice:=19=19456,t=2,p=1".to_owned(), "put the value in '…'"),
        ("alice:hunter2".to_owned(), "users.alice: "),
        (format!("alice:{HASH},bob"), "users.alice: "),
        (
            format!("alice:{HASH}\nt=2"),
            "users: has a piece that is not `name:hash`",
        ),
        (format!("alice:{HASH},ALICE:{HASH}"), "has the username of"),
        (" , \n".to_owned(), "users: is missing"),
    ] {
        let said = names(&value, &[]).unwrap_err();
        assert!(said.contains(says), "{value:?}: {said}");
        let secret = said.contains("hunter2") || said.contains("RY8Q");
        assert!(!secret && said.lines().count() == 1, "{value:?}: {said}");
    }
    let beside = names(&format!("alice:{HASH}"), &[("DOORWARD_USERS_FILE", "x")]).unwrap_err();
    assert!(
        beside.contains("DOORWARD_USERS: is set beside a users file"),
        "{beside}"
    );
    let with_variable = env([("DOORWARD_USERS", &*format!("bob:{HASH}"))]);
    let file = "upstream: http://app:3000\nusers: { file: people }\n";
    let said = load_text(file, Path::new("x.yaml"), &with_variable).unwrap_err();
    assert!(
        said.to_string().contains("is set beside a users file"),
        "{said}"
    );
    let over_a_list = load_text(&with(""), Path::new("x.yaml"), &with_variable).unwrap();
    assert_eq!(over_a_list.users[0].identity.id.as_str(), "bob");
    assert!(
        warned(&over_a_list)
            .iter()
            .any(|w| w.contains("replaces the users"))
    );
}

#[test]
fn a_file_variable_is_read_and_clashes_with_its_plain_one() {
    let folder = Folder::new();
    folder.write("ttl", "3m\n");
    let load = |vars: &[(&str, &str)]| {
        let env = Environment::new(vars.iter().copied(), &folder.0);
        load_text(&with(""), Path::new("doorward.yaml"), &env)
    };
    let s = load(&[("DOORWARD_SESSION_ACCESS_TTL_FILE", "ttl")]).unwrap();
    assert_eq!(s.session.lifetimes.access.as_secs(), 180);
    assert_eq!(s.sources, [folder.0.join("ttl")]);
    let said = load(&[
        ("DOORWARD_SESSION_ACCESS_TTL_FILE", "ttl"),
        ("DOORWARD_SESSION_ACCESS_TTL", "1m"),
    ])
    .unwrap_err()
    .to_string();
    assert!(said.contains("set one of the two"), "{said}");
}

#[test]
fn a_variable_that_sets_nothing_is_refused_with_what_was_meant() {
    for (name, value, says) in [
        (
            "DOORWARD_SESION_ACCESS_TTL",
            "1m",
            "did you mean DOORWARD_SESSION_ACCESS_TTL?",
        ),
        (
            "DOORWARD_SIGNIN_KEY_FILE",
            "/run/key",
            "did you mean DOORWARD_SIGNING_KEY_FILE?",
        ),
        ("DOORWARD_ZZZ", "1", "sets nothing"),
        ("DOORWARD_PORT", "8080", "sets nothing"),
        ("DOORWARD_RULES", "[]", "sets nothing"),
    ] {
        let env = env([(name, value)]);
        let refused = load_text(&with(""), Path::new("doorward.yaml"), &env);
        let said = refused.expect_err(name).to_string();
        assert!(said.starts_with(name) && said.contains(says), "{said}");
    }
    let kubernetes = env([
        ("DOORWARD_SERVICE_HOST", "10.0.0.11"),
        ("DOORWARD_SERVICE_PORT", "8080"),
        ("DOORWARD_PORT", "tcp://10.0.0.11:8080"),
        ("DOORWARD_CONFIG", "/etc/doorward/doorward.yaml"),
    ]);
    let taken = load_text(&with(""), Path::new("doorward.yaml"), &kubernetes);
    assert_eq!(warned(&taken.unwrap()), Vec::<String>::new());
}

#[test]
fn the_environment_is_not_printed() {
    let shown = format!("{:?}", env([("DOORWARD_SIGNING_KEY", "hunter2")]));
    assert!(shown.contains("DOORWARD_SIGNING_KEY") && !shown.contains("hunter2"));
}
