//! Under a service manager: sockets that systemd passes, and what it hears of us.
//!
//! `systemd-socket-activate` is systemd's own program for that; what it would hear over
//! `NOTIFY_SOCKET` is read here, since no systemd runs where tests do.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::operations::cli::{assert_code, said, written};
use crate::support::gateway::PROGRAM;
use crate::support::process::Process;
use crate::support::temp::free_port;
use crate::support::wait::PATIENCE;
use crate::support::{Builder, Gateway, Request, TempDir, Upstream, optional, until};

/// Systemd listens on these ports, all of one name, and starts the gateway at the first
/// connection.
fn activated(gateway: &Gateway, ports: &[u16]) -> Process {
    let mut command = Command::new("systemd-socket-activate");
    for port in ports {
        command.arg(format!("--listen=127.0.0.1:{port}"));
    }
    let names = vec!["http"; ports.len()].join(":");
    command.arg(format!("--fdname={names}"));
    command.args([PROGRAM, "run", "--config"]);
    command.arg(&gateway.config);
    Process::spawn(command)
}

#[test]
fn sockets_of_systemd_serve_and_pass_to_the_next_process() {
    if !optional::is_installed("systemd-socket-activate") {
        return;
    }
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml("listen: [\"fd://http\"]").write();
    let ports = [gateway.port(), free_port()];
    let mut first = activated(&gateway, &ports);
    let answers = |port: u16| Request::new(port, "GET", "/login").try_send();
    until("the first request to be answered", || {
        assert!(first.ended().is_none(), "{}", first.output());
        answers(ports[0]).is_ok_and(|answer| answer.status == 200)
    });
    let cookie = gateway.alice();
    gateway.reload();
    assert_eq!(answers(ports[1]).unwrap().status, 200, "the second socket");

    let next = gateway.successor();
    until("the sockets to have passed on", || {
        first.output().contains("has taken over") && first.ended().is_some()
    });
    for port in ports {
        let answer = Request::new(port, "GET", "/").cookie(&cookie).send();
        assert_eq!(answer.status, 200, "{}", next.output());
    }
}

#[test]
fn a_socket_that_nobody_passed_is_a_mistake_of_the_set_up() {
    let gateway = written("listen: [\"127.0.0.1:0\", \"fd://http\"]");
    let run = gateway.command(&["run"], "");
    assert_code(&run, 78, "nothing was passed");
    assert!(
        said(&run).contains("fd://http: no listening"),
        "{}",
        said(&run)
    );
    let check = gateway.command(&["check"], "");
    assert_code(&check, 0, "check cannot know");
    assert!(
        said(&check).contains("[network.passed]"),
        "{}",
        said(&check)
    );
    for wrong in ["fd://", "fd://a:b", "fd://a b", "fd:/http"] {
        let gateway = written(&format!("listen: [{wrong:?}]"));
        assert_code(&gateway.command(&["check"], ""), 78, wrong);
    }
}

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
    _folder: TempDir,
    path: String,
}

impl Manager {
    fn listen() -> Self {
        let folder = TempDir::new();
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            _folder: folder,
            path: path.display().to_string(),
        }
    }

    /// The next message that is not of the watchdog.
    #[track_caller]
    fn hear(&self) -> String {
        loop {
            let said = self.hear_any();
            if said != "WATCHDOG=1\n" {
                return said;
            }
        }
    }

    #[track_caller]
    fn hear_any(&self) -> String {
        let mut bytes = [0; 512];
        let length = self.socket.recv(&mut bytes).expect("nothing is said");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

#[test]
fn it_hears_when_we_serve_reload_and_stop() {
    let manager = Manager::listen();
    let app = Upstream::start();
    let builder = Builder::new(&app).env("NOTIFY_SOCKET", &manager.path);
    let mut gateway = builder.start();
    assert_eq!(manager.hear(), "READY=1\n");
    for yaml in ["default_access: authenticated", "default_access: nonsense"] {
        gateway.rewrite(yaml);
        gateway.hangup();
        let said = manager.hear();
        let usec = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let usec = usec.unwrap_or_else(|| panic!("{said:?}")).trim_end();
        assert!(usec.parse::<u64>().unwrap() > 0, "{said:?}");
        assert_eq!(manager.hear(), "READY=1\n", "with {yaml}");
    }
    gateway.signal("TERM");
    assert_eq!(manager.hear(), "STOPPING=1\n");
    assert!(gateway.process().wait().success());
}

#[test]
fn it_hears_who_has_taken_over_and_no_stop_of_who_is_relieved() {
    let manager = Manager::listen();
    let app = Upstream::start();
    let builder = Builder::new(&app).env("NOTIFY_SOCKET", &manager.path);
    let mut gateway = builder.start();
    assert_eq!(manager.hear(), "READY=1\n");
    let next = gateway.successor();
    let expected = format!("MAINPID={}\nREADY=1\n", next.pid());
    assert_eq!(manager.hear(), expected);
    assert!(gateway.process().wait().success());
    next.signal("TERM");
    assert_eq!(manager.hear(), "STOPPING=1\n");
    manager.socket.set_nonblocking(true).unwrap();
    assert!(
        manager.socket.recv(&mut [0; 1]).is_err(),
        "two of them stop"
    );
}

/// Half of its time, as `sd_watchdog_enabled(3)` asks; nothing while we hang.
#[test]
fn its_watchdog_hears_that_we_are_alive() {
    let manager = Manager::listen();
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "2000000")
        .start();
    assert_eq!(manager.hear_any(), "READY=1\n");
    assert_eq!(manager.hear_any(), "WATCHDOG=1\n");
    let begun = Instant::now();
    for _ in 0..2 {
        assert_eq!(manager.hear_any(), "WATCHDOG=1\n");
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1500), "too often: {took:?}");
    assert!(took < Duration::from_secs(4), "too late: {took:?}");
    gateway.signal("STOP");
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut [0; 64]).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    let limit = Some(Duration::from_millis(1500));
    manager.socket.set_read_timeout(limit).unwrap();
    let said = manager.socket.recv(&mut [0; 64]);
    assert!(said.is_err(), "a process that hangs is alive");
    gateway.signal("CONT");
}
