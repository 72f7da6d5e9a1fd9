//! `doorward run --take-over`: the listeners pass to a new process under load, nothing that
//! was asked fails, and nothing that was acknowledged is lost.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::operations::cli::{assert_code, said, written};
use crate::support::h2::{self, H2};
use crate::support::temp::free_port;
use crate::support::users::{ALICE_PASSWORD, User};
use crate::support::watch::{End, Kind, Watch};
use crate::support::{
    Conn, Gateway, Jar, Process, RedisServer, Request, Response, Upstream, until, world, world_with,
};

/// Take-overs in a row under load.
const ROUNDS: usize = 3;

/// What the load has seen.
#[derive(Debug, Default)]
struct Tally {
    over: AtomicBool,
    served: AtomicU32,
    renewed: AtomicU32,
    ended: AtomicU32,
    /// Asked to come again, as is allowed while nobody has the store.
    asked_again: AtomicU32,
    /// The longest that a login took, in milliseconds.
    slowest_login: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

/// Ends the load.
struct Over<'a>(&'a Tally);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

impl Tally {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn complain(&self, what: &str, seen: impl std::fmt::Display) {
        self.wrong.lock().unwrap().push(format!("{what}: {seen}"));
    }

    fn count(counter: &AtomicU32) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the answer is as promised; one that asks to come again counts as that.
    fn is(&self, what: &str, status: u16, answer: std::io::Result<Response>) -> Option<Response> {
        match answer {
            Ok(answer) if answer.status == status => return Some(answer),
            Ok(answer) if answer.status == 503 && answer.header("Retry-After").is_some() => {
                Self::count(&self.asked_again);
            }
            Ok(answer) => self.complain(what, answer),
            Err(error) => self.complain(what, error),
        }
        None
    }
}

/// Requests of somebody signed in, over connections that are kept as long as they may be.
fn reads_on(gateway: &Gateway, cookie: &str, tally: &Tally) {
    let mut kept: Option<Conn> = None;
    while tally.goes_on() {
        let mut connection = kept.take().unwrap_or_else(|| gateway.connect());
        let request = gateway.request("GET", "/kept").cookie(cookie);
        match request.try_send_on(&mut connection) {
            Ok(answer) if answer.status == 200 => {
                Tally::count(&tally.served);
                if !answer.lists("connection", "close") {
                    kept = Some(connection);
                }
            }
            Ok(answer) => tally.complain("a kept connection", answer),
            Err(error) => tally.complain("a kept connection", error),
        }
    }
}

/// The same, each over a connection of its own.
fn reads_anew(gateway: &Gateway, cookie: &str, tally: &Tally) {
    while tally.goes_on() {
        match gateway.request("GET", "/new").cookie(cookie).try_send() {
            Ok(answer) if answer.status == 200 => Tally::count(&tally.served),
            Ok(answer) => tally.complain("a new connection", answer),
            Err(error) => tally.complain("a new connection", error),
        }
    }
}

/// Signs in, is served, signs out, and is refused from that answer on, or after the time
/// that one replica may lag behind another.
fn comes_and_goes(gateway: &Gateway, tally: &Tally, replica_lag: Duration) {
    while tally.goes_on() {
        let began = Instant::now();
        let login = gateway.login_request("alice", ALICE_PASSWORD).try_send();
        let took = u64::try_from(began.elapsed().as_millis()).unwrap();
        tally.slowest_login.fetch_max(took, Ordering::Relaxed);
        let Some(answer) = tally.is("login", 303, login) else {
            continue;
        };
        let jar = Jar::of(&answer);
        let read = gateway.request("GET", "/in").cookie(&jar.cookies());
        if tally.is("after the login", 200, read.try_send()).is_none() {
            continue;
        }
        let logout = || jar.request(gateway, "POST", "/logout").form("").try_send();
        while tally.is("logout", 303, logout()).is_none() {
            if !tally.wrong.lock().unwrap().is_empty() {
                return;
            }
        }
        Tally::count(&tally.ended);
        let ended = Instant::now();
        loop {
            let late = read.try_send();
            let lags = late.as_ref().is_ok_and(|late| late.status == 200);
            if !lags || ended.elapsed() > replica_lag {
                let _refused = tally.is("after the logout", 401, late);
                break;
            }
        }
    }
}

