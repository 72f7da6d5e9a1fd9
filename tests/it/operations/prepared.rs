//! `check` is `run` without the listening: what keeps a start from succeeding is told by it,
//! whatever is shipped or was ever fuzzed is never good for the one and refused by the other,
//! and it writes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::operations::cli::{assert_code, said, written};
use crate::support::curl::certificate;
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::{Builder, Gateway, Process, TempDir, doorward, optional};

/// A configuration that cannot start, and what must be told.
struct Hopeless {
    what: &'static str,
    yaml: String,
    says: &'static str,
    files: fn(&TempDir),
}

fn hopeless(what: &'static str, yaml: &str, says: &'static str, files: fn(&TempDir)) -> Hopeless {
    Hopeless {
        what,
        yaml: yaml.to_owned(),
        says,
        files,
    }
}

fn nothing(_: &TempDir) {}

#[track_caller]
fn assert_refused_by_both(case: &Hopeless) {
    let builder = Builder::before("http://127.0.0.1:9").yaml(&case.yaml);
    (case.files)(builder.dir());
    let gateway = builder.write();
    assert_both_refuse(&gateway, case.what, case.says);
}

#[test]
fn what_cannot_start_is_refused_by_check() {
    for case in [
        hopeless(
            "a file for a folder",
            "data_dir: ./doorward.yaml",
            "ot a directory",
            nothing,
        ),
        hopeless(
            "below a file",
            "data_dir: ./doorward.yaml/x",
            "ot a directory",
            nothing,
        ),
        hopeless(
            "no room for a socket",
            &format!("data_dir: /tmp/{}", "x".repeat(100)),
            "sockets",
            nothing,
        ),
        hopeless(
            "damaged keys",
            "data_dir: d",
            "keys.json is damaged",
            |dir| {
                private(&dir.join("d"));
                std::fs::write(dir.join("d/keys.json"), "{").unwrap();
            },
        ),
        hopeless("a damaged store", "data_dir: d", "doorward.redb", |dir| {
            private(&dir.join("d"));
            std::fs::write(dir.join("d/doorward.redb"), [7; 9000]).unwrap();
        }),
        hopeless(
            "an address that is not ours",
            "listen: [\"192.0.2.1:8080\"]",
            "cannot listen on 192.0.2.1:8080",
            nothing,
        ),
        hopeless(
            "one address twice over",
            "listen: [\"0.0.0.0:18080\", \"127.0.0.1:18080\"]",
            "excludes",
            nothing,
        ),
        hopeless(
            "the operators' address too",
            "listen: [\"[::]:18080\"]\nadmin: { listen: \"127.0.0.1:18080\" }",
            "excludes",
            nothing,
        ),
        hopeless(
            "a CA that is none",
            "upstream: https://app.example.com\nupstream_tls: { ca: ca.pem }",
            "upstream_tls.ca",
            |dir| {
                let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
                dir.write("ca.pem", text);
            },
        ),
    ] {
        assert_refused_by_both(&case);
    }
}

/// What stands in the place of something that a start makes or opens, and is not that.
#[test]
fn what_is_in_the_way_in_the_data_dir_is_refused_by_check() {
    let make = |command: &str, path: &Path| {
        let mut words = command.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let made = run(command.args(words).arg(path), "");
        assert!(made.status.success(), "{}", said(&made));
    };
    for (name, commands) in [
        ("lock", &["mkdir", "mkfifo", "ln -s nowhere/lock"][..]),
        ("admin.sock", &["mkdir"]),
        ("next.sock", &["mkdir"]),
        ("keys.json", &["mkdir", "mkfifo", "ln -s /dev/zero"]),
        ("keys.json.new", &["mkdir"]),
        (
            "doorward.redb",
            &["mkdir", "mkfifo", "ln -s nowhere", "ln -s /dev/zero"],
        ),
        ("doorward.redb.new", &["mkdir"]),
    ] {
        for command in commands {
            let builder = Builder::before("http://127.0.0.1:9").yaml("data_dir: d");
            let folder = builder.dir().join("d");
            private(&folder);
            make(command, &folder.join(name));
            let gateway = builder.write();
            let what = format!("{command} d/{name}");
            assert_both_refuse(&gateway, &what, name);
        }
    }
    let link = Builder::before("http://127.0.0.1:9").yaml("data_dir: d");
    make("ln -s nowhere", &link.dir().join("d"));
    assert_both_refuse(&link.write(), "a link that leads nowhere", "data_dir");
    for place in ["/proc/x", "/sys/x/y"] {
        let yaml = format!("data_dir: {place}");
        let gateway = Builder::before("http://127.0.0.1:9").yaml(&yaml).write();
        assert_both_refuse(&gateway, place, "data_dir");
    }
    for key in [
        "tls: { cert: pipe, key: doorward.yaml }",
        "upstream: https://app.example.com\nupstream_tls: { ca: pipe }",
    ] {
        let builder = Builder::before("http://127.0.0.1:9").yaml(key);
        make("mkfifo", &builder.dir().join("pipe"));
        assert_both_refuse(&builder.write(), key, "not a regular file");
    }
}

