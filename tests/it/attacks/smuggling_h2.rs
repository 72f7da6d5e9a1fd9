//! Request smuggling through the step from HTTP/2 down to HTTP/1.1: what could become a
//! second line or a second request there is refused (RFC 9113 sections 8.1 to 8.3).

use crate::support::h2_request::{Field, H2Request, Outcome, field};
use crate::support::{Builder, Gateway, Upstream, optional, until};

struct World {
    gateway: Gateway,
    app: Upstream,
}

impl World {
    fn new() -> Option<Self> {
        if !optional::has("openssl") {
            return None;
        }
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .tls()
            .yaml("default_access: public")
            .yaml("rules: [{ path: /closed/**, access: authenticated }]")
            .start();
        Some(Self { gateway, app })
    }

    fn authority(&self) -> String {
        format!("localhost:{}", self.gateway.port())
    }

    fn request(&self, method: &str) -> H2Request {
        H2Request::new(method, &self.authority(), "/a")
    }

    #[track_caller]
    fn send(&self, request: &H2Request) -> Outcome {
        request
            .send(self.gateway.port())
            .unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    /// Nothing of it may reach the app, and the client is not told that all is well.
    #[track_caller]
    fn assert_refused(&self, what: &str, request: &H2Request) {
        let before = self.app.count();
        let outcome = self.send(request);
        assert!(
            matches!(outcome.status(), 0 | 400 | 405),
            "{what}: {outcome:?}"
        );
        assert_eq!(
            self.app.count(),
            before,
            "{what}: {}",
            self.app.last().text()
        );
    }

    /// The pseudo-header fields with one of them replaced, or taken out.
    fn pseudo(&self, name: &str, value: Option<&[u8]>) -> H2Request {
        let mut request = self.request("GET");
        let at = request
            .fields
            .iter()
            .position(|(n, _)| n == name.as_bytes());
        match value {
            Some(value) => request.fields[at.unwrap()].1 = value.to_vec(),
            None => drop(request.fields.remove(at.unwrap())),
        }
        request
    }
}

#[test]
fn an_honest_request_passes_frame_by_frame() {
    let Some(world) = World::new() else { return };
    let outcome = world.send(&world.request("POST").field("x", "y").data("abc"));
    assert_eq!(outcome.status(), 200, "{outcome:?}");
    let seen = world.app.last();
    assert_eq!(
        (seen.line().as_str(), &seen.body[..]),
        ("POST /a HTTP/1.1", &b"abc"[..])
    );
    assert_eq!(seen.all("x"), ["y"]);
    let closed = H2Request::new("GET", &world.authority(), "/closed/a");
    let outcome = world.send(&closed);
    assert_eq!(
        (outcome.status(), outcome.code().as_str()),
        (401, "session_required")
    );
}

#[test]
fn fields_of_a_connection_are_refused() {
    let Some(world) = World::new() else { return };
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("connection", "close"),
        ("connection", "x-user-id"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
    ] {
        let request = world.request("POST").field(name, value).data("0\r\n\r\n");
        world.assert_refused(&format!("{name}: {value}"), &request);
    }
    let outcome = world.send(&world.request("GET").field("te", "trailers"));
    assert_eq!(outcome.status(), 200, "{outcome:?}");
    assert!(
        world.app.last().raw("te").is_empty(),
        "{}",
        world.app.last().text()
    );
}

#[test]
fn a_length_that_lies_about_the_data_ends_the_stream_and_smuggles_nothing() {
    let Some(world) = World::new() else { return };
    let inner = "GET /closed/smuggled HTTP/1.1\r\nHost: x\r\nX-User-Id: 1001\r\n\r\n";
    for length in [
        "5, 5",
        "5,5",
        "+5",
        "-5",
        "0x5",
        "",
        "5 5",
        "99999999999999999999",
    ] {
        let request = world
            .request("POST")
            .field("content-length", length)
            .data("abcde");
        world.assert_refused(&format!("a length of {length:?}"), &request);
    }
    for lengths in [["5", "5"], ["5", "0"]] {
        let request = world.request("POST");
        let request = request.field("content-length", lengths[0]);
        let request = request.field("content-length", lengths[1]).data("abcde");
        world.assert_refused(&format!("lengths of {lengths:?}"), &request);
    }
    for length in ["0", "2", "9000"] {
        let request = world
            .request("POST")
            .field("content-length", length)
            .data(inner);
        let outcome = world.send(&request);
        assert_ne!(outcome.status(), 200, "a length of {length}: {outcome:?}");
    }
    // A connection that was left in the middle of a body is not used again.
    for _ in 0..5 {
        let outcome = world.send(&world.request("GET"));
        assert_eq!(outcome.status(), 200, "{outcome:?}");
    }
    until("the connections in the middle of a body to end", || {
        world.app.ended() >= 3
    });
    for seen in world.app.requests() {
        assert!(
            !seen.text().contains("/closed"),
            "smuggled: {}",
            seen.text()
        );
    }
}

#[test]
fn names_and_values_that_are_lines_are_refused() {
    let Some(world) = World::new() else { return };
    for (name, value) in [
        ("x", "a\r\nx-user-id: 1001"),
        ("x", "a\nx-user-id: 1001"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "a\r\n\r\nGET /closed/smuggled HTTP/1.1\r\n"),
        ("cookie", "a=b\r\nx-user-id: 1001"),
        ("x: y\r\nx-user-id", "1001"),
        ("x\nx-user-id", "1001"),
        ("x:y", "a"),
        ("x y", "a"),
        ("x\0", "a"),
        ("", "a"),
        ("X-Upper", "a"),
    ] {
        let request = world.request("GET").field(name, value);
        world.assert_refused(&format!("{name:?}: {value:?}"), &request);
    }
}

#[test]
fn pseudo_headers_hold_no_second_request_line() {
    let Some(world) = World::new() else { return };
    let inner = " HTTP/1.1\r\nHost: x\r\n\r\nGET /closed/smuggled";
    for (name, value) in [
        (":path", format!("/a{inner}")),
        (":path", "/a HTTP/1.1".into()),
        (":path", "/a b".into()),
        (":path", "/a\tb".into()),
        (":path", "/a\0b".into()),
        (":path", String::new()),
        (":path", "*".into()),
        (":path", "closed/a".into()),
        (":path", "@evil.example/a".into()),
        (":path", "https://evil.example/closed/a".into()),
        (":path", "//closed/a".into()),
        (":path", "/\\closed/a".into()),
        (":path", "/x/%2e%2e/closed/a".into()),
        (":method", format!("GET /closed/a{inner}\r\n\r\nGET")),
        (":method", "GET /closed/a".into()),
        (":method", String::new()),
        (":scheme", "https://x/closed/a HTTP/1.1\r\n\r\n".into()),
        (":authority", String::new()),
        (":authority", "x\r\nX-User-Id: 1001".into()),
        (":authority", "x y".into()),
        (":authority", "localhost/closed/a".into()),
        (":authority", "localhost?x".into()),
        (":authority", "localhost#x".into()),
        (":authority", "a@localhost".into()),
    ] {
        let request = world.pseudo(name, Some(value.as_bytes()));
        world.assert_refused(&format!("{name} {value:?}"), &request);
    }
    world.assert_refused("bytes above 127", &world.pseudo(":path", Some(b"/a\xff")));
    for name in [":method", ":scheme", ":path", ":authority"] {
        world.assert_refused(&format!("no {name}"), &world.pseudo(name, None));
    }
}

#[test]
fn pseudo_headers_stand_once_first_and_alone() {
    let Some(world) = World::new() else { return };
    let with = |extra: Field| {
        let mut request = world.request("GET");
        request.fields.push(extra);
        request
    };
    for extra in [
        field(":path", "/closed/a"),
        field(":method", "POST"),
        field(":authority", "evil.example"),
        field(":scheme", "http"),
        field(":status", "200"),
        field(":x", "y"),
        field(":protocol", "websocket"),
    ] {
        let what = format!("{extra:?}");
        world.assert_refused(&what, &with(extra));
    }
    let mut late = with(field("x", "y"));
    let path = late.fields.remove(3);
    late.fields.push(path);
    world.assert_refused("a pseudo-header behind a field", &late);
    let authority = world.authority();
    let connect = H2Request {
        fields: vec![field(":method", "CONNECT"), field(":authority", &authority)],
        ..H2Request::default()
    };
    world.assert_refused("CONNECT", &connect);
    let mut websocket = world.request("CONNECT");
    websocket.fields.push(field(":protocol", "websocket"));
    world.assert_refused("a WebSocket (RFC 8441)", &websocket);
}

#[test]
fn authority_and_host_agree_or_are_refused() {
    let Some(world) = World::new() else { return };
    let authority = world.authority();
    for host in ["evil.example", "localhost", "LOCALHOST", ""] {
        let request = world.request("GET").field("host", host);
        world.assert_refused(&format!("Host: {host:?}"), &request);
    }
    let twice = world.pseudo(":authority", None);
    let twice = twice
        .field("host", &authority)
        .field("host", "evil.example");
    world.assert_refused("two Hosts", &twice);
    for request in [
        world.request("GET").field("host", &authority),
        world.pseudo(":authority", None).field("host", &authority),
    ] {
        let outcome = world.send(&request);
        assert_eq!(outcome.status(), 200, "{outcome:?}");
        assert_eq!(world.app.last().all("host"), [authority.as_str()]);
    }
}

#[test]
fn trailers_become_neither_headers_nor_body() {
    let Some(world) = World::new() else { return };
    let request = world
        .request("POST")
        .data("abc")
        .trailer("x-user-id", "evil")
        .trailer("x_user_id", "evil")
        .trailer("x-forwarded-for", "evil")
        .trailer("cookie", "evil=1");
    let outcome = world.send(&request);
    assert!(matches!(outcome.status(), 0 | 200 | 400), "{outcome:?}");
    for trailer in [(":path", "/closed/a"), ("transfer-encoding", "chunked")] {
        let request = world
            .request("POST")
            .data("abc")
            .trailer(trailer.0, trailer.1);
        let _ = world.send(&request);
    }
    for seen in world.app.requests() {
        let all = [&seen.head[..], &seen.body].concat();
        let text = String::from_utf8_lossy(&all);
        assert!(
            !text.contains("evil") && !text.contains("/closed"),
            "{text}"
        );
        assert!(seen.all("transfer-encoding").len() <= 1, "{text}");
    }
    assert_eq!(world.send(&world.request("GET")).status(), 200);
}
