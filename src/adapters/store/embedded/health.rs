//! Whether the store takes changes: what the writer knows of its last commit, and when
//! it may try a file again that failed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::handle::Handle;
use crate::auth::ports::StoreError;

/// Between two tries at least.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// So many times as long as the last try took passes before the next one: verifying a
/// large file again and again must not take a whole core.
const REST: u32 = 9;
/// A commit that takes longer is told by `/readyz`. A guess: far above a busy disk.
const SLOW_COMMIT: Duration = Duration::from_secs(5);

/// Shared by the writer and by those who ask.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since when a commit is under way.
    busy: Option<Instant>,
    /// Why nothing can be written; `None` when it can.
    ill: Option<StoreError>,
    /// Whether the file has to be opened again first.
    broken: bool,
    /// Not before this.
    next_try: Option<Instant>,
}

impl Health {
    /// Whether changes can be expected to go through.
    pub(super) fn verdict(&self) -> Result<(), StoreError> {
        let state = self.0.lock();
        if let Some(error) = &state.ill {
            return Err(error.clone());
        }
        match state.busy {
            Some(since) if since.elapsed() > SLOW_COMMIT => {
                let reason = format!("the disk has been busy for {:?}", since.elapsed());
                Err(StoreError::Unavailable(reason))
            }
            _ => Ok(()),
        }
    }

    /// Whether the last commit failed.
    pub(super) fn is_ill(&self) -> bool {
        self.0.lock().ill.is_some()
    }

    /// A commit begins.
    pub(super) fn begin(&self) {
        self.0.lock().busy = Some(Instant::now());
    }

    /// It has ended.
    pub(super) fn finish(&self) {
        self.0.lock().busy = None;
    }

    /// The file failed and has to be opened again.
    pub(super) fn mark_failed(&self, error: &StoreError) {
        let mut state = self.0.lock();
        state.ill = Some(error.clone());
        state.broken = true;
    }

    /// Takes note of what there is to say after a commit that went through, and gives it
    /// back: only now is the store well again.
    pub(super) fn judged(&self, verdict: Result<(), StoreError>) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        match (&verdict, &state.ill) {
            (Err(error), None) => log::error!("{error}"),
            (Ok(()), Some(_)) => log::warn!("the store can be written again"),
            _ => {}
        }
        state.ill = verdict.as_ref().err().cloned();
        verdict
    }

    /// Has a broken file opened again, if it is time to; `Err` while it is broken.
    pub(super) fn mended(&self, file: &Handle) -> Result<(), StoreError> {
        let began = Instant::now();
        {
            let state = self.0.lock();
            if !state.broken {
                return Ok(());
            }
            if let (Some(next), Some(error)) = (state.next_try, &state.ill)
                && began < next
            {
                return Err(error.clone());
            }
        }
        let opened = file.reopen();
        let took = began.elapsed();
        let mut state = self.0.lock();
        state.next_try = Some(began + took + RETRY_INTERVAL.max(took.saturating_mul(REST)));
        match opened {
            Ok(()) => {
                state.broken = false;
                Ok(())
            }
            Err(error) => {
                log::error!("{error}");
                state.ill = Some(error.clone());
                Err(error)
            }
        }
    }
}
