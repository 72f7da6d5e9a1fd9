//! The body of a request ends once for the app, however the client says that it ends: what
//! came a second time would be the beginning of the next request on that connection.

use std::process::Command;

use crate::support::h2::{DATA, END_HEADERS, END_STREAM, H2, HEADERS, field};
use crate::support::process::run;
use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, optional};

const HELLO: &str = "5\r\nhello\r\n0\r\n\r\n";

fn world() -> Option<(Gateway, Verbatim)> {
    if !optional::has("openssl") {
        return None;
    }
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .tls()
        .yaml("default_access: public")
        .start();
    Some((gateway, app))
}

type Fields = &'static [(&'static str, &'static str)];

/// Frames behind the head: kind, flags, payload.
type Frames = &'static [(u8, u8, &'static [u8])];

#[test]
fn whichever_frame_ends_the_stream() {
    let Some((gateway, app)) = world() else {
        return;
    };
    let trailers = field("x-checksum", "1");
    let trailers: &'static [u8] = trailers.leak();
    let end_of_trailers = END_HEADERS | END_STREAM;
    let of_trailers: Frames = vec![
        (DATA, 0, &b"hello"[..]),
        (HEADERS, end_of_trailers, trailers),
    ]
    .leak();
    let trailers_alone: Frames = vec![(HEADERS, end_of_trailers, trailers)].leak();
    let table: [(&str, Fields, Frames, &str); 9] = [
        ("the last DATA", &[], &[(DATA, END_STREAM, b"hello")], HELLO),
        (
            "an empty DATA",
            &[],
            &[(DATA, 0, b"hello"), (DATA, END_STREAM, b"")],
            HELLO,
        ),
        (
            "an empty DATA behind two",
            &[],
            &[(DATA, 0, b"hello"), (DATA, 0, b""), (DATA, END_STREAM, b"")],
            HELLO,
        ),
        (
            "only an empty DATA",
            &[],
            &[(DATA, END_STREAM, b"")],
            "0\r\n\r\n",
        ),
        (
            "an empty DATA behind a known length",
            &[("content-length", "5")],
            &[(DATA, 0, b"hello"), (DATA, END_STREAM, b"")],
            "hello",
        ),
        (
            "an empty DATA behind a length of none",
            &[("content-length", "0")],
            &[(DATA, END_STREAM, b"")],
            "",
        ),
        (
            "padding alone",
            &[],
            &[(DATA, 0, b"hello"), (DATA, END_STREAM | 8, b"\x02\0\0")],
            HELLO,
        ),
        ("trailers", &[], of_trailers, HELLO),
        ("trailers alone", &[], trailers_alone, "0\r\n\r\n"),
    ];
    let mut asked = 0;
    for (what, fields, frames, wire) in table {
        for method in ["POST", "PUT", "GET"] {
            let mut client = H2::open(gateway.port()).unwrap();
            let mut block = client.request(method, "/up", "");
            for (name, value) in fields {
                block.extend(field(name, value));
            }
            client.headers(1, 0, &block).unwrap();
            for (kind, flags, payload) in frames {
                client.frame(*kind, *flags, 1, payload).unwrap();
            }
            let answer = client.until(|frame| frame.stream == 1 && frame.kind == HEADERS);
            // RFC 7541 appendix A: `:status: 200`.
            assert_eq!(answer.unwrap().payload.first(), Some(&0x88), "{what}");
            let taken = app.last();
            assert_eq!(taken.wire(), wire, "{method}, {what}:\n{}", taken.head);
            // The next request on the connection to the app is somebody else's.
            assert!(client.is_served(3, "/next", ""), "{what}");
            asked += 2;
        }
    }
    app.assert_sound("of 27 uploads");
    assert_eq!(app.taken().len(), asked, "the app saw other requests");
}

#[test]
fn an_upload_of_curl_whose_length_nobody_knows() {
    let Some((gateway, app)) = world() else {
        return;
    };
    if !optional::has("curl") {
        return;
    }
    for version in ["--http2", "--http1.1"] {
        for number in 1..4 {
            let url = format!("https://localhost:{}/{number}", gateway.port());
            let mut command = Command::new("curl");
            command.args(["--silent", "--insecure", "--max-time", "15", "--proxy", ""]);
            command.args([version, "-X", "POST", "-T", "-", &url]);
            let output = run(&mut command, "hello");
            assert_eq!(output.stdout, b"ok", "{version}: {output:?}");
            let taken = app.last();
            assert_eq!(taken.wire(), HELLO, "{version}:\n{}", taken.head);
        }
    }
    app.assert_sound("curl");
}

#[test]
fn chunks_of_http_1_end_once_too() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    for (body, wire) in [
        ("0\r\n\r\n", "0\r\n\r\n"),
        (HELLO, HELLO),
        ("5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n", HELLO),
        ("5;a=b\r\nhello\r\n000\r\n\r\n", HELLO),
    ] {
        for pieces in [1, body.len()] {
            let mut connection = gateway.connect();
            let request = gateway.request("POST", "/up");
            let head = request.header("Transfer-Encoding", "chunked").bytes();
            connection.send(head).unwrap();
            for piece in body.as_bytes().chunks(pieces) {
                connection.send(piece).unwrap();
            }
            assert_eq!(connection.answer("POST").unwrap().status, 200, "{body:?}");
            // Data may be cut into other chunks.
            let taken = app.last().wire();
            assert_eq!(taken.matches("0\r\n\r\n").count(), 1, "{body:?}: {taken:?}");
            if pieces > 1 {
                assert_eq!(taken, wire, "{body:?}");
            }
            let next = gateway.request("GET", "/next").send_on(&mut connection);
            assert_eq!(next.status, 200, "{body:?}: {next}");
        }
    }
    app.assert_sound("chunks");
}

#[test]
fn no_body_of_a_method_that_has_one_is_a_length_of_none() {
    let Some((gateway, app)) = world() else {
        return;
    };
    let plain = Builder::before(&app.url())
        .yaml("default_access: public")
        .start();
    for (method, lengths) in [
        ("POST", &["0"][..]),
        ("PUT", &["0"]),
        ("PATCH", &["0"]),
        ("GET", &[]),
        ("DELETE", &[]),
        ("OPTIONS", &[]),
    ] {
        let mut client = H2::open(gateway.port()).unwrap();
        let block = client.request(method, "/none", "");
        client.headers(1, END_STREAM, &block).unwrap();
        client
            .until(|frame| frame.stream == 1 && frame.kind == HEADERS)
            .unwrap();
        let over_2 = app.last();
        let host = format!("127.0.0.1:{}", plain.port());
        for version in ["1.1", "1.0"] {
            let answer = plain.raw(format!(
                "{method} /none HTTP/{version}\r\nHost: {host}\r\n\r\n"
            ));
            assert_eq!(answer.status, 200, "{answer}");
            let over_1 = app.last();
            assert_eq!(
                over_1.all("content-length"),
                lengths,
                "{method} HTTP/{version}:\n{}",
                over_1.head
            );
        }
        assert_eq!(over_2.method(), method);
        assert_eq!(
            over_2.all("content-length"),
            lengths,
            "{method}:\n{}",
            over_2.head
        );
        assert!(
            over_2.all("transfer-encoding").is_empty(),
            "{}",
            over_2.head
        );
    }
    app.assert_sound("without a body");
}
