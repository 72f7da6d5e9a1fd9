//! The one thread that writes: it takes all that waits into one transaction and answers
//! after the commit, so that a burst of logins costs a few fsyncs and not one each.
//!
//! If the commit fails, none of what was in it has happened, and everybody is told so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use redb::{Database, Durability, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::file::named;
use crate::adapters::store::tables::Fault;
use crate::auth::ports::StoreError;

/// Callers that may wait for the writer before the next one waits to be let in.
const QUEUE: usize = 1024;
/// Changes that go into one transaction at most; a guess.
const BATCH: usize = 256;

/// The way to the thread.
pub(super) struct Writer {
    /// `None` only while dropping.
    queue: Option<mpsc::Sender<Box<dyn Change>>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the last commit failed.
    failing: Arc<AtomicBool>,
}

/// A change, and who waits for it.
trait Change: Send {
    /// Makes it inside a transaction that may yet come to nothing and be tried again.
    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault>;
    /// Tells whoever waits what became of it.
    fn settle(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<T, F> {
    change: F,
    outcome: Option<T>,
    waiting: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Change for Pending<T, F>
where
    T: Send,
    F: Fn(&WriteTransaction) -> Result<T, Fault> + Send,
{
    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault> {
        self.outcome = Some((self.change)(txn)?);
        Ok(())
    }

    fn settle(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self {
            outcome, waiting, ..
        } = *self;
        // Whoever no longer waits has lost nothing: it is on disk.
        let _ = waiting.send(committed.and_then(|()| outcome.ok_or_else(stopped)));
    }
}

impl Writer {
    pub(super) fn start(path: Arc<str>, db: Arc<Database>) -> Result<Self, StoreError> {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let failing = Arc::new(AtomicBool::new(false));
        let thread = {
            let failing = Arc::clone(&failing);
            std::thread::Builder::new()
                .name("store".into())
                .spawn(move || write_all(&path, &db, incoming, &failing))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?
        };
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            failing,
        })
    }

    /// Has the change made; on disk when this returns.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl Fn(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (waiting, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let pending = Pending {
            change,
            outcome: None,
            waiting,
        };
        queue
            .send(Box::new(pending))
            .await
            .map_err(|_closed| stopped())?;
        answer.await.map_err(|_closed| stopped())?
    }

    /// Whether the thread lives and its last commit went through.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        if self.queue.as_ref().is_none_or(mpsc::Sender::is_closed) {
            return Err(stopped());
        }
        if self.failing.load(Ordering::Relaxed) {
            let reason = "its last write failed; see the log".to_owned();
            return Err(StoreError::Unavailable(reason));
        }
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("failing", &self.failing)
            .finish_non_exhaustive()
    }
}

impl Drop for Writer {
    /// Lets the thread finish what it was given, so that the file is closed and can be
    /// opened again at once.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the store's writer had died; see the log above");
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("its writer has stopped".into())
}

/// The thread's life: until every sender is gone and the queue is empty.
fn write_all(
    path: &str,
    db: &Database,
    mut incoming: mpsc::Receiver<Box<dyn Change>>,
    failing: &AtomicBool,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while incoming.blocking_recv_many(&mut batch, BATCH) > 0 {
        match commit(db, &mut batch) {
            // One unreadable record is no reason to refuse everybody else.
            Err(Fault::Contents(_)) if batch.len() > 1 => {
                for change in batch.drain(..) {
                    let mut alone = vec![change];
                    let committed = commit(db, &mut alone);
                    settle(path, alone, committed, failing);
                }
            }
            committed => settle(path, std::mem::take(&mut batch), committed, failing),
        }
    }
}

/// One transaction for all changes, in their order; on disk when this returns.
fn commit(db: &Database, changes: &mut [Box<dyn Change>]) -> Result<(), Fault> {
    let mut txn = db.begin_write()?;
    txn.set_durability(Durability::Immediate)?;
    for change in changes {
        change.make(&txn)?;
    }
    txn.commit()?;
    Ok(())
}

fn settle(
    path: &str,
    changes: Vec<Box<dyn Change>>,
    committed: Result<(), Fault>,
    failing: &AtomicBool,
) {
    let committed = committed.map_err(|fault| {
        // A record that cannot be read does not keep the others from being written.
        let is_file = matches!(fault, Fault::Library(_));
        failing.store(is_file, Ordering::Relaxed);
        let error = named(path, fault);
        log::error!("{error}");
        error
    });
    if committed.is_ok() {
        failing.store(false, Ordering::Relaxed);
    }
    for change in changes {
        change.settle(committed.clone());
    }
}
