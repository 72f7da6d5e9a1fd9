//! What a signed-in person notices of floods: a table to read, not a test.
//!
//! `cargo bench --bench floods` takes two to three minutes; names after `--` choose floods.
//! Everything is on the loopback and in this one process but for the gateway, which is the
//! real program with its default limits, but for those of one address: on a machine with few cores the flood, the app and
//! the person take their time from the gateway too. Needs some 8000 open files
//! (`ulimit -n`). `docs/attacks.md` has the figures of one run.
//!
//! `guesses` is another kind of flood, and takes a minute: wrong logins from a thousand
//! networks, and who signs in meanwhile, in a browser that is known and in one that is not.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails, and reads the clock"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use doorward::adapters::users::hashing;
use doorward::domain::secret::Secret;
use nix::sys::socket::{setsockopt, sockopt};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Before a flood.
const QUIET: Duration = Duration::from_secs(4);
/// Of one flood.
const SPAN: Duration = Duration::from_secs(12);
/// Between its end and the last look at the memory.
const AFTER: Duration = Duration::from_secs(3);
/// Between two requests of the person.
const PACE: Duration = Duration::from_millis(10);
/// What the person waits for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections of each slow flood.
const SLOW: u32 = 2000;
/// Callers of each fast flood.
const FAST: u32 = 64;
/// Networks of the flood of guesses, and how long it goes on before anybody honest comes.
const NETWORKS: u32 = 1000;
const FLOODED: Duration = Duration::from_secs(30);
/// What each of its callers waits after an answer: some 500 logins a second, ten times what
/// two processors hash. Faster ones, from the same machine, would measure its scheduler.
const GUESS_PACE: Duration = Duration::from_millis(500);
/// Honest logins of each kind, between two of them, and what their people wait for.
const LOGINS: u32 = 100;
const LOGIN_PACE: Duration = Duration::from_millis(300);
const LOGIN_PATIENCE: Duration = Duration::from_secs(10);
/// The proxy whose `X-Forwarded-For` is believed.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 99, 0, 1);
/// What a slow reader asks for.
const BIG: usize = 16 * 1024 * 1024;

#[tokio::main]
async fn main() {
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    println!(
        "| flood | what became of it | quiet p50 / p99 | meanwhile p50 / p99 | requests, failed | \
         resident before / peak / after |\n|---|---|---|---|---|---|"
    );
    for flood in Flood::ALL {
        if chosen.is_empty() || chosen.iter().any(|name| name == flood.name()) {
            measure(flood).await;
        }
    }
    if chosen.is_empty() || chosen.iter().any(|name| name == "guesses") {
        println!("\n| sign-ins during guesses | got in | p50 / p99 |\n|---|---|---|");
        guesses().await;
    }
}

#[derive(Clone, Copy)]
enum Flood {
    Heads,
    Bodies,
    Readers,
    Logins,
    Tokens,
    Addresses,
    Forwarded,
}

impl Flood {
    const ALL: [Self; 7] = [
        Self::Heads,
        Self::Bodies,
        Self::Readers,
        Self::Logins,
        Self::Tokens,
        Self::Addresses,
        Self::Forwarded,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Bodies => "bodies",
            Self::Readers => "readers",
            Self::Logins => "logins",
            Self::Tokens => "tokens",
            Self::Addresses => "addresses",
            Self::Forwarded => "forwarded",
        }
    }

    /// A cheap hash where the counters are to be filled, as fast as may be.
    fn hash(self) -> String {
        match self {
            Self::Addresses | Self::Forwarded => bcrypt::hash(PASSWORD, 4).unwrap(),
            _ => hashing::make(&Secret::new(PASSWORD.to_owned())).unwrap(),
        }
    }

    async fn caller(self, to: Arc<Target>, number: u32) {
        match self {
            Self::Heads => slow_head(&to).await,
            Self::Bodies => slow_body(&to).await,
            Self::Readers => slow_reader(&to).await,
            Self::Logins | Self::Addresses => login(&to, fresh_address(), None).await,
            Self::Tokens => forged_token(&to, number).await,
            Self::Forwarded => login(&to, PROXY, Some(fresh_address())).await,
        }
    }

    fn callers(self) -> u32 {
        match self {
            Self::Heads | Self::Bodies | Self::Readers => SLOW,
            // More than may be hashed and wait.
            Self::Logins => 4 * FAST,
            Self::Tokens | Self::Addresses | Self::Forwarded => FAST,
        }
    }
}

