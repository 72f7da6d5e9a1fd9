//! `doorward doctor` looks at what runs: who answers where, clocks, Redis.

use std::net::TcpListener;
use std::process::Command;

use crate::operations::cli::{assert_code, said, written};
use crate::operations::doctor::{assert_found, doctor, has_openssl, ids, issue, well};
use crate::support::namespace::{OWN, is_inside};
use crate::support::process::run;
use crate::support::temp::free_port;
use crate::support::{
    Builder, Gateway, Process, RedisServer, TempDir, Upstream, optional, token, until,
};

#[test]
fn another_program_in_its_place_is_found() {
    if !is_inside(another_program_in_its_place_is_found) {
        return;
    }
    let app = Upstream::start();
    let address = app.url().strip_prefix("http://").unwrap();
    let gateway = written(&format!("listen: [\"{address}\"]\n"));
    assert_found(&gateway, "problem", "network.not_ours");
    let gateway = written(&format!("public_url: {}\n", app.url()));
    assert_found(&gateway, "problem", "network.public_other");
    assert_found(&gateway, "unavailable", "network.upstream_silent");
}

#[test]
fn an_app_that_answers_around_the_gateway_is_found() {
    if !is_inside(an_app_that_answers_around_the_gateway_is_found) {
        return;
    }
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = Builder::before(&format!("http://127.0.0.1:{port}")).write();
    assert_found(&open, "problem", "network.upstream_open");
    let (findings, _) = doctor(&open);
    let found = findings.iter().find(|f| f["id"] == "network.upstream_open");
    let what = found.unwrap()["what"].as_str().unwrap();
    assert!(what.contains(&format!("{OWN}:{port}")), "{what}");
    let named = Builder::before(&format!("http://{OWN}:{port}")).write();
    assert_found(&named, "problem", "network.upstream_open");
    drop(listener);
    let app = Upstream::start();
    let (findings, _) = doctor(&Builder::new(&app).write());
    assert!(
        !ids(&findings).contains(&"network.upstream_open".to_owned()),
        "an app on the loopback alone is called open: {findings:#?}"
    );
}

#[test]
fn operators_pages_that_others_reach_and_a_public_url_without_tls_are_found() {
    if !is_inside(operators_pages_that_others_reach_and_a_public_url_without_tls_are_found) {
        return;
    }
    let app = Upstream::start();
    let builder = Builder::new(&app);
    let (port, admin) = (builder.port, builder.admin);
    let gateway = builder
        .yaml(&format!("admin: {{ listen: \"0.0.0.0:{admin}\" }}\n"))
        .yaml(&format!("listen: [\"0.0.0.0:{port}\"]\n"))
        .yaml(&format!("public_url: http://{OWN}:{port}\n"))
        .yaml("limits: { connections: 1000000 }\n")
        .start();
    let (findings, _) = doctor(&gateway);
    let ids = ids(&findings);
    for id in [
        "network.admin_open",
        "cookies.secure_over_http",
        "network.open_files",
    ] {
        assert!(ids.contains(&id.to_owned()), "{id} is not in {ids:?}");
    }
    for id in [
        "network.silent",
        "network.public_silent",
        "network.not_ours",
    ] {
        assert!(!ids.contains(&id.to_owned()), "{id} is wrongly in {ids:?}");
    }
}

#[test]
fn clocks_that_disagree_are_found() {
    if !is_inside(clocks_that_disagree_are_found) {
        return;
    }
    if !has_openssl() || !optional::has("faketime") {
        return;
    }
    let app = Upstream::start();
    let gateway = well(&app).start();
    let mut command = Command::new("faketime");
    command.args(["-f", "+30s", crate::support::gateway::PROGRAM]);
    command
        .args(["doctor", "--json", "--config"])
        .arg(&gateway.config);
    command.env("SSL_CERT_FILE", gateway.dir().join("ca.crt"));
    let output = run(&mut command, "");
    assert_code(&output, 78, "a clock that is ahead");
    assert!(said(&output).contains("clock.skew"), "{}", said(&output));
}

