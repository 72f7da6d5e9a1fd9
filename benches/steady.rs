//! Load of a fixed rate, for `make bench`: requests come when they are due, as people do, and
//! not when the one before is answered (an open loop). On one connection each waits for the
//! answer before it, and that wait counts as its own.
//!
//! `cargo build --release --bench steady`, then `steady ADDRESS RATE SECONDS CONNECTIONS
//! HEADER…`. Each connection is a thread with its own share of the rate; its requests come
//! at random (exponential gaps, the same at each run). Prints for each request when it was
//! due, in microseconds of Unix time, and how many microseconds later its answer was whole.
//! Any answer but 200 ends the program with an error.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails, and reads the clock"
)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// For an answer; who is slower is broken.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("no {what} was given"));
    let address: SocketAddr = next("address").parse().unwrap();
    let rate: f64 = next("rate").parse().unwrap();
    let seconds: f64 = next("number of seconds").parse().unwrap();
    let connections: u32 = next("number of connections").parse().unwrap();
    let mut request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n");
    for header in args {
        write!(request, "{header}\r\n").unwrap();
    }
    request.push_str("\r\n");

    let gap = f64::from(connections) / rate;
    // All of them are connected by then.
    let begin = Instant::now() + Duration::from_millis(200);
    let workers: Vec<_> = (0..connections)
        .map(|number| {
            let request = request.clone();
            thread::spawn(move || {
                let end = begin + Duration::from_secs_f64(seconds);
                converse(
                    address,
                    request.as_bytes(),
                    Gaps::new(number, gap),
                    begin,
                    end,
                )
            })
        })
        .collect();
    let samples: Vec<Sample> = workers
        .into_iter()
        .flat_map(|w| w.join().unwrap())
        .collect();

    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - begin.elapsed();
    let mut lines = String::new();
    for sample in samples {
        let due = (since + sample.due.duration_since(begin)).as_micros();
        writeln!(lines, "{due} {}", sample.took.as_micros()).unwrap();
    }
    print!("{lines}");
}

struct Sample {
    due: Instant,
    took: Duration,
}

/// Times between two requests: a Poisson process.
struct Gaps {
    state: u64,
    mean: f64,
}

impl Gaps {
    fn new(seed: u32, mean: f64) -> Self {
        Self {
            state: u64::from(seed),
            mean,
        }
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn next(&mut self) -> Duration {
        // Above zero and at most one.
        let uniform = ((self.random() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        Duration::from_secs_f64(-uniform.ln() * self.mean)
    }
}

/// One connection, until the end.
fn converse(
    address: SocketAddr,
    request: &[u8],
    mut gaps: Gaps,
    begin: Instant,
    end: Instant,
) -> Vec<Sample> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut samples = Vec::new();
    let mut due = begin + gaps.next();
    while due < end {
        // That a sleeper is woken late is this program's doing, and not counted. That an
        // answer came after the next request was due is the proxy's, and is.
        let asleep = due.saturating_duration_since(Instant::now());
        let counted = if asleep.is_zero() {
            due
        } else {
            thread::sleep(asleep);
            Instant::now()
        };
        stream.write_all(request).unwrap();
        receive(&mut stream);
        samples.push(Sample {
            due,
            took: counted.elapsed(),
        });
        due += gaps.next();
    }
    samples
}

/// Reads one answer, which is 200 and has a length.
fn receive(stream: &mut TcpStream) {
    let mut answer = [0; 8192];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut answer[filled..]).unwrap();
        assert!(read > 0, "the connection was closed");
        filled += read;
        let text = std::str::from_utf8(&answer[..filled]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 200 "), "refused: {head}");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or_else(|| panic!("no length: {head}")) {
            return;
        }
    }
}
