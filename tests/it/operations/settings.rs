//! Keys of the file that no promise of their own covers: each one acts.

use crate::support::{
    Builder, Gateway, TempDir, Upstream, assert_problem, token, until, world_with,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

#[test]
fn the_login_page_has_the_operators_title_and_logo() {
    let app = Upstream::start();
    let builder = Builder::new(&app).yaml("pages: { title: \"Fish & Chips\", logo: our.png }");
    builder.dir().write("our.png", PNG);
    let gateway = builder.start();
    let page = gateway.get("/login", "").text();
    assert!(page.contains("Fish &#38; Chips") || page.contains("Fish &amp; Chips"));
    assert!(page.contains("data:image/png;base64,iVBORw0KGgo"), "{page}");
}

#[test]
fn a_store_in_memory_forgets_and_says_so() {
    let app = Upstream::start();
    let mut gateway = Builder::new(&app)
        .yaml("session: { store: memory }")
        .start();
    let ended = gateway.alice();
    gateway.logout(&ended);
    assert_eq!(gateway.get("/", &ended).status, 401, "not even at once");
    gateway.restart();
    assert_eq!(gateway.get("/", &ended).status, 200, "it was on disk");
    let stored: Vec<_> = std::fs::read_dir(gateway.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().ends_with(".redb"))
        .collect();
    assert!(stored.is_empty(), "{stored:?}");
}

#[test]
fn tokens_carry_the_configured_issuer_and_audience() {
    let (mut gateway, _app) = world_with("signing: { issuer: us, audience: them }");
    let cookie = gateway.alice();
    let claims = token::parts(token::of(&cookie)).1;
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&"us".into(), &"them".into())
    );
    assert_eq!(gateway.get("/", &cookie).status, 200);
    for other in [
        "{ issuer: us, audience: other }",
        "{ issuer: other, audience: them }",
    ] {
        gateway.rewrite(&format!("signing: {other}"));
        gateway.reload();
        let answer = gateway.get("/", &cookie);
        assert_problem(&answer, 401, "session_invalid", other);
    }
}

#[test]
fn preflights_say_what_the_file_says() {
    let (gateway, _app) = world_with(
        "cors: { allowed_origins: [https://app.example.com], allowed_methods: [GET, PURGE], allowed_headers: [x-one, x-two], max_age: 90s }",
    );
    let answer = gateway
        .request("OPTIONS", "/")
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "PURGE")
        .send();
    assert_eq!(answer.status, 204, "{answer}");
    let methods = "access-control-allow-methods";
    assert!(answer.lists(methods, "GET") && answer.lists(methods, "PURGE"));
    assert!(!answer.lists(methods, "DELETE"), "{answer}");
    let headers = "access-control-allow-headers";
    assert!(answer.lists(headers, "x-one") && answer.lists(headers, "x-two"));
    assert!(!answer.lists(headers, "content-type"), "{answer}");
    assert_eq!(
        answer.header("access-control-max-age").as_deref(),
        Some("90")
    );
}

#[test]
fn every_path_of_ours_may_be_elsewhere() {
    let (gateway, app) = world_with(
        "paths: { revoke: /gate/revoke, jwks: /gate/keys }\nsigning: { algorithm: ES256 }",
    );
    let keys = gateway.get("/gate/keys", "");
    assert_eq!(keys.json()["keys"][0]["kty"], "EC", "{keys}");
    let cookie = gateway.alice();
    let revoke = |path: &str| {
        gateway
            .request("POST", path)
            .own_origin()
            .cookie(&cookie)
            .form(&format!("token={}", token::of(&cookie)))
            .send()
    };
    assert_eq!(app.count(), 0, "the app was asked");
    for path in ["/revoke", "/.well-known/jwks.json"] {
        assert_eq!(revoke(path).status, 200, "{path} is the app's then");
    }
    assert_eq!(app.count(), 2, "the app was not asked");
    assert_eq!(revoke("/gate/revoke").status, 200);
    assert_eq!(gateway.get("/", &cookie).status, 401, "not revoked");
    assert_eq!(app.count(), 2);
}

#[test]
fn the_level_decides_what_is_logged() {
    for (level, access, warning) in [
        ("info", true, true),
        ("warn", false, true),
        ("off", false, false),
    ] {
        // The insecure switch warns at the start.
        let (gateway, _app) = world_with(&format!(
            "log: {{ level: {level} }}\ninsecure: {{ cookies_over_http: true }}"
        ));
        gateway.get("/asked", "");
        gateway.get("/asked-again", "");
        if access {
            gateway.wait_for_log(&["/asked-again"]);
        }
        let log = gateway.log();
        assert_eq!(log.contains("/asked"), access, "{level}:\n{log}");
        assert_eq!(
            log.contains("cookies_over_http"),
            warning,
            "{level}:\n{log}"
        );
    }
}

/// Threads of a process by their name.
fn threads(gateway: &Gateway, name: &str) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.trim() == name)
        .count()
}

#[test]
fn proxy_workers_are_as_many_as_asked_for() {
    for workers in [1, 3] {
        let (gateway, _app) = world_with(&format!("threads: {workers}"));
        // They start one after the other, and the operators' listener beside them.
        until("the workers", || threads(&gateway, "proxy") >= workers);
        assert_eq!(threads(&gateway, "proxy"), workers);
    }
}

#[test]
fn what_stands_in_no_folder_is_made_private() {
    let dir = TempDir::new();
    let deep = dir.join("made/by/us");
    let (gateway, _app) = world_with(&format!("data_dir: {deep:?}"));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&deep).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others can read the keys");
    assert_eq!(gateway.get("/", &gateway.alice()).status, 200);
}
