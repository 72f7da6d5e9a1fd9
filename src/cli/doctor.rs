//! `doorward doctor`: looks at a set-up from outside and names what is wrong with it.
//!
//! The lints of the configuration are findings. Beside them everything that runs is looked at
//! ([`look`]), at the same time and for seconds at most; each check makes findings of what was
//! seen, and does nothing else. No finding shows a secret.

mod clocks;
mod facts;
mod look;
mod network;
mod store;

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::facts::Facts;
use super::{Config, Failure, say};
use crate::config::lints;
use crate::config::lints::{Lint, Severity};

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
        say(&format!("{:#}", json!({ "findings": findings })))?;
    } else {
        for finding in &findings {
            say(&told(finding))?;
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
fn findings(facts: &Facts) -> Vec<Lint> {
    let checks = [network::check, store::check, clocks::check];
    let mut findings = lints::of(&facts.settings);
    findings.retain(|finding| finding.severity != Severity::Hint);
    findings.extend(checks.iter().flat_map(|check| check(facts)));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn told(finding: &Lint) -> String {
    let Lint {
        id,
        what,
        why,
        mend,
        ..
    } = finding;
    let word = match finding.severity {
        Severity::Problem => "problem",
        Severity::Silent => "unavailable",
        Severity::Note | Severity::Hint => "note",
    };
    format!("{word} ({id}): {what}\n    why:  {why}\n    mend: {mend}\n")
}

fn summary(problems: usize, silent: usize, notes: usize) -> String {
    if problems + silent + notes == 0 {
        return "nothing is wrong that can be seen from here".into();
    }
    format!("{problems} to mend, {silent} without an answer, {notes} to know")
}
