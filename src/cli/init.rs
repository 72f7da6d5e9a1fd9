//! `doorward init`: a configuration to begin with.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{Failure, say};
use crate::adapters::entropy;
use crate::adapters::users::hashing;
use crate::domain::secret::Secret;

/// The schema of this version, so that no editor offers a key of a later one. What is relative
/// would be looked for beside a file of which nobody knows where it goes.
const STARTER: &str = concat!(
    "# yaml-language-server: $schema=",
    env!("CARGO_PKG_REPOSITORY"),
    "/raw/v",
    env!("CARGO_PKG_VERSION"),
    "/config/doorward.schema.json",
    "
# The shortest useful configuration. Every other key and its default stands in
# docs/configuration.md of the project.

# The app to protect. Nobody should reach it but through the gateway.
upstream: http://127.0.0.1:3000

# Where browsers reach the gateway, once that is settled:
# public_url: https://app.example.com
# Pages of other origins that may call with the user's cookie:
# cors: { allowed_origins: [https://other.example.com] }

users: { file: users.yml }
"
);

/// A user as the users file has it.
#[derive(Serialize)]
pub(super) struct Starter<'a> {
    pub(super) id: &'a str,
    pub(super) username: &'a str,
    pub(super) name: &'a str,
    pub(super) roles: &'a [&'a str],
    pub(super) password_hash: &'a str,
}

pub(super) fn init(dir: &Path) -> Result<(), Failure> {
    let (config, users) = (dir.join(super::USUAL_FILE), dir.join("users.yml"));
    for path in [&config, &users] {
        if path.exists() {
            return Err(Failure::new(
                Failure::USAGE,
                anyhow::anyhow!("{} is there already; it is left as it is", path.display()),
            ));
        }
    }
    std::fs::create_dir_all(dir)
        .with_context(|| dir.display().to_string())
        .map_err(Failure::io)?;
    let password = random_password();
    let hash = hashing::make(&Secret::new(password.as_str())).map_err(Failure::io)?;
    let listed = serde_yaml::to_string(&[Starter {
        id: "1",
        username: "admin",
        name: "Administrator",
        roles: &["admin"],
        password_hash: &hash,
    }])
    .map_err(Failure::io)?;
    let listed = format!("# A hash for somebody else: doorward hash-password\n{listed}");
    write_new(&users, &listed)?;
    write_new(&config, STARTER)?;
    say(&format!(
        "wrote {} and {}\n\n    user      admin\n    password  {password}\n\n\
         Put the app's address into the first, then: doorward run --config {}",
        config.display(),
        users.display(),
        config.display(),
    ))
}

/// Writes a file that was not there, readable by its owner alone.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())
        .map_err(Failure::io)
}

/// Some 95 bits, in characters that can be copied by hand.
pub(super) fn random_password() -> String {
    URL_SAFE_NO_PAD.encode(entropy::random::<12>())
}
