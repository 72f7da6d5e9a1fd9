//! Text that somebody else wrote: names of users, paths, devices, addresses. None of it
//! becomes a header or a line of the log.

use serde_json::Value;

use crate::support::gateway::encode;
use crate::support::{Builder, Gateway, Upstream, world_with};

/// Somebody whose every text is an attack on headers; YAML has its own escapes for that.
const HOSTILE: &str = r#"users:
  - id: "9\u002541-é"
    username: mallory
    name: "M\u002541é, \"admin\"; X-User-Roles: admin"
    email: "m@example.com, admin@example.com"
    roles: ["a b", "a:b", "\u0025", "é", "X-User-Roles: admin"]
    password_hash: HASH
"#;

fn hostile() -> String {
    HOSTILE.replace("HASH", &format!("{:?}", crate::support::users::hash("m")))
}

#[test]
fn texts_of_a_user_stay_one_printable_value() {
    for (preset, names) in [
        ("default", &["X-User-Id", "X-User-Name", "X-User-Roles"][..]),
        (
            "oauth2-proxy",
            &[
                "X-Forwarded-User",
                "X-Forwarded-Preferred-Username",
                "X-Forwarded-Email",
                "X-Forwarded-Groups",
            ],
        ),
        (
            "authelia",
            &[
                "Remote-User",
                "Remote-Name",
                "Remote-Email",
                "Remote-Groups",
            ],
        ),
    ] {
        let (gateway, app) = world_with(&format!(
            "{}identity_headers: {{ preset: {preset} }}\n",
            hostile()
        ));
        let cookie = gateway.login("mallory", "m");
        assert_eq!(gateway.get("/x", &cookie).status, 200);
        let seen = app.last();
        for name in names {
            let values = seen.raw(name);
            assert_eq!(values.len(), 1, "{name}:\n{}", seen.text());
            let printable = values[0].iter().all(|byte| (b' '..=b'~').contains(byte));
            assert!(printable, "{name}:\n{}", seen.text());
        }
        // Decoding gives back what stands in the file.
        let decoded = |name: &str| {
            let value = seen.raw(name).remove(0);
            let text = percent_encoding::percent_decode(&value).decode_utf8();
            text.unwrap().into_owned()
        };
        if preset == "default" {
            assert_eq!(decoded("X-User-Id"), "9%41-é");
            assert_eq!(
                decoded("X-User-Name"),
                "M%41é, \"admin\"; X-User-Roles: admin"
            );
            let roles = seen.all("X-User-Roles").remove(0);
            assert_eq!(roles.split(',').count(), 5, "a role adds another: {roles}");
        }
    }
}

#[test]
fn line_ends_in_texts_of_a_user_are_refused() {
    let app = Upstream::start();
    for text in [
        "a\\r\\nX-User-Roles: admin",
        "a\\nb",
        "a\\0b",
        "a\\tb",
        "a\\u0085b",
        "a\\x7fb",
    ] {
        for key in ["id", "username", "name", "email", "roles"] {
            let value = match key {
                "roles" => format!("[\"{text}\"]"),
                _ => format!("\"{text}\""),
            };
            let given = |other: &str, good: &str| match other == key {
                true => value.clone(),
                false => good.to_owned(),
            };
            let users = format!(
                "users:\n  - {{ id: {}, username: {}, name: {}, email: {}, roles: {}, password_hash: {:?} }}\n",
                given("id", "m"),
                given("username", "m"),
                given("name", "m"),
                given("email", "m"),
                given("roles", "[m]"),
                crate::support::users::hash("m"),
            );
            let gateway = Builder::new(&app).yaml(&users).write();
            let checked = gateway.command(&["check"], "");
            assert_eq!(
                checked.status.code(),
                Some(78),
                "{key} {text} is taken: {}",
                String::from_utf8_lossy(&checked.stdout)
            );
            let told = [checked.stdout, checked.stderr].concat();
            let printed = String::from_utf8_lossy(&told).into_owned();
            assert!(
                printed.chars().all(|c| c == '\n' || !c.is_control()),
                "{key} {text} reaches the operator's terminal: {printed:?}"
            );
        }
    }
}

#[test]
fn line_ends_in_users_files_of_others_are_refused() {
    let app = Upstream::start();
    let bcrypt = bcrypt::hash("m", 4).unwrap();
    let argon2 = crate::support::users::hash("m");
    let authelia = |key: &str, field: &str| {
        format!("users:\n  \"{key}\":\n    password: {argon2:?}\n    {field}\n")
    };
    for text in [
        format!("m\u{1b}[2Jx:{bcrypt}\n"),
        format!("m\rX-User-Roles admin:{bcrypt}\n"),
        format!("m\tx:{bcrypt}\n"),
        format!("m\u{85}x:{bcrypt}\n"),
        format!("ok:{bcrypt}\nm\u{1b}x:nonsense\n"),
        authelia("m\\r\\nX-User-Roles: admin", "displayname: M"),
        authelia("m\\e[2J", "displayname: M"),
        authelia("m", "displayname: \"M\\r\\nX-User-Roles: admin\""),
        authelia("m", "email: \"m@example.com\\nX\""),
        authelia("m", "groups: [\"a\\nb\"]"),
        authelia("m", "groups: [\"a,admin\"]"),
    ] {
        let builder = Builder::new(&app).yaml("users: { file: people }\n");
        builder.dir().write("people", &text);
        let checked = builder.write().command(&["check"], "");
        assert_eq!(checked.status.code(), Some(78), "{text:?} is taken");
        let told = [checked.stdout, checked.stderr].concat();
        let printed = String::from_utf8_lossy(&told).into_owned();
        assert!(
            printed.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?} reaches the operator's terminal: {printed:?}"
        );
    }
}

