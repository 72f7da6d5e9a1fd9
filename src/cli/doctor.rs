//! `doorward doctor`: looks at a set-up from outside and names what is wrong with it.
//!
//! First everything is looked at ([`look`]), at the same time and for seconds at most; then
//! each check makes findings of the facts, and does nothing else. No finding shows a secret.

mod certificate;
mod clocks;
mod cookies;
mod facts;
mod files;
mod finding;
mod keys;
mod look;
mod network;
mod rules;
mod store;
mod users;

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::facts::Facts;
use self::finding::{Finding, Severity};
use super::{Config, Failure, say};

#[derive(Args)]
pub(super) struct Visit {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

pub(super) fn doctor(visit: &Visit) -> Result<(), Failure> {
    let settings = Arc::new(visit.config.load()?);
    let findings = findings(&look::around(&settings));
    let of = |severity| findings.iter().filter(move |f| f.severity == severity);
    let (problems, silent) = (of(Severity::Problem).count(), of(Severity::Silent).count());
    if visit.json {
        let list: Vec<_> = findings.iter().map(Finding::json).collect();
        say(&format!("{:#}", json!({ "findings": list })))?;
    } else {
        for finding in &findings {
            say(&finding.to_string())?;
        }
        say(&summary(problems, silent, of(Severity::Note).count()))?;
    }
    let failed = |code| {
        Err(Failure::new(
            code,
            anyhow::anyhow!("not everything is well"),
        ))
    };
    match (problems, silent) {
        (0, 0) => Ok(()),
        (0, _) => failed(Failure::UNAVAILABLE),
        _ => failed(Failure::CONFIG),
    }
}

/// What is wrong, the worst first.
fn findings(facts: &Facts) -> Vec<Finding> {
    let checks = [
        cookies::check,
        network::check,
        certificate::check,
        files::check,
        keys::check,
        users::check,
        rules::check,
        store::check,
        clocks::check,
    ];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(facts)).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn summary(problems: usize, silent: usize, notes: usize) -> String {
    if problems + silent + notes == 0 {
        return "nothing is wrong that can be seen from here".into();
    }
    format!("{problems} to mend, {silent} without an answer, {notes} to know")
}
