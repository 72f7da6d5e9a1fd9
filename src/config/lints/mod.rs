//! The one list of lints: what `check`, the start and `doctor` say of a configuration that is good.
//!
//! Made of the settings alone, and of the modes of the files that they name. Nothing is decided
//! here: a gateway with every lint serves.

mod cookies;
mod files;
mod keys;
pub(crate) mod lint;
mod network;
mod rules;
mod sessions;
mod store;
mod tokens;
mod users;

pub use lint::{Lint, Severity};

use crate::config::settings::Settings;

/// Everything that is to be said, the worst first.
pub fn of(settings: &Settings) -> Vec<Lint> {
    let checks = [
        cookies::check,
        network::check,
        files::check,
        keys::check,
        users::check,
        rules::check,
        sessions::check,
        store::check,
        tokens::check,
    ];
    let mut lints: Vec<Lint> = checks.iter().flat_map(|check| check(settings)).collect();
    lints.extend(settings.lints.iter().cloned());
    lints.sort_by_key(|lint| lint.severity);
    lints
}

/// Writes them to the log, as a start and a reload do. Hints are for who writes the file.
pub fn log(settings: &Settings) {
    for lint in of(settings) {
        match lint.severity {
            Severity::Problem => log::warn!("{lint}"),
            Severity::Silent | Severity::Note => log::info!("{lint}"),
            Severity::Hint => {}
        }
    }
}
