//! A panic, wherever it strikes, ends one connection or one task: everybody else is served
//! on, the log says it in one line, and what goes on in the background goes on.

use std::process::Command;

use crate::support::curl::certificate;
use crate::support::faults::Faults;
use crate::support::process::run;
use crate::support::watch::{Kind, Watch};
use crate::support::{Builder, Gateway, Jar, RedisServer, Upstream, optional, until};

/// A gateway with these faults around it.
fn world(faults: &Faults, yaml: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = faults.around(Builder::new(&app).yaml(yaml)).start();
    (gateway, app)
}

/// The lines about panics.
fn told(gateway: &Gateway) -> Vec<String> {
    let log = gateway.log();
    let lines = log.lines().filter(|line| line.contains(" panic in "));
    lines.map(String::from).collect()
}

/// Has a task of this thread panic, one time after the other: the lines about it read the
/// clock too.
#[track_caller]
fn strike(faults: &Faults, gateway: &Gateway, thread: &str, times: usize) {
    let begun = || gateway.log().matches("it begins again").count();
    for _ in 0..times {
        let before = (told(gateway).len(), begun());
        faults.panic(thread);
        until("the panic to be told", || {
            told(gateway).len() > before.0 && begun() > before.1
        });
    }
}

#[test]
fn a_panic_in_a_hook_ends_one_connection() {
    let faults = Faults::new();
    let (gateway, app) = world(&faults, "");
    let jar = Jar::alice(&gateway);
    let request = jar.request(&gateway, "GET", "/hunter2?hunter2");
    let (mut struck, mut other) = (gateway.connect(), gateway.connect());
    for connection in [&mut struck, &mut other] {
        assert_eq!(request.send_on(connection).status, 200);
    }
    // Their lines are written, so that nothing but the next hook reads the clock.
    until("the lines of the access log", || {
        gateway.log().matches("path=/hunter2").count() == 2
    });
    let open = gateway.metric("doorward_connections");
    let before = app.count();

    faults.panic("proxy");
    let cut = request.try_send_on(&mut struck);
    assert!(cut.is_err(), "the hook did not panic: {cut:?}");
    assert_eq!(app.count(), before, "forwarded without a decision");

    assert_eq!(request.send_on(&mut other).status, 200, "others are cut");
    assert_eq!(
        jar.get(&gateway, "/").status,
        200,
        "nobody comes in any more"
    );
    let lines = told(&gateway);
    let [line] = &lines[..] else {
        panic!("not one line: {lines:?}");
    };
    for words in ["ERROR", "panic in proxy at ", ".rs:", "`Result::unwrap()`"] {
        assert!(line.contains(words), "{words} is missing: {line}");
    }
    assert!(!line.contains("hunter2"), "the request is told: {line}");
    assert!(!line.contains("InvalidInput"), "a value is told: {line}");
    assert_eq!(gateway.metric("doorward_panics_total") as u64, 1);
    let counted = gateway.labelled("doorward_requests_total", "internal_error");
    assert_eq!(counted as u64, 1, "a request that nobody counts");
    until("its place to be free", || {
        gateway.metric("doorward_connections") < open
            && gateway.metric("doorward_requests_in_flight") < 1.0
    });
}

#[test]
fn a_panic_in_a_hook_ends_one_stream_of_an_http_2_connection() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let faults = Faults::new();
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let ours = certificate(builder.dir(), "gateway");
    let builder = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml("rules: [{ path: /**, access: public }]");
    let gateway = faults.around(builder).start();
    let url = |path: &str| format!("https://localhost:{}{path}", gateway.port());
    // One after the other over one connection; the panic strikes one of the two.
    let mut both = Command::new("curl");
    both.args(["--silent", "--http2", "--max-time", "15", "--proxy", ""])
        .args([
            "--write-out",
            "%{http_version} %{http_code} %{num_connects}\n",
        ])
        .args(["-o", "/dev/null", "-o", "/dev/null", "--cacert"])
        .args([&ours.cert.display().to_string(), &url("/hold"), &url("/x")]);
    let both = std::thread::spawn(move || run(&mut both, ""));
    until("the app to be asked", || app.count() == 1);
    faults.panic("proxy");
    app.release();
    let output = both.join().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<_> = said.lines().collect();
    until("the panic to be told", || told(&gateway).len() == 1);
    lines.sort_unstable();
    let [struck, served] = lines[..] else {
        panic!("not two answers: {said}");
    };
    assert!(!struck.contains(" 200 "), "neither was struck: {said}");
    assert!(served.starts_with("2 200 "), "both were: {said}");
    let connects = said.lines().filter(|line| line.ends_with(" 1")).count();
    assert_eq!(connects, 1, "the connection went with its stream: {said}");
}

#[test]
fn sessions_still_end_in_time_after_a_panic_of_who_ends_them() {
    let faults = Faults::new();
    let yaml = "session: { access_ttl: 2s, idle_timeout: 6s, absolute_timeout: 6s }";
    let (gateway, _app) = world(&faults, yaml);
    let jar = Jar::alice(&gateway);
    let watch = Watch::open(&gateway, &jar.cookies(), Kind::IdleEvents);
    strike(&faults, &gateway, "BG upkeep", 3);
    gateway.wait_for_log(&["ERROR", "panicked", "begins again"]);
    // Waits for the end, and panics when it does not come.
    watch.end();
}

#[test]
fn revocations_of_others_are_heard_after_a_panic_of_who_listens() {
    let Some(redis) = RedisServer::durable() else {
        return;
    };
    let faults = Faults::new();
    let app = Upstream::start();
    let struck = faults.around(redis.gateway(&app, "")).start();
    let other = redis.gateway(&app, "").start();
    let jar = Jar::alice(&struck);
    strike(&faults, &struck, "BG follow", 2);
    assert_eq!(jar.get(&struck, "/").status, 200);
    let answer = jar.request(&other, "POST", "/logout").form("").send();
    assert_eq!(answer.status, 303, "{answer}");
    until("the revocation to arrive", || {
        jar.get(&struck, "/").status == 401
    });
    until("the gateway to say that it is ready", || {
        struck.operators("/readyz").status == 200
    });
    struck.wait_for_log(&["ERROR", "the ear for other gateways", "begins again"]);
}
