//! An app that is found by name: looked up beside the requests, again and again.

use std::process::Command;

use crate::support::{Builder, Gateway, Process, Request, Upstream, assert_problem, until};
use crate::support::{doorward, optional, websocket};

fn port_of(app: &Upstream) -> &str {
    app.url().rsplit(':').next().unwrap()
}

#[test]
fn a_name_leads_to_the_app() {
    let app = Upstream::start();
    // `localhost` may be two addresses, of which the app has one.
    let gateway = Builder::before(&format!("http://localhost:{}", port_of(&app))).start();
    let cookie = gateway.alice();
    for _ in 0..6 {
        let answer = gateway.get("/", &cookie);
        assert_eq!(answer.status, 200, "{answer}");
        let request = websocket::request(gateway.port(), "/ws")
            .own_origin()
            .cookie(&cookie);
        websocket::open(&request, gateway.port()).expect("a WebSocket to a name");
    }
}

#[test]
fn a_name_without_an_address_is_bad_gateway_and_no_more() {
    let gateway = Builder::before("http://doorward.invalid:80").write();
    let hosts = gateway.dir().write("hosts", "\n");
    let Some(mut process) = with_hosts(&gateway, &hosts) else {
        return;
    };
    let cookie = gateway.alice();
    for _ in 0..3 {
        let answer = gateway.get("/", &cookie);
        assert_problem(&answer, 502, "upstream_unreachable", "no address");
        assert!(!answer.text().contains("invalid"), "{answer}");
    }
    let request = websocket::request(gateway.port(), "/ws")
        .own_origin()
        .cookie(&cookie);
    let refused = websocket::open(&request, gateway.port()).unwrap_err();
    assert_problem(&refused, 502, "upstream_unreachable", "no address");
    assert_eq!(gateway.operators("/readyz").status, 200);
    until("the look-up to be told", || {
        let told = process.output();
        told.contains("doorward.invalid") && told.contains("no address")
    });
    assert!(!process.output().contains("panic"), "{}", process.output());
    process.signal("TERM");
    assert!(process.wait().success(), "{}", process.output());
}

/// A gateway that has `/etc/hosts` of its own, and asks nobody for other names than a
/// server on the loopback that is not there; `None` where the system allows none.
fn with_hosts(gateway: &Gateway, hosts: &std::path::Path) -> Option<Process> {
    let script = "mount --bind \"$1\" /etc/hosts; [ ! -e /etc/resolv.conf ] || \
                  mount --bind \"$2\" /etc/resolv.conf; shift 2; exec \"$@\"";
    let resolver = gateway.dir().write("resolv.conf", "nameserver 127.0.0.1\n");
    let unshared = |command: &mut Command, then: &[&std::ffi::OsStr]| {
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(["sh", "-ec", script, "sh"])
            .args([hosts, resolver.as_path()])
            .args(then);
    };
    let mut probe = Command::new("unshare");
    unshared(&mut probe, &["true".as_ref()]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        optional::skip("this system allows no mounts of one's own");
        return None;
    }
    let program = doorward();
    let mut command = Command::new("unshare");
    unshared(
        &mut command,
        &[
            program.get_program(),
            "run".as_ref(),
            "--config".as_ref(),
            gateway.config.as_os_str(),
        ],
    );
    let process = Process::spawn(command);
    let admin = gateway.admin();
    until("the gateway to be ready", || {
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    Some(process)
}

#[test]
fn an_app_that_moves_is_found_again() {
    let app = Upstream::start();
    let gateway = Builder::before(&format!("http://app.doorward.test:{}", port_of(&app))).write();
    let hosts = gateway
        .dir()
        .write("hosts", "127.0.0.9 app.doorward.test\n");
    let Some(mut process) = with_hosts(&gateway, &hosts) else {
        return;
    };
    let cookie = gateway.alice();
    let answer = gateway.get("/", &cookie);
    assert_problem(&answer, 502, "upstream_unreachable", "nobody lives there");
    // In place: the mount is of the file, not of its name.
    std::fs::write(&hosts, "127.0.0.1 app.doorward.test\n").unwrap();
    until("the app to be found where it went", || {
        gateway.get("/", &cookie).status == 200
    });
    // A name that is lost keeps its last address.
    std::fs::write(&hosts, "\n").unwrap();
    until("the look-up to fail", || {
        process.output().contains("old address kept")
    });
    assert_eq!(gateway.get("/", &cookie).status, 200, "DNS took it down");
    assert!(process.ended().is_none());
}
