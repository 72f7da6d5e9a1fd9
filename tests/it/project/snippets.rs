//! The YAML of every page: `doorward check` takes it, or it is named as another program's.

use serde::Deserialize as _;

use super::pages::{all, blocks};
use crate::operations::cli::assert_code;
use crate::support::process::run;
use crate::support::users::{self, User};
use crate::support::{TempDir, doorward};

/// Whose a file may be beside ours; the word stands behind `yaml`.
const OTHERS: [&str; 5] = [
    "compose",
    "kubernetes",
    "traefik",
    "cloudflared",
    "prometheus",
];

/// A block as a whole configuration. A list of users or of rules, and sections without an app, are
/// parts of one.
fn whole(block: &str, dir: &TempDir) -> String {
    let common = "upstream: http://127.0.0.1:3000\nusers: { file: users.yml }\n";
    if block.starts_with("- id:") {
        dir.write("users.yml", block);
        common.to_owned()
    } else if block.starts_with("- {") {
        format!("{common}rules:\n{block}")
    } else if block.contains("upstream:") {
        block.to_owned()
    } else {
        format!("{common}{block}")
    }
}

#[test]
fn check_takes_the_yaml_of_every_page() {
    let hash = users::hash("x");
    let mut seen = 0;
    for page in all() {
        for (info, block) in blocks(&page) {
            let mut words = info.split(' ');
            if words.next() != Some("yaml") {
                continue;
            }
            if let Some(other) = words.next() {
                assert!(OTHERS.contains(&other), "{page}: whose is `{info}`?");
                for part in serde_yaml::Deserializer::from_str(&block) {
                    let read = serde_yaml::Value::deserialize(part);
                    assert!(read.is_ok(), "{page}: {read:?}\n{block}");
                }
                continue;
            }
            let block = block.replace("$argon2id$v=19$m=19456,t=2,p=1$...", &hash);
            let block = block.replace("$argon2id$v=19$...", &hash);
            let dir = TempDir::new();
            let people = users::section(&[User::alice()]);
            dir.write("users.yml", people.trim_start_matches("users:\n"));
            let config = dir.write("doorward.yaml", whole(&block, &dir));
            let mut command = doorward();
            command.env("SIGNING_KEY", crate::support::token::KEY);
            command.env("REDIS_URL", "redis://redis:6379");
            let output = run(command.args(["check", "--config"]).arg(&config), "");
            assert_code(&output, 0, &format!("{page}:\n{block}"));
            seen += 1;
        }
    }
    assert!(seen > 20, "the pages have lost their examples: {seen}");
}
