//! What is shipped is true: every file in `config/` and `examples/`.

use std::path::Path;
use std::process::Command;

use crate::operations::cli::{assert_code, said};
use crate::support::curl::{certificate, curl};
use crate::support::process::{run, run_for};
use crate::support::temp::free_port;
use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::{Process, Request, Response, TempDir, Upstream, doorward, optional};
use crate::support::{until, users};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A gateway that runs a file as it is shipped; only where it listens is changed.
pub struct Shipped {
    _process: Process,
    pub port: u16,
    pub dir: TempDir,
}

impl Shipped {
    pub fn start(config: &Path, upstream: Option<&str>, dir: TempDir) -> Self {
        let mut command = doorward();
        command.args(["run", "--config"]).arg(config);
        Self::run(command, upstream, dir)
    }

    /// The same of a command that has its settings.
    pub fn run(mut command: Command, upstream: Option<&str>, dir: TempDir) -> Self {
        let (port, admin) = (free_port(), free_port());
        command
            .env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"))
            .env("DOORWARD_ADMIN_LISTEN", format!("127.0.0.1:{admin}"))
            .env("DOORWARD_DATA_DIR", dir.join("data"));
        if let Some(url) = upstream {
            command.env("DOORWARD_UPSTREAM", url);
        }
        let mut process = Process::spawn(command);
        until("the gateway to be ready", || {
            let ended = process.ended();
            assert!(ended.is_none(), "{ended:?}: {}", process.output());
            let ready = Request::new(admin, "GET", "/readyz").try_send();
            ready.is_ok_and(|answer| answer.status == 200)
        });
        Self {
            _process: process,
            port,
            dir,
        }
    }

    pub fn login(&self, user: &str, password: &str) -> String {
        let form = format!("username={user}&password={}", password.replace(' ', "+"));
        let answer = self.request("POST", "/login").own_origin().form(&form);
        let answer = answer.send();
        let cookie = answer.cookie("__Host-doorward");
        let cookie = cookie.unwrap_or_else(|| panic!("{user} cannot log in: {answer}"));
        format!("__Host-doorward={}", cookie.value)
    }

    fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.port, method, target)
    }

    pub fn get(&self, target: &str, cookie: &str) -> Response {
        self.request("GET", target).cookie(cookie).send()
    }
}

#[test]
fn the_small_and_the_annotated_configuration_run() {
    for name in ["minimal.yaml", "doorward.yaml"] {
        let app = Upstream::start();
        let config = root().join("config").join(name);
        let gateway = Shipped::start(&config, Some(app.url()), TempDir::new());
        assert_eq!(gateway.get("/", "").status, 401, "{name}");
        let cookie = gateway.login("alice", "change-me");
        assert_eq!(gateway.get("/", &cookie).status, 200, "{name}");
        assert_eq!(app.last().all("x-user-name"), ["Alice Example"], "{name}");
    }
}

#[test]
fn the_production_configuration_runs() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let dir = TempDir::new();
    let shipped = std::fs::read(root().join("config/production.yaml")).unwrap();
    let config = dir.write("production.yaml", shipped);
    for folder in ["certs", "secrets"] {
        std::fs::create_dir(dir.join(folder)).unwrap();
    }
    let ours = certificate(&dir, "tls");
    std::fs::rename(&ours.key, dir.join("certs/tls.key")).unwrap();
    std::fs::copy(&ours.cert, dir.join("certs/tls.crt")).unwrap();
    // The command of the file's own comment.
    let key = run(
        Command::new("openssl")
            .args(["genpkey", "-algorithm", "ed25519", "-out"])
            .arg(dir.join("secrets/signing.pem")),
        "",
    );
    assert!(key.status.success(), "{}", said(&key));
    let people = users::section(&[User::alice(), User::bob()]);
    dir.write("users.yml", people);
    let redirect = free_port();
    let app = Upstream::start();
    // Through a wrapper, since one more place to listen on has to be changed.
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("0.0.0.0:8080 ", &format!("127.0.0.1:{redirect} "));
    std::fs::write(&config, text).unwrap();
    let gateway = Shipped::start(&config, Some(app.url()), dir);
    let ca = ours.cert.display().to_string();
    let resolve = format!("app.example.com:{}:127.0.0.1", gateway.port);
    let url = |path: &str| format!("https://app.example.com:{}{path}", gateway.port);
    let ask = |path: &str, more: &[&str]| {
        let url = url(path);
        // The test's certificate is of localhost; that the name is verified is curl's matter.
        let mut all = vec!["--insecure", "--cacert", &ca, "--resolve", &resolve];
        all.extend(["-H", "Host: app.example.com"]);
        all.extend(more);
        all.push(&url);
        curl(&all).unwrap()
    };
    let form = format!("username=alice&password={ALICE_PASSWORD}");
    let origin = "Origin: https://app.example.com";
    let login = ask("/login", &["-H", origin, "-d", &form]);
    let cookie = login.cookie("__Host-doorward").expect("no cookie");
    let cookie = format!("Cookie: __Host-doorward={}", cookie.value);
    for (path, with, status) in [
        ("/assets/x", false, 200),
        ("/health", false, 200),
        ("/x", false, 401),
        ("/x", true, 200),
        ("/admin/x", true, 200),
        ("/internal/x", true, 403),
    ] {
        let more: &[&str] = if with { &["-H", &cookie] } else { &[] };
        assert_eq!(ask(path, more).status, status, "{path}");
    }
    let keys = ask("/.well-known/jwks.json", &[]);
    assert_eq!(keys.json()["keys"][0]["alg"], "EdDSA", "{keys}");
    let plain = Request::new(redirect, "GET", "/a?b").send();
    assert_eq!(plain.status, 308, "{plain}");
    let to = plain.header("location");
    assert_eq!(to.as_deref(), Some("https://app.example.com/a?b"));
    assert!(gateway.dir.join("data").exists());
}