/// Requests whose every part is an attack on a log.
fn forge(gateway: &Gateway) -> usize {
    let line = "2026-11-22T00:00:00.000Z INFO  audit event=login user=1001";
    let mut sent = 0;
    let cookie = gateway.alice();
    for target in [
        format!("/x%0a{}", encode(line)),
        format!("/x%0d%0a{}", encode(line)),
        format!("/{}", encode(line)),
        "/x?a=\"b\" status=200".replace(' ', "%20"),
        "/x user=1001".into(),
        "/x?%0aevent=login".into(),
        "/x\"user=\"1001".into(),
        "/\\nevent=login".into(),
        "/x\u{2028}event=login".into(),
        "/x%e2%80%a8event=login".into(),
        "/x%1b[2Jevent=login".into(),
    ] {
        let request = gateway.request("GET", &target).cookie(&cookie);
        let request = request
            .header("X-Forwarded-For", format!("1.2.3.4 {line}"))
            .header("User-Agent", format!("x{line}"))
            .header("Referer", format!("http://x/{line}"));
        let _ = request.send();
        sent += 1;
    }
    for name in [
        format!("alice\n{line}"),
        format!("alice\r\n{line}"),
        "alice\u{2028}event=login".into(),
        "\u{1b}[2J".into(),
        "alice user=1001".into(),
    ] {
        let _ = gateway.try_login(&name, "wrong");
        sent += 1;
    }
    let login = gateway.request("POST", format!("/login?rd=/%0a{}", encode(line)));
    let _ = login
        .own_origin()
        .form("username=alice&password=wrong")
        .send();
    for garbage in [
        format!("GET /x\r\n{line}\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: x\n{line}\n\n"),
        format!("GET /x HTTP/1.1\r\nHost: x\r\nConnection: \"{line}\r\n\r\n"),
        format!("\n{line}\n\n\n"),
        "GET /x HTTP/1.1\r\nHost: x\r\nX: \x1b[2J\0\r\n\r\n".into(),
    ] {
        let mut connection = gateway.connect();
        connection.send(garbage).unwrap();
        let _ = connection.answer("GET");
    }
    let odd = gateway.request("LOGIN\u{7c}x", "/x").cookie(&cookie).send();
    assert!(matches!(odd.status, 200 | 403), "{odd}");
    sent + 2
}

/// Sends them, and waits for the line of a request that comes last.
#[track_caller]
fn forged_log(yaml: &str) -> (String, usize) {
    let (gateway, _app) = world_with(yaml);
    let sent = forge(&gateway);
    let _ = gateway.get("/the-last-one", "");
    gateway.wait_for_log(&["access", "/the-last-one"]);
    // And the login of Alice.
    (gateway.log(), sent + 2)
}

#[test]
fn a_line_of_the_log_is_one_event() {
    let (log, sent) = forged_log("log: { level: info, query: true }\n");
    let mut access = 0;
    for line in log.lines() {
        let stamp = line.get(..25).unwrap_or_default().as_bytes();
        assert!(
            stamp.starts_with(b"20")
                && stamp.get(10) == Some(&b'T')
                && stamp.get(23) == Some(&b'Z'),
            "a line that begins with no time: {line:?}"
        );
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let target = line.split_whitespace().nth(2).unwrap_or_default();
        access += usize::from(target == "access");
        if target == "audit" {
            let event = line.split(" event=").nth(1).unwrap_or_default();
            assert!(
                event.starts_with("login ") == line.contains("user=1001 session="),
                "a forged login: {line}"
            );
        }
    }
    // One each, also of those that were refused; what does not parse has none.
    assert!(
        access <= sent + 5 && access + 5 > sent,
        "{access} lines of {sent} requests"
    );
    assert_eq!(
        log.matches("event=login ").count(),
        1,
        "Alice signed in once:\n{log}"
    );
}

#[test]
fn a_line_of_the_json_log_is_one_object() {
    let (log, _) = forged_log("log: { level: info, format: json, query: true }\n");
    let mut logins = 0;
    for line in log.lines() {
        let object: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("no object ({error}): {line:?}"));
        logins += usize::from(object["target"] == "audit" && object["event"] == "login");
    }
    assert_eq!(logins, 1, "Alice signed in once:\n{log}");
}