const PASSWORD: &str = "wonderland";

/// Where a flood goes, and what became of it.
struct Target {
    gateway: SocketAddr,
    cookie: String,
    outcomes: Mutex<BTreeMap<String, u64>>,
}

impl Target {
    fn count(&self, outcome: &str) {
        *self.outcomes.lock().entry(outcome.into()).or_default() += 1;
    }

    /// An answer, or that there was none.
    fn count_answer(&self, answer: &io::Result<Answer>) {
        match answer {
            Ok(answer) => self.count(&answer.status.to_string()),
            Err(_) => self.count("closed"),
        }
    }
}

async fn measure(flood: Flood) {
    let app = start_app().await;
    let gateway = Gateway::start(app, &flood.hash()).await;
    let to = Arc::new(Target {
        gateway: gateway.address,
        cookie: sign_in(gateway.address).await.access,
        outcomes: Mutex::default(),
    });
    let quiet = person(&to, QUIET).await;
    let before = gateway.resident();

    let watch = Watch::start(&gateway);
    let callers: Vec<_> = (0..flood.callers())
        .map(|number| {
            let to = Arc::clone(&to);
            tokio::spawn(async move {
                loop {
                    flood.caller(Arc::clone(&to), number).await;
                }
            })
        })
        .collect();
    let meanwhile = person(&to, SPAN).await;
    let open = gateway.connections().await;
    for caller in callers {
        caller.abort();
    }
    let peak = watch.stop();
    sleep(AFTER).await;
    let after = gateway.resident();

    let mut outcomes: Vec<String> = vec![format!("{open} open at its end")];
    outcomes.extend(
        to.outcomes
            .lock()
            .iter()
            .map(|(what, n)| format!("{n} × {what}")),
    );
    println!(
        "| {} | {} | {} | {} | {}, {} | {} / {} / {} MiB |",
        flood.name(),
        outcomes.join(", "),
        quiet.shown(),
        meanwhile.shown(),
        meanwhile.took.len() + meanwhile.failed,
        meanwhile.failed,
        before / 1024,
        peak / 1024,
        after / 1024,
    );
}

/// How long requests took.
#[derive(Default)]
struct Took {
    took: Vec<Duration>,
    failed: usize,
}

impl Took {
    fn shown(&self) -> String {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let at = |part: usize| {
            let place = (sorted.len() * part / 100).min(sorted.len().saturating_sub(1));
            let took = sorted.get(place).copied().unwrap_or_default();
            format!("{:.1}", took.as_secs_f64() * 1000.0)
        };
        format!("{} / {} ms", at(50), at(99))
    }
}

/// Somebody who is signed in goes on working, over a connection that is a new one after
/// every twenty requests.
async fn person(to: &Target, span: Duration) -> Took {
    let mut all = Took::default();
    let until = Instant::now() + span;
    let request = format!(
        "GET /page HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n",
        to.gateway, to.cookie
    );
    while Instant::now() < until {
        let mut connection = None;
        for _ in 0..20 {
            let began = Instant::now();
            let asked = timeout(PATIENCE, async {
                let mut on = match connection.take() {
                    Some(on) => on,
                    None => TcpStream::connect(to.gateway).await?,
                };
                on.set_nodelay(true)?;
                let answer = ask(&mut on, request.as_bytes()).await?;
                io::Result::Ok((on, answer))
            });
            match asked.await {
                Ok(Ok((on, answer))) if answer.status == 200 => {
                    all.took.push(began.elapsed());
                    connection = Some(on);
                }
                _ => all.failed += 1,
            }
            sleep(PACE).await;
            if Instant::now() >= until {
                break;
            }
        }
    }
    all
}

