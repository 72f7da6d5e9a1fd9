//! All clients together leave so much of their answers unread, and no more.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Gateway, until, world_with};

/// More than the kernel takes of an answer that nobody reads.
const LARGE: usize = 40_000_000;

/// A connection that asks for a large answer and has not read anything of it.
fn asks_for_much(gateway: &Gateway, cookie: &str) -> TcpStream {
    let target = format!("/big?n={LARGE}");
    let request = gateway.request("GET", target).cookie(cookie).bytes();
    let mut connection = gateway.connect();
    connection.send(request).unwrap();
    connection.into_stream()
}

/// How much of the answer comes, a piece each pause.
fn read_all(mut stream: TcpStream, pause: Duration) -> usize {
    let (mut taken, mut piece) = (0, vec![0; 256 * 1024]);
    while taken < LARGE {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(bytes) => taken += bytes,
        }
        std::thread::sleep(pause);
    }
    taken
}

#[test]
fn one_of_nobody_that_is_ended_is_told_and_counted_too() {
    let (gateway, app) = world_with("default_access: public\nlimits: { unread_answers: 2MiB }");
    let all: Vec<_> = (0..10).map(|_| asks_for_much(&gateway, "")).collect();
    until("some answers to be ended", || app.ended() > 5);
    drop(all);
    until("a line for each", || {
        let log = gateway.log();
        log.lines()
            .filter(|line| line.contains("path=/big"))
            .count()
            == 10
    });
    gateway.wait_for_log(&["path=/big", "verdict=overloaded"]);
    let counted = gateway.labelled("doorward_requests_total", "overloaded");
    assert!(counted > 5.0, "{counted}");
}

/// Each unread answer counts as half a MiB.
#[test]
fn beyond_unread_answers_the_one_that_stood_still_longest_is_ended() {
    let (gateway, app) = world_with("limits: { unread_answers: 4MiB }");
    let cookie = gateway.alice();
    let reader = asks_for_much(&gateway, &cookie);
    let reading = std::thread::spawn(|| read_all(reader, Duration::from_millis(10)));
    let before = app.count();
    let longest = asks_for_much(&gateway, &cookie);
    until("the app to be asked", || app.count() > before);
    // Nothing says when it stands still.
    std::thread::sleep(Duration::from_secs(1));
    let others: Vec<_> = (0..8).map(|_| asks_for_much(&gateway, &cookie)).collect();
    until("an answer to be ended", || app.ended() > 0);
    assert!(
        read_all(longest, Duration::ZERO) < LARGE,
        "another than the one that stood still longest was ended"
    );
    let whole = others
        .into_iter()
        .map(|other| read_all(other, Duration::ZERO));
    let whole = whole.filter(|bytes| *bytes >= LARGE).count();
    assert!(whole >= 7, "of eight that came later {whole} go on");
    let taken = reading.join().unwrap();
    assert!(taken >= LARGE, "a reader was cut after {taken} bytes");
}
