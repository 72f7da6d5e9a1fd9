//! The command line: exit codes of sysexits, and messages that a person can act on.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::support::process::run;
use crate::support::users::hash;
use crate::support::{
    Builder, Gateway, Process, Request, TempDir, Upstream, doorward, token, until, until_some,
    world,
};

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
fn assert_code(output: &Output, code: i32, what: &str) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{what}:\n{}",
        said(output)
    );
    assert!(
        !said(output).contains("panicked"),
        "{what}:\n{}",
        said(output)
    );
}

fn written(yaml: &str) -> Gateway {
    Builder::before("http://127.0.0.1:9").yaml(yaml).write()
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [
        &["--version"][..],
        &["--help"],
        &["run", "--help"],
        &["help", "check"],
    ] {
        let output = run(doorward().args(arguments), "");
        assert_code(&output, 0, &format!("{arguments:?}"));
        assert!(!output.stdout.is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn what_was_typed_wrong_is_usage() {
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["run", "--nonsense"],
        &["keys", "nonsense"],
        &["demo", "--port", "x"],
    ] {
        let output = run(doorward().args(arguments), "");
        assert_code(&output, 64, &format!("{arguments:?}"));
    }
}

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
        ("trusted_proxies: [everybody]", "trusted_proxies"),
        ("session: { access_ttl: 0s }", "access_ttl"),
        (
            "session: { store: { redis: { url: \"redis://127.0.0.1\" } } }",
            "redis",
        ),
        ("session: { renewal: endpoint }", "renewal"),
        ("csrf: { mode: token }", "csrf.mode"),
        ("limits: { request_head: 5s }", "request_head"),
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
fn hash_password_reads_one_line() {
    for (input, password) in [
        ("correct horse\n", "correct horse"),
        ("correct horse", "correct horse"),
        ("pässwörd\r\n", "pässwörd"),
    ] {
        let output = run(doorward().arg("hash-password"), input);
        assert_code(&output, 0, "hash-password");
        let phc = String::from_utf8(output.stdout).unwrap();
        assert!(
            phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
                || phc.starts_with("$argon2id$v=19$m="),
            "{phc}"
        );
        assert_eq!(phc.lines().count(), 1, "{phc:?}");
        let app = Upstream::start();
        let users = format!(
            "users: [{{ id: \"1\", username: u, name: U, password_hash: {:?} }}]",
            phc.trim()
        );
        let gateway = Builder::new(&app).yaml(&users).start();
        assert_eq!(
            gateway.try_login("u", password).status,
            303,
            "the hash of {password:?} does not verify"
        );
    }
    let (first, second) = (
        run(doorward().arg("hash-password"), "x\n"),
        run(doorward().arg("hash-password"), "x\n"),
    );
    assert_ne!(first.stdout, second.stdout, "no salt");
    let empty = run(doorward().arg("hash-password"), "\n");
    assert_ne!(empty.status.code(), Some(0), "an empty password is hashed");
}

#[test]
fn init_writes_a_set_up_that_works_and_never_overwrites() {
    let dir = TempDir::new();
    let home = dir.join("new");
    let init = || run(doorward().args(["init", "--dir"]).arg(&home), "");
    let output = init();
    assert_code(&output, 0, "init");
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(&home)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    };
    let before: Vec<_> = files()
        .iter()
        .map(|file| (file.clone(), std::fs::read(file).unwrap_or_default()))
        .collect();
    let config = config_in(&home);
    let check = run(doorward().args(["check", "--config"]).arg(&config), "");
    assert_code(&check, 0, "init wrote what check refuses");
    let again = init();
    assert_ne!(
        again.status.code(),
        Some(0),
        "init overwrote, or says nothing:\n{}",
        said(&again)
    );
    let after: Vec<_> = files()
        .iter()
        .map(|file| (file.clone(), std::fs::read(file).unwrap_or_default()))
        .collect();
    assert_eq!(before, after, "init changed what was there");
}

fn config_in(home: &Path) -> std::path::PathBuf {
    std::fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("doorward."))
        })
        .expect("no doorward.yaml")
}

#[test]
fn healthcheck_asks_the_running_gateway() {
    let (mut gateway, _app) = world();
    assert_code(&gateway.command(&["healthcheck"], ""), 0, "a ready gateway");
    gateway.kill();
    let began = Instant::now();
    assert_code(&gateway.command(&["healthcheck"], ""), 69, "no gateway");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "a health check that hangs"
    );
}