/// One head that never ends: a field a second.
async fn slow_head(to: &Target) {
    let Ok(mut connection) = TcpStream::connect(to.gateway).await else {
        to.count("not connected");
        return;
    };
    let begun = format!("GET / HTTP/1.1\r\nHost: {}\r\n", to.gateway);
    let _ = connection.write_all(begun.as_bytes()).await;
    drip(to, &mut connection, b"X-Slow: 1\r\n").await;
}

/// A login whose body comes byte by byte.
async fn slow_body(to: &Target) {
    let Ok(mut connection) = TcpStream::connect(to.gateway).await else {
        to.count("not connected");
        return;
    };
    let head = login_head(to.gateway, 10_000, None);
    let _ = connection.write_all(head.as_bytes()).await;
    drip(to, &mut connection, b"x").await;
}

/// Sends a piece each second until there is an answer, or an end.
async fn drip(to: &Target, connection: &mut TcpStream, piece: &[u8]) {
    loop {
        match timeout(Duration::from_secs(1), answer(connection)).await {
            Ok(answer) => return to.count_answer(&answer),
            Err(_none_yet) => {
                if connection.write_all(piece).await.is_err() {
                    return to.count("closed");
                }
            }
        }
    }
}

/// Somebody with an account who asks for much and takes a byte a second.
async fn slow_reader(to: &Target) {
    let socket = TcpSocket::new_v4().unwrap();
    let _ = socket.set_recv_buffer_size(4096);
    // As over Ethernet. On the loopback a segment is 64 KiB, and so much of each answer would
    // lie in the system's buffers that those run out before anything else does.
    setsockopt(&socket, sockopt::TcpMaxSeg, &1400).unwrap();
    let Ok(mut connection) = socket.connect(to.gateway).await else {
        to.count("not connected");
        return;
    };
    let request = format!(
        "GET /big HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n",
        to.gateway, to.cookie
    );
    let _ = connection.write_all(request.as_bytes()).await;
    let mut byte = [0];
    while let Ok(1) = connection.read(&mut byte).await {
        sleep(Duration::from_secs(1)).await;
    }
    to.count("closed");
}

/// A wrong password for a name that nobody has.
async fn login(to: &Target, from: Ipv4Addr, forwarded: Option<Ipv4Addr>) {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let Some(mut connection) = connect_from(from, to.gateway).await else {
        return to.count("not connected");
    };
    let name = NAMES.fetch_add(1, Ordering::Relaxed);
    let body = format!("username=user{name}&password=wrong");
    let head = login_head(to.gateway, body.len(), forwarded);
    let answer = ask(&mut connection, format!("{head}{body}").as_bytes()).await;
    to.count_answer(&answer);
}

/// A thousand requests with Alice's token and signatures that are made up.
async fn forged_token(to: &Target, number: u32) {
    static MADE_UP: AtomicU64 = AtomicU64::new(0);
    let Some(mut connection) = connect_from(Ipv4Addr::LOCALHOST, to.gateway).await else {
        return to.count("not connected");
    };
    let (signed, signature) = to.cookie.rsplit_once('.').unwrap();
    let kept = &signature[..signature.len() - 20];
    for _ in 0..1000 {
        let made_up = MADE_UP.fetch_add(1, Ordering::Relaxed);
        let request = format!(
            "GET /page HTTP/1.1\r\nHost: {}\r\nCookie: {signed}.{kept}{number:04}{made_up:016}\r\n\r\n",
            to.gateway
        );
        let answer = ask(&mut connection, request.as_bytes()).await;
        to.count_answer(&answer);
        if answer.is_err() {
            return;
        }
    }
}

