//! What the app answers, byte by byte: none of it splits our answer in two, signs anybody
//! in, or speaks for our CORS rules.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use crate::support::{Builder, Gateway, Response};

/// An app that answers every request with these bytes and keeps the connection.
fn app(answer: Vec<u8>) -> (Gateway, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // Ends with the process of the test.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut heads = Vec::new();
                let mut chunk = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut chunk) {
                    heads.extend_from_slice(&chunk[..count]);
                    while let Some(end) = heads.windows(4).position(|w| w == b"\r\n\r\n") {
                        heads.drain(..end + 4);
                        let _ = stream.write_all(&answer);
                    }
                }
            });
        }
    });
    let gateway = Builder::before(&url)
        .yaml("cors: { allowed_origins: [https://app.example.com] }")
        .start();
    let cookie = gateway.alice();
    (gateway, cookie)
}

fn with(fields: &str) -> Vec<u8> {
    latin(&format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"
    ))
}

/// Every character as one byte.
fn latin(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

/// A good answer stands on its own lines, and the connection serves one more request.
#[track_caller]
fn ask(gateway: &Gateway, cookie: &str, what: &str) -> Response {
    let mut connection = gateway.connect();
    let request = gateway.request("GET", "/x").cookie(cookie);
    let request = request.header("Origin", "https://app.example.com");
    let answer = request.send_on(&mut connection);
    let text = String::from_utf8_lossy(&answer.head).into_owned();
    for line in answer.head.split_inclusive(|&byte| byte == b'\n') {
        let content = line.strip_suffix(b"\r\n").unwrap_or(line);
        assert!(
            line.ends_with(b"\r\n") && !content.iter().any(|byte| b"\r\n\0".contains(byte)),
            "{what}: a line that may be read as two:\n{text:?}"
        );
    }
    answer
}

#[test]
fn an_answer_is_not_split() {
    for (what, fields) in [
        ("a bare CR", "X: a\rSet-Cookie: evil=1\r\n"),
        ("NUL", "X: a\0b\r\n"),
        ("a control", "X: a\x01b\r\n"),
        ("a bare LF", "X: a\nSet-Cookie: evil=1\r\n"),
        ("obs-fold", "X: a\r\n Set-Cookie: evil=1\r\n"),
        ("a space before the colon", "X : a\r\n"),
        ("no colon", "evil\r\n"),
        ("no name", ": evil\r\n"),
        ("bytes above 127", "X: caf\u{e9}\r\n"),
        (
            "a line end in an escape",
            "Location: /%0d%0aSet-Cookie:%20evil=1\r\n",
        ),
    ] {
        let (gateway, cookie) = app(with(fields));
        let answer = ask(&gateway, &cookie, what);
        // As a whole, each field on a line of its own, or not at all.
        assert!(matches!(answer.status, 200 | 502), "{what}: {answer}");
        assert!(
            answer.all("set-cookie").is_empty() || what == "a bare LF",
            "{what}: {answer}"
        );
        if answer.status == 502 {
            assert_eq!(answer.code(), "upstream_unreachable", "{what}: {answer}");
            assert!(!format!("{answer}").contains("evil"), "{what}: {answer}");
        }
    }
}

#[test]
fn framing_that_may_be_read_in_two_ways_is_a_bad_gateway_or_rewritten() {
    let second = "HTTP/1.1 200 OK\r\nX-Smuggled: yes\r\nContent-Length: 4\r\n\r\nevil";
    for (what, head, body) in [
        (
            "differing lengths",
            "Content-Length: 2\r\nContent-Length: 3\r\n",
            "okx",
        ),
        ("a signed length", "Content-Length: +2\r\n", "ok"),
        ("a list of lengths", "Content-Length: 2, 3\r\n", "okx"),
        ("a negative length", "Content-Length: -1\r\n", "ok"),
        (
            "both",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "an unknown coding",
            "Transfer-Encoding: xchunked\r\n",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "a bad chunk",
            "Transfer-Encoding: chunked\r\n",
            "zz\r\nok\r\n0\r\n\r\n",
        ),
        ("bytes behind the body", "Content-Length: 2\r\n", "ok"),
        ("a body where there is none", "Content-Length: 0\r\n", ""),
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}{second}");
        let (gateway, cookie) = app(bytes.into_bytes());
        for _ in 0..3 {
            let mut connection = gateway.connect();
            connection.patience(Duration::from_secs(1));
            let request = gateway.request("GET", "/x").cookie(&cookie);
            let Ok(answer) = request.try_send_on(&mut connection) else {
                // Cut in the middle or without an end, which a client notices.
                continue;
            };
            assert!(matches!(answer.status, 200 | 502), "{what}: {answer}");
            assert!(answer.all("x-smuggled").is_empty(), "{what}: {answer}");
            let lengths = answer.all("content-length").len();
            let codings = answer.all("transfer-encoding").len();
            assert!(
                lengths + codings <= 1,
                "{what}: framed in two ways: {answer}"
            );
        }
        // Nobody else gets what came too much.
        let mut connection = gateway.connect();
        connection.patience(Duration::from_secs(1));
        let other = gateway.request("GET", "/x").cookie(&gateway.bob());
        if let Ok(other) = other.try_send_on(&mut connection) {
            assert!(other.all("x-smuggled").is_empty(), "{what}: {other}");
        }
    }
}

