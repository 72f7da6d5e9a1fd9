//! What the tests stand on: the real gateway, a real app behind it, clients that send exact bytes.
//!
//! Everything that is started here is a drop guard, every wait has a deadline, and no
//! port is fixed.

pub mod answers;
pub mod browser;
pub mod builder;
pub mod client;
pub mod curl;
pub mod der;
pub mod disguise;
pub mod exchange;
pub mod faults;
pub mod forger;
pub mod gateway;
pub mod h2;
pub mod h2_request;
pub mod jar;
pub mod memory;
pub mod namespace;
pub mod optional;
pub mod process;
pub mod redis;
pub mod relay;
pub mod response;
pub mod smuggle;
pub mod temp;
pub mod tls;
pub mod token;
pub mod upstream;
pub mod upstream_paths;
pub mod users;
pub mod vectors;
pub mod verbatim;
pub mod wait;
pub mod watch;
pub mod websocket;
pub mod wild;

pub use builder::Builder;
pub use client::{Conn, Request};
pub use forger::Forger;
pub use gateway::{Gateway, doorward, doorward_at};
pub use jar::Jar;
pub use process::Process;
pub use redis::{Fleet, RedisServer};
pub use relay::Relay;
pub use response::{Response, assert_page, assert_problem};
pub use temp::TempDir;
pub use upstream::{Recorded, Upstream};
pub use wait::{until, until_some};

/// A gateway with default settings before a fresh app.
pub fn world() -> (Gateway, Upstream) {
    world_with("")
}

/// A gateway with these top-level keys set or replaced, before a fresh app.
pub fn world_with(yaml: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml(yaml).start();
    (gateway, app)
}

#[test]
fn the_app_keeps_what_it_receives() {
    let app = Upstream::start();
    let port = app.url().rsplit(':').next().unwrap().parse().unwrap();
    let mut connection = Conn::open(port).unwrap();
    let request = Request::new(port, "POST", "/x?y")
        .header("X-Odd", b"\xff")
        .body("abc");
    let answer = request.send_on(&mut connection);
    assert_eq!(answer.status, 200, "{answer}");
    let head = request.bytes();
    assert_eq!(answer.body, head[..head.len() - 3], "the echo is not exact");
    assert_eq!(app.last().body, b"abc", "the body is lost");
    connection
        .send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        .unwrap();
    assert_eq!(connection.answer("POST").unwrap().status, 200);
    assert_eq!(app.last().body, b"ab", "a chunked body is lost");
    assert_eq!(
        (app.count(), app.connections()),
        (2, 1),
        "the counts are off"
    );
    let socket = websocket::open(&websocket::request(port, "/ws"), port);
    let mut socket = socket.expect("the app accepts WebSockets");
    socket.send("hello".into()).unwrap();
    assert_eq!(websocket::text(&mut socket), "hello", "no echo");
}

#[test]
fn the_browser_can_be_driven() {
    let app = Upstream::start();
    let Some(browser) = browser::Browser::start() else {
        return;
    };
    browser.goto(&format!("{}/link?to=/other", app.url()));
    browser.click("#link");
    assert_eq!(
        browser.text("#other"),
        "other page",
        "a click leads nowhere"
    );
}