/// Wrong logins from many networks; who is honest signs in once every [`LOGIN_PACE`], each
/// from a network of their own, and tries once.
async fn guesses() {
    let app = start_app().await;
    let hash = hashing::make(&Secret::new(PASSWORD.to_owned())).unwrap();
    let gateway = Gateway::start(app, &hash).await;
    let to = Arc::new(Target {
        gateway: gateway.address,
        cookie: sign_in(gateway.address).await.known,
        outcomes: Mutex::default(),
    });
    let before = gateway.resident();
    let watch = Watch::start(&gateway);
    let callers: Vec<_> = (0..4 * FAST)
        .map(|_| {
            let to = Arc::clone(&to);
            tokio::spawn(async move {
                static TURN: AtomicU32 = AtomicU32::new(0);
                loop {
                    let network = TURN.fetch_add(1, Ordering::Relaxed) % NETWORKS;
                    let [_, _, high, low] = network.to_be_bytes();
                    login(&to, PROXY, Some(Ipv4Addr::new(10, high, low, 1))).await;
                    sleep(GUESS_PACE).await;
                }
            })
        })
        .collect();
    sleep(FLOODED).await;
    for (kind, first, cookie) in [
        ("in a known browser", 20, Some(to.cookie.as_str())),
        ("in another", 40, None),
    ] {
        let mut got_in = Took::default();
        let tries: Vec<_> = (0..LOGINS)
            .map(|n| {
                let from = Ipv4Addr::new(first, 0, n as u8, 1);
                let request = honest_login(to.gateway, from, cookie);
                tokio::spawn(async move {
                    sleep(LOGIN_PACE * n).await;
                    let began = Instant::now();
                    let asked = async {
                        let mut connection = connect_from(PROXY, request.0).await?;
                        ask(&mut connection, request.1.as_bytes()).await.ok()
                    };
                    let answer = timeout(LOGIN_PATIENCE, asked).await.ok().flatten();
                    answer
                        .is_some_and(|a| a.status == 303)
                        .then(|| began.elapsed())
                })
            })
            .collect();
        for one in tries {
            match one.await.unwrap() {
                Some(took) => got_in.took.push(took),
                None => got_in.failed += 1,
            }
        }
        let in_time = got_in.took.len();
        println!("| {kind} | {in_time} of {LOGINS} | {} |", got_in.shown());
    }
    for caller in callers {
        caller.abort();
    }
    let outcomes = to.outcomes.lock();
    let outcomes = outcomes.iter().map(|(what, n)| format!("{n} × {what}"));
    let outcomes = outcomes.collect::<Vec<_>>().join(", ");
    let peak = watch.stop() / 1024;
    let before = before / 1024;
    println!("\nThe flood: {outcomes}; resident {before} MiB before, {peak} at most.");
}

/// Alice with her password, from this address.
fn honest_login(to: SocketAddr, from: Ipv4Addr, cookie: Option<&str>) -> (SocketAddr, String) {
    let body = format!("username=alice&password={PASSWORD}");
    let head = login_head(to, body.len(), Some(from));
    let cookie = cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
    let (line, rest) = head.split_once("\r\n").unwrap();
    (to, format!("{line}\r\n{cookie}{rest}{body}"))
}

fn login_head(gateway: SocketAddr, length: usize, forwarded: Option<Ipv4Addr>) -> String {
    let forwarded = forwarded.map_or_else(String::new, |address| {
        format!("X-Forwarded-For: {address}\r\n")
    });
    format!(
        "POST /login HTTP/1.1\r\nHost: {gateway}\r\nOrigin: http://{gateway}\r\n{forwarded}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// One of sixteen million of the loopback, each once.
fn fresh_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0x7f01_0001);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::from(0x7f00_0000 | (next & 0x00ff_ffff))
}

async fn connect_from(from: Ipv4Addr, to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind((from, 0).into()).ok()?;
    socket.connect(to).await.ok()
}

struct Answer {
    status: u16,
    head: String,
}

