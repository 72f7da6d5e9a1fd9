//! `doorward keys`: the signing keys that the gateway made for itself.

use std::time::SystemTime;

use clap::Subcommand;

use super::socket::{self, AskError};
use super::{Config, Failure, say};
use crate::adapters::clock;
use crate::adapters::jwt::keyfile::{self, KeyFileError, StoredKey};
use crate::adapters::store::DataDirError;
use crate::config::settings::Settings;
use crate::domain::time::Timestamp;
use crate::gateway::process::prepare::ADMIN_SOCKET;

#[derive(Subcommand)]
pub(super) enum KeysVerb {
    /// Show the keys: id, algorithm, age, state
    List(Config),
    /// Make a new key that signs from now on; the old one verifies until its last
    /// token has expired
    Rotate(Config),
    /// Make the first key, before the first start
    Generate(Config),
}

pub(super) fn keys(verb: &KeysVerb) -> Result<(), Failure> {
    match verb {
        KeysVerb::List(config) => list(&config.load()?),
        KeysVerb::Rotate(config) => rotate(&config.load()?),
        KeysVerb::Generate(config) => generate(&config.load()?),
    }
}

fn list(settings: &Settings) -> Result<(), Failure> {
    if !settings.signing.keys.is_empty() {
        say("the keys are configured (signing.key), none is taken from data_dir")?;
    }
    let now = clock::now();
    let keys = keyfile::list(&settings.data_dir, now).map_err(failure)?;
    if keys.is_empty() {
        return say("no keys yet; the first start makes one");
    }
    for key in keys {
        say(&line(&key))?;
    }
    Ok(())
}

fn rotate(settings: &Settings) -> Result<(), Failure> {
    refuse_configured(settings)?;
    // A refresh token is signed by it too, and lives as long as its session.
    let longest = settings.session.lifetimes.longest();
    let key = keyfile::rotate(
        &settings.data_dir,
        settings.signing.algorithm,
        clock::now(),
        longest,
    )
    .map_err(failure)?;
    say(&line(&key))?;
    match socket::ask(
        &settings.data_dir.join(ADMIN_SOCKET),
        "POST",
        "/api/reload",
        None,
    ) {
        Ok(_) => say("the running gateway signs with it from now on"),
        Err(AskError::NobodyThere(_)) => say("no gateway is running on this data_dir"),
        Err(e @ AskError::Refused { .. }) => Err(Failure::new(Failure::UNAVAILABLE, e)),
    }
}

fn generate(settings: &Settings) -> Result<(), Failure> {
    refuse_configured(settings)?;
    let dir = &settings.data_dir;
    let key = keyfile::generate(dir, settings.signing.algorithm, clock::now()).map_err(failure)?;
    say(&line(&key))
}

fn refuse_configured(settings: &Settings) -> Result<(), Failure> {
    if settings.signing.keys.is_empty() {
        return Ok(());
    }
    Err(Failure::config(anyhow::anyhow!(
        "signing.key is configured, so the keys in data_dir are not used; put the new key \
         first in the list of signing.key and leave the old one behind it until its last \
         token has expired"
    )))
}

fn failure(error: KeyFileError) -> Failure {
    let code = match error {
        KeyFileError::Exists { .. } => Failure::USAGE,
        KeyFileError::Folder(DataDirError::Foreign { .. }) => Failure::CONFIG,
        _ => Failure::IO,
    };
    Failure::new(code, error)
}

fn line(key: &StoredKey) -> String {
    let state = match key.expires {
        Some(expires) => format!("retired, verifies until {}", date(expires)),
        None => "signs".to_owned(),
    };
    format!(
        "{}  {:<5}  made {}  {state}",
        key.id,
        key.algorithm.name(),
        date(key.created),
    )
}

fn date(at: Timestamp) -> String {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(at.millis());
    humantime::format_rfc3339_seconds(time).to_string()
}