/// A store that was altered while nobody had it open.
#[test]
fn a_store_that_cannot_be_opened_is_refused_by_check() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 3] = [
        ("cut to half", |file| file.truncate(file.len() / 2)),
        ("cut after its first page", |file| file.truncate(4096)),
        ("with other pages", |file| {
            let half = file.len() / 2;
            file[4096..half].iter_mut().for_each(|byte| *byte ^= 0x40);
        }),
    ];
    let mut gateway = running();
    let store = gateway.data_dir().join("doorward.redb");
    for how in ["TERM", "KILL"] {
        gateway.signal(how);
        gateway.process().wait();
        let whole = std::fs::read(&store).unwrap();
        for (what, damage) in cases {
            let mut bytes = whole.clone();
            damage(&mut bytes);
            std::fs::write(&store, &bytes).unwrap();
            let what = format!("{what}, after {how}");
            assert_code(&gateway.command(&["check"], ""), 78, &what);
            assert!(std::fs::read(&store).unwrap() == bytes, "{what}: it wrote");
            assert_both_refuse(&gateway, &what, "doorward.redb");
        }
        std::fs::write(&store, &whole).unwrap();
        assert_code(&gateway.command(&["check"], ""), 0, how);
        assert!(std::fs::read(&store).unwrap() == whole, "{how}: it wrote");
        gateway.start_again();
    }
}

#[track_caller]
fn assert_both_refuse(gateway: &Gateway, what: &str, says: &str) {
    let checked = gateway.command(&["check"], "");
    assert_code(&checked, 78, what);
    assert!(said(&checked).contains(says), "{what}: {}", said(&checked));
    let ran = gateway.command(&["run"], "");
    let code = ran.status.code();
    assert!(
        matches!(code, Some(69 | 74 | 78)),
        "{what}: it starts: {code:?} {}",
        said(&ran)
    );
}

fn private(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, mode).unwrap();
}

#[test]
fn certificates_that_cannot_be_used_are_refused_by_check() {
    if !optional::has("openssl") {
        return;
    }
    let tls = "tls: { cert: tls.crt, key: tls.key }";
    for case in [
        hopeless("the certificate of another key", tls, "tls.crt", |dir| {
            let (ours, other) = (certificate(dir, "ours"), certificate(dir, "other"));
            std::fs::copy(ours.cert, dir.join("tls.crt")).unwrap();
            std::fs::copy(other.key, dir.join("tls.key")).unwrap();
        }),
        hopeless("a chain in the wrong order", tls, "tls.crt", |dir| {
            let (ours, other) = (certificate(dir, "ours"), certificate(dir, "other"));
            let chain = [other.cert, ours.cert].map(|path| std::fs::read(path).unwrap());
            dir.write("tls.crt", chain.concat());
            std::fs::copy(ours.key, dir.join("tls.key")).unwrap();
        }),
        hopeless("a short RSA key", tls, "tls.crt", |dir| {
            let made = run(
                Command::new("openssl")
                    .args([
                        "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "2",
                    ])
                    .args(["-subj", "/CN=short", "-keyout"])
                    .arg(dir.join("tls.key"))
                    .arg("-out")
                    .arg(dir.join("tls.crt")),
                "",
            );
            assert!(made.status.success(), "{}", said(&made));
        }),
    ] {
        assert_refused_by_both(&case);
    }
}

