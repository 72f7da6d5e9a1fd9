//! What the app is told about the user: exactly once, by us alone.

use crate::support::users::User;
use crate::support::{Builder, Gateway, Recorded, Upstream, world, world_with};

/// Fields whose folded name is one of these, as the app would read them.
fn folded(request: &Recorded, wanted: &str) -> Vec<(String, String)> {
    let fold = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    request
        .fields()
        .into_iter()
        .filter(|(name, _)| fold(name) == fold(wanted))
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
        .collect()
}

#[track_caller]
fn assert_told(request: &Recorded, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        let got = folded(request, name);
        let wanted: Vec<_> = value
            .iter()
            .map(|value| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(
            got,
            wanted,
            "the app is told something else in {name}:\n{}",
            request.text()
        );
    }
}

fn send(gateway: &Gateway, cookie: &str, path: &str, lies: &[(&str, &str)]) -> u16 {
    let request = gateway.request("GET", path).cookie(cookie);
    lies.iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .send()
        .status
}

/// A header, and its one value or none.
type Told = (&'static str, Option<&'static str>);

const LIES: [&str; 14] = [
    "X-User-Id",
    "x-user-id",
    "X_User_Id",
    "X.User.Id",
    "x.user_id",
    "X-USER-ID",
    "X-User-Name",
    "X_USER_NAME",
    "X-User-Roles",
    "x_user.roles",
    "Remote-User",
    "Remote_User",
    "X-Forwarded-User",
    "X_Forwarded_Groups",
];

#[test]
fn presets_speak_the_apps_language() {
    let people = [User::alice().with("email: alice@example.com"), User::bob()];
    let cases: [(&str, &[Told], &[Told]); 4] = [
        (
            "default",
            &[
                ("X-User-Id", Some("1001")),
                ("X-User-Name", Some("Alice Example")),
                ("X-User-Roles", Some("admin")),
            ],
            &[
                ("X-User-Id", Some("1002")),
                ("X-User-Name", Some("Bob Builder")),
                ("X-User-Roles", None),
            ],
        ),
        (
            "oauth2-proxy",
            &[
                ("X-Forwarded-User", Some("1001")),
                ("X-Forwarded-Preferred-Username", Some("alice")),
                ("X-Forwarded-Email", Some("alice@example.com")),
                ("X-Forwarded-Groups", Some("admin")),
                ("X-User-Id", None),
            ],
            &[
                ("X-Forwarded-User", Some("1002")),
                ("X-Forwarded-Email", None),
                ("X-Forwarded-Groups", None),
            ],
        ),
        (
            "authelia",
            &[
                ("Remote-User", Some("alice")),
                ("Remote-Name", Some("Alice Example")),
                ("Remote-Email", Some("alice@example.com")),
                ("Remote-Groups", Some("admin")),
                ("X-User-Id", None),
            ],
            &[
                ("Remote-User", Some("bob")),
                ("Remote-Email", None),
                ("Remote-Groups", None),
            ],
        ),
        (
            "none",
            &[
                ("X-User-Id", None),
                ("Remote-User", None),
                ("X-Forwarded-User", None),
            ],
            &[("X-User-Id", None)],
        ),
    ];
    for (preset, alices, bobs) in cases {
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .users(&people)
            .yaml(&format!("identity_headers: {{ preset: {preset} }}"))
            .start();
        let lies: Vec<_> = LIES.iter().map(|name| (*name, "evil")).collect();
        assert_eq!(
            send(&gateway, &gateway.alice(), "/", &lies),
            200,
            "{preset}"
        );
        assert_told(&app.last(), alices);
        assert_eq!(send(&gateway, &gateway.bob(), "/", &lies), 200, "{preset}");
        assert_told(&app.last(), bobs);
        assert!(
            !app.last().text().contains("evil"),
            "a lie got through with {preset}:\n{}",
            app.last().text()
        );
    }
}

