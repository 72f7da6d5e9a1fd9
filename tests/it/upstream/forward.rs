//! What is admitted passes unhurt: large, slow, streaming, upgraded, or broken by the app.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::{
    Builder, TempDir, Upstream, assert_page, assert_problem, until, world, world_with,
};

const MEGABYTE: usize = 1024 * 1024;

/// Resident memory of a process in KiB, its highest so far.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_megabytes_up_in_flat_memory() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    gateway.get("/", &cookie);
    let before = peak(gateway.pid());
    let mut connection = gateway.connect();
    let head = gateway
        .request("POST", "/sink")
        .own_origin()
        .cookie(&cookie)
        .header("Content-Length", (100 * MEGABYTE).to_string())
        .bytes();
    connection.send(head).unwrap();
    let chunk = vec![b'x'; MEGABYTE];
    for number in 0..100 {
        connection.send(&chunk).unwrap();
        if number == 10 {
            until(
                "the first megabytes to reach the app while the rest is unsent",
                || app.received() > 0,
            );
        }
    }
    let response = connection.answer("POST").unwrap();
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        app.received(),
        u64::try_from(100 * MEGABYTE).unwrap(),
        "bytes were lost"
    );
    let grown = peak(gateway.pid()) - before;
    assert!(
        grown < 30 * 1024,
        "an upload of 100 MB takes {grown} KiB of memory"
    );
}

#[test]
fn a_hundred_megabytes_down_in_flat_memory() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.get("/", &cookie);
    let before = peak(gateway.pid());
    let mut connection = gateway.connect();
    connection
        .send(
            gateway
                .request("GET", format!("/big?n={}", 100 * MEGABYTE))
                .cookie(&cookie)
                .bytes(),
        )
        .unwrap();
    let head = connection.head().unwrap();
    assert_eq!(
        head.header("content-length"),
        Some((100 * MEGABYTE).to_string()),
        "{head}"
    );
    for _ in 0..100 {
        let part = connection.take(MEGABYTE).unwrap();
        assert!(part.iter().all(|&byte| byte == b'x'), "bytes were changed");
    }
    let grown = peak(gateway.pid()) - before;
    assert!(
        grown < 30 * 1024,
        "a download of 100 MB takes {grown} KiB of memory"
    );
}

#[test]
fn events_arrive_as_they_happen() {
    let (gateway, _app) = world();
    let mut connection = gateway.connect();
    connection
        .send(
            gateway
                .request("GET", "/sse")
                .cookie(&gateway.alice())
                .bytes(),
        )
        .unwrap();
    let head = connection.head().unwrap();
    assert_eq!(head.status, 200, "{head}");
    assert!(head.is("text/event-stream"), "{head}");
    // The stream never ends, so a buffering gateway would send nothing at all.
    for number in 0..3 {
        let event = connection.until("\n\n").unwrap();
        let event = String::from_utf8_lossy(&event).into_owned();
        assert!(event.contains(&format!("data: {number}")), "{event:?}");
    }
}

#[test]
fn upstream_connections_are_used_again() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    for number in 1..=20 {
        let response = gateway
            .request("GET", "/")
            .cookie(&cookie)
            .send_on(&mut connection);
        assert_eq!(
            response.status, 200,
            "request {number} on one connection: {response}"
        );
    }
    assert_eq!(app.count(), 20);
    assert!(
        app.connections() <= 3,
        "every request costs the app a connection: {}",
        app.connections()
    );
}

#[test]
fn an_app_that_is_down_is_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = Builder::before(&url).start();
    let cookie = gateway.alice();
    let response = gateway.get("/", &cookie);
    assert_problem(
        &response,
        502,
        "upstream_unreachable",
        "an app that is down",
    );
    let person = gateway
        .request("GET", "/")
        .navigate("none")
        .cookie(&cookie)
        .send();
    assert_page(&person, 502, "upstream_unreachable", "an app that is down");
    // The answer must not say why; the log must.
    gateway.wait_for_log(&["ERROR", "Connect", "status: 502"]);
    for answer in [&response, &person] {
        assert!(
            !answer.text().contains(url.trim_start_matches("http://")),
            "the answer tells where the app lives: {answer}"
        );
    }
    assert_eq!(
        gateway.operators("/readyz").status,
        200,
        "an app that is down is no reason to restart the gateway"
    );
}

#[test]
fn an_app_that_hangs_up_is_bad_gateway() {
    let (gateway, _app) = world();
    let response = gateway.get("/close", &gateway.alice());
    assert_problem(
        &response,
        502,
        "upstream_unreachable",
        "an app that closes without a word",
    );
}

#[test]
fn a_post_is_never_sent_twice() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    // Twice, so that the second one finds a pooled connection or none.
    for _ in 0..2 {
        gateway.get("/", &cookie);
        let before = app.count();
        let response = gateway
            .request("POST", "/close")
            .own_origin()
            .cookie(&cookie)
            .body("pay")
            .send();
        assert_eq!(response.status, 502, "{response}");
        assert_eq!(
            app.count(),
            before + 1,
            "the app was asked to pay more than once"
        );
    }
}

