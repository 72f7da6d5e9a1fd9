//! `doorward explain`: what it says is what a request really gets.

use serde_json::Value;

use crate::operations::cli::{assert_code, said, written};
use crate::support::users::User;
use crate::support::{Builder, Gateway, Request, Upstream};

const RULES: &str = "rules:
  - { path: /public/**, methods: [GET, HEAD], access: public }
  - { path: /open, access: public }
  - { path: /admin/**, access: { roles: [admin] } }
  - { path: /files/**, access: authenticated, ambiguous: [encoded_slash, double_slash, semicolon] }
  - { path: /closed/**, access: deny }
  - { path: /*/edit, methods: [POST, PUT], access: { roles: [editor, admin] } }
cors: { allowed_origins: [https://spa.example.com] }
";

/// Method and target.
const QUESTIONS: [(&str, &str); 62] = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("POST", "/"),
    ("DELETE", "/x"),
    ("OPTIONS", "/x"),
    ("get", "/x"),
    ("PURGE", "/x?a=b"),
    ("GET", "/x?rd=/admin/&b=c%20d"),
    ("GET", "/public"),
    ("GET", "/public/"),
    ("GET", "/public/a/b?c"),
    ("HEAD", "/public/a"),
    ("POST", "/public/a"),
    ("GET", "/Public/a"),
    ("GET", "/%70ublic/a"),
    ("GET", "/publicity"),
    ("GET", "/public/a;v=1"),
    ("GET", "/public;v=1/a"),
    ("GET", "/open"),
    ("PUT", "/open"),
    ("GET", "/open/"),
    ("GET", "/OPEN"),
    ("GET", "/admin"),
    ("GET", "/admin/"),
    ("GET", "/ADMIN/a"),
    ("GET", "/%61dmin/a"),
    ("POST", "/admin/a"),
    ("GET", "/adminx"),
    ("GET", "//admin"),
    ("GET", "/admin%2fa"),
    ("GET", "/admin;x"),
    ("GET", "/files/a%2fb"),
    ("GET", "/files/a//b"),
    ("GET", "/files;v/a"),
    ("GET", "/files//../admin"),
    ("GET", "/files/a%5cb"),
    ("GET", "/files/a%00b"),
    ("GET", "/files/a%zzb"),
    ("GET", "/files/%c0%ae/b"),
    ("GET", "/closed/a"),
    ("POST", "/a/edit"),
    ("post", "/a/edit"),
    ("PUT", "/a/edit"),
    ("GET", "/a/edit"),
    ("POST", "/A/EDIT"),
    ("GET", "/a/edit/"),
    ("GET", "/a/./b"),
    ("GET", "/caf\u{e9}"),
    ("GET", "/caf%C3%A9"),
    ("GET", "/files/a;b/c%3bd"),
    ("GET", "/files%2fa"),
    ("GET", "/files/..;/admin"),
    ("GET", "/login"),
    ("GET", "/LOGIN"),
    ("GET", "/refresh"),
    ("GET", "/logout?x=/admin"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/_doorward/session"),
    ("GET", "/_doorward/nothing"),
    ("PUT", "/login"),
    ("GET", "/_doorward/sessions"),
    ("DELETE", "/_doorward/sessions"),
];

fn explained(gateway: &Gateway, method: &str, url: &str, user: &str) -> Value {
    let mut arguments = vec!["explain", method, url, "--json"];
    if !user.is_empty() {
        arguments.extend(["--user", user]);
    }
    let output = gateway.command(&arguments, "");
    assert_code(&output, 0, &format!("{method} {url}"));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)))
}

/// The request of a browser on its way to a page, or of a script of the same site.
fn request(gateway: &Gateway, method: &str, url: &str, start: &str) -> Request {
    let request = gateway.request(method, url);
    let safe = matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
    let request = match start {
        "page" => request.navigate(if safe { "none" } else { "same-origin" }),
        _ => request
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", "cors"),
    };
    if safe { request } else { request.own_origin() }
}

