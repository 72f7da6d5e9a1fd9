//! The `data_dir` as platforms leave it: with every mode and owner, or not writable at all.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use crate::operations::cli::{assert_code, said};
use crate::support::process::{Process, run};
use crate::support::{Builder, Request, Upstream, doorward, token, until, world};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Whether the tests may give files away; says that part of a test is left out if not.
fn is_root() -> bool {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        eprintln!("\n*** SKIPPED: only root can give files away ***\n");
    }
    root
}

#[test]
fn a_start_after_the_kubelet_has_set_modes_goes_on() {
    let (mut gateway, _app) = world();
    let cookie = gateway.alice();
    let data = gateway.data_dir();
    let files = ["keys.json", "doorward.redb", "lock"];
    for (folder, file) in [(0o2770, 0o660), (0o2775, 0o664), (0o777, 0o666)] {
        gateway.signal("TERM");
        gateway.process().wait();
        set_mode(&data, folder);
        for name in files {
            set_mode(&data.join(name), file);
        }
        assert_code(&gateway.command(&["check"], ""), 0, "modes can be mended");
        assert_eq!(mode(&data), folder, "check wrote");
        gateway.start_again();
        assert_eq!(
            gateway.get("/", &cookie).status,
            200,
            "a mode ended sessions"
        );
        assert_eq!(mode(&data) & 0o777, 0o700, "others can look in");
        for name in files {
            assert_eq!(mode(&data.join(name)), 0o600, "{name}");
        }
        gateway.wait_for_log(&["keys.json", "open to others"]);
    }
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    if !is_root() {
        return;
    }
    let mut gateway = Builder::before("http://127.0.0.1:9").start();
    let data = gateway.data_dir();
    gateway.signal("TERM");
    gateway.process().wait();
    for path in [
        data.clone(),
        data.join("keys.json"),
        data.join("doorward.redb"),
    ] {
        chown(&path, Some(12_345), None).unwrap();
        for command in ["check", "run"] {
            let output = gateway.command(&[command], "");
            assert_code(&output, 78, &format!("{command}: {}", path.display()));
            assert!(
                said(&output).contains("belongs to user 12345"),
                "{}",
                said(&output)
            );
        }
        chown(&path, Some(0), None).unwrap();
    }
}

/// A gateway as a platform runs it: an arbitrary user, in the group of its volumes, everything
/// mounted as root's and readable by that group.
#[test]
fn volumes_of_root_that_are_open_to_our_group_are_taken() {
    if !is_root() {
        return;
    }
    const US: u32 = 54_321;
    const GROUP: u32 = 2_000;
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("signing: { key: \"file:key\" }");
    builder.dir().write("key", token::KEY);
    let gateway = builder.write();
    let data = gateway.data_dir();
    std::fs::create_dir(&data).unwrap();
    for (path, mode) in [
        (gateway.dir().path().to_owned(), 0o755),
        (gateway.config.clone(), 0o440),
        (gateway.dir().join("key"), 0o440),
        (data.clone(), 0o2770),
    ] {
        chown(&path, Some(0), Some(GROUP)).unwrap();
        set_mode(&path, mode);
    }
    for start in ["first", "second"] {
        let mut command = doorward();
        command.args(["run", "--config"]).arg(&gateway.config);
        command.uid(US).gid(GROUP);
        let mut process = Process::spawn(command);
        until("the gateway to be ready", || {
            let ended = process.ended();
            assert!(ended.is_none(), "{start}: {ended:?} {}", process.output());
            let ready = Request::new(gateway.admin(), "GET", "/readyz").try_send();
            ready.is_ok_and(|answer| answer.status == 200)
        });
        assert!(
            process.output().contains("belongs to root"),
            "{}",
            process.output()
        );
        process.signal("TERM");
        process.wait();
        // What the kubelet does between two starts.
        for entry in std::fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            chown(&path, None, Some(GROUP)).unwrap();
            set_mode(&path, mode(&path) | 0o660);
        }
    }
}

/// A folder in which everybody may make files, and nobody remove those of others.
#[test]
fn what_we_may_not_remove_or_write_is_refused_by_check_too() {
    if !is_root() {
        return;
    }
    const US: u32 = 54_321;
    for (name, owner, mode, folder) in [
        ("admin.sock", 0, 0o666, 0o1777),
        ("next.sock", 0, 0o666, 0o1777),
        ("keys.json.new", 0, 0o666, 0o1777),
        ("doorward.redb.new", 0, 0o666, 0o1777),
        ("doorward.redb", US, 0o400, 0o777),
    ] {
        let gateway = Builder::before("http://127.0.0.1:9").write();
        let data = gateway.data_dir();
        std::fs::create_dir(&data).unwrap();
        set_mode(&data, folder);
        set_mode(gateway.dir().path(), 0o755);
        set_mode(&gateway.config, 0o644);
        let path = data.join(name);
        std::fs::write(&path, "").unwrap();
        chown(&path, Some(owner), None).unwrap();
        set_mode(&path, mode);
        for verb in ["check", "run"] {
            let mut command = doorward();
            command.arg(verb).arg("--config").arg(&gateway.config);
            let output = run(command.uid(US).gid(US), "");
            let code = output.status.code();
            assert!(
                matches!(code, Some(69 | 74 | 78)),
                "{verb} with {name}: {code:?} {}",
                said(&output)
            );
            assert!(said(&output).contains(name), "{verb}: {}", said(&output));
        }
    }
}

#[test]
fn a_gateway_that_keeps_nothing_needs_no_data_dir() {
    let app = Upstream::start();
    // Nobody can make a folder below a file, root neither.
    let keeps_nothing = format!(
        "data_dir: ./doorward.yaml/below\nsession: {{ store: memory }}\nsigning: {{ key: {:?} }}",
        token::KEY
    );
    let mut gateway = Builder::new(&app).yaml(&keeps_nothing).start();
    gateway.wait_for_log(&["WARN", "doorward.yaml/below", "admin.sock"]);
    assert_eq!(gateway.get("/", &gateway.alice()).status, 200);
    assert_code(&gateway.command(&["check"], ""), 0, "it starts");
    gateway.rewrite("rules: [{ path: /open, access: public }]");
    gateway.hangup();
    until("the new rule to count", || {
        gateway.get("/open", "").status == 200
    });
    gateway.signal("TERM");
    assert_eq!(gateway.process().wait().code(), Some(0));
    for keeps in [
        "data_dir: ./doorward.yaml/below\nsession: { store: memory }",
        "data_dir: ./doorward.yaml/below",
    ] {
        let gateway = Builder::new(&app).yaml(keeps).write();
        for command in ["check", "run"] {
            let output = gateway.command(&[command], "");
            assert!(
                !output.status.success(),
                "{command}: keys or sessions are lost"
            );
        }
    }
}
