//! Every request has its line in the log, and a log that is read slowly loses none of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::gateway::doorward;
use crate::support::{Builder, Request, Upstream, until};

/// More than a pipe holds (64 KiB).
const REQUESTS: usize = 1200;

/// Dies with its guard: one that waits for its reader would wait for ever.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stop_waits_for_a_slow_reader_of_the_log() {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("rules: [{ path: /**, access: public }]");
    let gateway = builder.write();
    let (port, admin) = (gateway.port(), gateway.admin());
    let child = doorward()
        .args(["run", "--config"])
        .arg(&gateway.config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut process = Unread(child.unwrap());
    until("the gateway to be ready", || {
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    // One connection, so that the lines have an order.
    let mut connection = gateway.connect();
    for number in 0..REQUESTS {
        let request = Request::new(port, "GET", format!("/{number}"));
        let answer = request.send_on(&mut connection);
        assert_eq!(answer.status, 200, "a request waits for the reader");
    }
    drop(connection);
    let told = std::process::Command::new("kill")
        .arg(process.0.id().to_string())
        .status();
    assert!(told.unwrap().success());
    // Slower than the process could end.
    let mut log = BufReader::with_capacity(512, process.0.stderr.take().unwrap());
    let (mut next, mut line) = (0, String::new());
    while log.read_line(&mut line).unwrap() > 0 {
        assert!(line.ends_with('\n'), "a line is cut: {line}");
        if line.contains(" access ") {
            let expected = format!(" path=/{next} ");
            assert!(line.contains(&expected), "{expected} is missing: {line}");
            next += 1;
        }
        line.clear();
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(next, REQUESTS, "lines are lost with the process");
    assert!(process.0.wait().unwrap().success());
}
