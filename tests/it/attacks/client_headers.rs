//! Which of a client's headers reach the app: none that could make it see another request than
//! the one that was judged, whoever sends it and however it is spelled.

use crate::support::{Gateway, Recorded, Upstream, world, world_with};

/// As the gateway itself has it: name, what is taken from it, source.
const TABLE: &str = include_str!("../../../src/auth/client_headers/table.tsv");

/// The names of the table; of a family, one that is in it and one that nobody has heard of.
fn names() -> Vec<(String, &'static str)> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    rows.flat_map(|row| {
        let mut columns = row.split('\t');
        let (name, takes) = (columns.next().unwrap(), columns.next().unwrap());
        match name.strip_suffix('*') {
            Some(begin) => vec![
                (format!("{begin}User"), takes),
                (format!("{begin}Xyzzy"), takes),
            ],
            None => vec![(name.to_owned(), takes)],
        }
    })
    .collect()
}

/// Sends lies, some at a time, and gives what the app received of them.
fn arrived(gateway: &Gateway, app: &Upstream, names: &[String]) -> Vec<String> {
    let cookie = gateway.alice();
    let mut arrived = Vec::new();
    for some in names.chunks(60) {
        for (path, cookie) in [("/x", cookie.as_str()), ("/public/x", "")] {
            let lies: Vec<_> = some.iter().map(|name| (name.as_str(), "e-v-i-l")).collect();
            let answer = gateway
                .request("GET", path)
                .cookie(cookie)
                .fields(&lies)
                .send();
            assert_eq!(answer.status, 200, "{some:?}: {answer}");
            arrived.extend(liars(&app.last()));
        }
    }
    arrived
}

fn liars(seen: &Recorded) -> Vec<String> {
    let fields = seen.fields().into_iter();
    let lies = fields.filter(|(_, value)| value.windows(7).any(|part| part == b"e-v-i-l"));
    lies.map(|(name, _)| name).collect()
}

const PUBLIC: &str = "rules: [{ path: /public/**, access: public }]\n";

#[test]
fn no_name_that_an_app_believes_arrives_in_any_spelling() {
    let all = names();
    assert!(all.len() > 200, "the table is {} names", all.len());
    let (gateway, app) = world_with(PUBLIC);
    for separator in ["-", "_", "."] {
        let spelled = |(name, _): &(String, &str)| name.replace(['-', '_'], separator);
        let spelled: Vec<String> = all.iter().map(spelled).collect();
        assert_eq!(
            arrived(&gateway, &app, &spelled),
            [""; 0],
            "with `{separator}`"
        );
    }
}

#[test]
fn a_trusted_proxy_passes_on_none_of_what_its_client_wrote() {
    let trusted = format!("{PUBLIC}trusted_proxies: [127.0.0.0/8]\n");
    let (gateway, app) = world_with(&trusted);
    let read = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"];
    let rest = names().into_iter().map(|(name, _)| name);
    let rest: Vec<String> = rest.filter(|name| !read.contains(&name.as_str())).collect();
    assert_eq!(arrived(&gateway, &app, &rest), [""; 0]);
}

#[test]
fn no_name_with_an_underscore_arrives_but_those_that_are_listed() {
    let (gateway, app) = world_with(&format!(
        "{PUBLIC}forward_headers: {{ underscores: [X_Legacy_Key] }}\n"
    ));
    let names = [
        "x_y",
        "_",
        "_x",
        "x_",
        "X_Legacy",
        "Content_Length",
        "Accept_Language",
    ];
    let names = names.map(str::to_owned);
    assert_eq!(arrived(&gateway, &app, &names), [""; 0]);
    let listed = ["X_Legacy_Key".to_owned(), "x_legacy_key".to_owned()];
    assert_eq!(arrived(&gateway, &app, &listed).len(), 4);
}

#[test]
fn a_field_that_frames_a_request_has_one_spelling() {
    let (gateway, app) = world_with(PUBLIC);
    let odd = ["Content.Length", "Transfer!Encoding", "Content.Type"].map(str::to_owned);
    assert_eq!(arrived(&gateway, &app, &odd), [""; 0]);
}

#[test]
fn what_the_operator_lists_passes_from_a_trusted_proxy_alone() {
    let section =
        "forward_headers: { from_trusted: [X-Real-IP, X-Forwarded-Port], drop: [X-Debug] }\n";
    let names = [
        "X-Real-IP",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X.Real.IP",
        "X-Debug",
    ];
    let names = names.map(str::to_owned);
    let (gateway, app) = world_with(&format!("{PUBLIC}{section}"));
    assert_eq!(arrived(&gateway, &app, &names), [""; 0], "from anybody");
    let (gateway, app) = world_with(&format!("{PUBLIC}{section}trusted_proxies: [127.0.0.1]\n"));
    let mut passed = arrived(&gateway, &app, &names);
    passed
        .iter_mut()
        .for_each(|name| name.make_ascii_lowercase());
    passed.sort();
    passed.dedup();
    assert_eq!(passed, ["x-forwarded-port", "x-real-ip"], "from the proxy");
}

#[test]
fn ordinary_headers_arrive() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    for name in [
        "Accept",
        "Accept-Language",
        "Authorization",
        "If-None-Match",
        "Range",
        "X-Requested-With",
        "X-CSRF-Token",
        "X-Custom",
        "X.Custom",
        "traceparent",
        "Depth",
        "Overwrite",
        "Last-Event-ID",
        "Mcp-Session-Id",
        "X-Auth-Token",
    ] {
        let request = gateway.request("GET", "/").cookie(&cookie);
        assert_eq!(request.header(name, "e-v-i-l").send().status, 200);
        assert_eq!(liars(&app.last()).len(), 1, "{name} is lost");
    }
}

#[test]
fn a_chain_is_written_from_the_client_on() {
    let (gateway, app) = world_with("trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]");
    let cookie = gateway.alice();
    for (sent, expected) in [
        ("203.0.113.7", "203.0.113.7, 127.0.0.1"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7, 127.0.0.1"),
        (
            "6.6.6.6, 203.0.113.7, 10.1.2.3",
            "203.0.113.7, 10.1.2.3, 127.0.0.1",
        ),
        ("6.6.6.6, nonsense, 203.0.113.7", "203.0.113.7, 127.0.0.1"),
        ("nonsense", "127.0.0.1"),
        ("unknown, 10.1.2.3", "10.1.2.3, 127.0.0.1"),
        ("203.0.113.7:4711", "203.0.113.7, 127.0.0.1"),
    ] {
        let request = gateway.request("GET", "/").cookie(&cookie);
        let answer = request.header("X-Forwarded-For", sent).send();
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(app.last().all("x-forwarded-for"), [expected], "{sent}");
    }
    for (sent, expected) in [
        ("app.example.com", "app.example.com"),
        ("evil.example, app.example.com", "app.example.com"),
        ("evil example", ""),
    ] {
        let request = gateway.request("GET", "/").cookie(&cookie);
        let answer = request.header("X-Forwarded-Host", sent).send();
        assert_eq!(answer.status, 200, "{answer}");
        let host = format!("127.0.0.1:{}", gateway.port());
        let expected = if expected.is_empty() { &host } else { expected };
        assert_eq!(app.last().all("x-forwarded-host"), [expected], "{sent}");
    }
}
