//! `examples/replicas`: what the compose file starts, started here without containers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use crate::support::redis::RedisServer;
use crate::support::temp::free_port;
use crate::support::{Jar, Process, Request, TempDir, Upstream, doorward, optional, until};

const PASSWORD: &str = "a-password-of-this-test";

fn example(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("examples/replicas").join(file)
}

fn compose() -> Value {
    let text = std::fs::read_to_string(example("compose.yaml")).unwrap();
    let mut compose: Value = serde_yaml::from_str(&text).unwrap();
    compose.apply_merge().unwrap();
    compose
}

/// The environment of a service, with what the network of containers would give.
fn environment(service: &Value, redis: &RedisServer, app: &Upstream) -> BTreeMap<String, String> {
    let here = [
        (
            "${SIGNING_KEY:?write it to .env}",
            crate::support::token::KEY.to_owned(),
        ),
        ("${REDIS_PASSWORD:?write it to .env}", PASSWORD.to_owned()),
        ("@redis:6379", format!("@127.0.0.1:{}", redis.port)),
        ("http://app:3000", app.url().to_owned()),
        ("172.28.9.0/24", "127.0.0.1/32".to_owned()),
    ];
    let entries = service["environment"].as_mapping().expect("an environment");
    entries
        .iter()
        .map(|(name, value)| {
            let mut value = value.as_str().unwrap().to_owned();
            for (there, here) in &here {
                value = value.replace(there, here);
            }
            assert!(!value.contains("${"), "{name:?} is not filled in: {value}");
            (name.as_str().unwrap().to_owned(), value)
        })
        .collect()
}

struct Replica {
    port: u16,
    admin: u16,
    process: Process,
    _dir: TempDir,
}

fn replica(service: &Value, redis: &RedisServer, app: &Upstream) -> Replica {
    let dir = TempDir::new();
    let (port, admin) = (free_port(), free_port());
    let mut command = doorward();
    command.args(["run", "--config"]);
    command.arg(example("../doorward.yaml"));
    command.envs(environment(service, redis, app));
    command.env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"));
    command.env("DOORWARD_ADMIN_LISTEN", format!("127.0.0.1:{admin}"));
    command.env("DOORWARD_DATA_DIR", dir.join("data"));
    let mut process = Process::spawn(command);
    until("a replica to be ready", || {
        if let Some(status) = process.ended() {
            panic!("it ended with {status}:\n{}", process.output());
        }
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    Replica {
        port,
        admin,
        process,
        _dir: dir,
    }
}

/// The balancer with its own configuration.
fn balancer(dir: &TempDir, replicas: [&Replica; 2]) -> (Process, u16) {
    let port = free_port();
    let folder = dir.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .collect();
    let conf = std::fs::read_to_string(example("balancer.conf")).unwrap();
    let conf = conf
        .replace(
            "doorward-1:8080",
            &format!("127.0.0.1:{}", replicas[0].port),
        )
        .replace(
            "doorward-2:8080",
            &format!("127.0.0.1:{}", replicas[1].port),
        )
        .replace("listen 8080;", &format!("listen 127.0.0.1:{port};"))
        .replace("http {", &format!("http {{ access_log off;\n{temporary}"));
    let conf = dir.write("nginx.conf", conf);
    let mut command = Command::new("nginx");
    command.arg("-p").arg(dir.path()).arg("-c").arg(conf);
    command.args([
        "-g",
        &format!("daemon off; master_process off; pid {folder}/pid; error_log stderr;"),
    ]);
    // One process: a worker would outlive a master that is killed.
    let process = Process::spawn(command);
    until("the balancer to listen", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (process, port)
}

fn served(replica: &Replica) -> f64 {
    let text = Request::new(replica.admin, "GET", "/metrics").send().text();
    let line = text
        .lines()
        .find(|line| line.starts_with("doorward_requests_total{verdict=\"forwarded\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or_default()
}

#[test]
fn two_replicas_behind_a_balancer_are_one_gateway() {
    if !optional::has_nginx() {
        return;
    }
    let Some(redis) = RedisServer::with_password(PASSWORD) else {
        return;
    };
    let app = Upstream::start();
    let compose = compose();
    let services = &compose["services"];
    let one = replica(&services["doorward-1"], &redis, &app);
    let mut two = replica(&services["doorward-2"], &redis, &app);
    let dir = TempDir::new();
    let (_balancer, port) = balancer(&dir, [&one, &two]);
    let ask = |method: &str, target: &str| Request::new(port, method, target);
    let login = || {
        let answer = ask("POST", "/login")
            .own_origin()
            .form("username=alice&password=open+sesame")
            .send();
        assert_eq!(answer.status, 303, "{answer}");
        Jar::of(&answer)
    };
    let jar = login();
    for _ in 0..10 {
        let answer = ask("GET", "/").cookie(&jar.cookies()).send();
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(app.last().all("X-User-Id"), ["1001"]);
    }
    assert!(served(&one) > 0.0 && served(&two) > 0.0, "one did it all");
    let out = ask("POST", "/logout").own_origin().cookie(&jar.cookies());
    assert_eq!(out.form("").send().status, 303);
    until("the logout to be known to both", || {
        (0..4).all(|_| ask("GET", "/").cookie(&jar.cookies()).send().status == 401)
    });
    let jar = login();
    two.process.kill();
    for _ in 0..6 {
        let answer = ask("GET", "/").cookie(&jar.cookies()).send();
        assert_eq!(answer.status, 200, "signed out with a replica: {answer}");
    }
    let renewed = ask("POST", "/refresh").own_origin().cookie(&jar.cookies());
    assert_eq!(renewed.send().status, 200);
}

#[test]
fn the_compose_file_mounts_what_is_there() {
    let compose = compose();
    let services = compose["services"].as_mapping().unwrap();
    let mut seen = 0;
    for service in services.values() {
        let volumes = service["volumes"].as_sequence();
        for volume in volumes.into_iter().flatten() {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            if from.starts_with('.') {
                assert!(example(from).exists(), "{from}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}
