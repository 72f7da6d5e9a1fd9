//! How fast the embedded store is on this machine: a table to read, not a test.
//!
//! `cargo bench --bench store` takes some minutes. Numbers after `--` are the sizes of the
//! files whose opening is measured.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails, and reads the clock"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use doorward::adapters::store::{Embedded, RevocationIndex};
use doorward::auth::ports::Store;
use doorward::auth::revocation::{Revocation, RevocationScope};
use doorward::auth::stored::StoredSession;
use doorward::domain::time::Timestamp;

#[path = "support/session.rs"]
mod session;

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(5);
const CALLERS: [u64; 3] = [1, 16, 64];
const REVOCATIONS: u64 = 1_000_000;
const BEGIN: u64 = 1_790_000_000_000;

fn main() {
    let sizes: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100_000, 1_000_000]
    } else {
        sizes
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        println!("| durable changes per second | 1 caller | 16 | 64 |\n|---|---|---|---|");
        logins().await;
        rotations().await;
        println!("\n| sessions | file | opened | opened after kill -9 |\n|---|---|---|---|");
        for count in sizes {
            start(count).await;
        }
    });
    revocations();
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("doorward-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("doorward.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One login a millisecond.
fn session(number: u64) -> StoredSession {
    session::session(Timestamp::from_millis(BEGIN), number)
}

async fn logins() {
    let next = Arc::new(AtomicU64::new(0));
    row("logins", |store, until| {
        let next = Arc::clone(&next);
        async move {
            let mut done = 0;
            while Instant::now() < until {
                let session = session(next.fetch_add(1, Ordering::Relaxed));
                store.open(&session, None, session.renewed).await.unwrap();
                done += 1;
            }
            done
        }
    })
    .await;
}

async fn rotations() {
    let next = Arc::new(AtomicU64::new(0));
    row("rotations", |store, until| {
        let next = Arc::clone(&next);
        async move {
            let mut old = session(next.fetch_add(1, Ordering::Relaxed));
            store.open(&old, None, old.renewed).await.unwrap();
            let mut done = 0;
            while Instant::now() < until {
                let mut new = old.clone();
                new.generation += 1;
                new.renewed = new.renewed.after(Duration::from_millis(1));
                assert!(store.replace(&old, &new).await.unwrap());
                old = new;
                done += 1;
            }
            done
        }
    })
    .await;
}

/// One rate, with more and more callers at the same time.
async fn row<F>(name: &str, caller: impl Fn(Arc<Embedded>, Instant) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    print!("| {name}");
    for callers in CALLERS {
        let folder = Folder::new(name);
        let store = Arc::new(Embedded::open(&folder.0).unwrap());
        let begun = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| tokio::spawn(caller(Arc::clone(&store), begun + SPAN)))
            .collect();
        let mut done = 0;
        for task in tasks {
            done += task.await.unwrap();
        }
        print!(" | {:.0}", done as f64 / begun.elapsed().as_secs_f64());
    }
    println!(" |");
}

/// What a start takes with this many sessions: open, and read the live revocations.
async fn start(count: u64) {
    let (folder, crashed) = (Folder::new("start"), Folder::new("crashed"));
    let store = Arc::new(Embedded::open(&folder.0).unwrap());
    let tasks: Vec<_> = (0..256)
        .map(|caller| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in (caller..count).step_by(256) {
                    let session = session(number);
                    store.open(&session, None, session.renewed).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // A file that was not closed is what a crash leaves.
    std::fs::copy(folder.file(), crashed.file()).unwrap();
    drop(store);
    let size = std::fs::metadata(folder.file()).unwrap().len();
    let (clean, unclean) = (opened(&folder.0).await, opened(&crashed.0).await);
    println!(
        "| {count} | {:.0} MB | {clean} | {unclean} |",
        size as f64 / 1e6
    );
}

async fn opened(folder: &Path) -> String {
    let (begun, before) = (Instant::now(), worked());
    let store = Embedded::open(folder).unwrap();
    store.live(Timestamp::from_millis(BEGIN)).await.unwrap();
    store.count().await.unwrap();
    let (took, worked) = (begun.elapsed(), worked().saturating_sub(before));
    format!("{took:.2?} (processor: {worked:.2?})")
}

/// The time that the processors gave this process, which others cannot stretch. In ticks
/// of 10 ms, which Linux has everywhere.
fn worked() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    // `utime` and `stime`, the 14th and 15th of proc_pid_stat(5).
    let ticks = fields.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().unwrap()))
        .sum()
}

/// Resident memory before and after, of a process that does nothing else meanwhile.
fn revocations() {
    let replica = RevocationIndex::new();
    let before = resident();
    for number in 0..REVOCATIONS {
        let session = session(number);
        replica.apply(&Revocation {
            reach: RevocationScope::Session(session.id),
            at: session.renewed,
            until: session.token_until,
        });
    }
    let grown = resident().saturating_sub(before);
    println!(
        "\n{REVOCATIONS} revoked sessions in memory: {} bytes each",
        grown / REVOCATIONS
    );
    assert!(replica.len() as u64 == REVOCATIONS);
}

/// `VmRSS` of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<u64>().unwrap() * 1024
}
