//! A configuration in the making, and the gateway that comes of it.

use std::collections::BTreeMap;

use super::curl::certificate;
use super::gateway::UNAVAILABLE;
use super::temp::{TempDir, free_port};
use super::users::{self, User};
use super::{Gateway, Upstream};

/// The name of the file.
const CONFIG: &str = "doorward.yaml";

/// A configuration in the making.
#[derive(Debug)]
pub struct Builder {
    dir: TempDir,
    sections: BTreeMap<String, String>,
    /// Environment variables for the process.
    pub env: Vec<(String, String)>,
    /// The public port.
    pub port: u16,
    /// The operators' port.
    pub admin: u16,
}

impl Builder {
    /// Defaults of the tests: Alice and Bob before this app.
    pub fn new(app: &Upstream) -> Self {
        Self::before(app.url())
    }

    /// The same before an app at this URL.
    pub fn before(url: &str) -> Self {
        let dir = TempDir::new();
        let data = dir.join("data");
        let builder = Self {
            dir,
            sections: BTreeMap::new(),
            env: Vec::new(),
            port: 0,
            admin: 0,
        };
        builder
            .fresh_ports()
            .yaml(&format!("upstream: {url:?}\n"))
            .yaml(&format!("data_dir: {data:?}\n"))
            .yaml("log: { level: info }\n")
            .users(&[User::alice(), User::bob()])
    }

    fn fresh_ports(mut self) -> Self {
        let given = self.sections.get("listen").cloned();
        let ours = format!("listen: [\"127.0.0.1:{}\"]\n", self.port);
        self.port = free_port();
        self.admin = free_port();
        if given.is_none_or(|given| given == ours) {
            let listen = format!("listen: [\"127.0.0.1:{}\"]\n", self.port);
            self = self.yaml(&listen);
        }
        let admin = self.admin;
        self.yaml(&format!(
            "admin: {{ listen: \"127.0.0.1:{admin}\", role: admin }}\n"
        ))
    }

    /// Sets top-level keys; one that is there already is replaced as a whole.
    #[must_use]
    pub fn yaml(mut self, text: &str) -> Self {
        set_sections(&mut self.sections, text);
        self
    }

    /// Replaces the users.
    #[must_use]
    pub fn users(self, people: &[User]) -> Self {
        self.yaml(&users::section(people))
    }

    /// Makes it a TLS listener with a certificate of its own, for clients that look at none.
    #[must_use]
    pub fn tls(self) -> Self {
        certificate(self.dir(), "gateway");
        self.yaml("tls: { cert: gateway.crt, key: gateway.key }")
    }

    /// Sets an environment variable for the process.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The folder with the configuration.
    pub fn dir(&self) -> &TempDir {
        &self.dir
    }

    /// The text of the configuration.
    pub fn text(&self) -> String {
        self.sections.values().map(String::as_str).collect()
    }

    /// Replaces top-level keys in the file, by renaming.
    pub fn rewrite(&mut self, yaml: &str) {
        set_sections(&mut self.sections, yaml);
        self.dir.write(CONFIG, self.text());
    }

    /// Writes the configuration without starting anything.
    pub fn write(mut self) -> Gateway {
        self.rewrite("");
        Gateway::stopped(self.dir.join(CONFIG), self)
    }

    /// Starts the gateway and waits until it is ready.
    #[track_caller]
    pub fn start(self) -> Gateway {
        let mut gateway = self.write();
        for _ in 0..3 {
            match gateway.try_start() {
                Ok(()) => return gateway,
                // Somebody else took a port between choosing and binding.
                Err((Some(UNAVAILABLE), _)) => gateway = gateway.into_setup().fresh_ports().write(),
                Err((code, output)) => panic!("the gateway ended with {code:?}:\n{output}"),
            }
        }
        panic!("the gateway found no port");
    }
}

fn set_sections(sections: &mut BTreeMap<String, String>, text: &str) {
    let mut key = String::new();
    let mut fresh: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with([' ', '#', '-']) {
            key = line.split(':').next().unwrap_or_default().into();
        }
        let section = fresh.entry(key.clone()).or_default();
        section.push_str(line);
        section.push('\n');
    }
    sections.extend(fresh);
}