/// Renews again and again; each renewal that was answered must lead to the next.
fn renews(gateway: &Gateway, tally: &Tally) {
    let mut jar = Jar::alice(gateway);
    while tally.goes_on() {
        let refresh = jar.request(gateway, "POST", "/refresh").try_send();
        if let Some(answer) = tally.is("refresh", 200, refresh) {
            jar.take(&answer);
            Tally::count(&tally.renewed);
        }
    }
}

/// Processes follow each other while people use the gateway.
fn under_load(gateway: &Gateway, replica_lag: Duration) {
    let tally = Tally::default();
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let kept = Jar::alice(gateway);
    // The last of them runs until the load has ended.
    let mut successors: Vec<Process> = Vec::new();
    std::thread::scope(|scope| {
        for cookie in [&alice, &bob] {
            scope.spawn(|| reads_on(gateway, cookie, &tally));
        }
        scope.spawn(|| reads_anew(gateway, &bob, &tally));
        scope.spawn(|| comes_and_goes(gateway, &tally, replica_lag));
        scope.spawn(|| renews(gateway, &tally));
        // However this ends, the load ends with it.
        let _end = Over(&tally);
        for _ in 0..ROUNDS {
            let served = tally.served.load(Ordering::Relaxed);
            let ended = tally.ended.load(Ordering::Relaxed);
            successors.push(gateway.successor());
            let earlier = successors.len().checked_sub(2).map(|at| &successors[at]);
            until("the earlier process to have handed over and ended", || {
                let log = earlier.map_or_else(|| gateway.log(), Process::output);
                log.contains("has taken over") && log.trim_end().ends_with("stopped")
            });
            until("the load to go on", || {
                tally.served.load(Ordering::Relaxed) > served + 20
                    && tally.ended.load(Ordering::Relaxed) > ended
                    || !tally.wrong.lock().unwrap().is_empty()
            });
        }
        assert_eq!(kept.get(gateway, "/after").status, 200, "a session is lost");
        assert_eq!(kept.post_refresh(gateway).status, 200, "it cannot renew");
    });
    eprintln!("{tally:?}");
    let wrong = tally.wrong.lock().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} requests went wrong, first {:?}",
        wrong.len(),
        tally.served.load(Ordering::Relaxed),
        &wrong[..wrong.len().min(3)],
    );
    assert!(tally.renewed.load(Ordering::Relaxed) > 0, "nobody renewed");
}

#[test]
fn nothing_fails_while_processes_follow_each_other() {
    let (gateway, _app) = world_with("login: { address_attempts: 100000, max_attempts: 10000 }");
    under_load(&gateway, Duration::ZERO);
}

#[test]
fn nothing_fails_with_redis_either() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let app = Upstream::start();
    let gateway = redis
        .gateway(&app, "")
        .yaml("login: { address_attempts: 100000, max_attempts: 10000 }")
        .start();
    under_load(&gateway, Duration::from_secs(3));
}

/// Starts the next process and waits until the first has handed over.
#[track_caller]
fn take_over(gateway: &Gateway) -> Process {
    let next = gateway.successor();
    until("the process to have handed over", || {
        gateway.log().contains("has taken over")
    });
    next
}

#[test]
fn what_is_in_flight_is_finished_by_the_first_process() {
    let (mut gateway, app) = world();
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    let held = gateway.request("GET", "/hold").cookie(&cookie);
    connection.send(held.bytes()).unwrap();
    until("the app to be asked", || app.count() == 1);
    let _next = take_over(&gateway);
    assert_eq!(gateway.get("/new", &cookie).status, 200);
    assert!(gateway.process().ended().is_none(), "a request was cut off");
    app.release();
    let answer = connection.answer("GET").expect("the request is finished");
    assert_eq!(answer.text(), "released", "{answer}");
    let status = gateway.process().wait();
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    assert_eq!(gateway.get("/later", &cookie).status, 200);
}

