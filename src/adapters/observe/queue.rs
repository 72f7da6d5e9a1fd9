//! Access lines on their way to standard error, so that no request waits for a write while
//! somebody reads: one thread makes the lines and writes many at once.
//!
//! - The queue is bounded. When it is full, because nobody reads what we write, requests
//!   wait at their end: a line for each request is a promise, a flood must not buy itself
//!   lines that are missing, and audit lines and errors wait for the same reader.
//! - What is in it is written before the process ends by itself ([`flush`]). A process that
//!   is killed loses what waits: the lines of some [`LINGER`], and with a slow reader as many
//!   as the queue holds and a batch.
//! - Only whole lines are written, so many that a pipe takes them in one piece: others
//!   write there too, a process that takes over among them.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::access::Access;
use super::fields::Fields;
use super::logger;

/// Lines that may wait. Some 250 bytes each, and the target of its request.
const CAPACITY: usize = 2048;

/// How long lines are gathered after a write. To wake a thread costs a request more than
/// the write would; nobody who reads a log sees the difference. A guess.
const LINGER: Duration = Duration::from_millis(5);

/// Linux writes as much to a pipe in one piece (`PIPE_BUF`, pipe(7)).
const ONE_PIECE: usize = 4096;

static QUEUE: OnceLock<SyncSender<QueueItem>> = OnceLock::new();

/// What goes through the queue.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all of them are lines, and a box would be an allocation for each"
)]
enum QueueItem {
    Line(Access),
    /// Dropped when all before it is written.
    Flush(Sender<()>),
}

/// Starts the thread that writes, once.
pub(super) fn start() {
    if QUEUE.get().is_some() {
        return;
    }
    let (queue, lines) = sync_channel(CAPACITY);
    let thread = thread::Builder::new().name("access log".into());
    match thread.spawn(move || write_all(&lines, &mut io::stderr())) {
        Ok(_runs) => {
            // Two starts at once: the thread of the second ends with its queue.
            let _second = QUEUE.set(queue);
        }
        Err(error) => log::error!("no thread for access lines, requests write them: {error}"),
    }
}

/// Puts a line behind the others; writes it where there is no thread to do it.
pub(super) fn put(access: Access) {
    let unsent = match QUEUE.get() {
        Some(queue) => queue
            .send(QueueItem::Line(access))
            .err()
            .map(|unsent| unsent.0),
        None => Some(QueueItem::Line(access)),
    };
    if let Some(QueueItem::Line(access)) = unsent {
        let mut line = Vec::new();
        logger::access_line(&mut line, &access, &mut Fields::default());
        emit(&mut io::stderr(), &line);
    }
}

/// Waits until all lines that were put before are written.
pub(super) fn flush() {
    if let Some(queue) = QUEUE.get() {
        flush_of(queue);
    }
}

fn flush_of(queue: &SyncSender<QueueItem>) {
    let (done, written) = channel();
    if queue.send(QueueItem::Flush(done)).is_ok() {
        let _its_end = written.recv();
    }
}

/// Writes what comes until nobody can put anything any more.
fn write_all(lines: &Receiver<QueueItem>, to: &mut impl Write) {
    let mut fields = Fields::default();
    let mut batch = Vec::with_capacity(ONE_PIECE);
    while let Ok(first) = lines.recv() {
        for told in std::iter::once(first).chain(lines.try_iter()) {
            match told {
                QueueItem::Line(access) => {
                    let before = batch.len();
                    logger::access_line(&mut batch, &access, &mut fields);
                    if batch.len() > ONE_PIECE {
                        emit(to, batch.get(..before).unwrap_or_default());
                        batch.drain(..before);
                    }
                }
                QueueItem::Flush(_done) => {
                    emit(to, &batch);
                    batch.clear();
                }
            }
        }
        emit(to, &batch);
        batch.clear();
        thread::sleep(LINGER);
    }
}

/// Standard error is locked for the whole of a `write_all`, by us as by the logger.
fn emit(to: &mut impl Write, lines: &[u8]) {
    if !lines.is_empty() {
        let _nobody_reads = to.write_all(lines);
    }
}

#[cfg(test)]
mod tests;
