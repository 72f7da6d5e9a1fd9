//! Every request has its line in the log, and a log that is read slowly loses none of them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::support::gateway::doorward;
use crate::support::{Builder, Request, Upstream, until};

/// More than a pipe holds (64 KiB).
const REQUESTS: usize = 1200;

#[test]
fn a_stop_waits_for_a_slow_reader_of_the_log() {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("rules: [{ path: /**, access: public }]");
    let gateway = builder.write();
    let (port, admin) = (gateway.port(), gateway.admin());
    let mut child = doorward()
        .args(["run", "--config"])
        .arg(&gateway.config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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
        .arg(child.id().to_string())
        .status();
    assert!(told.unwrap().success());
    // Slower than the process could end.
    let mut log = BufReader::with_capacity(512, child.stderr.take().unwrap());
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
    assert!(child.wait().unwrap().success());
}
