//! What of all answers clients have not taken: bounded by `limits.unread_answers`.
//!
//! A large answer that is not taken as fast as it comes counts as what pingora reads ahead of
//! its client: over HTTP/2 what was not sent tells, over HTTP/1 that a write waits. Beyond the
//! limit those that have stood still longest are ended, so that who does not read cannot keep
//! others from being answered; one that moves never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::adapters::clock::Moment;
use crate::auth::denial::Denial;
use crate::gateway::connection::cancel::CancelHandle;
use crate::gateway::connection::cancel_handles::CancelHandles;

/// An answer of which no more than this is on its way is not counted: two pieces.
pub(crate) const LITTLE: usize = 128 * 1024;

/// What one costs that is not taken: measured, with its connection to the app.
pub(crate) const READ_AHEAD: u64 = 512 * 1024;

/// An answer of which no piece has moved for so long stands still. A guess: no line that is
/// of use is slower.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Of all connections.
#[derive(Debug, Default)]
pub(crate) struct UnreadAnswers {
    total: AtomicU64,
    answers: CancelHandles,
}

impl UnreadAnswers {
    /// So much of this answer was not taken.
    pub(crate) fn note(&self, handle: &Arc<CancelHandle>, unread: usize) {
        handle.progress.note_unread(unread);
        if unread <= LITTLE {
            self.forget(handle);
        } else if handle.progress.is_unread.change(true) {
            self.total.fetch_add(READ_AHEAD, Ordering::Relaxed);
            self.answers.add(handle);
        }
    }

    /// It has ended, or is being taken again.
    pub(crate) fn forget(&self, handle: &CancelHandle) {
        if handle.progress.is_unread.change(false) {
            self.total.fetch_sub(READ_AHEAD, Ordering::Relaxed);
        }
    }

    /// Ends what is beyond the limit and stands still, the longest first.
    pub(crate) fn end_surplus(&self, most: u64, now: Moment) {
        if self.total.load(Ordering::Relaxed) <= most {
            return;
        }
        let waits = |handle: &Arc<CancelHandle>| {
            !handle.line.arrival.is_http1() || handle.line.is_blocked.get()
        };
        let mut counted = self.answers.all();
        counted.retain(|handle| handle.progress.is_unread.get() && waits(handle));
        let total = READ_AHEAD.saturating_mul(u64::try_from(counted.len()).unwrap_or(u64::MAX));
        let surplus = total.saturating_sub(most);
        let (ending, mut going_on): (Vec<_>, Vec<_>) = counted
            .into_iter()
            .partition(|handle| handle.why().is_some());
        let surplus = usize::try_from(surplus.div_ceil(READ_AHEAD)).unwrap_or(usize::MAX);
        going_on.sort_by_key(|handle| handle.progress.moved());
        let still = going_on
            .iter()
            .filter(|handle| handle.progress.moved() < now.before(STALL_TIMEOUT));
        for longest in still.take(surplus.saturating_sub(ending.len())) {
            log::debug!("an answer that nobody reads is ended: limits.unread_answers");
            longest.cancel(Denial::Overloaded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::connection::handle::ConnectionHandle;
    use crate::gateway::connection::head_deadline::HeadDeadline;

    #[test]
    fn beyond_the_limit_who_stood_still_longest_is_ended() {
        let mut line = ConnectionHandle::default();
        line.arrival = HeadDeadline::http2();
        let (unread, line) = (UnreadAnswers::default(), Arc::new(line));
        let exchanges = Arc::default();
        let most = 3 * READ_AHEAD;
        let handles: Vec<_> = (0..5)
            .map(|_| CancelHandle::new(&line, &exchanges))
            .collect();
        for handle in &handles {
            unread.note(handle, LITTLE + 1);
            unread.note(handle, LITTLE + 1);
        }
        unread.end_surplus(most, Moment::now());
        assert!(
            handles.iter().all(|handle| handle.why().is_none()),
            "all moved"
        );
        let later = Moment::from_millis(u64::MAX);
        unread.end_surplus(most, later);
        unread.end_surplus(most, later);
        let ended = handles.iter().filter(|handle| handle.why().is_some());
        assert_eq!(ended.count(), 2, "so many are over the limit");
        for handle in &handles {
            unread.note(handle, 0);
            unread.forget(handle);
        }
        assert_eq!(
            unread.total.load(Ordering::Relaxed),
            0,
            "it does not add up"
        );
        drop(handles);
        unread.note(&CancelHandle::new(&line, &exchanges), LITTLE + 1);
        assert_eq!(unread.answers.len(), 1, "they pile up");
    }
}