#[test]
fn an_idle_connection_is_answered_once_more() {
    let (mut gateway, _app) = world();
    let cookie = gateway.alice();
    let mut idle = gateway.connect();
    let request = gateway.request("GET", "/").cookie(&cookie);
    assert_eq!(request.send_on(&mut idle).status, 200);
    let _next = take_over(&gateway);
    until("the first process to drain", || {
        gateway.log().contains("stopping")
    });
    // It says so before each of its threads knows.
    until("the last answer", || {
        let answer = request.send_on(&mut idle);
        assert_eq!(answer.status, 200, "{answer}");
        answer.lists("connection", "close")
    });
    gateway.process().wait();
}

#[test]
fn a_stream_of_http_2_is_finished_and_told_to_go_elsewhere() {
    let Some(world) = crate::upstream::h2::World::new("") else {
        return;
    };
    let (gateway, app) = (&world.gateway, &world.app);
    let cookie = world.login();
    let mut connection = H2::open(gateway.port()).unwrap();
    let held = connection.get("/hold", &cookie);
    connection.headers(1, h2::END_STREAM, &held).unwrap();
    until("the app to be asked", || app.count() == 1);
    let _next = take_over(gateway);
    let told = connection.until(|frame| frame.kind == h2::GOAWAY).unwrap();
    let error = told.payload.get(4..8).map(|code| code.to_vec());
    assert_eq!(error, Some(vec![0; 4]), "it is no error");
    app.release();
    let head = connection.until(|frame| frame.kind == h2::HEADERS).unwrap();
    assert_eq!(head.payload.first(), Some(&0x88), "the stream was cut");
}

#[test]
fn a_logout_at_the_next_process_ends_what_the_first_still_serves() {
    let (gateway, _app) = world_with("limits: { drain: 60s }");
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let of_bob = [Kind::IdleSocket, Kind::BusyEvents].map(|kind| Watch::open(&gateway, &bob, kind));
    let of_alice = Watch::open(&gateway, &alice, Kind::IdleSocket);
    let _next = take_over(&gateway);
    assert!(of_bob.iter().all(Watch::is_open), "a take-over cuts");
    // A connection that the first process took in its last moment is told to come again.
    let answer = loop {
        let answer = gateway.logout(&bob);
        if answer.status != 503 || answer.header("Retry-After").is_none() {
            break answer;
        }
    };
    let since = Instant::now();
    assert_eq!(answer.status, 303, "{answer}");
    for watch in of_bob {
        let kind = watch.kind();
        let (at, end) = watch.end();
        let took = at.saturating_duration_since(since);
        assert!(
            took < Duration::from_secs(3),
            "{kind:?} goes on for {took:?}"
        );
        let expected = match kind.is_socket() {
            true => End::Code(1008),
            false => End::Bare,
        };
        assert_eq!(end, expected);
    }
    assert!(of_alice.is_open(), "somebody else was cut off");
}

#[test]
fn the_folder_is_never_without_an_owner() {
    let (gateway, app) = world_with("limits: { drain: 60s }");
    let cookie = gateway.alice();
    let mut connection = gateway.connect();
    let held = gateway.request("GET", "/hold").cookie(&cookie);
    connection.send(held.bytes()).unwrap();
    until("the app to be asked", || app.count() == 1);
    let mut next = take_over(&gateway);
    let third = written(&format!("data_dir: {:?}", gateway.data_dir()));
    let output = third.command(&["run"], "");
    assert_code(&output, 69, "a third process while the first drains");
    app.release();
    connection.answer("GET").unwrap();
    drop(connection);
    until("the first process to end", || {
        gateway.log().contains("stopped")
    });
    let output = third.command(&["run"], "");
    assert_code(&output, 69, "a third process beside the second");
    next.signal("TERM");
    assert_eq!(next.wait().code(), Some(0));
    assert!(Request::new(gateway.port(), "GET", "/").try_send().is_err());
}