#[test]
fn a_body_where_there_can_be_none_is_not_the_next_answer() {
    let second = "HTTP/1.1 200 OK\r\nX-Smuggled: yes\r\nContent-Length: 4\r\n\r\nevil";
    let length = second.len();
    for (what, method, head) in [
        (
            "HEAD",
            "HEAD",
            format!("200 OK\r\nContent-Length: {length}"),
        ),
        (
            "HEAD, longer than it says",
            "HEAD",
            "200 OK\r\nContent-Length: 0".into(),
        ),
        ("204", "GET", "204 No Content".into()),
        (
            "204 with a length",
            "GET",
            format!("204 No Content\r\nContent-Length: {length}"),
        ),
        (
            "304",
            "GET",
            format!("304 Not Modified\r\nContent-Length: {length}"),
        ),
        (
            "longer than it says",
            "GET",
            "200 OK\r\nContent-Length: 0".into(),
        ),
    ] {
        let (gateway, cookie) = app(format!("HTTP/1.1 {head}\r\n\r\n{second}").into_bytes());
        for round in 0..5 {
            let request = gateway.request(method, "/x").cookie(&cookie);
            let answer = request.send();
            assert!(
                matches!(answer.status, 200 | 204 | 304 | 502),
                "{what}: {answer}"
            );
            assert!(
                answer.all("x-smuggled").is_empty(),
                "{what}, round {round}: a body was taken for an answer: {answer}"
            );
        }
    }
}

#[test]
fn set_cookie_of_our_names_is_dropped_in_every_spelling() {
    let ours = [
        "__Host-doorward=evil; Path=/; Secure",
        "__host-doorward=evil",
        "__HOST-DOORWARD=evil",
        "__Host-doorward-refresh=evil",
        "__Host-doorward-csrf=evil",
        " __Host-doorward=evil",
        "\t__Host-doorward=evil",
        "__Host-doorward =evil",
        "__Host-doorward\t=evil",
        "=__Host-doorward=evil",
        " = __Host-doorward=evil",
        "__Host-doorward=",
        "__Host-doorward=; Max-Age=0",
        "__Host-doorward=evil, app=1",
        "__Secure-doorward=evil",
        "doorward=evil",
    ];
    let fields: String = ours
        .iter()
        .flat_map(|cookie| {
            [
                format!("Set-Cookie:{cookie}\r\n"),
                format!("sEt-cOOkie: {cookie}\r\n"),
            ]
        })
        .collect();
    let (gateway, cookie) = app(with(&format!("{fields}Set-Cookie: app=1; Path=/\r\n")));
    let answer = ask(&gateway, &cookie, "our names");
    let kept: Vec<_> = answer
        .all("set-cookie")
        .into_iter()
        .filter(|cookie| cookie.to_lowercase().contains("__host-doorward"))
        .collect();
    assert_eq!(kept, [""; 0], "the app chooses who is signed in: {answer}");
    assert!(
        answer
            .all("set-cookie")
            .contains(&"app=1; Path=/".to_owned()),
        "{answer}"
    );
}

