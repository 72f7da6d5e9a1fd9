//! `doorward demo`: the whole thing in one command, with nothing to set up.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;

use super::init::Starter;
use super::init::random_password;
use super::{Failure, run, say};
use crate::adapters::observe::logger;
use crate::adapters::users::hashing;
use crate::config::{self, Environment, settings::Settings};
use crate::domain::secret::Secret;
use crate::gateway::PLATFORM;
use crate::gateway::connection::listen::address_of;
use crate::gateway::process::server::Plan;

/// A browser opens some six; the rest is room.
const CONNECTIONS: usize = 256;

pub(super) fn demo(port: u16) -> Result<(), Failure> {
    let app = TcpListener::bind(("127.0.0.1", 0))?;
    let app_address = address_of(&app).map_err(Failure::io)?;
    let password = random_password();
    let hash = hashing::make(&Secret::new(password.as_str())).map_err(Failure::io)?;
    let folder = Folder::new()?;
    let text = serde_yaml::to_string(&serde_json::json!({
        "listen": format!("127.0.0.1:{port}"),
        "upstream": format!("http://{app_address}"),
        "data_dir": folder.0.join("data"),
        "admin": { "listen": "127.0.0.1:0" },
        "pages": { "title": "Doorward demo" },
        "log": { "level": "warn" },
        // One person tries it: the usual limit of open files is enough for that.
        "limits": { "connections": CONNECTIONS },
        "users": [Starter {
            id: "1001",
            username: "demo",
            name: "Dora Demo",
            roles: &["admin"],
            password_hash: &hash,
        }],
    }))
    .map_err(Failure::io)?;
    let load = move || -> Result<Settings, config::Problems> {
        let nothing = Environment::new(Vec::<(String, String)>::new(), ".");
        config::load_text(&text, Path::new("demo"), &nothing)
    };
    let settings = load().map_err(Failure::config)?;
    logger::start(&settings.log, PLATFORM);
    say(&format!(
        "\n  Doorward stands in front of a small app that has no login of its own.\n\n    \
         open      http://localhost:{port}\n    \
         user      demo\n    \
         password  {password}\n\n  \
         Ctrl-C ends it; nothing is kept.\n"
    ))?;
    run::serve(Plan {
        settings,
        load: Box::new(move || load().map_err(|problems| problems.to_string())),
        take_over: false,
        passed: HashMap::new(),
        demo_app: Some(app),
    })
}

/// A folder of its own, gone when the demo ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let name = format!("doorward-demo-{}", random_password());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}