/// The example's app, built as `compose.yaml` builds it.
fn example_app(dir: &TempDir) -> (Process, String) {
    let program = dir.join("upstream");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let built = run_for(
        Command::new(rustc)
            .args(["--edition", "2024", "-o"])
            .arg(&program)
            .arg(root().join("examples/upstream.rs")),
        "",
        std::time::Duration::from_secs(120),
    );
    assert!(built.status.success(), "{}", said(&built));
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0");
    let process = Process::spawn(command);
    let url = crate::support::until_some("the example's app to listen", || {
        let output = process.output();
        let at = output.find("http://")?;
        output[at..].lines().next().map(str::to_owned)
    });
    (process, url)
}

#[test]
fn the_example_greets_by_name() {
    let dir = TempDir::new();
    let (_app, url) = example_app(&dir);
    let config = root().join("examples/doorward.yaml");
    let gateway = Shipped::start(&config, Some(&url), dir);
    let page = gateway.get("/login", "");
    assert!(page.text().contains("Sign in to the example"), "{page}");
    let public = gateway.get("/public/x", "");
    assert!(public.text().contains("Hello, stranger!"), "{public}");
    assert_eq!(gateway.get("/", "").status, 401);
    let (alice, bob) = (
        gateway.login("alice", "open sesame"),
        gateway.login("bob", "open sesame"),
    );
    let hello = gateway.get("/", &alice).text();
    assert!(
        hello.contains("Hello, Alice Example!") && hello.contains("roles are: admin"),
        "{hello}"
    );
    assert!(
        gateway
            .get("/", &bob)
            .text()
            .contains("Hello, Bob Example!")
    );
    assert_eq!(gateway.get("/admin/x", &alice).status, 200);
    assert_eq!(gateway.get("/admin/x", &bob).status, 403);
}

/// `name: value` of the compose file's environment, those in comments too.
fn compose_environment() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("examples/compose.yaml")).unwrap();
    text.lines()
        .map(|line| line.trim().trim_start_matches("# "))
        .filter(|line| line.starts_with("DOORWARD_"))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_compose_file_sets_what_exists_and_mounts_what_is_there() {
    let dir = TempDir::new();
    let key = dir.write("signing_key", crate::support::token::KEY);
    let mut command = doorward();
    command.args(["check", "--config"]);
    command.arg(root().join("examples/doorward.yaml"));
    let environment = compose_environment();
    assert!(environment.len() >= 3, "{environment:?}");
    for (name, value) in environment {
        let secret = name.ends_with("_FILE");
        command.env(
            name,
            if secret {
                key.display().to_string()
            } else {
                value
            },
        );
    }
    let output = run(&mut command, "");
    assert_code(&output, 0, "compose.yaml");
    assert!(!said(&output).contains("DOORWARD_"), "{}", said(&output));
    let text = std::fs::read_to_string(root().join("examples/compose.yaml")).unwrap();
    let mounted = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next());
    let mounted: Vec<&str> = mounted.collect();
    assert!(mounted.len() >= 3, "{mounted:?}");
    for file in mounted {
        assert!(root().join("examples").join(file).exists(), "{file}");
    }
}
