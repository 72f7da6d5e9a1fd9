//! A request in chunks that others may read in another way never reaches the app as a whole
//! (RFC 9112 section 7.1); `src/gateway/chunks` has the tables of the grammar.

use crate::support::smuggle::OPEN;
use crate::support::tls::Tls;
use crate::support::verbatim::Verbatim;
use crate::support::{Builder, Gateway, Response, assert_problem};

fn post(gateway: &Gateway, body: &str) -> Vec<u8> {
    let request = gateway.request("POST", "/up").own_origin();
    let mut bytes = request.header("Transfer-Encoding", "chunked").bytes();
    bytes.extend(body.bytes());
    bytes
}

const DOUBTFUL: [&str; 8] = [
    "2;\nxx\r\n45\r\n0\r\n\r\n",
    "5;a=\"\r\nabcde\r\n0\r\n\r\n",
    "5 \r\nabcde\r\n0\r\n\r\n",
    "5\r\nabcde\r\n0\r\nX: y\nZ: a\r\n\r\n",
    "5\r\nabcde\r\n0\r\nGET /inside HTTP/1.1\r\nHost: x\r\n\r\n",
    "5\r\nabcde\r\n0\r\n X: y\r\n\r\n",
    "5\r\nabcde\r\n0;\n\r\n\r\n",
    "00000000000000005\r\nabcde\r\n0\r\n\r\n",
];

#[test]
fn a_doubt_ends_the_request_and_its_connection() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).yaml(OPEN).start();
    for body in DOUBTFUL {
        let bytes = post(&gateway, body);
        let behind = gateway.request("GET", "/behind").bytes();
        let head = bytes.len() - body.len();
        // In one piece, the body apart, and byte by byte.
        for pieces in [
            vec![[&bytes[..], &behind].concat()],
            vec![bytes[..head].to_vec(), [&bytes[head..], &behind].concat()],
            bytes.chunks(1).map(<[u8]>::to_vec).collect(),
        ] {
            let mut connection = gateway.connect();
            for piece in pieces {
                // It may be over before all of it was sent.
                let _ = connection.send(piece);
            }
            let answer = connection.answer("POST").unwrap();
            assert_problem(&answer, 400, "bad_request", body);
            assert!(answer.lists("connection", "close"), "{body:?}: {answer}");
            let rest = connection.rest().unwrap_or_default();
            assert_eq!(rest, b"", "{body:?}: something more was answered");
        }
    }
    app.assert_sound("doubtful chunks");
    assert!(app.taken().is_empty(), "{:?}", app.taken());
}

#[test]
fn at_our_own_endpoints_too() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).start();
    let login = "username=alice&password=wonderland";
    let ask = |size: &str, end: &str| {
        let request = gateway.request("POST", "/login").own_origin();
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let mut bytes = request.header("Transfer-Encoding", "chunked").bytes();
        bytes.extend(format!("{size}\r\n{login}\r\n0{end}\r\n\r\n").bytes());
        let mut connection = gateway.connect();
        connection.send(&bytes).unwrap();
        let answer = connection.answer("POST").unwrap();
        (answer, connection)
    };
    let size = format!("{:x}", login.len());
    assert_eq!(ask(&size, "").0.status, 303, "an honest login");
    for (size, end) in [
        (format!("{size};a=\""), ""),
        (format!("{size} "), ""),
        (size.clone(), "\r\nX"),
        (size.clone(), ";\n"),
    ] {
        let (answer, mut connection) = ask(&size, end);
        assert_problem(&answer, 400, "bad_request", &size);
        assert_eq!(connection.rest().unwrap_or_default(), b"", "{size:?}");
    }
}

#[test]
fn over_tls_too() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).tls().yaml(OPEN).start();
    let request = gateway.request("POST", "/up");
    let head = request.header("Transfer-Encoding", "chunked").bytes();
    for body in DOUBTFUL {
        let mut client = Tls::http1(gateway.port()).unwrap();
        client.send(&[&head[..], body.as_bytes()].concat()).unwrap();
        let answer = Response::whole(&client.rest().unwrap());
        assert_problem(&answer, 400, "bad_request", body);
    }
    assert!(app.taken().is_empty(), "{:?}", app.taken());
}

#[test]
fn a_doubt_after_the_answer_ends_the_connection() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).start();
    // Refused by its head, so that nobody waits for the body.
    let request = gateway
        .request("POST", "/up")
        .header("Transfer-Encoding", "chunked");
    let mut connection = gateway.connect();
    connection.send(request.bytes()).unwrap();
    assert_eq!(connection.answer("POST").unwrap().status, 401);
    let _ = connection.send(DOUBTFUL[0]);
    assert_eq!(connection.rest().unwrap_or_default(), b"");
}

#[test]
fn what_is_well_formed_passes_in_pieces_of_any_size() {
    let app = Verbatim::ok();
    let gateway = Builder::before(&app.url()).yaml(OPEN).start();
    let large = "x".repeat(100_000);
    let body = format!(
        "1;a=\"b;c\" ; d\r\n1\r\n{:X}\r\n{large}\r\n2\r\n\r\n\r\n0;e=f\r\nX-User-Id: evil\r\n\r\n",
        large.len()
    );
    for pieces in [100_200, 4096, 1000, 7] {
        let mut connection = gateway.connect();
        for piece in post(&gateway, &body).chunks(pieces) {
            connection.send(piece).unwrap();
        }
        assert_eq!(connection.answer("POST").unwrap().status, 200, "{pieces}");
        let taken = app.last();
        let count = taken.body.iter().filter(|&&byte| byte == b'x').count();
        assert_eq!(count, large.len(), "in pieces of {pieces}");
        assert!(!taken.wire().contains("evil"), "a trailer was passed on");
        let next = gateway.request("GET", "/next").send_on(&mut connection);
        assert_eq!(next.status, 200, "{next}");
    }
    app.assert_sound("well-formed chunks");
}