#[test]
fn an_app_that_is_slow_is_gateway_timeout() {
    let (gateway, app) = world_with("limits: { upstream_read: 1s }");
    let cookie = gateway.alice();
    let began = Instant::now();
    let response = gateway.get("/hold", &cookie);
    assert_problem(
        &response,
        504,
        "upstream_timeout",
        "an app that does not answer",
    );
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(900) && took < Duration::from_secs(8),
        "one second took {took:?}"
    );
    let person = gateway
        .request("GET", "/hold")
        .navigate("none")
        .cookie(&cookie)
        .send();
    assert_page(
        &person,
        504,
        "upstream_timeout",
        "an app that does not answer",
    );
    // The limit is until the head: a body may pause for longer.
    let mut paused = gateway.connect();
    let request = gateway.request("GET", "/half").cookie(&cookie).bytes();
    paused.send(request).unwrap();
    paused.until("half").unwrap();
    for _ in 0..2 {
        assert_eq!(gateway.get("/hold", &cookie).status, 504);
    }
    app.release();
    paused.until(" whole").expect("a pause in a body ends it");
    assert_eq!(gateway.get("/hold", &cookie).status, 200);
}

#[test]
fn early_hints_pass_and_do_not_end_the_answer() {
    let (gateway, _app) = world();
    let response = gateway.get("/early", &gateway.alice());
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "late"),
        "{response}"
    );
    assert_eq!(response.interim, [103], "the hints are lost");
}

#[test]
fn a_client_that_goes_away_is_no_error() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    connection
        .send(gateway.request("GET", "/half").cookie(&cookie).bytes())
        .unwrap();
    connection.until("half").unwrap();
    drop(connection);
    let mut upload = gateway.connect();
    upload
        .send(
            gateway
                .request("POST", "/sink")
                .own_origin()
                .cookie(&cookie)
                .header("Content-Length", "1000000")
                .bytes(),
        )
        .unwrap();
    upload.send(vec![b'x'; 1000]).unwrap();
    until("the app to have seen the upload", || app.received() >= 1000);
    drop(upload);
    app.release();
    let in_flight = || gateway.metric("doorward_requests_in_flight");
    until("both requests to end", || in_flight() < 1.0);
    let log = gateway.log();
    let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(
        errors.is_empty(),
        "every closed tab looks like a breakdown: {errors:#?}"
    );
}

#[test]
fn an_app_on_a_unix_socket() {
    let dir = TempDir::new();
    let app = Upstream::start_unix(&dir.join("app.sock"));
    let gateway = Builder::new(&app).start();
    let cookie = gateway.alice();
    let response = gateway
        .request("POST", "/x")
        .own_origin()
        .cookie(&cookie)
        .body("over a socket")
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(app.last().body, b"over a socket");
    assert_eq!(app.last().all("x-user-id"), ["1001"]);
    assert_eq!(
        app.last().all("host"),
        [format!("127.0.0.1:{}", gateway.port())]
    );
}

#[test]
fn a_request_body_may_have_a_limit() {
    let (gateway, app) = world_with("limits: { request_body: 1KiB }");
    let cookie = gateway.alice();
    let post = |body: &[u8]| {
        gateway
            .request("POST", "/sink")
            .own_origin()
            .cookie(&cookie)
            .body(body)
            .send()
    };
    assert_eq!(
        post(&[b'x'; 1024]).status,
        200,
        "exactly the limit is too much"
    );
    let before = app.received();
    assert_problem(
        &post(&[b'x'; 1025]),
        413,
        "payload_too_large",
        "an announced body over the limit",
    );
    assert_eq!(app.received(), before, "the app saw a body over the limit");
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 5000, "x".repeat(5000));
    let chunked = gateway
        .request("POST", "/sink")
        .own_origin()
        .cookie(&cookie)
        .header("Transfer-Encoding", "chunked")
        .body(body)
        .send();
    assert_problem(
        &chunked,
        413,
        "payload_too_large",
        "a chunked body over the limit",
    );
    assert!(
        app.received() - before <= 1024,
        "the app got more than the limit"
    );
}

#[test]
fn heads_have_limits() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let ok = gateway
        .request("GET", "/")
        .cookie(&cookie)
        .header("X-Big", "x".repeat(20_000))
        .send();
    assert_eq!(ok.status, 200, "{ok}");
    let big = gateway
        .request("GET", "/")
        .cookie(&cookie)
        .header("X-Big", "x".repeat(33_000))
        .send();
    assert_problem(&big, 431, "header_too_large", "a head of 33 kB");
    let many = (0..101).fold(gateway.request("GET", "/").cookie(&cookie), |request, n| {
        request.header(&format!("X-{n}"), "1")
    });
    assert_problem(
        &many.send(),
        431,
        "header_too_large",
        "a hundred fields and more",
    );
    let cookies = format!("{cookie}; a={}", "x".repeat(17_000));
    assert_problem(
        &gateway.get("/", &cookies),
        431,
        "header_too_large",
        "17 kB of cookies",
    );
    assert_eq!(app.count(), 1, "the app was asked");
}

