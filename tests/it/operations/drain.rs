//! Stopping: nothing in flight is lost, and it always ends.

use std::time::{Duration, Instant};

use crate::support::{Conn, Request, until, world, world_with};

#[test]
fn an_idle_gateway_ends_at_once() {
    for signal in ["TERM", "INT"] {
        let (mut gateway, _app) = world();
        let cookie = gateway.alice();
        // A connection that is kept alive is idle, too.
        let mut idle = gateway.connect();
        gateway
            .request("GET", "/")
            .cookie(&cookie)
            .send_on(&mut idle);
        let began = Instant::now();
        gateway.signal(signal);
        let status = gateway.process().wait();
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(2),
            "SIG{signal} takes {took:?} with nothing to do"
        );
        assert_eq!(
            status.code(),
            Some(0),
            "an ordinary stop looks like a crash to a supervisor"
        );
    }
}

#[test]
fn a_request_in_flight_is_finished() {
    let (mut gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    connection
        .send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
        .unwrap();
    until("the app to be asked", || app.count() == 1);
    gateway.signal("TERM");
    let port = gateway.port();
    until("new connections to be refused", || is_closed(port));
    assert!(
        gateway.process().ended().is_none(),
        "the gateway ended under a running request"
    );
    app.release();
    let response = connection
        .answer("GET")
        .expect("a stop cuts a running request");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "released"),
        "{response}"
    );
    let began = Instant::now();
    gateway.process().wait();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "it lingers after the last request"
    );
}

/// Nobody accepts, or whoever did hangs up without an answer.
fn is_closed(port: u16) -> bool {
    Request::new(port, "GET", "/login").try_send().is_err()
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut gateway, app) = world_with("limits: { drain: 60s }");
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    connection
        .send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
        .unwrap();
    until("the app to be asked", || app.count() == 1);
    gateway.signal("TERM");
    let port = gateway.port();
    until("the first signal to be seen", || is_closed(port));
    let began = Instant::now();
    gateway.signal("TERM");
    gateway.process().wait();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "an impatient operator waits"
    );
}

#[test]
fn the_wait_has_a_limit() {
    let (mut gateway, app) = world_with("limits: { drain: 1s }");
    let cookie = gateway.alice();
    let mut connection: Conn = gateway.connect();
    connection
        .send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
        .unwrap();
    until("the app to be asked", || app.count() == 1);
    let began = Instant::now();
    gateway.signal("TERM");
    gateway.process().wait();
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(900),
        "a running request got only {took:?}"
    );
    assert!(took < Duration::from_secs(5), "one second took {took:?}");
}

#[test]
fn readiness_goes_before_the_process_does() {
    let (mut gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    connection
        .send(gateway.request("GET", "/hold").cookie(&cookie).bytes())
        .unwrap();
    until("the app to be asked", || app.count() == 1);
    gateway.signal("TERM");
    let admin = gateway.admin();
    until("readiness to go", || {
        Request::new(admin, "GET", "/readyz")
            .try_send()
            .is_ok_and(|answer| answer.status == 503)
            || Conn::open(admin).is_err()
    });
    app.release();
    assert_eq!(connection.answer("GET").unwrap().status, 200);
    gateway.process().wait();
}
