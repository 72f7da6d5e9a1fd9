//! An app that fails while bytes flow: connections that close under a request, bodies
//! without end, uploads that nobody reads, handshakes that break.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::support::curl::{certificate, curl};
use crate::support::wild::{Then, WELL, Wild, well};
use crate::support::{Builder, Gateway, Jar, assert_problem, optional, until};

fn world(yaml: &str) -> (Gateway, Wild, Jar) {
    let app = Wild::start();
    let gateway = Builder::before(&app.url()).yaml(yaml).start();
    let jar = Jar::alice(&gateway);
    (gateway, app, jar)
}

/// Serves the first request of each connection, and closes under the second.
fn closes_under_the_second(stream: &mut TcpStream, earlier: usize) -> std::io::Result<bool> {
    if earlier == 0 {
        return well(stream, earlier);
    }
    stream.shutdown(Shutdown::Both)?;
    Ok(false)
}

#[test]
fn a_kept_connection_that_closes_under_a_request() {
    let (gateway, app, jar) = world("");
    app.behave(closes_under_the_second);
    for (method, status, asked) in [
        ("GET", 200, 2),
        ("PUT", 200, 2),
        ("POST", 502, 1),
        ("PATCH", 502, 1),
    ] {
        until("the request to go over a kept connection", || {
            // Leaves one behind, which is in the pool a moment later.
            until("a kept connection", || {
                let connections = app.connections();
                jar.get(&gateway, "/").status == 200 && app.connections() > connections
            });
            let before = app.asked();
            let mut request = jar.request(&gateway, method, "/");
            if method != "GET" {
                request = request.body("pay");
            }
            let answer = request.send();
            let times = app.asked() - before;
            if (answer.status, times) == (200, 1) {
                return false;
            }
            assert_eq!(
                (answer.status, times),
                (status, asked),
                "{method}: {answer}"
            );
            true
        });
    }
}

#[test]
fn a_body_that_is_sent_again_counts_once() {
    // One byte more than it has, and less than twice as much.
    let (gateway, app, jar) = world("limits: { request_body: 4 }");
    app.behave(closes_under_the_second);
    until("the request to go over a kept connection", || {
        let connections = app.connections();
        let is_left = jar.get(&gateway, "/").status == 200 && app.connections() > connections;
        let before = app.asked();
        let answer = jar.request(&gateway, "PUT", "/").body("pay").send();
        assert_eq!(answer.status, 200, "{answer}");
        is_left && app.asked() == before + 2
    });
}

#[test]
fn kept_connections_that_all_close_cost_one_more_try() {
    const KEPT: usize = 5;
    let (gateway, app, jar) = world("");
    let meeting = Arc::new(Barrier::new(KEPT));
    let theirs = Arc::clone(&meeting);
    app.behave(move |stream, earlier| {
        if earlier == 0 {
            // So that nobody is served over the connection of another.
            theirs.wait();
        }
        closes_under_the_second(stream, earlier)
    });
    std::thread::scope(|scope| {
        for _ in 0..KEPT {
            scope.spawn(|| assert_eq!(jar.get(&gateway, "/").status, 200));
        }
    });
    app.behave(closes_under_the_second);
    until("the request to go over a kept connection", || {
        let before = app.asked();
        let answer = jar.get(&gateway, "/");
        assert_eq!(answer.status, 200, "{answer}");
        let times = app.asked() - before;
        assert!(times <= 2, "over {times} kept connections");
        times == 2
    });
}

