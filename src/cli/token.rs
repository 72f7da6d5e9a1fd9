//! `doorward token`: makes tokens for programs, and shows those of a running gateway.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::sessions::table;
use super::{Config, Failure, say};
use crate::adapters::pages::when::rfc3339;
use crate::adapters::{clock, entropy};
use crate::config::date;
use crate::domain::machine_token::{TokenHash, generate};

/// How long a token is good that says nothing else.
const USUAL: &str = "90d";

#[derive(Subcommand)]
pub(super) enum TokenVerb {
    /// Make a token: prints it, once, and the entry for `tokens` in the configuration
    New(New),
    /// Show the tokens of a running gateway: whose, how long they are good, when they were
    /// used last
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: Config,
    },
}

#[derive(Args)]
pub(super) struct New {
    /// What to call it
    #[arg(long)]
    name: String,
    /// As whom it acts: the id or the name of a user
    #[arg(long)]
    user: String,
    /// How long it is good: 90d, a date, a time, or never
    #[arg(long, default_value = USUAL)]
    expires: String,
    /// Only for these paths, such as /api/**
    #[arg(long, value_delimiter = ',')]
    paths: Vec<String>,
    /// Only with these methods
    #[arg(long, value_delimiter = ',')]
    methods: Vec<String>,
}

pub(super) fn token(verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::New(new) => make(&new),
        TokenVerb::List { json, config } => list(json, &config),
    }
}

fn make(new: &New) -> Result<(), Failure> {
    let expires = expires(&new.expires)?;
    let token = generate(entropy::random);
    let hash = TokenHash::of(token.as_bytes());
    // JSON's quoting is YAML's.
    let quoted = |text: &str| Value::from(text).to_string();
    let mut entry = format!(
        "- name: {}\n  user: {}\n  hash: \"{hash}\"\n  expires: {expires}",
        quoted(&new.name),
        quoted(&new.user)
    );
    for (key, list) in [("paths", &new.paths), ("methods", &new.methods)] {
        if !list.is_empty() {
            entry.push_str(&format!("\n  {key}: {}", Value::from(list.clone())));
        }
    }
    say(&format!(
        "{token}\n# Above is the token, which nobody can show again; below its entry for `tokens`.\n{entry}"
    ))
}

/// What the entry says: a duration from now on becomes a time.
fn expires(text: &str) -> Result<String, Failure> {
    if date(text).is_ok() {
        return Ok(text.to_owned());
    }
    match humantime::parse_duration(text) {
        Ok(span) if span > Duration::ZERO => Ok(rfc3339(clock::now().after(span))),
        _ => Err(Failure::new(
            Failure::USAGE,
            anyhow::anyhow!("--expires {text:?}: write 90d, 2027-03-01 or never"),
        )),
    }
}

fn list(json: bool, config: &Config) -> Result<(), Failure> {
    let answer = config.ask("GET", "/api/tokens", None)?;
    if json {
        return say(&format!("{answer:#}"));
    }
    match answer.get("tokens").and_then(Value::as_array) {
        Some(tokens) if !tokens.is_empty() => say(&table(&COLUMNS, tokens)),
        _ => say("there are no tokens"),
    }
}

const COLUMNS: [(&str, &str); 5] = [
    ("TOKEN", "name"),
    ("USER", "user"),
    ("STATE", "state"),
    ("EXPIRES", "expires"),
    ("LAST USED", "last_used"),
];
