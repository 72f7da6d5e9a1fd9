//! One HTTP/2 connection holds at most 8 MiB of answers that it does not read, or of bodies
//! that the app does not take, these but for a moment; it gives both back.
//! Measured from outside the process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::h2::{DATA, END_STREAM, H2, HEADERS, SETTINGS, WINDOW_UPDATE, field};
use crate::support::{Builder, Gateway, Upstream, memory, optional, tls, until};

/// What one connection may hold, in KiB.
const SHARE: u64 = 8 * 1024;
/// And for a moment, while bodies begin that the app does not take: in frames of so many
/// bytes, so much.
const BEGINNING: [(u16, u64); 2] = [(16_384, 13 * 1024), (4096, 16 * 1024)];
/// As many as one connection may have.
const STREAMS: u32 = 64;

struct World {
    gateway: Gateway,
    cookie: String,
    before: u64,
}

impl World {
    /// Before the app at this URL; what is allocated once is there already.
    fn before(url: &str) -> Option<Self> {
        if !optional::has("openssl") {
            return None;
        }
        let gateway = Builder::before(url)
            .tls()
            .yaml("log: { level: warn }\nthreads: 1")
            .start();
        let cookie = tls::alice(&gateway);
        let mut world = Self {
            gateway,
            cookie,
            before: 0,
        };
        world.serve();
        world.before = memory::resident(world.gateway.pid());
        Some(world)
    }

    /// Somebody else comes, on a connection of their own.
    #[track_caller]
    fn serve(&self) {
        let mut other = H2::open(self.gateway.port()).unwrap();
        assert!(other.is_served(1, "/_doorward/session", &self.cookie));
    }

    #[track_caller]
    fn assert_bounded(&self, what: &str, most: u64) {
        // What is on its way arrives; nothing says that it has.
        std::thread::sleep(Duration::from_secs(2));
        let peak = self.peak();
        eprintln!("{what}: {peak} KiB");
        assert!(peak < most, "{what}: one connection holds {peak} KiB");
    }

    /// The allocator hands free pages to the kernel as others are asked for, so an idle
    /// process keeps them: the gateway goes on serving.
    #[track_caller]
    fn assert_shrinks_to(&self, most: u64) {
        until("the memory to be given back", || {
            self.serve();
            self.grown() < most
        });
        eprintln!("given back but for {} KiB", self.grown());
    }

    #[track_caller]
    fn assert_given_back(&self) {
        self.assert_shrinks_to(SHARE / 2);
    }

    fn grown(&self) -> u64 {
        memory::resident(self.gateway.pid()).saturating_sub(self.before)
    }

    fn peak(&self) -> u64 {
        memory::peak(self.gateway.pid()).saturating_sub(self.before)
    }
}

/// An app that takes connections and reads nothing after the head of a request.
fn deaf_app() -> (String, Arc<Mutex<Vec<TcpStream>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(128).unwrap().into_std().unwrap()
    });
    listener.set_nonblocking(false).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&held);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16]);
            theirs.lock().unwrap().push(stream);
        }
    });
    (url, held)
}

#[test]
fn streams_that_read_nothing() {
    for window in [0x7fff_ffff, 0, 65_535] {
        let app = Upstream::start();
        let Some(world) = World::before(app.url()) else {
            return;
        };
        let mut client = H2::with_settings(world.gateway.port(), &[(4, window)]).unwrap();
        client.write_patience(Duration::from_secs(5));
        if window > 65_535 {
            let more = (0x7fff_ffffu32 - 65_535).to_be_bytes();
            client.frame(WINDOW_UPDATE, 0, 0, &more).unwrap();
        }
        let block = client.get("/big?n=50000000", &world.cookie);
        for stream in 0..STREAMS {
            client.headers(stream * 2 + 1, END_STREAM, &block).unwrap();
        }
        until("the app to be asked", || {
            app.count() >= usize::try_from(STREAMS / 2).unwrap()
        });
        world.assert_bounded("streams that read nothing", SHARE);
        drop(client);
        world.assert_given_back();
    }
}

