//! `doorward check`: name everything that is wrong, at once.

use super::{Config, Failure, say};

pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let settings = config.load()?;
    for warning in &settings.warnings {
        say(&format!("warning: {warning}"))?;
    }
    for note in &settings.notes {
        say(&format!("note: {note}"))?;
    }
    say("the configuration is good")
}
