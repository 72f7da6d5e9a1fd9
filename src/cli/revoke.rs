//! `doorward revoke`: ends a session, a user's sessions, or everybody's.

use clap::Args;
use serde_json::{Value, json};

use super::{Config, Failure, say};

/// What to end; exactly one.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct What {
    /// One session, by the id that `sessions list` shows
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Every session of a user (id or user name)
    #[arg(long)]
    user: Option<String>,
    /// The session of an access or refresh token; - reads it from standard input, so that
    /// it does not stand in the list of processes
    #[arg(long, allow_hyphen_values = true)]
    token: Option<String>,
    /// A machine token, by its name; for good, also where its entry stays in the file
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// Every session of everybody
    #[arg(long)]
    all: bool,
}

pub(super) fn revoke(what: What, config: &Config) -> Result<(), Failure> {
    let body = match what {
        What {
            session: Some(id), ..
        } => json!({ "session": id }),
        What {
            user: Some(user), ..
        } => json!({ "user": user }),
        What {
            token: Some(token), ..
        } => json!({ "token": read(token)? }),
        What {
            token_name: Some(name),
            ..
        } => json!({ "token_name": name }),
        // Nothing else is left: clap has seen to it.
        What { all, .. } => json!({ "all": all }),
    };
    let answer = config.ask("POST", "/api/revocations", Some(&body))?;
    say(&told(&answer))
}

fn read(token: String) -> Result<String, Failure> {
    if token != "-" {
        return Ok(token);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn told(answer: &Value) -> String {
    let of = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let ended = answer.get("ended").and_then(Value::as_u64).unwrap_or(0);
    match of("reach") {
        "session" if ended == 0 => format!(
            "no session {} is kept; no token of it is accepted either way",
            of("session")
        ),
        "session" => format!("ended session {} of user {}", of("session"), of("user")),
        "token" => format!("revoked token {} of user {}", of("token"), of("user")),
        "user" => format!("ended every session of user {}: {ended}", of("user")),
        "all" => format!("ended every session of everybody: {ended}"),
        _ => "this token is not one of ours, or its session is over: nothing to end".to_owned(),
    }
}
