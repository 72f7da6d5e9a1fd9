//! `doorward explain`: which rule decides about a request, and how, without sending it.
//!
//! Nothing is decided here: a made-up request goes through the gate itself, with the
//! session of a made-up login when a user is named. The keys of that login are made for it
//! and forgotten, so that no key of the gateway is read and no token is good anywhere.

mod decider;
mod explanation;
mod path;
mod target;
mod text;
mod token;
mod trial;

use std::sync::Arc;

use clap::Args;
use tokio::runtime::Builder;

use self::explanation::Explanation;
use self::target::Target;
use self::trial::{Login, Start, Trial};
use super::{Config, Failure, say};
use crate::adapters::clock;
use crate::adapters::jwt::{Keyring, keyfile};
use crate::adapters::store::replica::RevocationIndex;
use crate::auth::policy::Policy;
use crate::config::settings::Settings;
use crate::domain::time::Timestamp;
use crate::gateway::snapshot;

#[derive(Args)]
pub(super) struct Question {
    /// The method as it would be sent: case counts
    method: String,
    /// A path such as /admin/?a=b, or a whole URL; it is taken as it stands
    url: String,
    /// Who asks, beside somebody without a session: an id or a user name
    #[arg(long)]
    user: Option<String>,
    /// Which machine token is shown, by its name; its networks (`from`) are not looked at
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

pub(super) fn explain(question: &Question) -> Result<(), Failure> {
    let mut settings = question.config.load()?;
    let token = question.token_name.as_deref();
    let token = token.map(|name| (name, token::stand_in(&mut settings, name)));
    let target = Target::parse(&question.method, &question.url, &settings)
        .map_err(|e| Failure::new(Failure::USAGE, e))?;
    let policy = policy(&settings)?;
    let asked = question.user.as_deref();
    let user = asked.and_then(|name| policy.directory.named(name));
    let now = clock::now();
    let login = user.map(|user| Login::of(&policy, user, now));
    let login = login.transpose().map_err(Failure::io)?;
    let runtime = Builder::new_current_thread().build().map_err(Failure::io)?;
    let trial = Trial::new(&policy, &settings, &target, now, &runtime);
    let other = stand_in(&trial, now)?;
    let asked = asked.map(|asked| (asked, login.as_ref()));
    let mut explanation = Explanation::of(&trial, &target, asked, other.as_ref());
    explanation.token = token.map(|(name, shown)| token::Asked::of(&trial, name, shown));
    if question.json {
        let json = serde_json::to_string_pretty(&explanation).map_err(Failure::io)?;
        return say(&json);
    }
    say(&explanation.to_string())
}

/// The policy of the gateway, with a key that nobody else has.
fn policy(settings: &Settings) -> Result<Policy, Failure> {
    let algorithm = settings.signing.algorithm;
    let key = keyfile::generate_key(algorithm).map_err(Failure::io)?;
    let ring = Keyring::new(algorithm, &[key]).map_err(Failure::io)?;
    let none_revoked = Arc::new(RevocationIndex::new());
    Ok(snapshot::policy(settings, Arc::new(ring), none_revoked))
}

/// The most users of whom is tried whether they may pass.
const TRIED: usize = 100;

/// Whose session shows what is asked of unsafe requests, where the named user may not pass.
fn stand_in(trial: &Trial<'_>, now: Timestamp) -> Result<Option<Login>, Failure> {
    let enabled = trial.policy.directory.iter().filter(|user| !user.disabled);
    for user in enabled.take(TRIED) {
        let login = Login::of(trial.policy, user, now).map_err(Failure::io)?;
        if trial.run(Some(&login), Start::ScriptWithToken).passes() {
            return Ok(Some(login));
        }
    }
    Ok(None)
}