/// Compares one verdict with what the gateway does.
#[track_caller]
fn assert_so(verdict: &Value, request: Request, app: &Upstream, what: &str) {
    let before = app.requests().len();
    let target = request.clone();
    let answer = request.send();
    let forwarded = app.requests().len() > before;
    let kind = verdict["verdict"].as_str().unwrap();
    assert_eq!(kind == "forward", forwarded, "{what}: {verdict}\n{answer}");
    if forwarded {
        let received = app.last();
        let line = String::from_utf8(target.bytes()).unwrap();
        assert_eq!(line.lines().next().unwrap(), received.line(), "{what}");
        for name in ["X-User-Id", "X-User-Name", "X-User-Roles"] {
            let said = verdict["headers"].get(name).and_then(Value::as_str);
            let sent = received.all(name);
            assert_eq!(said.into_iter().collect::<Vec<_>>(), sent, "{what}: {name}");
        }
        return;
    }
    if kind == "serve" {
        // Ours to answer, and not by a refusal of the gate.
        let refused = answer.is("application/problem+json");
        assert!(
            !refused || answer.code() == "session_required",
            "{what}: {verdict}\n{answer}"
        );
        return;
    }
    assert_eq!(
        verdict["status"].as_u64(),
        Some(answer.status.into()),
        "{what}: {verdict}\n{answer}"
    );
    assert_eq!(
        verdict["location"].as_str().map(str::to_owned),
        answer.header("location"),
        "{what}: {verdict}"
    );
    if answer.is("application/problem+json") && !answer.body.is_empty() {
        assert_eq!(verdict["code"], answer.code().as_str(), "{what}");
    }
}

#[track_caller]
fn assert_all(gateway: &Gateway, app: &Upstream, user: &str, cookie: &str) {
    for (method, url) in QUESTIONS {
        let told = explained(gateway, method, url, user);
        for (cookie, verdicts) in [
            ("", &told["nobody"]["verdicts"]),
            (cookie, &told["user"]["verdicts"]),
        ] {
            for (start, verdict) in verdicts.as_object().unwrap() {
                let request = request(gateway, method, url, start).cookie(cookie);
                let what = format!("{method} {url}, {start} of {user}, {cookie:.20}");
                assert_so(verdict, request, app, &what);
            }
        }
    }
}

#[test]
fn what_explain_says_is_what_a_request_gets() {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml(RULES).start();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    assert_all(&gateway, &app, "alice", &alice);
    assert_all(&gateway, &app, "1002", &bob);
}

#[test]
fn a_disabled_user_is_told_so_and_an_unknown_one_too() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app).yaml(RULES).start();
    let cookie = gateway.bob();
    gateway.rewrite_users(&[User::alice(), User::bob().with("disabled: true")]);
    gateway.reload();
    let told = explained(&gateway, "GET", "/x", "bob");
    assert_eq!(told["user"]["disabled"], true, "{told}");
    let verdict = &told["user"]["verdicts"]["script"];
    assert_eq!(verdict["code"], "session_revoked", "{told}");
    let request = request(&gateway, "GET", "/x", "script").cookie(&cookie);
    assert_so(verdict, request, &app, "a disabled user");
    let told = explained(&gateway, "GET", "/x", "mallory");
    assert_eq!(told["user"]["known"], false, "{told}");
    let text = gateway.command(&["explain", "GET", "/x", "--user", "mallory"], "");
    assert!(said(&text).contains("no such user"), "{}", said(&text));
}

#[test]
fn the_rule_is_named_with_its_place() {
    let gateway = written(RULES);
    let text = std::fs::read_to_string(&gateway.config).unwrap();
    let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
    let told = explained(&gateway, "GET", "/ADMIN/x", "");
    assert_eq!(told["rule"]["index"], 2, "{told}");
    assert_eq!(told["rule"]["yaml"], "rules[2]", "{told}");
    let place = format!("doorward.yaml:{}:", line("/admin/**"));
    let said_place = told["rule"]["place"].as_str().unwrap();
    assert!(said_place.contains(&place), "{said_place} is not {place}");
    assert_eq!(told["rule"]["access"]["roles"][0], "admin", "{told}");
    let default = explained(&gateway, "GET", "/elsewhere", "");
    assert_eq!(default["rule"]["yaml"], "default_access", "{default}");
    let own = explained(&gateway, "GET", "/login", "");
    assert_eq!(own["endpoint"], "login_page", "{own}");
    let dots = explained(&gateway, "GET", "/a/%2e%2e/b", "");
    let found = &dots["path"]["ambiguous"];
    assert_eq!(found["text"], "%2e%2e", "{dots}");
    assert_eq!(found["kind"], "dot_segment", "{dots}");
    let both = explained(&gateway, "GET", "/files/..%2fadmin//x", "");
    assert!(!both["path"]["ambiguous"].is_null(), "{both}");
    let side = explained(&gateway, "GET", "/files/a;/b", "");
    assert!(side["path"]["ambiguous"].is_null(), "{side}");
}

