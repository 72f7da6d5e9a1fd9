//! The one thread that writes: it takes all that waits into one transaction and answers
//! after the commit, so that a burst of logins costs a few fsyncs and not one each.
//!
//! If the commit fails, none of what was in it counts as done, and everybody is told so.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Durability, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::handle::{DbError, Handle};
use super::health::Health;
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
    health: Arc<Health>,
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
    pub(super) fn start(file: Arc<Handle>) -> Result<Self, StoreError> {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let health = Arc::new(Health::default());
        let thread = {
            let health = Arc::clone(&health);
            std::thread::Builder::new()
                .name("store".into())
                .spawn(move || write_all(&file, incoming, &health))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?
        };
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            health,
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

    /// Whether the thread lives, its last commit went through and none takes too long.
    /// After a failure, asking has it try again.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        if queue.is_closed() {
            return Err(stopped());
        }
        if self.health.is_ill() {
            self.nudge();
        }
        self.health.verdict()
    }

    /// Has the thread look whether it can write, and try a file again that failed.
    pub(super) fn nudge(&self) {
        let Some(queue) = &self.queue else { return };
        let (waiting, _nobody) = oneshot::channel();
        // In a full queue are others who have it look.
        let _full = queue.try_send(Box::new(Pending {
            change: |_txn: &WriteTransaction| Ok(()),
            outcome: None,
            waiting,
        }));
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("health", &self.health)
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
fn write_all(file: &Handle, mut incoming: mpsc::Receiver<Box<dyn Change>>, health: &Health) {
    let mut batch = Vec::with_capacity(BATCH);
    while incoming.blocking_recv_many(&mut batch, BATCH) > 0 {
        let changes = std::mem::take(&mut batch);
        if let Err(error) = health.mended(file) {
            tell(changes, &Err(error));
            continue;
        }
        health.begin();
        write(file, changes, health);
        health.finish();
    }
}

/// Makes these changes, all of them or each for itself, and tells whoever waits.
fn write(file: &Handle, mut changes: Vec<Box<dyn Change>>, health: &Health) {
    // What goes into a file that was removed would be told to nobody and yet be done.
    if let Err(error) = file.in_place() {
        return tell(changes, &health.judged(Err(error)));
    }
    match commit(file, &mut changes) {
        // One unreadable record is no reason to refuse everybody else.
        Err(trouble) if trouble.is_contents() && changes.len() > 1 => {
            for change in changes {
                write(file, vec![change], health);
            }
        }
        Err(trouble) => {
            let of_record = trouble.is_contents();
            let error = file.named(trouble);
            log::error!("{error}");
            if !of_record {
                health.mark_failed(&error);
            }
            tell(changes, &Err(error));
        }
        Ok(()) => tell(changes, &health.judged(file.in_place())),
    }
}

/// One transaction for all changes, in their order; on disk when this returns. A panic
/// in it is an error of the file: whoever waits is told, and the thread goes on.
fn commit(file: &Handle, changes: &mut [Box<dyn Change>]) -> Result<(), DbError> {
    let committed = catch_unwind(AssertUnwindSafe(|| {
        file.with(|db| {
            let mut txn = db.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            for change in changes {
                change.make(&txn)?;
            }
            txn.commit()?;
            Ok(())
        })
    }));
    committed.unwrap_or(Err(DbError::Panic))
}

fn tell(changes: Vec<Box<dyn Change>>, committed: &Result<(), StoreError>) {
    for change in changes {
        change.settle(committed.clone());
    }
}
