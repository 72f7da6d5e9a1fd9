//! The app sees what was judged: a fixed sample of requests through the gateway to servers and
//! frameworks that people run, each asked what it made of them. `make behind` sends far more, to
//! more servers; `tests/behind` says how.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::operations::cli::{assert_code, said};
use crate::support::gateway::PROGRAM;
use crate::support::optional;
use crate::support::process::run_for;

const SAMPLE: &str = "1000";

/// Something that the server needs is not installed.
const UNAVAILABLE: i32 = 69;

/// The harness with one server. `None` where it cannot run.
fn behind(server: &str, more: &[&str]) -> Option<Output> {
    if !optional::has("python3") {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.arg("-B").arg(root.join("tests/behind"));
    command.args(["--doorward", PROGRAM, "--server", server]);
    command.args(["--requests", SAMPLE]).args(more);
    command
        .arg("--tools")
        .arg(optional::target().join("behind"));
    let output = run_for(&mut command, "", Duration::from_secs(180));
    if output.status.code() == Some(UNAVAILABLE) {
        optional::skip(&said(&output));
        return None;
    }
    Some(output)
}

/// Every answer is that of the request that was asked and admitted.
fn sees_what_was_judged(server: &str) {
    if let Some(output) = behind(server, &[]) {
        assert_code(&output, 0, server);
    }
}

#[test]
fn gunicorn_and_flask_below_a_prefix_see_what_was_judged() {
    sees_what_was_judged("gunicorn");
}

#[test]
fn gunicorn_and_werkzeugs_proxy_fix_see_what_was_judged() {
    sees_what_was_judged("werkzeug");
}

#[test]
fn gunicorn_and_django_see_what_was_judged() {
    sees_what_was_judged("gunicorn-django");
}

#[test]
fn uvicorn_and_starlette_see_what_was_judged() {
    sees_what_was_judged("uvicorn");
}

#[test]
fn daphne_and_django_see_what_was_judged() {
    sees_what_was_judged("daphne");
}

#[test]
fn hypercorn_and_starlette_see_what_was_judged() {
    sees_what_was_judged("hypercorn");
}

#[test]
fn waitress_and_flask_below_a_prefix_see_what_was_judged() {
    sees_what_was_judged("waitress");
}

#[test]
fn tornado_sees_what_was_judged() {
    sees_what_was_judged("tornado");
}

#[test]
fn node_and_express_see_what_was_judged() {
    sees_what_was_judged("express");
}

#[test]
fn node_and_koa_see_what_was_judged() {
    sees_what_was_judged("koa");
}

/// A name that came into the list and that nobody looked at would be asked as a harmless one.
#[test]
fn every_name_in_the_list_is_judged() {
    if !optional::has("python3") {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behind/names/unjudged.py");
    let output = run_for(
        Command::new("python3").arg("-B").arg(script),
        "",
        Duration::from_secs(30),
    );
    assert_code(&output, 0, "names.tsv and judged.tsv");
}

/// The same requests without the gateway: what the other tests look for is there to be found.
#[test]
fn without_the_gateway_every_lie_is_believed() {
    let Some(output) = behind("gunicorn", &["--without-gateway"]) else {
        return;
    };
    assert_code(&output, 1, "the server itself");
    let said = said(&output);
    for kind in [
        "host",
        "open gate",
        "path",
        "privilege",
        "reaches the app: client",
        "reaches the app: user",
        "scheme",
        "user",
    ] {
        assert!(
            said.contains(&format!("WRONG {kind}: ")),
            "nobody would notice a wrong {kind}:\n{said}"
        );
    }
}
