//! Whatever version of HTTP the client and the app speak, each gets a message of its own
//! version: every client with every kind of body to every kind of answer, read off the wire
//! on both sides.

use std::fmt;

use crate::support::h2_request::{H2Request, Outcome};
use crate::support::verbatim::{Said, Taken, Verbatim};
use crate::support::{Builder, Gateway, Response, optional};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Http10,
    Http10Kept,
    Http11,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Known,
    Unknown,
    Trailers,
}

/// One answer of the app: its path, the method that asks for it, its bytes without the
/// version, whether the connection ends with it, and what a client is to read.
struct Answer {
    path: &'static str,
    method: &'static str,
    said: &'static str,
    stays: bool,
    status: u16,
    body: &'static str,
}

const ANSWERS: [Answer; 12] = [
    Answer {
        path: "/length",
        method: "POST",
        said: "200 OK\r\nContent-Length: 4\r\n\r\ndone",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/lengths",
        method: "POST",
        said: "200 OK\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n\r\ndone",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/chunks",
        method: "POST",
        said: "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ndo\r\n2\r\nne\r\n0\r\n\r\n",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/trailers",
        method: "POST",
        said: "200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\ndone\r\n0\r\nX-Sum: 1\r\n\r\n",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/both",
        method: "POST",
        said: "200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/close",
        method: "POST",
        said: "200 OK\r\n\r\ndone",
        stays: false,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/hints",
        method: "POST",
        said: "103 Early Hints\r\nLink: </a.css>\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n\
               HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n",
        stays: true,
        status: 200,
        body: "done",
    },
    Answer {
        path: "/nothing",
        method: "POST",
        said: "204 No Content\r\nContent-Length: 0\r\n\r\n",
        stays: true,
        status: 204,
        body: "",
    },
    Answer {
        path: "/nothing-in-chunks",
        method: "POST",
        said: "204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        stays: false,
        status: 204,
        body: "",
    },
    Answer {
        path: "/unchanged",
        method: "GET",
        said: "304 Not Modified\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n",
        stays: true,
        status: 304,
        body: "",
    },
    Answer {
        path: "/head",
        method: "HEAD",
        said: "200 OK\r\nContent-Length: 4\r\n\r\n",
        stays: true,
        status: 200,
        body: "",
    },
    Answer {
        path: "/head-in-chunks",
        method: "HEAD",
        said: "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        stays: true,
        status: 200,
        body: "",
    },
];

/// Fields that are between neighbours, or that a version does not have.
const HOP_BY_HOP: &str = "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n\
                          HTTP2-Settings: AAMAAABk\r\nTE: trailers\r\nX-Hop: 1\r\n";

struct World {
    plain: Gateway,
    tls: Gateway,
    app: Verbatim,
}

impl World {
    /// Before an app of this version.
    fn new(version: &'static str) -> Option<Self> {
        if !optional::has("openssl") {
            return None;
        }
        let app = Verbatim::start(move |taken| say(version, taken));
        let before = || Builder::before(&app.url()).yaml("default_access: public");
        Some(Self {
            plain: before().start(),
            tls: before().tls().start(),
            app,
        })
    }
}

fn say(version: &str, taken: &Taken) -> Said {
    let answer = ANSWERS.iter().find(|one| one.path == taken.target());
    let Some(answer) = answer else {
        return (
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
            true,
        );
    };
    let (line, rest) = answer.said.split_once("\r\n").unwrap();
    let connection = if answer.stays {
        "X-Hop, keep-alive"
    } else {
        "X-Hop, close"
    };
    let fields = match answer.path {
        "/hints" => String::new(),
        _ => format!("Connection: {connection}\r\n{HOP_BY_HOP}"),
    };
    let bytes = format!("HTTP/{version} {line}\r\n{fields}{rest}");
    (bytes.into_bytes(), answer.stays)
}

/// What a failure is told with.
struct Case<'a>(Client, Body, &'a Answer, &'static str);

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client, body, answer, version) = self;
        write!(
            f,
            "{client:?}, a body of {body:?}, {} {} of HTTP/{version}",
            answer.method, answer.path
        )
    }
}

#[test]
fn an_app_of_http_1_1() {
    all("1.1");
}

#[test]
fn an_app_of_http_1_0() {
    all("1.0");
}

