//! A disk that takes no more: nobody is told that something was done which was not, and
//! what was acknowledged before is there afterwards.

use std::process::Command;

use crate::support::gateway::PROGRAM;
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Gateway, Jar, Process, Request, Response, Upstream, until};

/// Enough room for some logins, too little for [`LOGINS`].
const ROOM_BYTES: u64 = 256 * 1024;
const LOGINS: usize = 3000;

/// A gateway whose store has [`ROOM_BYTES`] to grow. Writes beyond fail, as on a full disk.
fn with_little_room(gateway: &mut Gateway) -> Process {
    gateway.signal("TERM");
    gateway.process().wait();
    let file = gateway.data_dir().join("doorward.redb");
    let length = std::fs::metadata(file).unwrap().len();
    // In blocks of 512 bytes (POSIX).
    let blocks = (length + ROOM_BYTES) / 512;
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" run --config \"$1\"");
    command.env_clear().args(["-c", &script, PROGRAM]);
    let mut full = Process::spawn({
        command.arg(&gateway.config);
        command
    });
    until("the gateway to be ready", || {
        assert!(full.ended().is_none(), "it ended:\n{}", full.output());
        status(gateway, "/readyz") == 200
    });
    full
}

fn status(gateway: &Gateway, target: &str) -> u16 {
    let answer = Request::new(gateway.admin(), "GET", target).try_send();
    answer.map_or(0, |answer| answer.status)
}

/// Logs in until the store is full.
fn fill(gateway: &Gateway, acknowledged: &mut Vec<Jar>) -> Response {
    let refused = (0..LOGINS).find_map(|_| {
        let answer = gateway.try_login("alice", ALICE_PASSWORD);
        if answer.status == 303 {
            acknowledged.push(Jar::of(&answer));
            return None;
        }
        Some(answer)
    });
    refused.expect("the disk was never full: the test has too much room")
}

#[test]
fn a_disk_with_room_again_needs_no_restart() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app)
        .yaml("session: { max_per_user: null }")
        .start();
    let mut acknowledged = vec![Jar::alice(&gateway)];
    let mut full = with_little_room(&mut gateway);
    let refused = fill(&gateway, &mut acknowledged);
    assert_eq!(refused.status, 503, "{refused}");
    assert_eq!(status(&gateway, "/readyz"), 503);
    let pid = full.pid().to_string();
    let limit = "--fsize=unlimited:unlimited";
    let made = Command::new("prlimit")
        .args(["--pid", &pid, limit])
        .status();
    assert!(made.unwrap().success(), "no room could be made");
    until("the room to be used", || status(&gateway, "/readyz") == 200);
    acknowledged.push(Jar::alice(&gateway));
    for jar in &mut acknowledged {
        jar.refresh(&gateway);
    }
    full.kill();
    gateway.start_again();
    for jar in &mut acknowledged {
        jar.refresh(&gateway);
    }
}

#[test]
fn a_full_disk_refuses_aloud_and_loses_nothing() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app)
        .yaml("session: { max_per_user: null }")
        .start();
    let first = Jar::alice(&gateway);
    let mut full = with_little_room(&mut gateway);
    let mut acknowledged = vec![first];
    let refused = fill(&gateway, &mut acknowledged);
    assert_eq!(refused.status, 503, "{refused}");
    assert!(refused.cookies().is_empty(), "a session that is nowhere");
    assert!(refused.header("retry-after").is_some(), "{refused}");
    assert!(acknowledged.len() > 10, "no room at all");
    println!("{} logins, then the disk was full", acknowledged.len());

    assert_eq!(
        status(&gateway, "/readyz"),
        503,
        "nobody is told that it cannot write"
    );
    assert_eq!(
        status(&gateway, "/healthz"),
        200,
        "a restart would not make room"
    );
    let last = acknowledged.last().unwrap().clone();
    let answer = last.get(&gateway, "/");
    assert_eq!(answer.status, 200, "access tokens need no store: {answer}");
    // Small changes may still find room in the file: what is told is what was done.
    for _ in 0..20 {
        let answer = gateway.try_login("alice", ALICE_PASSWORD);
        assert!(matches!(answer.status, 303 | 503), "{answer}");
        if answer.status == 303 {
            acknowledged.push(Jar::of(&answer));
        }
    }
    full.kill();

    gateway.start_again();
    for jar in &mut acknowledged {
        jar.refresh(&gateway);
    }
}
