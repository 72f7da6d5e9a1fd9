//! Programs: what lets them in without a login, and the real ones that people point at an app.

mod clients;
mod entrances;
mod made;
mod refused;
mod revoked;
mod used;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::process::run;
use crate::support::{Builder, Gateway, Upstream, doorward};

/// A token of this user, and its entry, both by the program itself.
#[track_caller]
pub fn made(name: &str, user: &str, more: &[&str]) -> (String, String) {
    let mut command = doorward();
    command.args(["token", "new", "--name", name, "--user", user]);
    let output = run(command.args(more), "");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (token, entry) = text.split_once('\n').unwrap();
    (token.to_owned(), entry.to_owned())
}

/// A gateway with these entries of tokens and further keys, before a fresh app.
pub fn gateway_with(entries: &[&str], yaml: &str) -> (Gateway, Upstream) {
    let app = Upstream::start();
    let gateway = Builder::new(&app).yaml(&section(entries)).yaml(yaml);
    (gateway.start(), app)
}

/// The key `tokens` with these entries.
pub fn section(entries: &[&str]) -> String {
    match entries {
        [] => "tokens: []\n".to_owned(),
        entries => format!("tokens:\n{}\n", entries.join("\n")),
    }
}

/// What a program sends by `Authorization: Bearer`.
pub fn bearer(token: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {token}"))
}

/// What a program sends by `Authorization: Basic`.
pub fn basic(name: &str, password: &str) -> (&'static str, String) {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    ("Authorization", format!("Basic {pair}"))
}
