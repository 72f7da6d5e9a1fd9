//! Request smuggling over HTTP/1: whatever says where a request ends, the app sees no request
//! that the gate did not judge, and what it sees is framed in one way only.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::smuggle::{OPEN, assert_harmless, inside, post, request, smuggled};
use crate::support::{Builder, world_with};

#[test]
fn cl_te_and_te_cl_are_refused() {
    let (gateway, app) = world_with(OPEN);
    let inner = inside(&gateway);
    let with = |lines: &str, body: &str| post(&gateway, lines, body);
    let clte = format!(
        "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
        inner.len() + 5
    );
    let tecl = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let attacks = [
        ("CL.TE", with(&clte, "0\r\n\r\n"), 400),
        (
            "CL.0",
            with(
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "TE.CL",
            with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &tecl),
            400,
        ),
        (
            "TE.CL of a GET",
            request(
                &gateway,
                "GET /a HTTP/1.1",
                "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                &tecl,
            ),
            400,
        ),
        (
            "a nominated length beside chunks",
            with(
                "Connection: Content-Length\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                &tecl,
            ),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    assert!(app.count() <= 3, "one of them reached the app");
}

#[test]
fn te_te_is_refused_however_the_coding_is_disguised() {
    let (gateway, app) = world_with(OPEN);
    let mut attacks = Vec::new();
    for field in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked;x=y",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: cow",
        "Transfer-Encoding:",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\0",
        "Transfer-Encoding: chu\nked",
        "Transfer-Encoding: chunked\r\n X: y",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\0: chunked",
        "Transfer-Encod\u{ef}ng: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        for length in ["", "Content-Length: 5\r\n"] {
            let lines = format!("{field}\r\n{length}");
            attacks.push((field, post(&gateway, &lines, "0\r\n\r\n"), 400));
        }
    }
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
    // What is spelled in another way and means the same is no attack. A name with an
    // underscore is another name, and the length counts.
    let attacks = [
        (
            "case",
            post(&gateway, "tRANSFER-eNCODING: cHUNKED\r\n", "0\r\n\r\n"),
            200,
        ),
        (
            "white space",
            post(
                &gateway,
                "Transfer-Encoding: \t chunked \t\r\n",
                "0\r\n\r\n",
            ),
            200,
        ),
        (
            "underscore",
            post(
                &gateway,
                "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n",
                "0\r\n\r\n",
            ),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}

#[test]
fn a_length_is_one_number_or_a_refusal() {
    let (gateway, app) = world_with(OPEN);
    let mut attacks = Vec::new();
    for value in [
        "+5",
        "-5",
        "5 5",
        "5,5",
        "5, 5",
        "5, 6",
        ",5",
        "5;",
        "5.0",
        "0x5",
        "1e1",
        "5_0",
        "",
        "NaN",
        "5\x0b",
        "5\0",
        "\u{665}",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551621",
        "99999999999999999999",
    ] {
        let lines = format!("Content-Length: {value}\r\n");
        attacks.push((value, post(&gateway, &lines, "abcde"), 400));
    }
    for lines in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\ncontent-length: 5\r\n",
        "Content-Length : 5\r\n",
        "Content-Length:\r\n 5\r\n",
        "X: y\rContent-Length: 5\r\n",
        "X: y\nContent-Length: 5\r\n",
    ] {
        attacks.push((lines, post(&gateway, lines, "abcde"), 400));
    }
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
}

#[test]
fn cve_2025_4366_a_body_that_nobody_reads_is_no_request() {
    let (gateway, app) = world_with(OPEN);
    // A body is read to its end, also one that nobody expects or that nobody wants.
    let inner = inside(&gateway);
    let length = format!("Content-Length: {}\r\n", inner.len());
    let nominated = format!("Connection: Content-Length\r\n{length}");
    let attacks = [
        (
            "of a GET",
            request(&gateway, "GET /a HTTP/1.1", &length, &inner),
            200,
        ),
        ("nominated", post(&gateway, &nominated, &inner), 200),
        (
            "leading zeros",
            post(&gateway, "Content-Length: 005\r\n", "abcde"),
            200,
        ),
        (
            "white space",
            post(&gateway, "Content-Length: \t5 \r\n", "abcde"),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    // Nor where the answer comes without a look at the body.
    let chunks = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let navigation = "Accept: text/html\r\n";
    let preflight =
        "Origin: null\r\nSec-Fetch-Site: same-origin\r\nAccess-Control-Request-Method: PUT\r\n";
    let mut attacks = Vec::new();
    for (line, lines, status) in [
        ("POST /closed/a", "", 401),
        ("GET /closed/a", navigation, 303),
        ("POST /a/./b", "", 400),
        ("POST /a", "Origin: https://evil.example\r\n", 403),
        ("OPTIONS /a", preflight, 204),
        ("GET /login", "", 200),
        ("HEAD /login", "", 200),
        ("DELETE /login", "", 405),
        ("POST /login", "", 415),
        ("POST /login", "Content-Type: application/json\r\n", 400),
        ("GET /logout", "", 200),
        ("POST /refresh", "", 401),
        ("GET /_doorward/session", "", 401),
        ("GET /_doorward/nothing", "", 404),
    ] {
        let framed = format!("{lines}{length}");
        let line = format!("{line} HTTP/1.1");
        attacks.push((status, request(&gateway, &line, &framed, &inner)));
        let framed = format!("{lines}Transfer-Encoding: chunked\r\n");
        attacks.push((status, request(&gateway, &line, &framed, &chunks)));
    }
    let attacks: Vec<_> = attacks
        .into_iter()
        .map(|(status, bytes)| ("unread", bytes, status))
        .collect();
    assert_harmless(&gateway, &app, &attacks);
}

#[test]
fn cve_2026_2835_http_1_0_knows_no_chunks() {
    let (gateway, app) = world_with(OPEN);
    let inner = inside(&gateway);
    let te = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let old = |lines: &str, body: &str| request(&gateway, "POST /a HTTP/1.0", lines, body);
    let attacks = [
        ("TE", old("Transfer-Encoding: chunked\r\n", &te), 400),
        (
            "TE that stays open",
            old(
                "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "CL.TE",
            old(
                "Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
        ),
        (
            "several codings",
            old("Transfer-Encoding: gzip, chunked\r\n", &te),
            400,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
    assert_eq!(app.count(), 3, "one of them reached the app");
    let attacks = [
        ("no body", request(&gateway, "GET /a HTTP/1.0", "", ""), 200),
        (
            "a body without a length",
            old("Connection: keep-alive\r\n", ""),
            200,
        ),
        (
            "a length",
            old("Connection: keep-alive\r\nContent-Length: 5\r\n", "abcde"),
            200,
        ),
    ];
    assert_harmless(&gateway, &app, &attacks);
}

/// Every connection to an app that answers as soon as it has a head, and what came over it.
type Taken = Arc<Mutex<Vec<Vec<u8>>>>;

fn hasty_app() -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Taken::default();
    let shared = Arc::clone(&taken);
    std::thread::spawn(move || {
        // Ends with the process of the test.
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            shared.lock().unwrap().push(Vec::new());
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut chunk) {
                    shared.lock().unwrap()[number].extend_from_slice(&chunk[..count]);
                    if chunk[..count]
                        .windows(9)
                        .any(|window| window == b" HTTP/1.1")
                    {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    }
                }
            });
        }
    });
    (url, taken)
}

#[test]
fn a_body_that_breaks_off_takes_its_connection_with_it() {
    let (url, taken) = hasty_app();
    let gateway = Builder::before(&url).yaml(OPEN).start();
    for lines in ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"] {
        for leaves in [true, false] {
            let mut connection = gateway.connect();
            connection
                .send(post(&gateway, lines, "3e8\r\nhalf"))
                .unwrap();
            let answer = connection.answer("POST").unwrap();
            assert_eq!(answer.status, 200, "{answer}");
            if leaves {
                drop(connection);
            } else {
                let _ = connection.send(smuggled(&gateway));
                connection.patience(Duration::from_millis(300));
                let _ = connection.rest();
            }
            for number in 0..3 {
                let answer = gateway.get(&format!("/marker-{number}"), "");
                assert_eq!(
                    (answer.status, &answer.body[..]),
                    (200, &b"ok"[..]),
                    "{answer}"
                );
            }
        }
    }
    let taken = taken.lock().unwrap();
    let broken = |bytes: &&Vec<u8>| bytes.windows(8).any(|window| window == b"POST /a ");
    assert_eq!(
        taken.iter().filter(broken).count(),
        4,
        "not what was to be seen"
    );
    for bytes in taken.iter() {
        let text = String::from_utf8_lossy(bytes);
        let behind = text.split("POST /a ").nth(1).unwrap_or_default();
        assert!(
            !behind.contains("/marker"),
            "a request went into the body of another:\n{text}"
        );
    }
}
