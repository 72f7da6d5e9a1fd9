//! Makes an embedded store with many live sessions, for `make bench`.
//!
//! `cargo build --release --bench fill`, then `fill FOLDER SESSIONS`. The sessions began one
//! millisecond after the other, the last one just now, and are all in time.
#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program to measure with: it stops where something fails, and reads the clock"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use doorward::adapters::store::Embedded;
use doorward::auth::ports::Store;
use doorward::domain::time::Timestamp;

#[path = "support/session.rs"]
mod session;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many at once as the store takes into one transaction.
const CALLERS: usize = 256;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("no {what} was given"));
    let (folder, count) = (next("folder"), next("number of sessions"));
    let count: u64 = count.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(fill(Path::new(&folder), count));
}

async fn fill(folder: &Path, count: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let begin = Timestamp::from_millis(now.saturating_sub(count));
    let store = Arc::new(Embedded::open(folder).unwrap());
    let tasks: Vec<_> = (0..CALLERS as u64)
        .map(|caller| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in (caller..count).step_by(CALLERS) {
                    let session = session::session(begin, number);
                    store.open(&session, None, session.renewed).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(store.count().await.unwrap() == count);
}
