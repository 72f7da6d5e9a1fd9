//! A disk that takes no more: nobody is told that something was done which was not, and
//! what was acknowledged before is there afterwards.

use std::process::Command;

use crate::support::gateway::PROGRAM;
use crate::support::users::ALICE_PASSWORD;
use crate::support::{Builder, Jar, Process, Request, Upstream, assert_problem, until};

/// Enough room for some logins, too little for [`LOGINS`].
const ROOM_BYTES: u64 = 256 * 1024;
const LOGINS: usize = 3000;

#[test]
fn a_full_disk_refuses_aloud_and_loses_nothing() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).start();
    let first = Jar::alice(&gateway);
    gateway.signal("TERM");
    gateway.process().wait();
    let file = gateway.data_dir().join("doorward.redb");
    let length = std::fs::metadata(&file).unwrap().len();

    // Writes beyond the limit fail, as on a full disk; in blocks of 512 bytes (POSIX).
    let blocks = (length + ROOM_BYTES) / 512;
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run --config \"$1\"");
    command.env_clear().args(["-c", &script, PROGRAM]);
    let mut full = Process::spawn({
        command.arg(&gateway.config);
        command
    });
    let status = |target| {
        let ready = Request::new(gateway.admin(), "GET", target).try_send();
        ready.map_or(0, |answer| answer.status)
    };
    until("the gateway to be ready", || {
        assert!(full.ended().is_none(), "it ended:\n{}", full.output());
        status("/readyz") == 200
    });

    let mut acknowledged = vec![first];
    let refused = (0..LOGINS).find_map(|_| {
        let answer = gateway.try_login("alice", ALICE_PASSWORD);
        if answer.status == 303 {
            acknowledged.push(Jar::of(&answer));
            return None;
        }
        Some(answer)
    });
    let refused = refused.expect("the disk was never full: the test has too much room");
    assert_eq!(refused.status, 503, "{refused}");
    assert!(refused.cookies().is_empty(), "a session that is nowhere");
    assert!(refused.header("retry-after").is_some(), "{refused}");
    assert!(acknowledged.len() > 10, "no room at all");
    println!("{} logins, then the disk was full", acknowledged.len());

    assert_eq!(
        status("/readyz"),
        503,
        "nobody is told that it cannot write"
    );
    assert_eq!(status("/healthz"), 200, "a restart would not make room");
    let last = acknowledged.last().unwrap();
    let answer = last.get(&gateway, "/");
    assert_eq!(answer.status, 200, "access tokens need no store: {answer}");
    let answer = last.request(&gateway, "POST", "/logout").form("").send();
    assert_eq!(
        answer.status, 503,
        "ended, though it is not on disk: {answer}"
    );
    let answer = last.post_refresh(&gateway);
    assert_problem(
        &answer,
        503,
        "store_unavailable",
        "renewed without a record",
    );
    full.kill();

    gateway.start_again();
    for jar in &mut acknowledged {
        jar.refresh(&gateway);
    }
}
