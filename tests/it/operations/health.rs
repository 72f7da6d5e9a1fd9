//! The health check answers, whatever somebody does to the operators' listener.

use std::io::Write as _;
use std::net::TcpStream;

use crate::support::{Conn, world};

#[test]
fn idle_connections_to_the_admin_listener_do_not_starve_the_health_check() {
    let (gateway, _app) = world();
    let connect = || TcpStream::connect(("127.0.0.1", gateway.admin())).unwrap();
    for (what, first) in [
        ("silent", &b""[..]),
        ("in a head", b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-"),
        (
            "in a body",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        ),
    ] {
        let mut held = Vec::new();
        for _ in 0..300 {
            let mut connection = connect();
            // One that was closed for another takes nothing more.
            let _ = connection.write_all(first);
            held.push(connection);
        }
        for _ in 0..3 {
            let check = gateway.command(&["healthcheck"], "");
            assert!(check.status.success(), "300 {what}: {check:?}");
        }
        let metrics = gateway.operators("/metrics");
        assert_eq!(metrics.status, 200, "300 {what}");
    }
}

#[test]
fn who_asks_again_and_again_keeps_its_connection() {
    let (gateway, _app) = world();
    let mut scrapes = Conn::open(gateway.admin()).unwrap();
    let request = crate::support::Request::new(gateway.admin(), "GET", "/metrics");
    let mut held = Vec::new();
    for _ in 0..600 {
        held.push(TcpStream::connect(("127.0.0.1", gateway.admin())).unwrap());
        if held.len() % 100 == 0 {
            assert_eq!(request.send_on(&mut scrapes).status, 200, "it was closed");
        }
    }
}