#[test]
fn a_redis_that_forgets_is_found() {
    if !is_inside(a_redis_that_forgets_is_found) {
        return;
    }
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let builder = redis
        .gateway(&app, "")
        .yaml("limits: { connections: 100 }\n");
    let gateway = builder.start();
    assert_found(&gateway, "problem", "store.not_durable");
    let _: String = redis.ask(&["CONFIG", "SET", "appendonly", "yes"]);
    let _: String = redis.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert_found(&gateway, "note", "store.fsync");
    let _: String = redis.ask(&["CONFIG", "SET", "appendfsync", "always"]);
    let of_store = |gateway: &Gateway| {
        let all = ids(&doctor(gateway).0);
        let of = all
            .into_iter()
            .filter(|id| id.starts_with("store.") || id == "clock.skew");
        of.collect::<Vec<_>>()
    };
    assert!(of_store(&gateway).is_empty(), "{:?}", of_store(&gateway));
    let _: String = redis.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert_found(&gateway, "problem", "store.eviction");
    redis.kill();
    assert_found(&gateway, "unavailable", "store.silent");
    let far = Builder::new(&app)
        .yaml(&token::signing())
        .yaml(&format!(
            "session: {{ store: {{ redis: {{ url: \"redis://{OWN}:{}\" }} }} }}\n",
            redis.port
        ))
        .write();
    assert_found(&far, "problem", "store.no_password");
    assert_found(&far, "note", "store.plain");
}

/// nginx with TLS on this address before a gateway, with these further lines. Nobody but
/// root is there in a network of its own.
fn proxy(dir: &TempDir, port: u16, gateway: u16, lines: &str) -> Process {
    let path = dir.path().display();
    let text = format!(
        "daemon off; user root; master_process off; pid {path}/nginx.pid; error_log {path}/error.log; events {{}}
http {{ access_log off; client_body_temp_path {path}/a; proxy_temp_path {path}/b;
fastcgi_temp_path {path}/c; uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;
server {{ listen {OWN}:{port} ssl; ssl_certificate {path}/tls.crt; ssl_certificate_key {path}/tls.key;
location / {{ proxy_pass http://127.0.0.1:{gateway}; {lines} }} }} }}\n"
    );
    let file = dir.write("nginx.conf", text);
    let mut command = Command::new("nginx");
    command
        .arg("-c")
        .arg(file)
        .arg("-e")
        .arg(dir.join("error.log"));
    let process = Process::spawn(command);
    until("nginx to listen", || {
        std::net::TcpStream::connect((OWN, port)).is_ok()
    });
    process
}

#[test]
fn a_proxy_that_loses_host_or_scheme_is_found() {
    if !is_inside(a_proxy_that_loses_host_or_scheme_is_found) {
        return;
    }
    if !has_openssl() || !optional::has_nginx() {
        return;
    }
    let app = Upstream::start();
    for (lines, trusted, expected) in [
        ("", true, Some("network.host_lost")),
        (
            "proxy_set_header Host $http_host;",
            true,
            Some("network.proto_lost"),
        ),
        (
            "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;",
            false,
            Some("network.proto_lost"),
        ),
        (
            "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;",
            true,
            None,
        ),
    ] {
        let front = TempDir::new();
        issue(&front, &OWN.to_string(), 60);
        let port = free_port();
        let mut builder = Builder::new(&app)
            .yaml(&format!("public_url: https://{OWN}:{port}\n"))
            .env("SSL_CERT_FILE", &front.join("ca.crt").display().to_string());
        if trusted {
            builder = builder.yaml("trusted_proxies: [127.0.0.1]\n");
        }
        let gateway = builder.start();
        let nginx = proxy(&front, port, gateway.port(), lines);
        let (findings, _) = doctor(&gateway);
        let network: Vec<String> = ids(&findings)
            .into_iter()
            .filter(|id| id.starts_with("network.") && id != "network.open_files")
            .collect();
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(
            network,
            expected,
            "{lines:?}: {findings:#?}\n{}",
            nginx.output()
        );
    }
}
