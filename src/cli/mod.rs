//! Floor 7: the operator's hand, one verb a file.
//!
//! Exit codes follow sysexits: 0, 64 usage, 69 unavailable, 74 I/O, 78 configuration.

mod check;
mod completions;
mod demo;
mod doctor;
mod explain;
mod hash_password;
mod healthcheck;
mod init;
mod keys;
mod man;
mod revoke;
mod run;
mod sessions;
mod socket;
mod token;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::adapters::huge_pages;
use crate::adapters::observe::logger::FlushOnDrop;
use crate::config::{self, Environment, settings::Settings};
use crate::gateway::process::prepare::ADMIN_SOCKET;
use socket::AskError;

/// A login page, sessions, CSRF and CORS in front of an app that has none of them.
#[derive(Parser)]
#[command(name = "doorward", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until told to stop
    ///
    /// SIGTERM and SIGINT stop: no new connections, and an end as soon as nothing is in
    /// flight, at the latest after limits.drain. A second one ends at once. SIGHUP
    /// reloads the configuration, as does a change of its files.
    Run {
        #[command(flatten)]
        config: Config,
        /// Take over from the gateway that runs on the same data_dir: its listeners pass
        /// to this one, which serves at once, and the other drains
        #[arg(long)]
        take_over: bool,
    },
    /// Read the configuration and name everything that is wrong with it
    Check(Config),
    /// Try it: gateway, a small app behind it and one user; needs no file
    Demo {
        /// The port to listen on, on this machine alone
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Write a starter configuration and a users file; never overwrites
    Init {
        /// The folder to write to
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Turn a password into what belongs in password_hash
    ///
    /// Asks twice without showing it; without a terminal, reads one line of standard
    /// input.
    HashPassword,
    /// The signing keys in data_dir
    Keys {
        #[command(subcommand)]
        verb: keys::KeysVerb,
    },
    /// Who is signed in to a running gateway
    Sessions {
        #[command(subcommand)]
        verb: sessions::SessionsVerb,
    },
    /// Tokens for programs
    Token {
        #[command(subcommand)]
        verb: token::TokenVerb,
    },
    /// End sessions at a running gateway, at once and for good
    Revoke {
        #[command(flatten)]
        what: revoke::What,
        #[command(flatten)]
        config: Config,
    },
    /// Say which rule decides about a request, and how, without sending it
    ///
    /// Decides as the gateway would, for somebody without a session and for --user.
    /// Exits 0 whenever there was an explanation, whatever it says.
    Explain(explain::Question),
    /// Look at a running set-up from outside and name what is wrong with it
    ///
    /// Each finding has its mend. Connects to what the configuration names and to this
    /// machine's own addresses, and to nothing else. Exits 0 when there is nothing to mend
    /// (notes may be there), 78 when there is, 69 when all that is wrong is that something
    /// does not answer.
    Doctor(doctor::Visit),
    /// For container health checks: exit 0 when the gateway is ready
    Healthcheck(Config),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder, for a package
    #[command(hide = true)]
    Man {
        /// The folder
        dir: PathBuf,
    },
}

/// The file that `init` writes, and that is taken when none is named.
const USUAL_FILE: &str = "doorward.yaml";

/// Where the settings are.
#[derive(Args, Clone)]
struct Config {
    /// The configuration file; without one doorward.yaml here or in /etc/doorward if it
    /// is there, else the environment alone
    #[arg(long, env = "DOORWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where `init` writes the configuration, and where a container's is mounted.
const PLACES: [&str; 2] = [USUAL_FILE, "/etc/doorward/doorward.yaml"];

impl Config {
    /// The file to read, if there is one.
    fn file(&self) -> Option<&Path> {
        let found = || {
            PLACES
                .into_iter()
                .map(Path::new)
                .find(|place| place.exists())
        };
        self.config.as_deref().or_else(found)
    }

    /// Reads the settings.
    fn load(&self) -> Result<Settings, Failure> {
        config::load(self.file(), &Environment::from_process()).map_err(Failure::config)
    }

    /// Asks the gateway that runs with these settings, over its admin socket.
    fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<serde_json::Value, Failure> {
        let data_dir = config::data_dir_of(self.file(), &Environment::from_process());
        let socket = data_dir.map_err(Failure::config)?.join(ADMIN_SOCKET);
        let answer = socket::ask(&socket, method, path, body).map_err(|e| {
            let code = match e {
                // What was typed names nothing.
                AskError::Refused {
                    status: 400..=499, ..
                } => Failure::USAGE,
                _ => Failure::UNAVAILABLE,
            };
            let place = socket.display().to_string();
            Failure::new(code, anyhow::Error::new(e).context(place))
        })?;
        serde_json::from_str(&answer).map_err(|e| {
            let error = anyhow::Error::new(e).context("the gateway's answer");
            Failure::new(Failure::UNAVAILABLE, error)
        })
    }
}

/// How a command fails: what to say, and the exit code.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    const USAGE: u8 = 64;
    const UNAVAILABLE: u8 = 69;
    const IO: u8 = 74;
    const CONFIG: u8 = 78;

    fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    fn config(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Self::CONFIG, error)
    }

    fn io(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Self::IO, error)
    }

    /// The error and its causes, each once: many an error says its cause itself.
    fn told(&self) -> String {
        let mut told = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if !told.ends_with(&cause) {
                let colon = if told.is_empty() { "" } else { ": " };
                told.push_str(colon);
                told.push_str(&cause);
            }
        }
        told
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::io(error)
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let _log = FlushOnDrop;
    huge_pages::refuse();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version come this way too, and are no errors.
            let code = if e.use_stderr() { Failure::USAGE } else { 0 };
            let _unprintable = e.print();
            return code.into();
        }
    };
    let outcome = match cli.verb {
        Verb::Run { config, take_over } => run::run(&config, take_over),
        Verb::Check(config) => check::check(&config),
        Verb::Demo { port } => demo::demo(port),
        Verb::Init { dir } => init::init(&dir),
        Verb::HashPassword => hash_password::hash_password(),
        Verb::Keys { verb } => keys::keys(&verb),
        Verb::Sessions { verb } => sessions::sessions(&verb),
        Verb::Token { verb } => token::token(verb),
        Verb::Revoke { what, config } => revoke::revoke(what, &config),
        Verb::Explain(question) => explain::explain(&question),
        Verb::Doctor(visit) => doctor::doctor(&visit),
        Verb::Healthcheck(config) => healthcheck::healthcheck(&config),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Man { dir } => man::man(&dir),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What it says is the last line.
            log::logger().flush();
            let _nobody_reads = writeln!(std::io::stderr(), "doorward: {}", failure.told());
            failure.code.into()
        }
    }
}

/// Says something on standard output.
fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
