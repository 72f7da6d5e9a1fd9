//! `doorward sessions`: who is signed in, and from where.

use clap::Subcommand;
use serde_json::Value;

use super::{Config, Failure, say};

#[derive(Subcommand)]
pub(super) enum SessionsVerb {
    /// Show the sessions: id, user, from where, since when
    List {
        /// Only those of this user (id or user name)
        #[arg(long)]
        user: Option<String>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: Config,
    },
}

pub(super) fn sessions(verb: &SessionsVerb) -> Result<(), Failure> {
    let SessionsVerb::List { user, json, config } = verb;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", "10000");
    if let Some(user) = user {
        query.append_pair("user", user);
    }
    let path = format!("/api/sessions?{}", query.finish());
    let answer = config.ask("GET", &path, None)?;
    if *json {
        return say(&format!("{answer:#}"));
    }
    let none = Vec::new();
    let sessions = answer.get("sessions").and_then(Value::as_array);
    let sessions = sessions.unwrap_or(&none);
    if sessions.is_empty() {
        return say("nobody is signed in");
    }
    say(&table(&COLUMNS, sessions))?;
    match answer.get("more") {
        Some(Value::Bool(true)) => say("there are more; name a --user"),
        _ => Ok(()),
    }
}

const COLUMNS: [(&str, &str); 7] = [
    ("SESSION", "id"),
    ("USER", "username"),
    ("CREATED", "created"),
    ("LAST SEEN", "last_seen"),
    ("ENDS", "idle_ends"),
    ("ADDRESS", "address"),
    ("AGENT", "agent"),
];

/// Rows of these fields below these titles.
pub(super) fn table(columns: &[(&str, &str)], rows: &[Value]) -> String {
    let head = columns.iter().map(|(title, _)| (*title).to_owned());
    let shown = |row| columns.iter().map(|(_, key)| cell(row, key)).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head.collect())
        .chain(rows.iter().map(shown))
        .collect();
    let mut widths = vec![0; columns.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a name holds must not steer the terminal.
fn cell(session: &Value, key: &str) -> String {
    let of = |key: &str| session.get(key).and_then(Value::as_str);
    let text = of(key).or_else(|| of("user").filter(|_| key == "username"));
    let text = text.unwrap_or("-");
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