/// A chain as ACME clients write it, with or without its root, and what is not one.
#[test]
fn a_chain_of_which_one_did_not_issue_the_one_before_is_refused_by_check() {
    if !optional::has("openssl") {
        return;
    }
    let authority = Builder::before("http://127.0.0.1:9");
    let dir = authority.dir();
    let make = |name: &str, issuer: Option<&str>, extension: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(dir.path());
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt"]);
        command.args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
        command.args(["-subj", &format!("/CN={name}"), "-addext", extension]);
        command.args(["-keyout", &format!("{name}.key")]);
        command.args(["-out", &format!("{name}.crt")]);
        if let Some(issuer) = issuer {
            command.args(["-CA", &format!("{issuer}.crt")]);
            command.args(["-CAkey", &format!("{issuer}.key")]);
        }
        let made = run(&mut command, "");
        assert!(made.status.success(), "{name}: {}", said(&made));
    };
    let ca = "basicConstraints=critical,CA:TRUE";
    make("root", None, ca);
    make("middle", Some("root"), ca);
    make("stranger", None, ca);
    let leaf = "subjectAltName=DNS:app.example.com";
    make("leaf", Some("middle"), leaf);
    make("alone", None, leaf);
    for (chain, says) in [
        (&["leaf"][..], None),
        (&["leaf", "middle"], None),
        (&["leaf", "middle", "root"], None),
        (&["alone"], None),
        (&["leaf", "leaf"], Some("certificate 2 (CN=leaf)")),
        (
            &["alone", "alone"],
            Some("certificate 2 (CN=alone) is there twice"),
        ),
        (&["leaf", "root"], Some("certificate 2 (CN=root)")),
        (&["leaf", "root", "middle"], Some("certificate 2 (CN=root)")),
        (&["leaf", "stranger"], Some("certificate 2 (CN=stranger)")),
        (
            &["leaf", "middle", "stranger"],
            Some("certificate 3 (CN=stranger)"),
        ),
        (
            &["leaf", "middle", "middle"],
            Some("certificate 3 (CN=middle)"),
        ),
        (
            &["leaf", "middle", "root", "root"],
            Some("certificate 4 (CN=root)"),
        ),
        (&["middle", "leaf"], Some("certificate 2 (CN=leaf)")),
    ] {
        let builder =
            Builder::before("http://127.0.0.1:9").yaml("tls: { cert: tls.crt, key: tls.key }");
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        let text: String = chain
            .iter()
            .map(|name| read(&format!("{name}.crt")))
            .collect();
        builder.dir().write("tls.crt", text);
        builder
            .dir()
            .write("tls.key", read(&format!("{}.key", chain[0])));
        let gateway = builder.write();
        match says {
            Some(says) => assert_both_refuse(&gateway, &format!("{chain:?}"), says),
            None => {
                let checked = gateway.command(&["check"], "");
                assert_code(&checked, 0, &format!("{chain:?}"));
            }
        }
    }
}

#[test]
fn check_writes_nothing() {
    let gateway = written("");
    let look = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(gateway.dir().path()).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let before = look();
    assert_code(
        &gateway.command(&["check"], ""),
        0,
        "the tests' own configuration",
    );
    assert_eq!(look(), before, "a data_dir was made");
}

#[test]
fn check_is_good_beside_the_gateway_that_runs() {
    let gateway = running();
    let output = gateway.command(&["check"], "");
    assert_code(
        &output,
        0,
        "ports, lock and store are those of the running gateway",
    );
}

fn running() -> Gateway {
    Builder::before("http://127.0.0.1:9").start()
}

/// Every configuration that we ship, and every one that fuzzing kept.
fn configurations() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "config",
        "examples",
        "examples/replicas",
        "fuzz/corpus/config",
    ];
    let files = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    files.filter(|path| path.is_file()).collect()
}

/// Whether `check` takes it; panics where `run` then refuses it.
fn is_taken(config: &Path) -> bool {
    let dir = TempDir::new();
    let command = |verb: &str| {
        let mut command = doorward();
        command
            .args([verb, "--config"])
            .arg(config)
            .current_dir(dir.path())
            .env("DOORWARD_LISTEN", format!("127.0.0.1:{}", free_port()))
            .env(
                "DOORWARD_ADMIN_LISTEN",
                format!("127.0.0.1:{}", free_port()),
            )
            .env("DOORWARD_DATA_DIR", dir.join("data"));
        command
    };
    let checked = run(&mut command("check"), "");
    match checked.status.code() {
        Some(0) => {}
        Some(78) => return false,
        code => panic!("{}: {code:?} {}", config.display(), said(&checked)),
    }
    let mut process = Process::spawn(command("run"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline && !process.output().contains("listening on") {
        if let Some(status) = process.ended() {
            let code = status.code();
            // A port that somebody took meanwhile, or a Redis that is not there.
            assert_eq!(code, Some(69), "{}: {}", config.display(), process.output());
            break;
        }
        // It may log nothing, or wait for a Redis.
        let waits = process.output().contains("waiting for Redis");
        if waits {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn no_configuration_is_good_for_check_and_refused_by_run() {
    let all = configurations();
    assert!(all.len() > 80, "{all:?}");
    let taken = std::thread::scope(|scope| {
        let workers: Vec<_> = all
            .chunks(all.len().div_ceil(4))
            .map(|part| scope.spawn(|| part.iter().filter(|path| is_taken(path)).count()))
            .collect();
        workers
            .into_iter()
            .map(|one| one.join().unwrap())
            .sum::<usize>()
    });
    assert!(
        taken >= 5,
        "only {taken} were taken, so that little was seen"
    );
}
