//! A disk that is slow, read-only or failing, and a folder that goes away, under the
//! running program: nobody is told that something was done which was not, who is signed in
//! goes on, and when the disk is well again so is the gateway.

use std::time::{Duration, Instant};

use crate::support::faults::Faults;
use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD};
use crate::support::{Builder, Gateway, Jar, Upstream, assert_problem, until};

/// Linux' numbers for what a disk says.
const EIO: i64 = 5;
const ENOSPC: i64 = 28;
const EROFS: i64 = 30;

fn world(faults: &Faults) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = faults.around(Builder::new(&app)).start();
    (gateway, app)
}

fn ready(gateway: &Gateway) -> u16 {
    gateway.operators("/readyz").status
}

/// What needs the store says that it cannot, and what does not need it goes on.
#[track_caller]
fn assert_refuses_aloud(gateway: &Gateway, jar: &Jar, what: &str) {
    let login = gateway.try_login("bob", BOB_PASSWORD);
    assert_eq!(login.status, 503, "{what}: {login}");
    assert!(
        login.cookies().is_empty(),
        "a session that is nowhere: {login}"
    );
    assert!(login.header("retry-after").is_some(), "{login}");
    assert_eq!(ready(gateway), 503, "{what}: nobody is told");
    assert_eq!(gateway.operators("/healthz").status, 200, "{what}");
    for (target, form) in [
        ("/logout", String::new()),
        ("/revoke", format!("token={}", jar.refresh.clone().unwrap())),
        ("/revoke", "all=true".to_owned()),
    ] {
        let answer = jar.request(gateway, "POST", target).form(&form).send();
        assert_eq!(answer.status, 503, "{what}: ended, says {target}: {answer}");
        assert!(answer.cookies().is_empty(), "{what}: {answer}");
    }
    let answer = jar.post_refresh(gateway);
    assert_problem(&answer, 503, "store_unavailable", what);
    assert!(answer.cookies().is_empty(), "{what}: {answer}");
    let answer = jar.get(gateway, "/");
    assert_eq!(
        answer.status, 200,
        "{what}: access tokens need no store: {answer}"
    );
}

#[test]
fn a_disk_that_fails_refuses_aloud_and_is_used_again_when_it_is_well() {
    let disk = "Input/output error";
    let room = "No space left on device";
    for (what, at_sync, errno, words) in [
        ("read-only", false, EROFS, "Read-only file system"),
        ("full", false, ENOSPC, room),
        ("full at the sync", true, ENOSPC, room),
        ("broken at the sync", true, EIO, disk),
    ] {
        let fail = match at_sync {
            true => Faults::failing_syncs,
            false => Faults::failing_writes,
        };
        let faults = Faults::new();
        let (mut gateway, _app) = world(&faults);
        let mut jars = vec![Jar::alice(&gateway)];
        let mut ended = Jar::alice(&gateway);
        ended.refresh(&gateway);
        assert_eq!(gateway.logout(&ended.cookies()).status, 303);

        fail(&faults, errno);
        assert_refuses_aloud(&gateway, &jars[0], what);
        gateway.wait_for_log(&["ERROR", "doorward.redb", words]);

        fail(&faults, 0);
        until("the store to be used again", || ready(&gateway) == 200);
        gateway.wait_for_log(&["WARN", "the store can be written again"]);
        jars[0].refresh(&gateway);
        jars.push(Jar::alice(&gateway));
        let lines = gateway.log().matches("doorward.redb").count();
        assert!(lines < 100, "{what}: {lines} lines about one disk");

        // What was acknowledged before, during and after is on the disk.
        gateway.kill();
        gateway.start_again();
        for jar in &mut jars {
            jar.refresh(&gateway);
        }
        let answer = ended.post_refresh(&gateway);
        assert_problem(&answer, 401, "session_revoked", "ended, and back again");
        let answer = ended.without_refresh().get(&gateway, "/");
        assert_problem(&answer, 401, "session_revoked", "ended, and back again");
    }
}

#[test]
fn a_slow_disk_holds_up_logins_and_nobody_else() {
    let faults = Faults::new();
    let (mut gateway, _app) = world(&faults);
    let jar = Jar::alice(&gateway);
    let delay = Duration::from_secs(7);
    faults.slow_syncs(i64::try_from(delay.as_millis()).unwrap());
    let synced = faults.syncs();
    let began = Instant::now();
    let login = {
        let request = gateway.login_request("alice", ALICE_PASSWORD);
        let mut connection = gateway.connect();
        connection.patience(Duration::from_secs(60));
        std::thread::spawn(move || request.send_on(&mut connection))
    };
    until("the disk to be asked", || faults.syncs() > synced);
    for _ in 0..20 {
        assert_eq!(jar.get(&gateway, "/").status, 200);
    }
    assert!(!login.is_finished(), "answered before it was on the disk");
    // A disk that keeps everybody waiting for so long is told to whoever asks.
    until("the wait to be told", || ready(&gateway) == 503);
    assert!(!login.is_finished(), "the wait was over already");
    let answer = login.join().unwrap();
    assert_eq!(answer.status, 303, "{answer}");
    assert!(began.elapsed() >= delay, "not on the disk yet");
    faults.slow_syncs(0);
    gateway.kill();
    gateway.start_again();
    Jar::of(&answer).refresh(&gateway);
}

#[test]
fn what_is_written_into_a_removed_file_is_not_acknowledged() {
    let faults = Faults::new();
    let (mut gateway, _app) = world(&faults);
    let mut jar = Jar::alice(&gateway);
    let data = gateway.data_dir();
    let elsewhere = data.with_extension("moved");
    let file = data.join("doorward.redb");
    let kept = data.join("kept");
    let put = |from: &std::path::Path, to: &std::path::Path| std::fs::rename(from, to).unwrap();

    put(&data, &elsewhere);
    assert_refuses_aloud(&gateway, &jar, "without its folder");
    gateway.wait_for_log(&["ERROR", "doorward.redb", "removed or replaced"]);
    put(&elsewhere, &data);
    until("the file to be used again", || ready(&gateway) == 200);
    jar.refresh(&gateway);

    // Another file in its place is not believed, and not touched.
    put(&file, &kept);
    std::fs::copy(&kept, &file).unwrap();
    let copy = std::fs::read(&file).unwrap();
    assert_refuses_aloud(&gateway, &jar, "with another file in its place");
    assert!(
        std::fs::read(&file).unwrap() == copy,
        "the copy was written to"
    );
    put(&kept, &file);
    until("the file to be used again", || ready(&gateway) == 200);
    gateway.kill();
    gateway.start_again();
    jar.refresh(&gateway);
}