#[test]
fn the_demo_needs_nothing_and_its_login_works() {
    let port = crate::support::temp::free_port();
    let dir = TempDir::new();
    let mut command = doorward();
    command
        .args(["demo", "--port", &port.to_string()])
        .current_dir(dir.path());
    let demo = Process::spawn(command);
    // Lines such as `user: demo` or `Password   xyz`.
    let value = |key: &str| {
        demo.output().lines().find_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.trim_end_matches(':').to_ascii_lowercase();
            let value = words.next_back()?.to_owned();
            (name == key || name == format!("{key}name")).then_some(value)
        })
    };
    let user = until_some("the demo's user", || value("user"));
    let password = until_some("the demo's password", || value("password"));
    assert!(
        demo.output().contains(&format!("http://127.0.0.1:{port}"))
            || demo.output().contains(&format!("http://localhost:{port}")),
        "no URL:\n{}",
        demo.output()
    );
    let form = format!(
        "username={user}&password={}",
        crate::support::gateway::encode(&password)
    );
    let login = until_some("the demo to listen", || {
        Request::new(port, "POST", "/login")
            .own_origin()
            .form(&form)
            .try_send()
            .ok()
    });
    assert_eq!(login.status, 303, "{login}");
    let cookie = login.cookies().remove(0);
    let page = Request::new(port, "GET", "/")
        .cookie(&format!("{}={}", cookie.name, cookie.value))
        .send();
    assert_eq!(page.status, 200, "{page}");
    assert!(
        page.text().to_ascii_lowercase().contains("x-user-name"),
        "whoami does not show the headers: {page}"
    );
}

#[test]
fn a_port_in_use_is_told_within_a_second() {
    for section in ["listen", "admin"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let yaml = match section {
            "listen" => format!("listen: [{address:?}]"),
            _ => format!("admin: {{ listen: {address:?} }}"),
        };
        let gateway = written(&yaml);
        let began = Instant::now();
        let output = gateway.command(&["run"], "");
        let took = began.elapsed();
        assert_code(&output, 69, &format!("{section} in use"));
        assert!(
            said(&output).contains(&address),
            "which port?\n{}",
            said(&output)
        );
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

#[test]
fn a_data_folder_in_use_is_told_within_a_second() {
    let (first, _app) = world();
    let second = written(&format!("data_dir: {:?}", first.data_dir()));
    let began = Instant::now();
    let output = second.command(&["run"], "");
    let took = began.elapsed();
    assert_code(&output, 69, "data_dir in use");
    assert!(
        said(&output).contains(&first.data_dir().display().to_string()),
        "which folder?\n{}",
        said(&output)
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(
        first.get("/", &first.alice()).status,
        200,
        "the second start hurt the first"
    );
}

#[test]
fn a_damaged_store_is_named_and_left_alone() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    gateway.logout(&gateway.alice());
    gateway.signal("TERM");
    gateway.process().wait();
    let store = std::fs::read_dir(gateway.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "redb"))
        .expect("a store in data_dir");
    let mut bytes = std::fs::read(&store).unwrap();
    bytes.iter_mut().take(4096).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&store, &bytes).unwrap();
    let output = gateway.command(&["run"], "");
    assert_code(&output, 74, "a damaged store");
    assert!(
        said(&output).contains(&store.display().to_string()),
        "which file?\n{}",
        said(&output)
    );
    assert_eq!(
        std::fs::read(&store).unwrap(),
        bytes,
        "the damaged store was replaced or changed"
    );
}

#[test]
fn a_damaged_key_file_is_named_and_left_alone() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    gateway.signal("TERM");
    gateway.process().wait();
    let keys = gateway.data_dir().join("keys.json");
    std::fs::write(&keys, "{ torn").unwrap();
    let output = gateway.command(&["run"], "");
    assert_code(&output, 74, "damaged keys");
    assert!(
        said(&output).contains("keys.json"),
        "which file?\n{}",
        said(&output)
    );
    assert_eq!(
        std::fs::read(&keys).unwrap(),
        b"{ torn",
        "fresh keys would end every session in silence"
    );
}

#[test]
fn what_is_kept_is_kept_private() {
    use std::os::unix::fs::PermissionsExt;
    let (gateway, _app) = world();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        mode(&gateway.data_dir()),
        0o700,
        "others can look into data_dir"
    );
    for entry in std::fs::read_dir(gateway.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "others can read {}", path.display());
    }
    until("the admin socket", || {
        gateway.data_dir().join("admin.sock").exists()
    });
}
