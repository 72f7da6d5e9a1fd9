//! `doorward check`: name everything that is wrong, at once.

use super::{Config, Failure, say};
use crate::config::lints;
use crate::config::lints::Severity;
use crate::gateway::process::prepare::rehearse;

pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let settings = config.load()?;
    // Whatever would keep a start from succeeding, the configuration is not good for it.
    rehearse(&settings).map_err(Failure::config)?;
    for lint in lints::of(&settings) {
        let word = match lint.severity {
            Severity::Problem => "warning",
            Severity::Silent | Severity::Note | Severity::Hint => "note",
        };
        say(&format!("{word}: {lint}"))?;
    }
    say("the configuration is good")
}