fn all(version: &'static str) {
    let Some(world) = World::new(version) else {
        return;
    };
    let (mut asked, mut cases) = (0, 0);
    for client in [
        Client::Http10,
        Client::Http10Kept,
        Client::Http11,
        Client::Http2,
    ] {
        for body in [Body::None, Body::Known, Body::Unknown, Body::Trailers] {
            let has_no_chunks = matches!(client, Client::Http10 | Client::Http10Kept);
            if has_no_chunks && matches!(body, Body::Unknown | Body::Trailers) {
                continue;
            }
            for answer in &ANSWERS {
                if version == "1.0" && answer.said.contains("HTTP/1.1") {
                    // HTTP/1.0 has no 1xx.
                    continue;
                }
                let case = Case(client, body, answer, version);
                match client {
                    Client::Http2 => over_http2(&world, &case),
                    _ => asked += over_http1(&world, &case),
                }
                asked += 1;
                cases += 1;
                assert_taken(&world.app, &case);
            }
        }
    }
    assert!(cases > 100, "only {cases}");
    world.app.assert_sound("the matrix");
    assert_eq!(world.app.taken().len(), asked, "the app saw other requests");
}

/// A body in a transfer coding that the client has not asked for, and that its version may not
/// have, is not given out as if it was plain.
#[test]
fn another_transfer_coding_of_the_app_is_no_answer() {
    if !optional::has("openssl") {
        return;
    }
    let app = Verbatim::start(|taken| {
        let coding = taken.target().trim_start_matches('/').replace('_', " ");
        let said =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n2\r\nab\r\n0\r\n\r\n");
        (said.into_bytes(), false)
    });
    let before = || Builder::before(&app.url()).yaml("default_access: public");
    let (plain, tls) = (before().start(), before().tls().start());
    for (coding, status) in [
        ("chunked", 200),
        ("Chunked", 200),
        ("gzip,chunked", 502),
        ("gzip,_chunked", 502),
        ("gzip", 502),
        ("x-secret", 502),
        ("identity", 502),
        ("chunked,chunked", 502),
    ] {
        let path = format!("/{coding}");
        for version in ["1.0", "1.1"] {
            let host = plain.port();
            let request = format!("GET {path} HTTP/{version}\r\nHost: 127.0.0.1:{host}\r\n\r\n");
            let answer = plain.raw(request);
            assert_eq!(answer.status, status, "{coding} over {version}: {answer}");
        }
        let request = H2Request::new("GET", "app.example.com", &path);
        let answer = request.send(tls.port()).unwrap();
        assert_eq!(answer.status(), status, "{coding} over HTTP/2");
    }
}

/// The request as the app has it: HTTP/1.1, framed in one way, no field of its neighbour.
#[track_caller]
fn assert_taken(app: &Verbatim, case: &Case<'_>) {
    let Case(_, body, answer, _) = case;
    let requests = app.taken();
    let taken = requests.iter().rfind(|one| one.target() == answer.path);
    let taken = taken.unwrap_or_else(|| panic!("{case}: nothing came"));
    let has_body = answer.method == "POST";
    let (lengths, codings, wire) = match body {
        Body::None if has_body => (&["0"][..], &[][..], ""),
        Body::None => (&[][..], &[][..], ""),
        Body::Known => (&["5"][..], &[][..], "hello"),
        Body::Unknown | Body::Trailers => (&[][..], &["chunked"][..], "5\r\nhello\r\n0\r\n\r\n"),
    };
    assert_eq!(
        taken.all("content-length"),
        lengths,
        "{case}:\n{}",
        taken.head
    );
    assert_eq!(
        taken.all("transfer-encoding"),
        codings,
        "{case}:\n{}",
        taken.head
    );
    assert_eq!(taken.wire(), wire, "{case}:\n{}", taken.head);
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "http2-settings",
        "te",
        "trailer",
        "x-hop",
        "x-sum",
    ] {
        assert!(
            taken.all(name).is_empty(),
            "{case}: {name}:\n{}",
            taken.head
        );
    }
    assert_eq!(taken.all("host").len(), 1, "{case}:\n{}", taken.head);
}