#[test]
fn the_apps_access_control_headers_are_ours_to_say() {
    let (gateway, cookie) = app(with(
        "Access-Control-Allow-Origin: *\r\n\
         access-control-allow-origin: https://evil.example\r\n\
         ACCESS-CONTROL-ALLOW-ORIGIN: https://app.example.com\r\n\
         Access-Control-Allow-Credentials: TRUE\r\n\
         Access-Control-Allow-Methods: *\r\n\
         Access-Control-Allow-Headers: *\r\n\
         Access-Control-Expose-Headers: *\r\n\
         Access-Control-Max-Age: 99999\r\n\
         Access-Control-Allow-Private-Network: true\r\n\
         Access-Control-Of-Tomorrow: *\r\n\
         Vary: Accept-Encoding\r\n\
         Vary: *\r\n",
    ));
    let answer = ask(&gateway, &cookie, "CORS");
    let cors: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.to_lowercase().starts_with("access-control-"))
        .map(|(name, value)| {
            format!(
                "{}: {}",
                name.to_lowercase(),
                String::from_utf8_lossy(value)
            )
        })
        .collect();
    let mut cors: Vec<_> = cors.iter().map(String::as_str).collect();
    cors.sort_unstable();
    assert_eq!(
        cors,
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://app.example.com"
        ],
        "two answers to one question, and a browser refuses: {answer}"
    );
    for member in ["Origin", "Accept-Encoding", "*"] {
        assert!(answer.lists("vary", member), "{member}: {answer}");
    }
    // A stranger is told nothing, and the answer to a request without Origin says so too.
    let plain = gateway.get("/x", &cookie);
    assert!(
        !plain
            .headers
            .iter()
            .any(|(name, _)| { name.to_lowercase().starts_with("access-control-") })
    );
    assert!(plain.lists("vary", "Origin"), "{plain}");
}

#[test]
fn what_comes_before_and_behind_an_answer_says_no_more_than_it() {
    let lies = "Set-Cookie: __Host-doorward=evil; Path=/; Secure\r\n\
                Set-Cookie: app=1\r\n\
                Access-Control-Allow-Origin: https://evil.example\r\n";
    let hints = format!("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n{lies}\r\n");
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n";
    let bytes = format!("{hints}{answer}2\r\nok\r\n0\r\n{lies}\r\n");
    let (gateway, cookie) = app(bytes.into_bytes());
    let mut connection = gateway.connect();
    let request = gateway.request("GET", "/x").cookie(&cookie);
    connection.send(request.bytes()).unwrap();
    let hints = connection.head().unwrap();
    assert_eq!(hints.status, 103, "{hints}");
    assert_eq!(
        hints.header("link").as_deref(),
        Some("</style.css>"),
        "{hints}"
    );
    assert_eq!(
        hints.all("set-cookie"),
        ["app=1"],
        "a client may heed it: {hints}"
    );
    assert!(
        hints.all("access-control-allow-origin").is_empty(),
        "{hints}"
    );
    let answer = connection.head().unwrap();
    assert_eq!(answer.status, 200, "{answer}");
    connection.patience(Duration::from_millis(500));
    let mut rest = Vec::new();
    while let Ok(byte) = connection.take(1) {
        rest.extend(byte);
    }
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("ok") && !rest.contains("evil"), "{rest:?}");
}
