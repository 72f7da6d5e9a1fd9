//! The proxies of `docs/behind-*.md`, started with what these pages show: what goes through proxy,
//! gateway and app carries the client's address, its scheme and the host, whatever the client wrote.

use std::path::Path;
use std::process::Command;

use super::pages::blocks_of;
use super::shipped::Shipped;
use crate::support::curl::{Certificate, certificate, curl};
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::users::{self, ALICE_PASSWORD, User};
use crate::support::{Process, Request, Response, TempDir, Upstream, optional, until};

/// Where the browser believes to be; the proxy has another port here.
const HOST: &str = "app.example.com";
/// The client's address, which is not the proxy's.
const CLIENT: &str = "127.0.0.2";

/// Gateway and app behind a proxy that is yet to be started.
struct Scene {
    app: Upstream,
    gateway: Shipped,
    page: &'static str,
    /// Of the proxy.
    port: u16,
    tls: Certificate,
}

impl Scene {
    /// The gateway runs with the page's own file.
    fn of(page: &'static str) -> Self {
        let dir = TempDir::new();
        let people = users::section(&[User::alice()]);
        dir.write("users.yml", people.trim_start_matches("users:\n"));
        let yaml = blocks_of(page, "yaml").remove(0);
        let config = dir.write("doorward.yaml", yaml);
        let tls = certificate(&dir, "tls");
        let app = Upstream::start();
        let gateway = Shipped::start(&config, Some(app.url()), dir);
        Self {
            app,
            gateway,
            page,
            port: free_port(),
            tls,
        }
    }

    fn dir(&self) -> &TempDir {
        &self.gateway.dir
    }

    /// The proxy's part of the page, with the ports and files of this test; `listen` is how the
    /// page says where the proxy listens.
    fn snippet(&self, info: &str, listen: &str, here: &str) -> String {
        let text = blocks_of(self.page, info).remove(0);
        let text = text.replace(
            "127.0.0.1:8080",
            &format!("127.0.0.1:{}", self.gateway.port),
        );
        assert!(text.contains(listen), "{} has no {listen}", self.page);
        text.replace(listen, here)
    }