#[test]
fn another_host_is_421_and_a_whole_url_is_taken() {
    let app = Upstream::start();
    let gateway = Builder::new(&app)
        .yaml("public_url: https://app.example.com\nextra_hosts: [inside:8080]\n")
        .start();
    for (host, code) in [
        ("app.example.com", "session_required"),
        ("app.example.com:443", "session_required"),
        ("inside:8080", "session_required"),
        ("app.example.com:8443", "wrong_host"),
        ("evil.example", "wrong_host"),
    ] {
        let told = explained(&gateway, "GET", &format!("https://{host}/x#fragment"), "");
        let verdict = &told["nobody"]["verdicts"]["script"];
        assert_eq!(verdict["code"], code, "{host}: {told}");
        let request = request(&gateway, "GET", "/x", "script").header("Host", host);
        assert_so(verdict, request, &app, host);
    }
}

#[test]
fn what_is_asked_of_unsafe_requests_is_what_they_get() {
    for mode in ["origin", "token", "both", "off"] {
        let app = Upstream::start();
        let gateway = Builder::new(&app)
            .yaml(RULES)
            .yaml(&format!("csrf: {{ mode: {mode} }}\n"))
            .start();
        let login = gateway.try_login("bob", "builder");
        let value = |name: &str| login.cookie(name).map(|cookie| cookie.value);
        let cookie = format!("__Host-doorward={}", value("__Host-doorward").unwrap());
        let token = value("__Host-doorward-csrf").unwrap_or_default();
        let post = explained(&gateway, "POST", "/x", "bob");
        let preflight = explained(&gateway, "OPTIONS", "/x", "bob");
        let of = |told: &Value| told["conditions"].as_array().unwrap().clone();
        assert!(of(&post).len() >= 4, "{mode}: {post}");
        assert_eq!(of(&preflight).len(), 2, "{mode}: {preflight}");
        let conditions = of(&post).into_iter().map(|one| ("POST", one));
        let preflights = of(&preflight).into_iter().map(|one| ("OPTIONS", one));
        for (method, condition) in conditions.chain(preflights) {
            let from = condition["from"].as_str().unwrap();
            let request = gateway.request(method, "/x").cookie(&cookie);
            let request = match method {
                "OPTIONS" => request.header("Access-Control-Request-Method", "POST"),
                _ => request,
            };
            let request = match from.split('_').next().unwrap() {
                "own" => request.own_origin().header("Sec-Fetch-Site", "same-origin"),
                "allowed" => request
                    .header("Origin", "https://spa.example.com")
                    .header("Sec-Fetch-Site", "cross-site"),
                "foreign" => request
                    .header("Origin", "https://elsewhere.example")
                    .header("Sec-Fetch-Site", "cross-site"),
                _ => request,
            };
            let request = match from.ends_with("_with_token") {
                true => request.header("X-CSRF-Token", &token),
                false => request,
            };
            assert_so(
                &condition,
                request,
                &app,
                &format!("{mode}, {method}, {from}"),
            );
        }
    }
}

#[test]
fn explain_needs_no_gateway_and_leaves_nothing_behind() {
    let gateway = written(RULES);
    assert_eq!(
        explained(&gateway, "GET", "/", "alice")["user"]["verdicts"]["script"]["verdict"],
        "forward"
    );
    assert!(!gateway.data_dir().exists(), "a key was made for it");
    for (arguments, code) in [
        (&["explain", "G T", "/"][..], 64),
        (&["explain", "GET", "admin"], 64),
        (&["explain", "GET", "/a b"], 64),
        (&["explain", "GET"], 64),
    ] {
        let output = gateway.command(arguments, "");
        assert_code(&output, code, &format!("{arguments:?}"));
    }
    let broken = written("nonsense: 1\n").command(&["explain", "GET", "/"], "");
    assert_code(&broken, 78, "a broken configuration");
}
