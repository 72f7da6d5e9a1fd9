//! The command line: exit codes of sysexits, and messages that a person can act on.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::support::gateway::PROGRAM;
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::{
    Builder, Gateway, Process, Request, TempDir, Upstream, doorward, until, until_some, world,
};

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
pub fn assert_code(output: &Output, code: i32, what: &str) {
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

pub fn written(yaml: &str) -> Gateway {
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

/// What a person finds out by asking: every command, with a word about it.
#[test]
fn help_names_every_command_and_what_it_takes() {
    let overview = run(doorward().arg("--help"), "");
    let overview = said(&overview);
    for command in [
        "run",
        "check",
        "demo",
        "init",
        "hash-password",
        "keys",
        "explain",
        "doctor",
        "healthcheck",
        "completions",
    ] {
        let line = overview
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{command} ")))
            .unwrap_or_else(|| panic!("{command} is not in the help:\n{overview}"));
        assert!(line.trim().len() > command.len() + 10, "{line:?}");
    }
    for (arguments, words) in [
        (
            &["run"][..],
            &["--config", "DOORWARD_CONFIG", "SIGHUP", "limits.drain"][..],
        ),
        (
            &["check"],
            &["--config", "DOORWARD_CONFIG", "doorward.yaml"],
        ),
        (&["demo"], &["--port"]),
        (&["init"], &["--dir"]),
        (&["keys"], &["list", "rotate", "generate"]),
        (&["keys", "rotate"], &["--config"]),
        (&["healthcheck"], &["--config"]),
        (
            &["explain"],
            &["METHOD", "URL", "--user", "--json", "--config"],
        ),
        (&["doctor"], &["--json", "--config", "78", "69"]),
    ] {
        let help = said(&run(doorward().args(arguments).arg("--help"), ""));
        for word in words {
            assert!(help.contains(word), "{arguments:?} hides {word}:\n{help}");
        }
    }
    let version = said(&run(doorward().arg("--version"), ""));
    assert_eq!(
        version.trim(),
        concat!("doorward ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(doorward().args(["completions", shell]), "");
        assert_code(&output, 0, shell);
        assert!(said(&output).contains("hash-password"), "{shell}");
    }
}

#[test]
fn the_prompt_asks_twice_and_shows_nothing() {
    if !crate::support::optional::has("script") {
        return;
    }
    for (typed, code) in [("pass-word\npass-word\n", 0), ("pass-word\nother\n", 64)] {
        let program = format!("{} hash-password", crate::support::gateway::PROGRAM);
        let mut command = std::process::Command::new("script");
        command.args(["--quiet", "--return", "--command", &program, "/dev/null"]);
        let output = run(&mut command, typed);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{typed:?}: {said}");
        assert_eq!(said.contains("$argon2id$"), code == 0, "{typed:?}: {said}");
        assert!(said.contains("Again"), "asked once only: {said}");
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
fn hash_password_says_when_a_password_is_short() {
    for (password, short) in [
        ("x", true),
        ("seven77", true),
        // Characters, not bytes.
        ("pässwör", true),
        ("eight888", false),
        ("correct horse", false),
    ] {
        let output = run(doorward().arg("hash-password"), &format!("{password}\n"));
        assert_code(&output, 0, password);
        let warned = String::from_utf8_lossy(&output.stderr).contains("fewer than 8");
        assert_eq!(warned, short, "{password}");
        assert!(output.stdout.starts_with(b"$argon2id$"), "{password}");
    }
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

/// The five minutes of the README, with no file named anywhere.
#[test]
fn init_then_check_then_run_in_one_folder() {
    let dir = TempDir::new();
    let here = |arguments: &[&str]| {
        let mut command = doorward();
        command.args(arguments).current_dir(dir.path());
        command
    };
    let none = run(&mut here(&["check"]), "");
    assert_code(&none, 78, "nothing to check");
    let init = run(&mut here(&["init"]), "");
    assert_code(&init, 0, "init");
    let said = said(&init);
    let told = |key: &str| {
        said.lines()
            .find_map(|line| Some(line.trim().strip_prefix(key)?.trim().to_owned()))
            .unwrap_or_else(|| panic!("init tells no {key}:\n{said}"))
    };
    let (user, password) = (told("user "), told("password "));
    let check = run(&mut here(&["check"]), "");
    assert_code(&check, 0, "check finds what init wrote");
    let app = Upstream::start();
    let (port, admin) = (
        crate::support::temp::free_port(),
        crate::support::temp::free_port(),
    );
    let ours = |mut command: std::process::Command| {
        command
            .env("DOORWARD_UPSTREAM", app.url())
            .env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"))
            .env("DOORWARD_ADMIN_LISTEN", format!("127.0.0.1:{admin}"));
        command
    };
    let gateway = Process::spawn(ours(here(&["run"])));
    until_some("the gateway to be ready", || {
        let health = run(&mut ours(here(&["healthcheck"])), "");
        (health.status.code() == Some(0)).then_some(())
    });
    let form = format!("username={user}&password={password}");
    let login = Request::new(port, "POST", "/login")
        .own_origin()
        .form(&form)
        .send();
    assert_eq!(login.status, 303, "{login}\n{}", gateway.output());
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
fn the_demo_needs_no_more_open_files_than_a_shell_has() {
    let port = free_port();
    let mut command = std::process::Command::new("sh");
    let script = "ulimit -n 1024; exec \"$0\" demo --port \"$1\"";
    command.env_clear().args(["-c", script, PROGRAM]);
    command.arg(port.to_string());
    let demo = Process::spawn(command);
    until("the demo to listen", || {
        let login = Request::new(port, "GET", "/login").try_send();
        login.is_ok_and(|answer| answer.status == 200)
    });
    let output = demo.output();
    assert!(
        !output.contains("WARN"),
        "the first sight is a warning:\n{output}"
    );
}

#[test]
fn the_demo_needs_nothing_and_its_login_works() {
    let port = crate::support::temp::free_port();
    let dir = TempDir::new();
    let mut command = doorward();
    command
        .args(["demo", "--port", &port.to_string()])
        .env("TMPDIR", dir.path())
        .current_dir(dir.path());
    let mut demo = Process::spawn(command);
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
    demo.signal("INT");
    assert!(demo.wait().success(), "{}", demo.output());
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "the demo left something behind");
}