    fn start(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Process {
        let mut command = Command::new(program);
        let home = self.dir().path();
        command.args(arguments).env("HOME", home);
        command
            .env("XDG_DATA_HOME", home)
            .env("XDG_CONFIG_HOME", home);
        let mut proxy = Process::spawn(command);
        until("the proxy to answer", || {
            let ended = proxy.ended();
            assert!(ended.is_none(), "{ended:?}: {}", proxy.output());
            self.try_ask("/login", &[])
                .is_ok_and(|answer| answer.status == 200)
        });
        proxy
    }

    fn curl_arguments(&self, path: &str, more: &[&str]) -> Vec<String> {
        let port = self.port;
        let mut all = vec!["--insecure".to_owned(), "--http1.1".into()];
        all.extend(["--interface".into(), CLIENT.into()]);
        all.extend(["--resolve".into(), format!("{HOST}:{port}:127.0.0.1")]);
        all.extend(["-H".into(), format!("Host: {HOST}")]);
        all.extend(more.iter().map(|&one| one.to_owned()));
        all.push(format!("https://{HOST}:{port}{path}"));
        all
    }

    fn try_ask(&self, path: &str, more: &[&str]) -> Result<Response, i32> {
        let all = self.curl_arguments(path, more);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        curl(&all)
    }

    /// Signs in through the proxy, and looks at what the app hears.
    fn assert_told_the_truth(&self) {
        let page = self.page;
        let ask = |path: &str, more: &[&str]| self.try_ask(path, more).unwrap();
        assert_eq!(ask("/x", &[]).status, 401, "{page}");
        let form = format!("username=alice&password={ALICE_PASSWORD}");
        let origin = format!("Origin: https://{HOST}");
        let login = ask("/login", &["-H", &origin, "-d", &form]);
        let cookie = login.cookie("__Host-doorward");
        let cookie = cookie.unwrap_or_else(|| panic!("{page}: nobody gets in: {login}"));
        let cookie = format!("Cookie: __Host-doorward={}", cookie.value);
        let forged = [
            "-H",
            "X-Forwarded-For: 192.0.2.66",
            "-H",
            "X-Forwarded-Proto: http",
            "-H",
            "X-Forwarded-Host: evil.example",
        ];
        for more in [&[][..], &forged] {
            let answer = ask("/x", &[&["-H", &cookie], more].concat());
            assert_eq!(answer.status, 200, "{page}: {answer}");
            self.assert_heard(&format!("{CLIENT}, 127.0.0.1"));
        }
        let post = ask("/x", &["-H", &cookie, "-H", &origin, "-d", "changed"]);
        assert_eq!(post.status, 200, "{page}: {post}");
        let socket = [
            ["-H", &cookie],
            ["-H", &origin],
            ["-H", "Connection: Upgrade"],
            ["-H", "Upgrade: websocket"],
            ["-H", "Sec-WebSocket-Version: 13"],
            ["-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
            ["--max-time", "2"],
        ];
        let all = self.curl_arguments("/ws", &socket.concat());
        let all = [vec!["--silent".to_owned(), "--include".into()], all].concat();
        let output = run(Command::new("curl").args(all), "");
        let head = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(head.starts_with("HTTP/1.1 101 "), "{page}: {head}");
    }

    fn assert_heard(&self, chain: &str) {
        let heard = self.app.last();
        for (name, value) in [
            ("x-forwarded-for", chain),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", HOST),
            ("host", HOST),
            ("x-user-name", "Alice Example"),
        ] {
            assert_eq!(heard.all(name), [value], "{}: {name}", self.page);
        }
    }
}

/// A proxy that `.ci/setup test` gets from PyPI.
fn from_pypi(name: &str) -> Option<std::path::PathBuf> {
    let program = optional::target().join("proxies/bin").join(name);
    if program.exists() || optional::skip(&format!("{name} is not installed")) {
        return Some(program);
    }
    None
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn nginx_as_its_page_shows_it() {
    if !optional::has_nginx() || !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let scene = Scene::of("docs/behind-nginx.md");
    let text = scene.snippet(
        "nginx",
        "listen 443 ssl",
        &format!("listen 127.0.0.1:{} ssl", scene.port),
    );
    let text = text
        .replace("/etc/ssl/app.example.com.pem", &shown(&scene.tls.cert))
        .replace("/etc/ssl/app.example.com.key", &shown(&scene.tls.key));
    let folder = shown(scene.dir().path());
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let whole = format!(
        "daemon off;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}{text}}}\n"
    );
    let config = shown(&scene.dir().write("nginx.conf", whole));
    let _proxy = scene.start("nginx", &["-e", "stderr", "-c", &config]);
    scene.assert_told_the_truth();
}

#[test]
fn haproxy_as_its_page_shows_it() {
    if !optional::is_installed("haproxy") || !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let scene = Scene::of("docs/behind-haproxy.md");
    let text = scene.snippet(
        "haproxy",
        "bind :443",
        &format!("bind 127.0.0.1:{}", scene.port),
    );
    let both = [&scene.tls.cert, &scene.tls.key].map(|file| std::fs::read_to_string(file).unwrap());
    let both = scene.dir().write("both.pem", both.concat());
    let text = text.replace("/etc/haproxy/app.example.com.pem", &shown(&both));
    let config = shown(&scene.dir().write("haproxy.cfg", text));
    let _proxy = scene.start("haproxy", &["-db", "-f", &config]);
    scene.assert_told_the_truth();
}

/// Its certificate is of its own authority here, since nobody can prove to own `app.example.com`.
#[test]
fn caddy_as_its_page_shows_it() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let Some(caddy) = from_pypi("caddy") else {
        return;
    };
    let scene = Scene::of("docs/behind-caddy.md");
    let text = scene.snippet("caddyfile", HOST, HOST);
    let whole = format!(
        "{{\nadmin off\nlocal_certs\nskip_install_trust\ndefault_bind 127.0.0.1\nhttps_port {}\nhttp_port {}\n}}\n{text}",
        scene.port,
        free_port()
    );
    let config = shown(&scene.dir().write("Caddyfile", whole));
    let _proxy = scene.start(
        caddy,
        &["run", "--adapter", "caddyfile", "--config", &config],
    );
    scene.assert_told_the_truth();
}

#[test]
fn traefik_as_its_page_shows_it() {
    if !optional::has("curl") || !optional::has("openssl") {
        return;
    }
    let Some(traefik) = from_pypi("traefik") else {
        return;
    };
    let scene = Scene::of("docs/behind-traefik.md");
    let text = scene.snippet("yaml traefik", HOST, HOST);
    let routes = shown(&scene.dir().write("routes.yaml", text));
    let _proxy = scene.start(
        traefik,
        &[
            &format!("--entryPoints.websecure.address=127.0.0.1:{}", scene.port),
            &format!("--providers.file.filename={routes}"),
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
        ],
    );
    scene.assert_told_the_truth();
}

/// A tunnel needs an account. What `cloudflared` sends stands in Cloudflare's documentation, and is
/// sent here in its place.
#[test]
fn a_tunnel_in_cloudflares_words() {
    if !optional::has("openssl") {
        return;
    }
    let scene = Scene::of("docs/behind-cloudflare.md");
    let cookie = {
        let form = format!("username=alice&password={ALICE_PASSWORD}");
        let login = Request::new(scene.gateway.port, "POST", "/login").header("Host", HOST);
        let login = login.header("X-Forwarded-Proto", "https");
        let login = login
            .header("Origin", format!("https://{HOST}"))
            .form(&form);
        let login = login.send();
        login.cookie("__Host-doorward").expect("a session").value
    };
    let request = Request::new(scene.gateway.port, "GET", "/x").header("Host", HOST);
    let request = request.header("X-Forwarded-For", "192.0.2.66, 203.0.113.9");
    let request = request.header("X-Forwarded-Proto", "https");
    let request = request.header("Cf-Connecting-Ip", "203.0.113.9");
    let answer = request.cookie(&format!("__Host-doorward={cookie}")).send();
    assert_eq!(answer.status, 200, "{answer}");
    scene.assert_heard("203.0.113.9, 127.0.0.1");
    assert!(scene.app.last().all("cf-connecting-ip").is_empty());
}