#[test]
fn custom_headers_carry_any_field() {
    let (gateway, app) = world_with(
        "identity_headers: { preset: none, set: { X-Id: id, X-Login: username, X-Name: name, X-Mail: email, X-Groups: roles, X-Session: session } }",
    );
    let cookie = gateway.alice();
    let sid = crate::support::token::parts(crate::support::token::of(&cookie)).1["sid"].clone();
    let lies = [
        ("x_id", "evil"),
        ("X.Login", "evil"),
        ("X-MAIL", "evil"),
        ("X-Session", "evil"),
        ("X-User-Id", "evil"),
    ];
    assert_eq!(send(&gateway, &cookie, "/", &lies), 200);
    assert_told(
        &app.last(),
        &[
            ("X-Id", Some("1001")),
            ("X-Login", Some("alice")),
            ("X-Name", Some("Alice Example")),
            ("X-Mail", None),
            ("X-Groups", Some("admin")),
            ("X-Session", sid.as_str()),
            ("X-User-Id", None),
        ],
    );
}

#[test]
fn a_bad_session_on_a_public_path_is_nobody() {
    let (gateway, app) = world_with("rules: [{ path: /public/**, access: public }]");
    let cookie = gateway.alice();
    gateway.logout(&cookie);
    let bad = [
        "",
        &cookie,
        "__Host-doorward=x",
        "__Host-doorward=a; __Host-doorward=b",
    ];
    for cookie in bad {
        assert_eq!(
            send(&gateway, cookie, "/public/", &[("X-User-Id", "evil")]),
            200,
            "{cookie:?} closes a public path"
        );
        assert_told(&app.last(), &[("X-User-Id", None), ("X-User-Name", None)]);
        assert!(
            !app.last().text().contains("doorward="),
            "our cookie reached the app"
        );
    }
}

#[test]
fn names_beyond_ascii_are_percent_encoded() {
    let app = Upstream::start();
    let people = [
        User::new("1", "zoe", "Zoë Ångström 100%", "pw-of-zoe"),
        User::new("2", "li", "李雷", "pw-of-li"),
        User::new("3", "plain", "50% off", "pw-of-plain"),
    ];
    let gateway = Builder::new(&app).users(&people).start();
    for (name, password, told) in [
        ("zoe", "pw-of-zoe", "Zo%C3%AB %C3%85ngstr%C3%B6m 100%25"),
        ("li", "pw-of-li", "%E6%9D%8E%E9%9B%B7"),
    ] {
        let cookie = gateway.login(name, password);
        assert_eq!(send(&gateway, &cookie, "/", &[]), 200);
        // A space may stay or be encoded; decoding gives the name in either case.
        let got = folded(&app.last(), "X-User-Name")
            .remove(0)
            .1
            .replace("%20", " ");
        assert_eq!(got, told, "an app could not decode the name");
    }
    let cookie = gateway.login("plain", "pw-of-plain");
    assert_eq!(send(&gateway, &cookie, "/", &[]), 200);
    assert_told(&app.last(), &[("X-User-Name", Some("50%25 off"))]);
}

#[test]
fn our_cookies_stay_here_and_others_pass_byte_for_byte() {
    let (gateway, app) = world();
    let ours = gateway.alice();
    let refresh = "__Host-doorward-refresh=r";
    let csrf = "__Host-doorward-csrf=c";
    for (sent, seen) in [
        (format!("a=1; {ours}; b=2"), &b"a=1; b=2"[..]),
        (format!("{ours}; a=1"), b"a=1"),
        (format!("a=1; {ours}"), b"a=1"),
        (
            format!("{ours}; {refresh}; {csrf}; a=\"q r\"; b=x=y=z; flag"),
            b"a=\"q r\"; b=x=y=z; flag",
        ),
        (
            format!("A=1; a=2; {ours}; xx__Host-doorward=3"),
            b"A=1; a=2; xx__Host-doorward=3",
        ),
        (
            format!("{ours}; doorward=app; __Host-doorward2=x"),
            b"doorward=app; __Host-doorward2=x",
        ),
    ] {
        assert_eq!(send(&gateway, &sent, "/", &[]), 200, "{sent}");
        let got = app.last();
        assert_eq!(
            String::from_utf8_lossy(&got.cookies()),
            String::from_utf8_lossy(seen),
            "the app's cookies changed, or ours reached it"
        );
    }
    let mut bytes = b"x=\xff\xc3\xa9; ".to_vec();
    bytes.extend(ours.bytes());
    bytes.extend(b"; y=\x80");
    let response = gateway.request("GET", "/").header("Cookie", &bytes).send();
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        app.last().cookies(),
        b"x=\xff\xc3\xa9; y=\x80",
        "bytes above 127 changed"
    );
}

