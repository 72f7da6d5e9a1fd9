//! Few descriptors, and none: clients cannot use them all up, and when they are used up
//! nevertheless, nothing falls over and it passes.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::curl::certificate;
use crate::support::gateway::PROGRAM;
use crate::support::temp::free_port;
use crate::support::tls::Tls;
use crate::support::{
    Builder, Conn, Gateway, Jar, Process, Request, Upstream, assert_problem, optional, until,
};

/// Hard limits of the tests: little more than the gateway needs for itself.
const FEW: usize = 96;

/// Runs the gateway with these arguments to `ulimit`.
fn limited(gateway: &Gateway, ulimit: &str) -> Process {
    let script = format!("ulimit {ulimit}; exec \"$0\" run --config \"$1\"");
    let mut command = Command::new("sh");
    command.env_clear().args(["-c", &script, PROGRAM]);
    command.arg(&gateway.config);
    let mut process = Process::spawn(command);
    until("the gateway to be ready", || {
        assert!(process.ended().is_none(), "it ended:\n{}", process.output());
        is_ready(gateway)
    });
    process
}

fn is_ready(gateway: &Gateway) -> bool {
    let ready = Request::new(gateway.admin(), "GET", "/readyz").try_send();
    ready.is_ok_and(|answer| answer.status == 200)
}

/// The soft and the hard limit of open files.
fn limits_of(pid: u32) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap().split_whitespace().skip(3);
    let mut number = || words.next().unwrap().parse().unwrap();
    (number(), number())
}

/// Processor time that the process has used.
fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name, which may hold anything: the state, ten fields, then the two times.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let times = rest.split_whitespace().skip(11).take(2);
    // In hundredths of a second, on every Linux that there is.
    Duration::from_millis(10 * times.map(|time| time.parse::<u64>().unwrap()).sum::<u64>())
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("limits: { connections: 100 }")
        .write();
    let process = limited(&gateway, "-S -n 100");
    let (soft, hard) = limits_of(process.pid());
    assert_eq!(soft, hard, "a default for small programs is kept");
    assert!(soft > 100, "the test's own limit is too low");
    let warned = process.output().contains("limit of open files");
    assert!(!warned, "enough is not enough:\n{}", process.output());
}

#[test]
fn clients_cannot_use_up_the_descriptors() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).write();
    let process = limited(&gateway, &format!("-n {FEW}"));
    let warning = "limits.connections is 10000, and the limit of open files, 96";
    let log = process.output();
    assert!(log.contains(warning), "nobody is told:\n{log}");
    let jar = Jar::alice(&gateway);
    let request = jar.request(&gateway, "GET", "/");
    let mut ours = gateway.connect();
    assert_eq!(request.send_on(&mut ours).status, 200);

    let flood: Vec<_> = (0..3 * FEW).map(|_| gateway.connect()).collect();
    until("the gateway to have no place left", || {
        request.try_send().is_err()
    });
    for _ in 0..10 {
        assert_eq!(
            request.send_on(&mut ours).status,
            200,
            "who is in is served"
        );
        assert!(is_ready(&gateway), "operators are locked out");
    }
    let open = gateway.metric("doorward_connections");
    assert!(open < FEW as f64 / 2.0, "{open} connections have a place");
    drop(flood);
    until("a place to be free", || {
        request.try_send().is_ok_and(|answer| answer.status == 200)
    });
}

#[test]
fn the_listener_that_redirects_cannot_use_up_the_descriptors() {
    if !optional::has("openssl") {
        return;
    }
    let app = Upstream::start();
    let plain = free_port();
    let builder = Builder::new(&app);
    certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml(&format!(
            "tls: {{ cert: gateway.crt, key: gateway.key, redirect_from: \"127.0.0.1:{plain}\" }}"
        ))
        .yaml("public_url: https://app.example.com")
        .write();
    let _process = limited(&gateway, &format!("-n {FEW}"));
    let request = Request::new(plain, "GET", "/");
    assert_eq!(request.clone().send().status, 308);

    let flood: Vec<_> = (0..3 * FEW).map(|_| Conn::open(plain).unwrap()).collect();
    until("it to have no place left", || request.try_send().is_err());
    for _ in 0..10 {
        let public = gateway
            .request("GET", "/")
            .header("Host", "app.example.com");
        let answer = Tls::http1(gateway.port()).and_then(|mut tls| tls.ask(&public));
        assert_eq!(answer.unwrap().status, 401, "people are locked out");
        assert!(is_ready(&gateway), "operators are locked out");
    }
    drop(flood);
    until("a place to be free", || {
        request.try_send().is_ok_and(|answer| answer.status == 308)
    });
}

#[test]
fn without_descriptors_nothing_falls_over_and_it_passes() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).write();
    let mut process = limited(&gateway, &format!("-n {FEW}"));
    let jar = Jar::alice(&gateway);
    let request = jar.request(&gateway, "GET", "/");
    let (mut ours, mut second) = (gateway.connect(), gateway.connect());
    assert_eq!(request.send_on(&mut ours).status, 200);
    // Accepted, and the app not asked: that would take a second connection to it whenever the
    // first is not kept yet.
    let stranger = gateway.request("GET", "/");
    assert_eq!(stranger.send_on(&mut second).status, 401);
    let connections = app.connections();

    // The operators' listener has no limit of its own.
    let flood: Vec<_> = (0..3 * FEW)
        .map(|_| Conn::open(gateway.admin()).unwrap())
        .collect();
    until("the descriptors to run out", || {
        process.output().contains("Too many open files")
    });
    let (began, before) = (Instant::now(), processor(process.pid()));
    for _ in 0..200 {
        let answer = request.send_on(&mut ours);
        let log = process.output();
        assert_eq!(answer.status, 200, "who is in is served:\n{log}");
    }
    // Pingora loses one now and then; its descriptor is there for the next.
    let lost = app.connections() - connections;
    assert!(lost < 20, "{lost} times not over the kept connection");
    std::thread::sleep(Duration::from_secs(4).saturating_sub(began.elapsed()));
    let used = processor(process.pid()) - before;
    let took = began.elapsed();
    assert!(
        used < took / 2,
        "{used:?} of processor in {took:?} for nothing"
    );
    // There is one kept connection, and it is taken.
    let hold = jar.request(&gateway, "GET", "/hold");
    let asked = app.count();
    ours.send(hold.bytes()).unwrap();
    until("the app to be asked", || app.count() > asked);
    let answer = request.send_on(&mut second);
    assert_problem(&answer, 502, "upstream_unreachable", "no descriptor");
    until("the last try to be told", || {
        process.output().contains(", tries: 3,")
    });
    app.release();
    assert_eq!(ours.answer("GET").unwrap().status, 200);
    let lines = process.output().matches("Too many open files").count();
    let most = 10 + 10 * usize::try_from(took.as_secs()).unwrap();
    assert!(lines < most, "{lines} lines in {took:?}");
    assert!(process.ended().is_none(), "{}", process.output());

    drop(flood);
    until("everything to be as before", || {
        is_ready(&gateway) && request.try_send().is_ok_and(|answer| answer.status == 200)
    });
    assert_eq!(Jar::bob(&gateway).get(&gateway, "/").status, 200);
}
