//! What watches Doorward: metrics that a real Prometheus scrapes, alerts that fire when they
//! should, a dashboard that shows something.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::support::process::{Process, run};
use crate::support::temp::free_port;
use crate::support::tls::{self, Tls};
use crate::support::users::{ALICE_PASSWORD, BOB_PASSWORD};
use crate::support::{Builder, Gateway, Request, Response, TempDir, Upstream, optional, until};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring")
}

fn promtool(arguments: &[&str], input: &str) {
    let output = run(
        Command::new("promtool")
            .args(arguments)
            .current_dir(folder()),
        input,
    );
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

fn get(gateway: &Gateway, cookie: &str) -> Response {
    let request = gateway.request("GET", "/").cookie(cookie);
    Tls::http1(gateway.port()).unwrap().ask(&request).unwrap()
}

/// A gateway with TLS that has something to show of everything.
fn busy_gateway() -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = Builder::new(&app).tls().start();
    let cookie = tls::login(&gateway, "alice", ALICE_PASSWORD);
    let answer = get(&gateway, &cookie);
    assert_eq!(answer.status, 200, "{answer}");
    gateway.reload();
    (gateway, app)
}

/// The names of our metrics in a text.
fn metrics_in(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("doorward_"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_alerts_fire_when_they_should() {
    if !optional::has("promtool") {
        return;
    }
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts.test.yml"], "");
    let alerts = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let tests = std::fs::read_to_string(folder().join("alerts.test.yml")).unwrap();
    let names = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut seen = 0;
    for name in names {
        seen += 1;
        let fires = tests.contains(&format!("alertname: {name}\n"));
        assert!(fires, "nobody has seen {name} fire");
        let rests = tests.contains(&format!("alertname: {name}, exp_alerts: [] }}"));
        assert!(rests, "nobody has seen {name} rest");
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn prometheus_takes_our_metrics_and_alerts_name_no_others() {
    let (gateway, _app) = busy_gateway();
    let scrape = gateway.operators("/metrics").text();
    let left = gateway.metric("doorward_certificate_expires_seconds");
    assert!((1.0..400.0 * 86_400.0).contains(&left), "{left} s");
    let shown = metrics_in(&scrape);
    for file in ["alerts.yml", "dashboard.json"] {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        for name in metrics_in(&text) {
            assert!(shown.contains(&name), "{file}: {name} is not shown");
        }
    }
    if optional::has("promtool") {
        promtool(&["check", "metrics"], &scrape);
    }
}

#[test]
fn the_app_is_down_until_it_is_reached_again() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut gateway = Builder::before(&nowhere).start();
    let cookie = gateway.alice();
    let up = |gateway: &Gateway| gateway.metric("doorward_upstream_up");
    assert_eq!(up(&gateway), 1.0, "nobody has tried");
    assert_eq!(gateway.get("/", &cookie).status, 502);
    assert_eq!(up(&gateway), 0.0, "nobody can see that the app is away");
    let app = Upstream::start();
    gateway.rewrite(&format!("upstream: {:?}", app.url()));
    gateway.reload();
    assert_eq!(gateway.get("/", &cookie).status, 200);
    assert_eq!(up(&gateway), 1.0, "nobody can see that it is back");
}

/// A Prometheus that scrapes the gateway, with our rules.
struct Prometheus {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Prometheus {
    fn start(gateway: &Gateway) -> Self {
        let dir = TempDir::new();
        let shipped = std::fs::read_to_string(folder().join("prometheus.yml")).unwrap();
        let ours = shipped
            .replace("127.0.0.1:9180", &format!("127.0.0.1:{}", gateway.admin()))
            .replace("scrape_interval: 15s", "scrape_interval: 250ms")
            .replace(
                "alerts.yml",
                &folder().join("alerts.yml").display().to_string(),
            );
        assert!(ours.contains(": 250ms"), "{ours}");
        let config = dir.write("prometheus.yml", ours);
        let port = free_port();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!(
            "--storage.tsdb.path={}",
            dir.join("data").display()
        ));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        Self {
            port,
            _process: Process::spawn(command),
            _folder: dir,
        }
    }

    /// What a query gives; `None` while it cannot be asked.
    fn query(&self, query: &str) -> Option<Vec<Json>> {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let request = Request::new(self.port, "GET", format!("/api/v1/query?query={query}"));
        let answer = request.try_send().ok()?;
        if answer.status == 503 {
            return None;
        }
        let answer = answer.json();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        Some(answer["data"]["result"].as_array().unwrap().clone())
    }
}

/// Every query of the dashboard, as Grafana would ask it.
fn queries_of_the_dashboard() -> Vec<String> {
    let text = std::fs::read(folder().join("dashboard.json")).unwrap();
    let dashboard: Json = serde_json::from_slice(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.map(|target| {
        let query = target["expr"].as_str().unwrap();
        query
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*")
    });
    queries.collect()
}

#[test]
fn every_query_of_the_dashboard_shows_something() {
    if !optional::has("prometheus") {
        return;
    }
    let (gateway, _app) = busy_gateway();
    let prometheus = Prometheus::start(&gateway);
    let scraped = |times: f64| {
        let count = format!("count_over_time(doorward_build_info[1m]) >= {times}");
        prometheus
            .query(&count)
            .is_some_and(|found| !found.is_empty())
    };
    until("the first scrapes", || scraped(2.0));
    // A quantile of no requests is no number.
    let cookie = tls::login(&gateway, "bob", BOB_PASSWORD);
    assert_eq!(get(&gateway, &cookie).status, 200);
    until("what was done to be scraped", || {
        let done = "increase(doorward_requests_total{verdict=\"forwarded\"}[1m]) > 0";
        prometheus
            .query(done)
            .is_some_and(|found| !found.is_empty())
    });
    let queries = queries_of_the_dashboard();
    assert!(queries.len() >= 15, "{queries:#?}");
    for query in queries {
        let found = prometheus.query(&query).unwrap();
        let is_number = |one: &Json| one["value"][1].as_str().is_some_and(|value| value != "NaN");
        assert!(found.iter().any(is_number), "{query}: {found:?}");
    }
    // Our rules are read; nothing is wrong with this gateway but its certificate.
    let wrong = prometheus
        .query("ALERTS{alertname!=\"DoorwardCertificateEnds\"}")
        .unwrap();
    assert!(wrong.is_empty(), "{wrong:?}");
}
