//! A real Redis, and gateways that share it.

use std::path::Path;
use std::process::Command;

use redis::FromRedisValue;

use super::curl::{Certificate, certificate};
use super::temp::free_port;
use super::token;
use super::{Builder, Gateway, Process, TempDir, Upstream, optional, until};

/// A redis-server with its folder; running or not.
#[derive(Debug)]
pub struct RedisServer {
    // First, so that the process is gone before its folder.
    process: Option<Process>,
    dir: TempDir,
    /// Where it listens.
    pub port: u16,
    options: Vec<String>,
    /// What its URL begins with, and a password.
    place: String,
}

impl RedisServer {
    /// One that forgets everything when it ends. `None`, loudly, where there is none.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// One that has on disk what it acknowledged.
    pub fn durable() -> Option<Self> {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One with a password.
    pub fn with_password(password: &str) -> Option<Self> {
        let mut server = Self::with(&["--requirepass", password])?;
        server.place = format!("redis://:{password}@127.0.0.1");
        Some(server)
    }

    /// One that speaks nothing but TLS, with a certificate that is its own authority.
    pub fn with_tls() -> Option<(Self, Certificate)> {
        if !optional::has("openssl") {
            return None;
        }
        let mut server = Self::stopped(&[])?;
        let ours = certificate(&server.dir, "redis");
        let path = |path: &Path| path.display().to_string();
        server.options = [
            ("--tls-port", server.port.to_string()),
            ("--tls-cert-file", path(&ours.cert)),
            ("--tls-key-file", path(&ours.key)),
            ("--tls-ca-cert-file", path(&ours.cert)),
            ("--tls-auth-clients", "no".into()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        server.place = "rediss://localhost".into();
        server.start_again();
        Some((server, ours))
    }

    /// One with these options of its command line.
    pub fn with(options: &[&str]) -> Option<Self> {
        let mut server = Self::stopped(options)?;
        server.start_again();
        Some(server)
    }

    fn stopped(options: &[&str]) -> Option<Self> {
        if !optional::has("redis-server") {
            return None;
        }
        Some(Self {
            process: None,
            dir: TempDir::new(),
            port: free_port(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            place: "redis://127.0.0.1".into(),
        })
    }

    /// Starts it, with what is in its folder, and waits until it serves.
    #[track_caller]
    pub fn start_again(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(self.dir.path()).args(&self.options);
        if !self.place.starts_with("rediss:") {
            command.args(["--port", &self.port.to_string()]);
        } else {
            command.args(["--port", "0"]);
        }
        let process = self.process.insert(Process::spawn(command));
        until("Redis to serve", || {
            if let Some(status) = process.ended() {
                panic!("Redis ended with {status}:\n{}", process.output());
            }
            process.output().contains("Ready to accept connections")
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Deletes what it wrote to disk.
    pub fn wipe(&self) {
        assert!(self.process.is_none(), "it still runs");
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// Its URL at another port, such as a relay's.
    pub fn url_at(&self, port: u16) -> String {
        format!("{}:{port}", self.place)
    }

    /// Runs a command.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url_at(self.port)).unwrap();
        let mut connection = client.get_connection().unwrap();
        let (name, arguments) = words.split_first().unwrap();
        let mut command = redis::cmd(name);
        command.arg(arguments);
        command.query(&mut connection).unwrap()
    }

    /// How many revocations it knows.
    #[track_caller]
    pub fn revocations(&self) -> usize {
        self.ask(&["HLEN", "doorward:live"])
    }

    /// A gateway on it, through this port, with these further keys of `session`.
    pub fn gateway_at(&self, port: u16, app: &Upstream, session: &str) -> Builder {
        let url = self.url_at(port);
        Builder::new(app).yaml(&token::signing()).yaml(&format!(
            "session: {{ store: {{ redis: {{ url: {url:?} }} }}, {session} }}\n"
        ))
    }

    /// A gateway on it.
    pub fn gateway(&self, app: &Upstream, session: &str) -> Builder {
        self.gateway_at(self.port, app, session)
    }
}

/// Three gateways before one app, sharing one Redis and one signing key.
pub struct Fleet {
    /// The gateways.
    pub gateways: [Gateway; 3],
    /// The app.
    pub app: Upstream,
    /// The store.
    pub redis: RedisServer,
}

impl Fleet {
    /// Starts the gateways, with these further keys of `session`.
    #[track_caller]
    pub fn on(redis: RedisServer, session: &str) -> Self {
        let app = Upstream::start();
        let gateways = [(); 3].map(|()| redis.gateway(&app, session).start());
        Self {
            gateways,
            app,
            redis,
        }
    }

    /// One gateway more.
    #[track_caller]
    pub fn another(&self) -> Gateway {
        self.redis.gateway(&self.app, "").start()
    }
}
