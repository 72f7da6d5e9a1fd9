//! What the benchmark compares does the same job, and the benchmark itself still runs. How
//! fast anything is, is not looked at: that is for `make bench`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::operations::cli::{assert_code, said};
use crate::support::gateway::PROGRAM;
use crate::support::optional;
use crate::support::process::run_for;
use crate::support::temp::TempDir;

/// `benches/compare` with the gateway under test, without the programs that are only built
/// for it. `None` where its tools are not installed.
fn compare(measurement: &str, arguments: &[&str]) -> Option<std::process::Output> {
    let tools = ["python3", "wrk", "haproxy", "nginx", "h2load", "openssl"];
    if !tools.iter().all(|tool| optional::is_installed(tool)) {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.arg("-B").arg(root.join("benches/compare"));
    command.args(["--doorward", PROGRAM, "--quick", "--only", measurement]);
    command.args(arguments);
    Some(run_for(&mut command, "", Duration::from_secs(120)))
}

/// Before it measures, it sends HAProxy and Doorward what both must let through and what
/// both must refuse (forged, altered, expired, `none`, another algorithm, nothing), and ends
/// with an error when one of them does otherwise.
#[test]
fn haproxy_and_doorward_let_the_same_through_and_refuse_the_same() {
    let Some(output) = compare("forwarded", &[]) else {
        return;
    };
    assert_code(&output, 0, "benches/compare");
    for row in [
        "| Doorward |",
        "| HAProxy |",
        "| nginx |",
        "CPU a request, Doorward / HAProxy",
    ] {
        assert!(said(&output).contains(row), "no {row}: {}", said(&output));
    }
    let judged = |verdict: &str| said(&output).contains(&format!("| {verdict} |"));
    assert!(
        !judged("met") && !judged("missed"),
        "quick numbers are judged: {}",
        said(&output)
    );
}

/// Envoy, nginx with Lua and Apache are sent the same before they are measured. What one of them
/// lets pass stands in the table, as it was asked; Doorward lets nothing of it pass.
#[test]
fn the_table_of_the_peers_says_what_each_lets_pass() {
    let proxies = optional::target().join("proxies/bin");
    let modules = [
        Path::new("/usr/lib/nginx/modules/ngx_http_lua_module.so"),
        Path::new("/usr/lib/apache2/modules/mod_auth_openidc.so"),
        &proxies.join("envoy"),
    ];
    if let Some(missing) = modules.iter().find(|file| !file.exists()) {
        optional::skip(&format!("{} is missing", missing.display()));
        return;
    }
    let proxies = proxies.display().to_string();
    let Some(output) = compare("peers", &["--proxies", &proxies]) else {
        return;
    };
    assert_code(&output, 0, "benches/compare");
    let row = |name: &str| {
        let text = said(&output);
        let row = text.lines().find(|line| line.starts_with(name));
        row.unwrap_or_else(|| panic!("no {name}: {text}"))
            .to_owned()
    };
    for (name, lets_pass) in [
        ("| Doorward |", "| nothing |"),
        ("| Envoy |", "no user"),
        ("| nginx + Lua |", "no user"),
        ("| Apache |", "alg HS512"),
        ("| Traefik, no check |", "| everything |"),
        ("| Caddy, no check |", "| everything |"),
        ("| CPU a request, Doorward / Envoy |", "≤ 0.6"),
        ("| CPU a request, Doorward / nginx + Lua |", "≤ 1"),
    ] {
        assert!(row(name).contains(lets_pass), "{}", row(name));
    }
}

/// The examples in the documentation of its modules.
#[test]
fn the_benchmark_reckons_right() {
    if !optional::is_installed("python3") {
        return;
    }
    for module in ["figures.py", "report.py", "rounds.py"] {
        let mut command = Command::new("python3");
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare"));
        command.args(["-B", "-m", "doctest", "-v", module]);
        let output = run_for(&mut command, "", Duration::from_secs(60));
        assert_code(&output, 0, module);
        let tried = !said(&output).contains("\n0 passed");
        assert!(tried, "{module} has no examples: {}", said(&output));
    }
}

#[test]
fn the_benchmark_counts_refusals_as_such() {
    let Some(output) = compare("refused", &[]) else {
        return;
    };
    assert_code(&output, 0, "benches/compare");
    assert!(
        said(&output).contains("| forged signature, a page (303) |"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_benchmark_writes_its_results_between_the_marks_of_a_page() {
    let dir = TempDir::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let page = dir.write("performance.md", &shipped);
    let Some(output) = compare("tls", &["--write", &page.display().to_string()]) else {
        return;
    };
    assert_code(&output, 0, "benches/compare");
    let written = std::fs::read_to_string(&page).unwrap();
    let (begin, end) = ("`make bench`, begin -->", "<!-- results: end -->");
    let (head, rest) = written.split_once(begin).expect("the mark of the begin");
    let (results, tail) = rest.split_once(end).expect("the mark of the end");
    assert!(
        shipped.starts_with(head) && shipped.ends_with(tail),
        "{written}"
    );
    assert!(results.contains("full handshakes/s"), "{results}");
    let (_, others) = results.split_once("\n### ").expect("a section");
    let (before, _) = others
        .split_once("### TLS and HTTP/2")
        .expect("our section");
    assert!(shipped.contains(before), "other sections changed: {before}");
    assert!(results.contains("worth nothing"), "{results}");
}
