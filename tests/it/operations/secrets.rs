//! Secrets and overrides: where a value may come from, end to end.

use base64::Engine as _;

use crate::operations::cli::{assert_code, said};
use crate::support::users::{ALICE_PASSWORD, hash};
use crate::support::{Builder, Process, Request, TempDir, Upstream, doorward, token, until};

/// Whether the gateway signs with this key: a token signed by us opens the app.
#[track_caller]
fn assert_signs_with(builder: Builder, key: &[u8], what: &str) {
    let gateway = builder.start();
    let (header, claims) = token::parts(token::of(&gateway.alice()));
    let ours = token::cookie(&token::sign(&header, &claims, key));
    assert_eq!(gateway.get("/", &ours).status, 200, "{what}");
    assert!(
        !gateway.data_dir().join("keys.json").exists(),
        "{what}: a key was generated beside the configured one"
    );
}

#[test]
fn a_key_may_be_a_literal_a_variable_a_file_or_base64() {
    let app = Upstream::start();
    let key = token::KEY;
    let literal = format!("signing: {{ key: {key:?} }}");
    assert_signs_with(Builder::new(&app).yaml(&literal), key.as_bytes(), "literal");

    let variable = Builder::new(&app)
        .yaml("signing: { key: \"env:THE_KEY\" }")
        .env("THE_KEY", key);
    assert_signs_with(variable, key.as_bytes(), "env:");

    // Relative to the folder of the configuration; one newline at the end is dropped.
    let file = Builder::new(&app).yaml("signing: { key: \"file:the.key\" }");
    file.dir().write("the.key", format!("{key}\n"));
    assert_signs_with(file, key.as_bytes(), "file:");
    let file = Builder::new(&app).yaml("signing: { key: \"file:the.key\" }");
    file.dir().write("the.key", format!("{key}\n\n"));
    let two = format!("{key}\n");
    assert_signs_with(file, two.as_bytes(), "only one newline is dropped");

    let bytes: Vec<u8> = (0..40).map(|n| n ^ 0xa5).collect();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let base64 = Builder::new(&app).yaml(&format!("signing: {{ key: \"base64:{encoded}\" }}"));
    assert_signs_with(base64, &bytes, "base64:");

    let missing = Builder::new(&app).yaml("signing: { key: \"env:NOT_SET\" }");
    let output = missing.write().command(&["check"], "");
    assert_code(&output, 78, "a variable that is not set");
    assert!(said(&output).contains("NOT_SET"), "{}", said(&output));
}

#[test]
fn everything_may_come_from_the_environment() {
    let app = Upstream::start();
    let dir = TempDir::new();
    dir.write(
        "people.yml",
        format!(
            "- {{ id: \"1001\", username: alice, password_hash: {:?} }}\n",
            hash(ALICE_PASSWORD)
        ),
    );
    dir.write("upstream", format!("{}\n", app.url()));
    let (port, admin) = (
        crate::support::temp::free_port(),
        crate::support::temp::free_port(),
    );
    let mut command = doorward();
    command
        .arg("run")
        .current_dir(dir.path())
        .env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"))
        .env("DOORWARD_ADMIN_LISTEN", format!("127.0.0.1:{admin}"))
        .env("DOORWARD_UPSTREAM_FILE", "upstream")
        .env("DOORWARD_USERS_FILE", "people.yml")
        .env("DOORWARD_DATA_DIR", "kept-here")
        .env("DOORWARD_COOKIES_SAME_SITE", "lax")
        .env("DOORWARD_IDENTITY_HEADERS_PRESET", "authelia")
        .env("DOORWARD_PATHS_LOGIN", "/enter")
        .env("DOORWARD_PAGES_TITLE", "From the environment")
        .env("DOORWARD_LIMITS_LOGIN_BODY", "1KiB")
        .env("DOORWARD_LOG_FORMAT", "json");
    let gateway = Process::spawn(command);
    until("the gateway to be ready", || {
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    let page = Request::new(port, "GET", "/enter").send();
    assert!(page.text().contains("From the environment"), "{page}");
    let form = |body: &str| {
        Request::new(port, "POST", "/enter")
            .own_origin()
            .form(body)
            .send()
    };
    assert_eq!(form(&"x".repeat(1025)).status, 413, "limits.login_body");
    let login = form(&format!("username=alice&password={ALICE_PASSWORD}"));
    let cookie = login.cookie("__Host-doorward").expect("no cookie");
    assert_eq!(cookie.attribute("SameSite"), Some("Lax"), "{login}");
    let cookie = format!("__Host-doorward={}", cookie.value);
    let answer = Request::new(port, "GET", "/").cookie(&cookie).send();
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(app.last().all("remote-user"), ["alice"]);
    assert!(
        dir.join("kept-here").join("keys.json").exists(),
        "relative to the working directory"
    );
    let log = gateway.output();
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
}

#[test]
fn a_variable_that_means_nothing_is_refused() {
    let gateway = Builder::before("http://127.0.0.1:9")
        .env("DOORWARD_SESION_ACCESS_TTL", "1m")
        .write();
    for command in ["check", "run"] {
        let output = gateway.command(&[command], "");
        assert_code(&output, 78, "it was meant to set something");
        assert!(
            said(&output).contains("DOORWARD_SESSION_ACCESS_TTL"),
            "what was meant? {}",
            said(&output)
        );
    }
}