#[test]
fn what_a_kept_connection_says_by_itself_answers_nobody() {
    let (gateway, app, jar) = world("");
    let spoken = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&spoken);
    app.behave(move |stream, _| {
        stream.write_all(WELL)?;
        // Servers do that to a connection that was idle for too long.
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\r\npoison")?;
        theirs.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    });
    for round in 1..5 {
        let answer = jar.get(&gateway, "/");
        assert_eq!(
            (answer.status, &*answer.text()),
            (200, "well"),
            "round {round}"
        );
        until("the app to have spoken", || {
            spoken.load(Ordering::Relaxed) >= round
        });
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn announcements_without_an_answer_end() {
    let (gateway, app, jar) = world("limits: { upstream_read: 1s }");
    for pause in [Duration::from_millis(50), Duration::ZERO] {
        app.behave(move |stream, _| {
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(15) {
                stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")?;
                std::thread::sleep(pause);
            }
            Ok(false)
        });
        let began = Instant::now();
        let answer = jar.get(&gateway, "/");
        assert_problem(&answer, 504, "upstream_timeout", "103 for ever");
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
        app.behave_well();
        assert_eq!(jar.get(&gateway, "/").status, 200);
    }
}

#[test]
fn a_body_that_ends_too_soon_is_a_broken_stream_of_http_2() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let app = Wild::start();
    let builder = Builder::before(&app.url());
    let ours = certificate(builder.dir(), "gateway");
    let gateway = builder
        .yaml("tls: { cert: gateway.crt, key: gateway.key }")
        .yaml("rules: [{ path: /**, access: public }]")
        .yaml("limits: { upstream_read: 1s }")
        .start();
    let ca = ours.cert.display().to_string();
    let url = format!("https://localhost:{}/", gateway.port());
    let ask = || curl(&["--http2", "--cacert", &ca, &url]);
    for (what, bytes) in [
        (
            "a length",
            &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"[..],
        ),
        (
            "chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ),
        (
            "bad chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nz",
        ),
    ] {
        app.say(bytes, Then::Closes);
        // CURLE_HTTP2_STREAM: it was reset, not ended.
        assert_eq!(ask().map(|answer| answer.text()), Err(92), "{what}");
        app.behave_well();
        assert_eq!(ask().map(|answer| answer.status), Ok(200), "after {what}");
    }
    for (what, bytes, status, code) in [
        ("nothing", &b""[..], 502, "upstream_unreachable"),
        ("garbage", b"\0\0\x12\x04\0\0\0\0\0\r\n\r\n", 502, "upstream_unreachable"),
        (
            "a 101 that nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            502,
            "upstream_unreachable",
        ),
    ] {
        app.say(bytes, Then::Closes);
        assert_problem(&ask().unwrap(), status, code, what);
    }
    app.say(b"", Then::Waits);
    assert_problem(&ask().unwrap(), 504, "upstream_timeout", "silence");
}

/// Memory that the process has at most had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

#[test]
fn a_flood_is_held_back_until_the_client_reads() {
    const MIB: u64 = 1 << 20;
    let (gateway, app, jar) = world("");
    for head in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n"[..],
        b"HTTP/1.0 200 OK\r\n\r\n",
    ] {
        let sent = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&sent);
        app.behave(move |stream, _| {
            stream.write_all(head)?;
            loop {
                stream.write_all(&[b'x'; 65_536])?;
                theirs.fetch_add(65_536, Ordering::Relaxed);
            }
        });
        let before = peak(gateway.pid());
        let mut slow: Vec<_> = (0..4)
            .map(|_| {
                let mut connection = gateway.connect();
                connection
                    .send(jar.request(&gateway, "GET", "/").bytes())
                    .unwrap();
                assert_eq!(connection.head().unwrap().status, 200);
                connection
            })
            .collect();
        let so_far = || sent.load(Ordering::Relaxed);
        until("the app to be held back", || {
            let earlier = so_far();
            std::thread::sleep(Duration::from_millis(500));
            earlier > 0 && so_far() == earlier
        });
        let held = so_far() as u64;
        assert!(
            held < 64 * MIB,
            "{held} bytes taken for clients that do not read"
        );
        let grown = peak(gateway.pid()) - before;
        assert!(
            grown < 48 * MIB,
            "{grown} bytes of memory for four slow clients"
        );
        // It goes on as soon as somebody reads.
        slow[0].take(32 * 1024 * 1024).unwrap();
        assert!(so_far() as u64 > held, "no more than what was held back");
        drop(slow);
        app.behave_well();
        assert_eq!(jar.get(&gateway, "/").status, 200);
    }
}

#[test]
fn an_app_that_refuses_an_upload_half_way() {
    const LENGTH: usize = 1 << 26;
    let refusal =
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
    for (what, answer, expected) in [
        ("says so and closes", refusal, [413, 502]),
        ("closes without a word", "", [502, 502]),
    ] {
        let (gateway, app, jar) = world("");
        app.behave(move |stream, _| {
            stream.read_exact(&mut [0; 100_000])?;
            stream.write_all(answer.as_bytes())?;
            stream.shutdown(Shutdown::Both)?;
            Ok(false)
        });
        let mut connection = gateway.connect();
        let head = jar
            .request(&gateway, "POST", "/")
            .header("Content-Length", LENGTH.to_string());
        connection.send(head.bytes()).unwrap();
        // The gateway may have closed before all of it was sent.
        for _ in 0..LENGTH / 65_536 {
            if connection.send([b'x'; 65_536]).is_err() {
                break;
            }
        }
        // With bytes on the way the answer itself can be lost to a reset, as everywhere.
        if let Ok(answer) = connection.answer("POST") {
            assert!(expected.contains(&answer.status), "{what}: {answer}");
        }
        until("the line in the log", || {
            let log = gateway.log();
            expected
                .iter()
                .any(|status| log.contains(&format!("status={status}")))
        });
        assert_eq!(app.asked(), 1, "{what}: uploaded again");
        app.behave_well();
        assert_eq!(jar.get(&gateway, "/").status, 200, "{what}");
    }
}

#[test]
fn a_broken_handshake_is_no_answer_of_the_app() {
    let app = Wild::start();
    let secure = app
        .url()
        .replace("http:", "https:")
        .replace("127.0.0.1", "localhost");
    let gateway = Builder::before(&secure)
        .yaml("limits: { upstream_connect: 1s, upstream_read: 1s }")
        .start();
    let jar = Jar::alice(&gateway);
    // Reads no TLS at all, and so says nothing to it.
    let answer = jar.get(&gateway, "/");
    assert_problem(
        &answer,
        504,
        "upstream_timeout",
        "a handshake without an end",
    );
    for (what, bytes) in [
        ("an answer in plain text", WELL.to_vec()),
        ("an alert", b"\x15\x03\x03\0\x02\x02\x28".to_vec()),
        ("half a record", b"\x16\x03\x03\x40".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _hello = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        let gateway = Builder::before(&format!("https://localhost:{port}")).start();
        let jar = Jar::alice(&gateway);
        let answer = jar.get(&gateway, "/");
        assert_problem(&answer, 502, "upstream_unreachable", what);
        assert!(!answer.text().contains("TLS"), "the reason leaks: {answer}");
        gateway.wait_for_log(&["ERROR", "status: 502"]);
    }
}