#[test]
fn without_other_cookies_there_is_no_cookie_header() {
    let (gateway, app) = world();
    assert_eq!(send(&gateway, &gateway.alice(), "/", &[]), 200);
    assert!(
        app.last().raw("cookie").is_empty(),
        "an empty Cookie field:\n{}",
        app.last().text()
    );
}

#[test]
fn several_cookie_fields_are_all_cleaned() {
    let (gateway, app) = world();
    let ours = gateway.alice();
    let response = gateway
        .request("GET", "/")
        .header("Cookie", "a=1")
        .header("cookie", format!("{ours}; b=2"))
        .header("COOKIE", "__Host-doorward-refresh=r")
        .header("Cookie", "c=3")
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(
        app.last().cookies(),
        b"a=1; b=2; c=3",
        "{}",
        app.last().text()
    );
}

#[test]
fn a_nominated_cookie_header_hides_no_session() {
    let (gateway, app) = world();
    let ours = gateway.alice();
    let response = gateway
        .request("GET", "/")
        .cookie(&format!("{ours}; a=1"))
        .header("Connection", "Cookie")
        .send();
    assert_eq!(response.status, 200, "{response}");
    assert!(
        !app.last().text().contains("doorward="),
        "our cookie reached the app"
    );
    assert_told(&app.last(), &[("X-User-Id", Some("1001"))]);
}

#[test]
fn the_app_cannot_set_our_cookies() {
    let (gateway, _app) = world();
    let cookie = gateway.alice();
    let response = gateway.get("/set-cookie", &cookie);
    assert_eq!(
        response.all("set-cookie"),
        ["app=1; Path=/"],
        "the app chooses who is signed in: {response}"
    );
    gateway.wait_for_log(&["WARN", "cookies", "dropped"]);
    assert!(
        !gateway.log().contains("evil"),
        "a cookie value is in the log"
    );
}

#[test]
fn the_rest_of_the_request_is_the_clients() {
    let (gateway, app) = world();
    let cookie = gateway.alice();
    let body = "{\"a\": 1}";
    let response = gateway
        .request("PUT", "/a%20b/%C3%A9?q=%2F&q=2&&=")
        .own_origin()
        .cookie(&cookie)
        .header("Content-Type", "application/json")
        .header("X-Odd", b"\xe9 value")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("User-Agent", "kube-probe/1.0")
        .body(body)
        .send();
    assert_eq!(response.status, 200, "{response}");
    let seen = app.last();
    assert_eq!(
        seen.line(),
        "PUT /a%20b/%C3%A9?q=%2F&q=2&&= HTTP/1.1",
        "the target changed"
    );
    assert_eq!(seen.body, body.as_bytes(), "the body changed");
    assert_eq!(seen.raw("x-odd"), [b"\xe9 value"], "a field value changed");
    assert_eq!(
        seen.all("x-twice"),
        ["1", "2"],
        "duplicates were merged or lost"
    );
    assert_eq!(
        seen.all("host"),
        [format!("127.0.0.1:{}", gateway.port())],
        "Host changed"
    );
}