async fn ask(connection: &mut TcpStream, request: &[u8]) -> io::Result<Answer> {
    connection.write_all(request).await?;
    answer(connection).await
}

/// Reads a whole answer of known length.
async fn answer(connection: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(4096);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let whole = end + field(&head, "content-length").unwrap_or(0);
    while bytes.len() < whole {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        head,
    })
}

fn field(head: &str, name: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().parse().ok())?
    })
}

/// What a browser keeps of a sign-in.
struct Cookies {
    access: String,
    known: String,
}

async fn sign_in(gateway: SocketAddr) -> Cookies {
    let body = format!("username=alice&password={PASSWORD}");
    let request = format!("{}{body}", login_head(gateway, body.len(), None));
    let mut connection = TcpStream::connect(gateway).await.unwrap();
    let answer = ask(&mut connection, request.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 303, "{}", answer.head);
    let cookie = |name: &str| {
        let value = answer.head.lines().find_map(|line| {
            let (_, value) = line.split_once(&format!(": {name}="))?;
            value.split(';').next()
        });
        format!("{name}={}", value.unwrap())
    };
    Cookies {
        access: cookie("__Host-doorward"),
        known: cookie("__Host-doorward-known"),
    }
}

/// An app that answers a page, or much.
async fn start_app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // For the same reason as in a slow reader.
    setsockopt(&listener, sockopt::SndBuf, &(128 * 1024)).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let _ = connection.set_nodelay(true);
            tokio::spawn(serve(connection));
        }
    });
    address
}

async fn serve(mut connection: TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    let page = [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"[..],
        &[b'x'; 2000],
    ]
    .concat();
    let piece = [b'x'; 64 * 1024];
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if connection.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let is_big = bytes.starts_with(b"GET /big ");
        bytes.drain(..end);
        if is_big {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n");
            connection.write_all(head.as_bytes()).await?;
            for _ in 0..BIG / piece.len() {
                connection.write_all(&piece).await?;
            }
        } else {
            connection.write_all(&page).await?;
        }
    }
}

/// The real program in a folder of its own.
struct Gateway {
    process: Child,
    folder: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Gateway {
    async fn start(app: SocketAddr, hash: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("doorward-floods-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (address, admin) = (free_port(), free_port());
        let config = folder.join("doorward.yaml");
        let text = format!(
            "listen: {address}\nadmin: {{ listen: {admin} }}\nupstream: http://{app}\n\
             data_dir: {data:?}\ntrusted_proxies: [{PROXY}]\n\
             limits: {{ connections_per_address: null }}\nusers:\n  \
             - {{ id: \"1\", username: alice, name: Alice, password_hash: {hash:?} }}\n",
            data = folder.join("data"),
        );
        std::fs::write(&config, text).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .args(["run", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Self {
            process,
            folder,
            address,
            admin,
        };
        for _ in 0..100 {
            if gateway
                .operators("/readyz")
                .await
                .is_some_and(|text| text.contains("200 OK"))
            {
                return gateway;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("the gateway does not start");
    }

    async fn operators(&self, path: &str) -> Option<String> {
        let mut connection = TcpStream::connect(self.admin).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut text = String::new();
        connection.read_to_string(&mut text).await.ok()?;
        Some(text)
    }

    /// Connections that the gateway has open.
    async fn connections(&self) -> u64 {
        let text = self.operators("/metrics").await.unwrap_or_default();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("doorward_connections "));
        line.and_then(|n| n.trim().parse().ok()).unwrap_or_default()
    }

    fn resident(&self) -> u64 {
        resident(self.process.id())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

/// Looks at the memory ten times a second.
struct Watch {
    peak: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn start(gateway: &Gateway) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let (pid, seen) = (gateway.process.id(), Arc::clone(&peak));
        let task = tokio::spawn(async move {
            loop {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                sleep(Duration::from_millis(100)).await;
            }
        });
        Self { peak, task }
    }

    fn stop(self) -> u64 {
        self.task.abort();
        self.peak.load(Ordering::Relaxed)
    }
}