#[test]
fn nothing_that_needs_a_session_is_public_to_caches() {
    let (gateway, _app) = world_with("rules: [{ path: /public/**, access: public }]");
    let response = gateway.get("/public-cache", &gateway.alice());
    assert_eq!(response.status, 200, "{response}");
    assert!(
        !response.lists("cache-control", "public")
            && !response.all("cache-control").join(",").contains("s-maxage"),
        "a shared cache hands Alice's page to everybody: {response}"
    );
    for name in ["surrogate-control", "cdn-cache-control"] {
        assert!(
            response.all(name).is_empty(),
            "a shared cache hands Alice's page to everybody: {response}"
        );
    }
    let public = gateway.get("/public/cache", "");
    assert!(
        public.lists("cache-control", "public"),
        "a public path may be cached: {public}"
    );
}

#[test]
fn what_needs_a_session_is_private_whatever_the_app_says() {
    let (gateway, _app) = world();
    let response = gateway.get("/cache-headers", &gateway.alice());
    assert!(
        response.lists("cache-control", "private")
            && response.lists("cache-control", "max-age=3600"),
        "a shared cache keeps what only says max-age: {response}"
    );
    assert!(response.all("x-accel-expires").is_empty(), "{response}");
}

#[test]
fn an_upload_that_takes_longer_than_the_wait_for_the_answer() {
    let (gateway, app) = world_with("limits: { upstream_read: 1s }");
    let mut connection = gateway.connect();
    let head = gateway
        .request("POST", "/x")
        .own_origin()
        .cookie(&gateway.alice())
        .header("Content-Length", "5")
        .bytes();
    connection.send(head).unwrap();
    for byte in ["1", "2", "3", "4", "5"] {
        std::thread::sleep(Duration::from_millis(500));
        connection.send(byte).unwrap();
    }
    let response = connection.answer("POST").unwrap();
    assert_eq!(response.status, 200, "the upload was cut off: {response}");
    assert_eq!(app.last().body, b"12345");
}

#[test]
fn a_wait_that_ran_out_is_not_begun_again() {
    let (gateway, app) = world_with("limits: { upstream_read: 1s }");
    let cookie = gateway.alice();
    // So that a kept connection is there, on which pingora would try again.
    assert_eq!(gateway.get("/", &cookie).status, 200);
    let before = app.count();
    assert_problem(
        &gateway.get("/hold", &cookie),
        504,
        "upstream_timeout",
        "an app that does not answer",
    );
    assert_eq!(app.count(), before + 1, "the app was asked twice");
}

#[test]
fn early_hints_are_not_the_answer_that_is_waited_for() {
    let (gateway, _app) = world_with("limits: { upstream_read: 1s }");
    let response = gateway.get("/hint-and-hold", &gateway.alice());
    assert_problem(&response, 504, "upstream_timeout", "only a 103 came");
    assert_eq!(response.interim, [103]);
}

#[test]
fn a_broken_answer_is_not_copied_into_the_log() {
    let (gateway, _app) = world();
    let response = gateway.get("/garbage", &gateway.alice());
    assert_eq!(response.status, 502, "{response}");
    let line = gateway.wait_for_log(&["InvalidHTTPHeader"]);
    assert!(!gateway.log().contains("appsecret"), "{line}");
}

#[test]
fn an_upgrade_to_something_else_needs_a_session_too() {
    let (gateway, app) = world();
    for value in ["foo", "h2c", "websocket", "TLS/1.0"] {
        let response = gateway
            .request("GET", "/")
            .header("Connection", "Upgrade")
            .header("Upgrade", value)
            .send();
        assert_problem(
            &response,
            401,
            "session_required",
            &format!("Upgrade: {value} opens the door"),
        );
    }
    assert_eq!(app.count(), 0, "the app was asked");
}

#[test]
fn a_chunked_upload_arrives_as_it_is_sent() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    let head = gateway
        .request("POST", "/sink")
        .own_origin()
        .cookie(&cookie)
        .header("Transfer-Encoding", "chunked")
        .bytes();
    connection.send(head).unwrap();
    for sent in 1..=3 {
        connection.send("1\r\nx\r\n").unwrap();
        until("one byte to reach the app while the next is unsent", || {
            app.received() == sent
        });
    }
    connection.send("0\r\n\r\n").unwrap();
    assert_eq!(connection.answer("POST").unwrap().status, 200);
}

#[test]
fn what_the_app_says_to_us_alone_stays_with_us() {
    let (gateway, _app) = world();
    let response = gateway.get("/hop", &gateway.alice());
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        response.header("x-stays").as_deref(),
        Some("yes"),
        "{response}"
    );
    for name in ["x-hop", "keep-alive", "upgrade"] {
        assert_eq!(
            response.header(name),
            None,
            "{name} is between app and gateway (RFC 9110 section 7.6.1): {response}"
        );
    }
}
