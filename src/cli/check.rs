//! `doorward check`: name everything that is wrong, at once.

use super::{Config, Failure, say};
use crate::gateway::process::prepare::rehearse;

pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let settings = config.load()?;
    // Whatever would keep a start from succeeding, the configuration is not good for it.
    rehearse(&settings).map_err(Failure::config)?;
    for warning in &settings.warnings {
        say(&format!("warning: {warning}"))?;
    }
    for note in &settings.notes {
        say(&format!("note: {note}"))?;
    }
    say("the configuration is good")
}