/// Sends as much as the windows let it, on all streams in turn, until nothing moves for a
/// while; how much that was. In frames of so many bytes.
fn send_all(client: &mut H2, frame: u16) -> u64 {
    let (data, frame) = (vec![b'x'; usize::from(frame)], i64::from(frame));
    let streams = usize::try_from(STREAMS).unwrap();
    let (mut windows, mut connection) = (vec![65_535_i64; streams], 65_535_i64);
    let mut frames = 0;
    let mut idle = 0;
    client.patience(Duration::from_millis(50));
    while idle < 42 {
        let mut moved = false;
        for (n, window) in windows.iter_mut().enumerate() {
            let stream = u32::try_from(n).unwrap() * 2 + 1;
            if *window >= frame && connection >= frame {
                client.frame(DATA, 0, stream, &data).unwrap();
                (*window, connection) = (*window - frame, connection - frame);
                (frames, moved) = (frames + 1, true);
            }
        }
        idle = if moved { 0 } else { idle + 1 };
        // Once all is sent that may be, and now and then between.
        while connection < frame * 64 || !moved {
            let Ok(told) = client.read() else { break };
            let number = |at: usize| {
                let four = told.payload[at..at + 4].try_into().unwrap();
                i64::from(u32::from_be_bytes(four))
            };
            match (told.kind, told.stream) {
                (WINDOW_UPDATE, 0) => connection += number(0),
                (WINDOW_UPDATE, stream) => {
                    windows[usize::try_from(stream / 2).unwrap()] += number(0);
                }
                (SETTINGS, _) if told.flags == 0 => {
                    // Windows grow once this is said.
                    client.frame(SETTINGS, 1, 0, &[]).unwrap();
                    for at in (0..told.payload.len()).step_by(6) {
                        if told.payload[at..at + 2] == [0, 4] {
                            let more = number(at + 2) - 65_535;
                            windows.iter_mut().for_each(|window| *window += more);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    frames * frame.unsigned_abs()
}

#[test]
fn streams_that_send_to_an_app_that_reads_nothing() {
    for (frame, peak) in BEGINNING {
        let (url, held) = deaf_app();
        let Some(world) = World::before(&url) else {
            return;
        };
        let mut client = H2::open(world.gateway.port()).unwrap();
        client.write_patience(Duration::from_secs(5));
        let block = client.request("POST", "/x", &world.cookie);
        for stream in 0..STREAMS {
            client.headers(stream * 2 + 1, 0, &block).unwrap();
        }
        let sent = send_all(&mut client, frame);
        assert!(sent > 4 * 1024 * 1024, "only {sent} bytes were sent");
        assert!(held.lock().unwrap().len() > 8, "the app was not asked");
        world.assert_bounded("streams that send", peak);
        world.assert_shrinks_to(SHARE);
        drop(client);
        world.assert_given_back();
    }
}

/// The body of an upload: more than the kernel takes for an app that does not read.
const BODY: usize = 35 * 16_384;

/// An app that reads bodies of so many bytes only after a while.
fn late_app(wait: Duration, body: usize) -> String {
    let (url, held) = deaf_app();
    std::thread::spawn(move || {
        std::thread::sleep(wait);
        loop {
            for mut stream in held.lock().unwrap().drain(..) {
                std::thread::spawn(move || {
                    // The rest of the head is less than a frame.
                    let (mut left, mut piece) = (body, vec![0; 64 * 1024]);
                    while left > 0 {
                        left = left.saturating_sub(stream.read(&mut piece).unwrap());
                    }
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                        .unwrap();
                    // With bytes unread the answer would be lost.
                    while stream.read(&mut piece).is_ok_and(|read| read > 0) {}
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    url
}

/// More uploads than go on at once: the clients of the others are not too slow.
#[test]
fn uploads_that_wait_for_others_are_nobodys_fault() {
    let url = late_app(Duration::from_secs(16), BODY);
    let Some(world) = World::before(&url) else {
        return;
    };
    let mut client = H2::open(world.gateway.port()).unwrap();
    client
        .until(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0)
        .unwrap();
    client.frame(SETTINGS, 1, 0, &[]).unwrap();
    let streams = (0..7).map(|stream| stream * 2 + 1);
    let request = client.request("POST", "/x", &world.cookie);
    let block = [request, field("content-length", BODY.to_string())].concat();
    for stream in streams.clone() {
        client.headers(stream, 0, &block).unwrap();
    }
    // One after the other, so that of the last ones nothing has gone to the app.
    for stream in streams.clone() {
        for sent in (16_384..=BODY).step_by(16_384) {
            let flags = if sent == BODY { END_STREAM } else { 0 };
            let data = vec![b'x'; 16_384];
            client.frame(DATA, flags, stream, &data).unwrap();
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    client.patience(Duration::from_secs(40));
    for _each in streams {
        let head = client.until(|frame| frame.kind == HEADERS).unwrap();
        assert_eq!(head.payload[0], 0x88, "not 200: {head:?}");
    }
}

/// The window is full of uploads that wait, so that to those which go on no piece comes when
/// the app has caught up.
#[test]
fn many_uploads_to_an_app_that_is_late_come_to_their_end() {
    // Far more than the kernel takes.
    let large = 12 * 1024 * 1024;
    let url = late_app(Duration::from_secs(3), large);
    let Some(world) = World::before(&url) else {
        return;
    };
    if !optional::has("curl") {
        return;
    }
    let body = world.gateway.dir().path().join("upload");
    std::fs::write(&body, vec![b'x'; large]).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--insecure", "--http2", "--silent", "--parallel"])
        .args(["--max-time", "30", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code} ", "--cookie", &world.cookie])
        .arg("--data-binary")
        .arg(format!("@{}", body.display()))
        .arg(format!("https://127.0.0.1:{}/[1-12]", world.gateway.port()));
    let begun = Instant::now();
    let said = curl.output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said, "200 ".repeat(12), "after {:?}", begun.elapsed());
}

/// Who asks for little is answered beside those that read nothing.
#[test]
fn streams_that_read_nothing_leave_room_for_others() {
    let app = Upstream::start();
    let Some(world) = World::before(app.url()) else {
        return;
    };
    // Windows of nothing for the streams, until the small ones are asked for.
    let mut client = H2::with_settings(world.gateway.port(), &[(4, 0)]).unwrap();
    let block = client.get("/big?n=50000000", &world.cookie);
    for stream in 0..40 {
        client.headers(stream * 2 + 1, END_STREAM, &block).unwrap();
    }
    until("the app to be asked", || app.count() == 40);
    for stream in 40..60 {
        assert!(
            client.is_served(stream * 2 + 1, "/", &world.cookie),
            "a small answer waits for large ones"
        );
    }
}

/// Every answer comes whole when it is read, also those that had to wait.
#[test]
fn large_answers_come_one_after_the_other() {
    let app = Upstream::start();
    let Some(world) = World::before(app.url()) else {
        return;
    };
    let window = [(4, 0x7fff_ffff)];
    let mut client = H2::with_settings(world.gateway.port(), &window).unwrap();
    let more = (0x7fff_ffffu32 - 65_535).to_be_bytes();
    client.frame(WINDOW_UPDATE, 0, 0, &more).unwrap();
    let block = client.get("/big?n=2000000", &world.cookie);
    for stream in 0..STREAMS {
        client.headers(stream * 2 + 1, END_STREAM, &block).unwrap();
    }
    let (mut whole, mut bytes) = (0, 0);
    while whole < STREAMS {
        let frame = client.until(|frame| frame.kind == DATA).unwrap();
        bytes += frame.payload.len();
        whole += u32::from(frame.flags & END_STREAM);
    }
    assert_eq!(bytes, 2_000_000 * 64, "something is missing");
}

#[test]
fn the_windows_are_announced() {
    let app = Upstream::start();
    let Some(world) = World::before(app.url()) else {
        return;
    };
    let mut client = H2::open(world.gateway.port()).unwrap();
    let settings = client.until(|frame| frame.kind == SETTINGS).unwrap();
    let window = [&[0, 4][..], &(2 * 1024 * 1024u32).to_be_bytes()].concat();
    let mut all = settings.payload.chunks(6);
    assert!(all.any(|one| one == window), "{:?}", settings.payload);
    let update = client.until(|frame| frame.kind == WINDOW_UPDATE).unwrap();
    let more = (2 * 1024 * 1024u32 - 65_535).to_be_bytes();
    assert_eq!((update.stream, &update.payload[..]), (0, &more[..]));
}
