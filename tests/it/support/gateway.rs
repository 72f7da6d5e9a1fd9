//! The real gateway: a fresh folder, free ports, a process that dies with its guard.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::process::{Process, run};
use super::temp::TempDir;
use super::users::{self, User};
use super::wait::{PATIENCE, until, until_some};
use super::{Builder, Conn, Request, Response};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_doorward");

/// The exit code of sysexits for "a port or the data folder is in use".
pub const UNAVAILABLE: i32 = 69;

/// The program with a clean environment.
pub fn doorward() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Runs a gateway with the configuration at this path and waits until it is ready.
#[track_caller]
pub fn doorward_at(config: &Path, admin: u16) -> Process {
    let mut command = doorward();
    command.arg("run").arg("--config").arg(config);
    let mut process = Process::spawn(command);
    until("the gateway to be ready", || {
        if let Some(status) = process.ended() {
            panic!("the gateway ended with {status}:\n{}", process.output());
        }
        let ready = Request::new(admin, "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    });
    process
}

/// A gateway with its folder; running or not.
#[derive(Debug)]
pub struct Gateway {
    // First, so that the process is gone before its folder.
    process: Option<Process>,
    /// The configuration file.
    pub config: PathBuf,
    setup: Builder,
}

impl Gateway {
    /// One that was configured and not started.
    pub fn stopped(config: PathBuf, setup: Builder) -> Self {
        Self {
            process: None,
            config,
            setup,
        }
    }

    /// Ends it and gives its configuration back.
    pub fn into_setup(self) -> Builder {
        self.setup
    }

    /// The text of the configuration.
    pub fn text(&self) -> String {
        self.setup.text()
    }

    /// Replaces top-level keys in the file, by renaming; the process is not told.
    pub fn rewrite(&mut self, yaml: &str) {
        self.setup.rewrite(yaml);
    }

    /// Replaces the users in the file; the process is not told.
    pub fn rewrite_users(&mut self, people: &[User]) {
        self.rewrite(&users::section(people));
    }

    /// `doorward <arguments> --config <file>`, run to its end.
    #[track_caller]
    pub fn command(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = doorward();
        command.args(arguments).arg("--config").arg(&self.config);
        command.envs(self.setup.env.iter().cloned());
        run(&mut command, input)
    }

    /// Starts the process without waiting for anything.
    pub fn spawn(&mut self) {
        let mut command = doorward();
        command.arg("run").arg("--config").arg(&self.config);
        command.envs(self.setup.env.iter().cloned());
        self.process = Some(Process::spawn(command));
    }

    /// Starts a second process that is to take over from the one that runs.
    pub fn successor(&self) -> Process {
        let mut command = doorward();
        command.args(["run", "--take-over"]);
        command.arg("--config").arg(&self.config);
        command.envs(self.setup.env.iter().cloned());
        Process::spawn(command)
    }

    /// Starts it; the exit code and the output when it ends instead.
    pub fn try_start(&mut self) -> Result<(), (Option<i32>, String)> {
        self.spawn();
        let admin = self.setup.admin;
        let process = self.process();
        until_some("the gateway to be ready or to end", || {
            if let Some(status) = process.ended() {
                return Some(Err((status.code(), process.output())));
            }
            let ready = Request::new(admin, "GET", "/readyz").try_send();
            ready
                .is_ok_and(|answer| answer.status == 200)
                .then_some(Ok(()))
        })
    }

    /// Starts it again after it ended or was killed.
    #[track_caller]
    pub fn start_again(&mut self) {
        if let Err((code, output)) = self.try_start() {
            panic!("the gateway ended with {code:?} at its second start:\n{output}");
        }
    }

    /// Ends it with SIGTERM and starts it again.
    #[track_caller]
    pub fn restart(&mut self) {
        self.signal("TERM");
        self.process().wait();
        self.start_again();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// The running process.
    #[track_caller]
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the gateway was not started")
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.process.as_ref().unwrap().signal(name);
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().pid()
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.process.as_ref().unwrap().output()
    }

    /// Waits until a line of the log has all of these, and gives it.
    #[track_caller]
    pub fn wait_for_log(&self, words: &[&str]) -> String {
        let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(has_all) {
                return line.into();
            }
            assert!(Instant::now() < deadline, "no {words:?} in the log:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reloads over the admin socket; the answer comes when that is done.
    #[track_caller]
    pub fn try_reload(&self) -> Response {
        let path = self.data_dir().join("admin.sock");
        let mut socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
            .write_all(
                b"POST /api/reload HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\
                  Connection: close\r\n\r\n",
            )
            .unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        Response::from_head(&answer)
    }

    /// Reloads; panics when the file is refused.
    #[track_caller]
    pub fn reload(&self) {
        let answer = self.try_reload();
        assert!(matches!(answer.status, 200 | 204), "no reload: {answer}");
    }

    /// Tells it to reload.
    pub fn hangup(&self) {
        self.signal("HUP");
    }

    /// The public port.
    pub fn port(&self) -> u16 {
        self.setup.port
    }

    /// The operators' port.
    pub fn admin(&self) -> u16 {
        self.setup.admin
    }

    /// The folder with the configuration.
    pub fn dir(&self) -> &TempDir {
        self.setup.dir()
    }

    /// `data_dir`
    pub fn data_dir(&self) -> PathBuf {
        self.setup.dir().join("data")
    }

    /// The origin that a browser on this machine sees.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.setup.port)
    }

    /// A request to the public listener.
    pub fn request(&self, method: &str, target: impl AsRef<[u8]>) -> Request {
        Request::new(self.setup.port, method, target)
    }

    /// `GET` with this cookie, as a script would send it.
    #[track_caller]
    pub fn get(&self, target: &str, cookie: &str) -> Response {
        self.request("GET", target).cookie(cookie).send()
    }

    /// A request to the operators' listener.
    #[track_caller]
    pub fn operators(&self, target: &str) -> Response {
        Request::new(self.setup.admin, "GET", target).send()
    }

    /// Sends these bytes over a connection of their own and reads one answer.
    #[track_caller]
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> Response {
        let mut connection = Conn::open(self.setup.port).unwrap();
        connection.send(bytes).unwrap();
        connection.answer("GET").unwrap()
    }

    /// A connection to the public listener.
    pub fn connect(&self) -> Conn {
        Conn::open(self.setup.port).unwrap()
    }

    /// The login form, posted from our own origin.
    #[track_caller]
    pub fn try_login(&self, username: &str, password: &str) -> Response {
        self.login_request(username, password).send()
    }

    /// The same, not yet sent.
    pub fn login_request(&self, username: &str, password: &str) -> Request {
        let form = format!(
            "username={}&password={}",
            encode(username),
            encode(password)
        );
        self.request("POST", "/login").own_origin().form(&form)
    }

    /// Logs in; the text for a `Cookie` field.
    #[track_caller]
    pub fn login(&self, username: &str, password: &str) -> String {
        let response = self.try_login(username, password);
        assert_eq!(response.status, 303, "{username} cannot log in: {response}");
        let cookie = response
            .cookie("__Host-doorward")
            .unwrap_or_else(|| panic!("no session cookie for {username}: {response}"));
        format!("__Host-doorward={}", cookie.value)
    }

    /// Alice's cookie.
    #[track_caller]
    pub fn alice(&self) -> String {
        self.login("alice", users::ALICE_PASSWORD)
    }

    /// Bob's cookie.
    #[track_caller]
    pub fn bob(&self) -> String {
        self.login("bob", users::BOB_PASSWORD)
    }

    /// Ends a session as the page of the app would.
    #[track_caller]
    pub fn logout(&self, cookie: &str) -> Response {
        self.request("POST", "/logout")
            .own_origin()
            .cookie(cookie)
            .form("")
            .send()
    }

    /// The sum of a metric over all its labels.
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        self.labelled(name, "")
    }

    /// The sum of a metric over those whose labels hold this text.
    #[track_caller]
    pub fn labelled(&self, name: &str, label: &str) -> f64 {
        let text = self.operators("/metrics").text();
        text.lines()
            .filter(|line| line.contains(label))
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// Percent-encodes a form value.
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