/// Asks in plain text; how many more requests were sent on the same connection.
#[track_caller]
fn over_http1(world: &World, case: &Case<'_>) -> usize {
    let Case(client, body, answer, _) = case;
    let gateway = &world.plain;
    let version = if *client == Client::Http11 {
        "1.1"
    } else {
        "1.0"
    };
    let (framing, data) = match body {
        Body::None => ("", ""),
        Body::Known => ("Content-Length: 5\r\n", "hello"),
        Body::Unknown => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        Body::Trailers => (
            "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n",
            "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
        ),
    };
    let connection = match client {
        Client::Http10Kept => "Connection: X-Hop, Upgrade\r\nConnection: keep-alive\r\n",
        _ => "Connection: X-Hop, Upgrade, TE, HTTP2-Settings\r\n",
    };
    // Pingora looks at the first `Connection` alone to know whether it is kept.
    let connection = match client {
        Client::Http10Kept => "Connection: keep-alive\r\n",
        _ => connection,
    };
    let hop = HOP_BY_HOP.replace(
        "X-Hop: 1\r\n",
        match client {
            Client::Http10Kept => "",
            _ => "X-Hop: 1\r\n",
        },
    );
    let host = format!("Host: 127.0.0.1:{}\r\n", gateway.port());
    let line = format!("{} {} HTTP/{version}\r\n", answer.method, answer.path);
    let mut wire = gateway.connect();
    wire.send(format!("{line}{host}{connection}{hop}{framing}\r\n{data}"))
        .unwrap();
    let got = wire
        .answer(answer.method)
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(got.status, answer.status, "{case}: {got}");
    assert_eq!(got.text(), answer.body, "{case}: {got}");
    assert!(
        got.head.starts_with(b"HTTP/1.1 "),
        "{case}: another's version: {got}"
    );
    assert_fields(&got, case);
    let (lengths, codings) = (got.all("content-length"), got.all("transfer-encoding"));
    assert!(
        lengths.len() + codings.len() <= 1,
        "{case}: framed twice: {got}"
    );
    let has_body = !matches!(got.status, 204 | 304) && answer.method != "HEAD";
    if !has_body {
        assert!(codings.is_empty(), "{case}: {got}");
    }
    let is_kept = got.lists("connection", "keep-alive");
    if *client == Client::Http11 {
        let hints: &[u16] = if answer.path == "/hints" { &[103] } else { &[] };
        assert_eq!(got.interim, hints, "{case}: {got}");
        assert!(is_kept, "{case}: {got}");
    } else {
        assert!(got.interim.is_empty(), "{case}: HTTP/1.0 has no 1xx: {got}");
        assert!(codings.is_empty(), "{case}: HTTP/1.0 has no chunks: {got}");
        let is_measured = !has_body || !lengths.is_empty();
        let may_stay = *client == Client::Http10Kept && is_measured;
        assert_eq!(is_kept, may_stay, "{case}: {got}");
    }
    if !is_kept {
        assert!(got.lists("connection", "close"), "{case}: {got}");
        assert_eq!(wire.rest().unwrap(), b"", "{case}");
        return 0;
    }
    let next = gateway.request("GET", "/next").send_on(&mut wire);
    assert_eq!(next.status, 200, "{case}: {next}");
    1
}

#[track_caller]
fn assert_fields(got: &Response, case: &Case<'_>) {
    for name in [
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "http2-settings",
        "te",
        "trailer",
        "x-hop",
        "x-sum",
    ] {
        assert!(got.all(name).is_empty(), "{case}: {name}: {got}");
    }
    if got.status == 204 {
        assert!(got.all("content-length").is_empty(), "{case}: {got}");
    }
}

#[track_caller]
fn over_http2(world: &World, case: &Case<'_>) {
    let Case(_, body, answer, _) = case;
    let authority = format!("127.0.0.1:{}", world.tls.port());
    let mut request =
        H2Request::new(answer.method, &authority, answer.path).field("te", "trailers");
    if *body == Body::Known {
        request = request.field("content-length", "5");
    }
    if *body != Body::None {
        request = request.data("hello");
    }
    if *body == Body::Trailers {
        request = request.field("trailer", "x-sum").trailer("x-sum", "1");
    }
    match request.send(world.tls.port()) {
        Ok(Outcome::Answer(got)) => {
            assert_eq!(got.status, answer.status, "{case}: {got}");
            assert_eq!(got.text(), answer.body, "{case}: {got}");
        }
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn http_2_has_no_field_of_a_connection() {
    use crate::support::curl::curl;
    if !optional::has("curl") {
        return;
    }
    for version in ["1.1", "1.0"] {
        let Some(world) = World::new(version) else {
            return;
        };
        for answer in &ANSWERS {
            if version == "1.0" && answer.said.contains("HTTP/1.1") {
                continue;
            }
            let case = Case(Client::Http2, Body::None, answer, version);
            let url = format!("https://localhost:{}{}", world.tls.port(), answer.path);
            let mut arguments = vec!["--http2", "--insecure"];
            match answer.method {
                "HEAD" => arguments.push("--head"),
                method => arguments.extend(["-X", method]),
            }
            arguments.push(&url);
            let got = curl(&arguments).unwrap_or_else(|code| panic!("{case}: {code}"));
            assert!(got.head.starts_with(b"HTTP/2 "), "{case}: {got}");
            assert_eq!(
                (got.status, &*got.text()),
                (answer.status, answer.body),
                "{case}"
            );
            assert_fields(&got, &case);
            for name in ["connection", "transfer-encoding"] {
                assert!(got.all(name).is_empty(), "{case}: {name}: {got}");
            }
        }
    }
}