#[test]
fn without_a_running_gateway_there_is_nothing_to_take_over() {
    let gateway = written("");
    let output = gateway.command(&["run", "--take-over"], "");
    assert_code(&output, 69, "nobody runs");
    assert!(
        said(&output).contains("leave out --take-over"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_bad_file_takes_nothing_over() {
    let (mut gateway, _app) = world();
    let cookie = gateway.alice();
    gateway.rewrite("upstream: nonsense");
    let output = gateway.command(&["run", "--take-over"], "");
    assert_code(&output, 78, "a bad file");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    gateway.rewrite(&format!(
        "upstream: http://127.0.0.1:1\nlisten: [\"{address}\"]"
    ));
    let output = gateway.command(&["run", "--take-over"], "");
    assert_code(&output, 69, "a listener that is not to be had");
    assert_eq!(gateway.get("/", &cookie).status, 200);
    assert_eq!(gateway.try_login("bob", "wrong").status, 401);
}

#[test]
fn listeners_and_users_can_change_on_the_way() {
    let (mut gateway, _app) = world_with("limits: { drain: 1s }");
    let (alice, bob) = (gateway.alice(), gateway.bob());
    let (old, new) = (gateway.port(), free_port());
    gateway.rewrite(&format!("listen: [\"127.0.0.1:{new}\"]"));
    gateway.rewrite_users(&[User::alice()]);
    let _next = take_over(&gateway);
    let get = |cookie: &str| Request::new(new, "GET", "/").cookie(cookie).send().status;
    assert_eq!(get(&alice), 200, "a session is lost");
    assert_eq!(get(&bob), 401, "a user who was removed is still there");
    gateway.process().wait();
    assert!(
        Request::new(old, "GET", "/").try_send().is_err(),
        "the old address still answers"
    );
}

/// A process that takes over, as far as it says so.
struct Pretender(BufReader<UnixStream>);

impl Pretender {
    fn new(gateway: &Gateway) -> Self {
        let socket = gateway.data_dir().join("next.sock");
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others could take over");
        Self(BufReader::new(UnixStream::connect(socket).unwrap()))
    }

    fn says(&mut self, message: &str) {
        writeln!(self.0.get_mut(), "{message}").unwrap();
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }
}

/// The first thing to say.
const HELLO: &str = r#"{"Sockets":{"version":1,"pid":1,"names":[]}}"#;

#[test]
fn who_goes_away_half_way_has_changed_nothing() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    for words in [&[][..], &["nonsense"], &[HELLO], &[HELLO, HELLO]] {
        let mut pretender = Pretender::new(&gateway);
        for word in words {
            pretender.says(word);
        }
        drop(pretender);
        assert_eq!(gateway.try_login("bob", "wrong").status, 401, "{words:?}");
    }
    let mut pretender = Pretender::new(&gateway);
    pretender.says(HELLO);
    assert!(pretender.hears().contains("Sockets"));
    pretender.says(r#""Store""#);
    assert!(pretender.hears().contains("Store"));
    // Nobody has the store now.
    assert_eq!(jar.get(&gateway, "/").status, 200, "a request waits for it");
    assert_eq!(gateway.operators("/readyz").status, 503);
    let waiting = std::thread::scope(|scope| {
        let login = scope.spawn(|| gateway.try_login("alice", ALICE_PASSWORD));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!login.is_finished(), "a login without a store");
        drop(pretender);
        login.join().unwrap()
    });
    assert_eq!(waiting.status, 303, "the login that waited: {waiting}");
    assert_eq!(gateway.operators("/readyz").status, 200);
    assert_eq!(jar.post_refresh(&gateway).status, 200, "a session is lost");
    assert!(!gateway.log().contains("has taken over"));
}

#[test]
fn another_language_is_refused() {
    let (gateway, _app) = world();
    let mut pretender = Pretender::new(&gateway);
    pretender.says(&HELLO.replace("\"version\":1", "\"version\":2"));
    assert!(pretender.hears().contains("Refused"));
}

#[test]
fn who_waits_too_long_for_the_store_is_told_to_come_again() {
    let (gateway, _app) = world();
    let jar = Jar::alice(&gateway);
    let mut pretender = Pretender::new(&gateway);
    pretender.says(HELLO);
    pretender.hears();
    pretender.says(r#""Store""#);
    pretender.hears();
    let answer = jar.post_refresh(&gateway);
    assert_eq!(answer.status, 503, "{answer}");
    assert!(answer.header("Retry-After").is_some(), "{answer}");
    assert_eq!(jar.get(&gateway, "/").status, 200, "its cookies are kept");
    // A process that hangs does not keep the store.
    assert!(pretender.hears().contains("does not serve"));
    until("the store to be back", || {
        jar.post_refresh(&gateway).status == 200
    });
}
